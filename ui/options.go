package ui

import (
	"slices"

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
	return updateForm(s.form, msg)
}

func (s *optionsScreen) bindings(e env) []binding {
	list := slices.Insert(formBindings(e, s.form, func() effect { return s.submit(e) }), 1,
		binding{keys: []string{"esc"}, help: "back", more: "back, keeping what was typed", run: func() effect {
			s.order.choose(e, s.fields, s.form.Values())
			return pop()
		}})
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
	head := widget.Line{widget.Text(widget.Strong, " "+s.order.title(e)), widget.Text(widget.Plain, " on "+someOf(e.data.names(s.order.servers), 3))}
	return append([]widget.Line{head, {}}, s.form.View(min(sz.w, 100), sz.h-2)...)
}
