package ui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// overlay is a box over a screen. It has all keys while it is open.
type overlay interface {
	// update takes a key or a paste, and reports whether the box is done.
	update(e env, msg tea.Msg) (effect, bool)
	// view returns the box, at most as large as the body.
	view(e env, s size) []widget.Line
	// bindings are the keys that act in it.
	bindings(e env) []binding
}

// A box that opens by itself swallows keys until none has come for quiet, but
// for no longer than patience: nobody confirms what was not read.
const (
	quiet    = 400 * time.Millisecond
	patience = 1500 * time.Millisecond
)

// grace is the time in which keys are swallowed. The zero value has passed.
type grace struct{ begun, last time.Time }

func newGrace(now time.Time) grace { return grace{now, now} }

// swallows reports whether a key that comes now is to be ignored.
func (g *grace) swallows(now time.Time) bool {
	if g.begun.IsZero() || now.Sub(g.last) >= quiet || now.Sub(g.begun) >= patience {
		g.begun = time.Time{}
		return false
	}
	g.last = now
	return true
}

// choice is a button of a dialog.
type choice struct {
	label string
	key   string
	run   func() effect // nil closes the dialog and does nothing else
}

// dialog is a question with buttons.
type dialog struct {
	title   string
	look    widget.Look
	text    []widget.Line // widget.Line, fitted to the box
	choices []choice
	focus   int
	grace   grace
	scroll  int
}

// ask makes a dialog whose first choice, which changes nothing, has the focus.
func ask(title string, look widget.Look, text []widget.Line, choices ...choice) *dialog {
	return &dialog{title: title, look: look, text: text, choices: choices}
}

// byItself makes the dialog one that opened without a key.
func (d *dialog) byItself(e env) *dialog {
	d.grace = newGrace(e.now())
	return d
}

func (d *dialog) bindings(env) []binding {
	turn := func(by int) func() effect {
		return func() effect {
			n := len(d.choices)
			d.focus = (d.focus + by + n) % n
			return effect{}
		}
	}
	scroll := func(by int) func() effect {
		return func() effect {
			d.scroll = max(d.scroll+by, 0)
			return effect{}
		}
	}
	return []binding{
		{keys: []string{"tab", "right", "l"}, help: "next button", run: turn(1)},
		{keys: []string{"enter"}, help: "choose", run: func() effect { return effect{} }},
		{keys: []string{"esc"}, help: "close", run: func() effect { return effect{} }},
		{keys: []string{"shift+tab", "left", "h"}, help: "previous button", quiet: true, run: turn(-1)},
		{keys: []string{"down", "j"}, help: "scroll down", quiet: true, run: scroll(1)},
		{keys: []string{"up", "k"}, help: "scroll up", quiet: true, run: scroll(-1)},
	}
}

func (d *dialog) update(e env, msg tea.Msg) (effect, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok || d.grace.swallows(e.now()) {
		return effect{}, false
	}
	switch key.String() {
	case "esc":
		return d.choose(0)
	case "enter":
		return d.choose(d.focus)
	}
	for i, c := range d.choices {
		if c.key == key.String() {
			return d.choose(i)
		}
	}
	out, _ := act(d.bindings(e), key.String())
	return out, false
}

func (d *dialog) choose(i int) (effect, bool) {
	if run := d.choices[i].run; run != nil {
		return run(), true
	}
	return effect{}, true
}

func (d *dialog) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 76)
	buttons := d.buttons(inner)
	var text []widget.Line
	for _, l := range d.text {
		if l.Width() <= inner || len(l) != 1 {
			text = append(text, l)
			continue
		}
		text = append(text, l.Wrap(inner)...)
	}
	room := max(s.h-5-len(buttons), 1)
	d.scroll = max(min(d.scroll, len(text)-room), 0)
	below := widget.Line{}
	if len(text) > room {
		below = widget.Of(widget.Dim, fmt.Sprintf("lines %d to %d of %d; j and k scroll", d.scroll+1, d.scroll+room, len(text)))
		text = text[d.scroll : d.scroll+room]
	}
	lines := append([]widget.Line{{}}, text...)
	lines = append(append(append(lines, below), buttons...), widget.Line{})
	return widget.Box(d.title, d.look, lines, inner)
}

// buttons are the choices, in as many lines as they need.
func (d *dialog) buttons(width int) []widget.Line {
	lines := []widget.Line{{}}
	for i, c := range d.choices {
		look := widget.Plain
		if i == d.focus {
			look = widget.Selected
		}
		button := widget.Line{widget.Text(look, " "+c.label+" "), widget.Text(widget.Dim, " "+c.key), widget.Spaces(3)}
		if last := lines[len(lines)-1]; len(last) > 0 && last.Width()+button.Width() > width+3 {
			lines = append(lines, widget.Line{})
		}
		lines[len(lines)-1] = lines[len(lines)-1].And(button...)
	}
	return lines
}
