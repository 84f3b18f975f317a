package ui

import (
	"fmt"
	"slices"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// typedBox asks to type a word before something is done that can't be undone.
type typedBox struct {
	word  string
	text  []widget.Line
	input *widget.Input
	wrong bool // what was typed last is another word
	run   func() effect
}

func newTypedBox(word string, text []widget.Line, run func() effect) *typedBox {
	return &typedBox{word: word, text: text, input: widget.NewInput(""), run: run}
}

func (b *typedBox) bindings(env) []binding {
	return []binding{
		{keys: []string{"enter"}, help: "remove", more: "remove it, once its name is typed", run: func() effect { return effect{} }},
		{keys: []string{"esc"}, help: "cancel", run: func() effect { return effect{} }},
	}
}

func (b *typedBox) update(_ env, msg tea.Msg) (effect, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	switch {
	case ok && key.String() == "esc":
		return effect{}, true
	case ok && key.String() == "enter":
		if b.input.Value() == b.word {
			return b.run(), true
		}
		b.wrong = true
		return effect{}, false
	}
	b.wrong = false
	b.input.Update(msg)
	return effect{}, false
}

// shortenedText leaves lines in the middle out where there are more than have room, and
// says so: the last ones tell what becomes of all.
func shortenedText(text []widget.Line, most int) []widget.Line {
	const last = 2
	if len(text) <= most {
		return text
	}
	first := max(most-last-1, 0)
	more := widget.Of(widget.Dim, fmt.Sprintf("… and %d more, which the preview shows", len(text)-first-last))
	return slices.Concat(text[:first], []widget.Line{more}, text[len(text)-last:])
}

func (b *typedBox) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 76)
	var text []widget.Line
	for _, l := range b.text {
		if l.Width() > inner && len(l) == 1 {
			text = append(text, l.Wrap(inner)...)
			continue
		}
		text = append(text, l.Fit(inner))
	}
	text = shortenedText(text, max(s.h-8, 3))
	lines := append([]widget.Line{{}}, text...)
	ask := widget.Of(widget.Plain, "Type "+b.word+" to remove it:")
	if b.wrong {
		ask = widget.Of(widget.Bad, "That is not "+b.word+".")
	}
	lines = append(lines, widget.Line{}, ask, widget.Line{widget.Text(widget.Accent, "> ")}.And(b.input.View(inner-2, true)...), widget.Line{})
	return widget.Box("Remove "+b.word+"?", widget.Bad, lines, inner)
}
