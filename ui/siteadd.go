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
	return updateForm(s.form, msg)
}

func (s *siteAddScreen) bindings(e env) []binding {
	return append(formBindings(e, s.form, func() effect { return s.submit(e) }),
		binding{keys: []string{"esc"}, help: "back", more: "leave the form; asks if something was typed", run: func() effect { return leaveForm(s.form) }})
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
