package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// optionsScreen asks for the options of what is installed.
type optionsScreen struct {
	order  order
	fields []widget.Field
	form   *widget.Form
	all    bool // all options are shown, not only those without a good default
}

func newOptionsScreen(o order, fields []widget.Field, all bool) *optionsScreen {
	return &optionsScreen{o, fields, widget.NewForm(fields), all}
}

func (s *optionsScreen) transient() {}

func (s *optionsScreen) title(env) string { return "Options" }

func (s *optionsScreen) init(env) effect { return effect{} }

func (s *optionsScreen) capturing() bool { return true }

func (s *optionsScreen) update(_ env, msg tea.Msg) effect {
	s.form.Update(msg)
	return effect{}
}

func (s *optionsScreen) bindings(e env) []binding {
	next := func(by int) func() effect { return func() effect { s.form.Next(by); return effect{} } }
	list := []binding{
		{keys: []string{"enter"}, help: "next/preview", more: "to the next field; on the last one, to the preview", run: func() effect {
			if !s.form.OnLast() {
				return next(1)()
			}
			return s.submit(e)
		}},
		{keys: []string{"esc"}, help: "back", more: "back, keeping what was typed", run: func() effect {
			s.order.choose(e, s.fields, s.form.Values())
			return pop()
		}},
		{keys: []string{"tab", "down"}, show: "tab", help: "next", more: "to the next field", run: next(1)},
		{keys: []string{"shift+tab", "up"}, show: "shift+tab", help: "previous", more: "to the previous field", quiet: true, run: next(-1)},
		{keys: []string{"ctrl+o"}, help: "preview now", more: "to the preview, from any field", run: func() effect { return s.submit(e) }},
	}
	if !s.all {
		list = append(list, binding{keys: []string{"ctrl+e"}, help: "all options", more: "show the options that have a default too", run: func() effect {
			s.order.choose(e, s.fields, s.form.Values())
			return replace(newOptionsScreen(s.order, s.order.fields(e, true), true))
		}})
	}
	return list
}

// submit goes on to the preview.
func (s *optionsScreen) submit(e env) effect {
	if !s.form.Valid() {
		return refuse("some options are not right yet")
	}
	s.order.choose(e, s.fields, s.form.Values())
	return replace(newPreviewScreen(s.order))
}

func (s *optionsScreen) view(e env, sz size) []widget.Line {
	head := widget.Line{widget.Text(widget.Strong, " "+s.order.title()), widget.Text(widget.Plain, " on "+someOf(e.data.names(s.order.servers), 3))}
	return append([]widget.Line{head, {}}, s.form.View(min(sz.w, 100), sz.h-2)...)
}
