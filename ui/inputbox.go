package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// inputBox asks for a line of text.
type inputBox struct {
	title string
	note  string
	input *widget.Input
	wrong string
	run   func(text string) (effect, string) // the string says what is wrong with it
}

func newInputBox(title, note string, run func(string) (effect, string)) *inputBox {
	return &inputBox{title: title, note: note, input: widget.NewInput(""), run: run}
}

func (b *inputBox) bindings(env) []binding {
	return []binding{
		{keys: []string{"enter"}, help: "go on", run: func() effect { return effect{} }},
		{keys: []string{"esc"}, help: "close", run: func() effect { return effect{} }},
	}
}

func (b *inputBox) update(_ env, msg tea.Msg) (effect, bool) {
	if key, ok := msg.(tea.KeyPressMsg); ok {
		switch key.String() {
		case "esc":
			return effect{}, true
		case "enter":
			out, wrong := b.run(b.input.Value())
			b.wrong = wrong
			return out, wrong == ""
		}
	}
	b.wrong = ""
	b.input.Update(msg)
	return effect{}, false
}

func (b *inputBox) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 76)
	lines := []widget.Line{{}, b.input.View(inner, true), {}}
	if b.wrong != "" {
		lines = append(lines, widget.Wrap(widget.Bad, b.wrong, inner)...)
	} else {
		lines = append(lines, widget.Wrap(widget.Dim, b.note, inner)...)
	}
	return widget.Box(b.title, widget.Accent, append(lines, widget.Line{}), inner)
}
