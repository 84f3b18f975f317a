package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// serverField is the field of the form that chooses the server of a new site.
const serverField = "server"

// siteAddScreen asks for a new site, and on which server it is to be.
type siteAddScreen struct {
	order   order
	servers []store.ID
	fields  []widget.Field
	form    *widget.Form
}

func newSiteAddScreen(e env, servers []store.ID) *siteAddScreen {
	s := &siteAddScreen{servers: servers, order: order{
		action: store.Install, names: []packages.Want{{Name: siteName}}, values: map[packages.Name]packages.Values{},
	}}
	s.fields = s.order.fields(e, true)
	fields := s.fields
	if names := e.data.names(servers); len(names) > 1 {
		fields = append([]widget.Field{{
			Name: serverField, Label: "Server", Help: "that is to answer for it", Kind: widget.ChoiceField, Choices: names, Value: names[0],
		}}, fields...)
	}
	s.form = widget.NewForm(fields)
	return s
}

func (s *siteAddScreen) transient() {}

func (s *siteAddScreen) title(env) string { return "Add site" }

func (s *siteAddScreen) init(env) effect { return effect{} }

func (s *siteAddScreen) capturing() bool { return true }

func (s *siteAddScreen) update(_ env, msg tea.Msg) effect {
	s.form.Update(msg)
	return effect{}
}

func (s *siteAddScreen) bindings(e env) []binding {
	next := func(by int) func() effect { return func() effect { s.form.Next(by); return effect{} } }
	return []binding{
		{keys: []string{"enter"}, help: "next/preview", more: "to the next field; on the last one, to the preview", run: func() effect {
			if !s.form.OnLast() {
				return next(1)()
			}
			return s.submit(e)
		}},
		{keys: []string{"tab", "down"}, show: "tab", help: "next", more: "to the next field", run: next(1)},
		{keys: []string{"shift+tab", "up"}, show: "shift+tab", help: "previous", more: "to the previous field", quiet: true, run: next(-1)},
		{keys: []string{"ctrl+o"}, help: "preview now", more: "to the preview, from any field", run: func() effect { return s.submit(e) }},
		{keys: []string{"esc"}, help: "back", more: "leave the form; asks if something was typed", run: func() effect {
			if !s.form.Changed() {
				return pop()
			}
			return open(ask("Leave the form?", widget.Working, []widget.Line{widget.Of(widget.Plain, "What was typed is lost.")},
				choice{"Stay", "s", nil}, choice{"Leave", "l", pop}))
		}},
	}
}

// submit goes on to the preview on the chosen server.
func (s *siteAddScreen) submit(e env) effect {
	if !s.form.Valid() {
		return refuse("some fields are not right yet")
	}
	values := s.form.Values()
	o := s.order
	o.servers = s.servers[:1]
	if at := slices.Index(e.data.names(s.servers), values[serverField]); at >= 0 {
		o.servers = s.servers[at : at+1]
	}
	o.choose(e, s.fields, values)
	return push(newPreviewScreen(o))
}

func (s *siteAddScreen) view(_ env, sz size) []widget.Line {
	return append([]widget.Line{{}}, s.form.View(min(sz.w, 100), sz.h-1)...)
}
