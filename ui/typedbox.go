package ui

import (
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
	text = text[:min(len(text), max(s.h-8, 1))]
	lines := append([]widget.Line{{}}, text...)
	ask := widget.Of(widget.Plain, "Type "+b.word+" to remove it:")
	if b.wrong {
		ask = widget.Of(widget.Bad, "That is not "+b.word+".")
	}
	lines = append(lines, widget.Line{}, ask, widget.Line{widget.Text(widget.Accent, "> ")}.And(b.input.View(inner-2, true)...), widget.Line{})
	return widget.Box("Remove "+b.word+"?", widget.Bad, lines, inner)
}
