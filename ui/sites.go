package ui

import (
	"strings"

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
		{Title: "PHP", Min: 4, Drop: 1},
		{Title: "STATE", Min: 14, Grow: 1},
	}
}

func siteRows(e env, sites []job.SiteView) []widget.Row {
	var rows []widget.Row
	for _, s := range sites {
		st := siteState(s.Status)
		server := strings.Join(e.data.names([]store.ID{s.ServerID}), "")
		rows = append(rows, widget.Row{ID: string(s.ID), Cells: []widget.Line{
			{st.mark()},
			widget.Of(widget.Plain, s.Domain), widget.Of(widget.Plain, server),
			widget.Of(widget.Plain, string(s.PHPVersion)), widget.Of(st.look, st.word),
		}})
	}
	return rows
}

func siteState(s store.ProvisionStatus) state {
	switch s {
	case store.Prepared:
		return state{"●", "active", widget.Good}
	case store.Preparing:
		return state{"◐", "preparing", widget.Working}
	case store.PrepFailed:
		return state{"✗", "failed", widget.Bad}
	}
	return state{"○", "not prepared", widget.Dim}
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
	server := store.ID("")
	for _, site := range s.sites {
		if string(site.ID) == s.table.Selected() {
			server = site.ServerID
		}
	}
	list := []binding{
		{keys: []string{"enter"}, help: "open its server", off: unless(server != "", "there is no site here"), run: func() effect { return push(newServerScreen(server)) }},
		s.filter.binding(),
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

func (s *sitesScreen) fill(e env) {
	var shown []widget.Row
	for _, r := range siteRows(e, s.sites) {
		if matches(s.filter.value(), nil, r.Cells[1].String(), r.Cells[2].String(), r.Cells[4].String()) {
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
			widget.Of(widget.Dim, "  A site is a domain that a server answers for. Sites that are recorded are"),
			widget.Of(widget.Dim, "  listed here with their server and state. This version can't make any yet;"),
			widget.Of(widget.Dim, "  it installs what they need: a web server, PHP, a firewall."),
		}
	}
	s.fill(e)
	head := widget.Ends(widget.Of(widget.Dim, " "+count(len(s.sites), "site")), s.filter.line(len(s.table.Rows()), len(s.sites)), sz.w)
	return append([]widget.Line{head}, s.table.View(sz.w, sz.h-1, true)...)
}
