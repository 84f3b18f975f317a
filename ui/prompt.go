package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// prompt is a box that asks for one line.
type prompt struct {
	title string
	help  string
	input *widget.Input
	check func(string) string // why it is refused, or nothing
	wrong string
	done  func(string) effect
}

func newPrompt(title, help, value string, check func(string) string, done func(string) effect) *prompt {
	return &prompt{title: title, help: help, input: widget.NewInput(value), check: check, done: done}
}

func (p *prompt) bindings(env) []binding {
	nothing := func() effect { return effect{} }
	return []binding{
		{keys: []string{"enter"}, help: "do it", run: nothing},
		{keys: []string{"esc"}, help: "leave it", run: nothing},
	}
}

func (p *prompt) update(_ env, msg tea.Msg) (effect, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	switch {
	case ok && key.String() == "esc":
		return effect{}, true
	case ok && key.String() == "enter":
		if p.wrong = p.check(p.input.Value()); p.wrong != "" {
			return effect{}, false
		}
		return p.done(p.input.Value()), true
	}
	p.wrong = ""
	p.input.Update(msg)
	return effect{}, false
}

func (p *prompt) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 76)
	lines := append([]widget.Line{{}}, widget.Wrap(widget.Dim, p.help, inner)...)
	lines = append(lines, widget.Line{}, widget.Line{widget.Text(widget.Accent, "> ")}.And(p.input.View(inner-2, true)...))
	lines = append(lines, widget.Wrap(widget.Bad, p.wrong, inner)...)
	return widget.Box(p.title, widget.Accent, append(lines, widget.Line{}), inner)
}
