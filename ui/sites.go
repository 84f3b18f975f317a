package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// sitesScreen lists all sites.
type sitesScreen struct {
	table  widget.Table
	filter filter
	sites  []job.SiteView
	loaded bool
}

type sitesMsg struct {
	sites []job.SiteView
	err   error
}

func newSitesScreen() *sitesScreen {
	return &sitesScreen{table: widget.Table{Columns: siteColumns()}, filter: newFilter()}
}

func siteColumns() []widget.Column {
	return []widget.Column{
		{Min: 1},
		{Title: "DOMAIN", Min: 16, Max: 50, Middle: true},
		{Title: "SERVER", Min: 8, Max: 24},
		{Title: "KIND", Min: 6, Drop: 2},
		{Title: "PHP", Min: 4, Drop: 3},
		{Title: "RELEASE", Max: 20, Drop: 4},
		{Title: "TLS", Min: 4, Right: true, Drop: 1},
		{Title: "STATE", Min: 14, Grow: 1},
	}
}

func siteRows(e env, sites []job.SiteView) []widget.Row {
	var rows []widget.Row
	for _, v := range sites {
		st := siteState(v)
		site, _ := v.Package(siteName)
		word, look := certificateWord(e.now(), v)
		rows = append(rows, widget.Row{ID: string(v.ID), Cells: []widget.Line{
			{st.mark()},
			widget.Of(widget.Plain, v.Domain), widget.Of(widget.Plain, v.Server),
			widget.Of(widget.Plain, site.Configuration["kind"]), widget.Of(widget.Plain, string(v.PHPVersion)),
			widget.Of(widget.Plain, v.Release()), widget.Of(look, word), widget.Of(st.look, st.word),
		}})
	}
	return rows
}

func (s *sitesScreen) title(env) string { return "Sites" }

func (s *sitesScreen) init(env) effect { return effect{} }

func (s *sitesScreen) capturing() bool { return s.filter.typing }

func (s *sitesScreen) back(env) (effect, bool) { return effect{}, s.filter.back() }

func (s *sitesScreen) load(e env) func() tea.Msg {
	return func() tea.Msg {
		sites, err := e.engine.Sites()
		return sitesMsg{sites, err}
	}
}

func (s *sitesScreen) update(e env, msg tea.Msg) effect {
	m, ok := msg.(sitesMsg)
	switch {
	case !ok:
		s.filter.update(msg)
	case m.err != nil:
		return complain(m.err)
	default:
		s.sites, s.loaded = m.sites, true
	}
	return effect{}
}

func (s *sitesScreen) bindings(e env) []binding {
	if s.filter.typing {
		return s.filter.typed()
	}
	s.fill(e)
	var servers []store.ID
	for _, v := range e.data.overview.Servers {
		servers = append(servers, v.ID)
	}
	site := siteOf(s.sites, s.table.Selected())
	list := append(siteBindings(e, site, servers), refreshBinding(site, unless(site.ID != "", "there is no site here")), s.filter.binding())
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

func (s *sitesScreen) fill(e env) {
	var shown []widget.Row
	for _, r := range siteRows(e, s.sites) {
		words := make([]string, len(r.Cells))
		for i, c := range r.Cells {
			words[i] = c.String()
		}
		if matches(s.filter.value(), nil, words[1:]...) {
			shown = append(shown, r)
		}
	}
	s.table.Empty = "no site matches " + s.filter.value()
	s.table.SetRows(shown)
}

func (s *sitesScreen) view(e env, sz size) []widget.Line {
	if s.loaded && len(s.sites) == 0 {
		return []widget.Line{
			{},
			widget.Of(widget.Strong, "  No sites yet."),
			{},
			widget.Of(widget.Dim, "  A site is a domain that a server answers for, with a folder, a user and"),
			widget.Of(widget.Dim, "  a virtual host of its own. The web server and PHP come with it."),
			{},
			{widget.Text(widget.Plain, "  Press "), widget.Text(widget.Accent, "a"), widget.Text(widget.Plain, " to add the first one.")},
		}
	}
	s.fill(e)
	head := widget.Ends(widget.Of(widget.Dim, " "+count(len(s.sites), "site")), s.filter.line(len(s.table.Rows()), len(s.sites)), sz.w)
	return append([]widget.Line{head}, s.table.View(sz.w, sz.h-1, true)...)
}
