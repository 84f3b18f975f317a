package ui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// filter narrows a list down while it is typed.
type filter struct {
	input  *widget.Input
	typing bool
}

func newFilter() filter { return filter{input: widget.NewInput("")} }

// binding begins typing.
func (f *filter) binding() binding {
	return binding{keys: []string{"/"}, help: "filter", more: "filter as you type; tag:x for a tag; enter keeps it, esc clears it", run: func() effect {
		f.typing = true
		return effect{}
	}}
}

// typed are the bindings while it is typed.
func (f *filter) typed() []binding {
	return []binding{
		{keys: []string{"enter"}, help: "keep", more: "keep the filter", run: func() effect {
			f.typing = false
			return effect{}
		}},
		{keys: []string{"esc"}, help: "clear", more: "clear the filter", run: func() effect {
			f.clear()
			return effect{}
		}},
	}
}

func (f *filter) update(msg tea.Msg) { f.input.Update(msg) }

func (f *filter) clear() {
	f.typing = false
	f.input.Set("")
}

// back clears the filter, and reports whether there was one.
func (f *filter) back() bool {
	was := f.typing || f.input.Value() != ""
	f.clear()
	return was
}

func (f *filter) value() string { return f.input.Value() }

// line shows the filter with how many it leaves, or nothing.
func (f *filter) line(shown, total int) widget.Line {
	count := widget.Text(widget.Dim, fmt.Sprintf(" (%d/%d) ", shown, total))
	switch {
	case f.typing:
		text := f.input.View(max(widget.Width(f.value())+1, 10), true)
		return widget.Line{widget.Text(widget.Accent, "/ ")}.And(text...).And(count)
	case f.value() != "":
		return widget.Line{widget.Text(widget.Accent, "/ "), widget.Text(widget.Plain, f.value()), count}
	}
	return nil
}
