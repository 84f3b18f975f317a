package ui

import (
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteScreen is one site.
type siteScreen struct {
	id     store.ID
	site   job.SiteView
	gone   bool // it is not there any more
	loaded bool
	panes  []sitePane
	tab    int
}

// siteLoadedMsg is what a site's screen shows: the site, and what its panes load.
type siteLoadedMsg struct {
	site  job.SiteView
	err   error
	panes []tea.Msg
}

func newSiteScreen(id store.ID) *siteScreen { return &siteScreen{id: id, panes: newSitePanes()} }

func (s *siteScreen) title(env) string {
	if s.site.Domain == "" {
		return "site"
	}
	return s.site.Domain
}

func (s *siteScreen) init(env) effect { return effect{} }

func (s *siteScreen) capturing() bool { return s.panes[s.tab].capturing() }

func (s *siteScreen) load(e env) func() tea.Msg {
	loads := make([]func() tea.Msg, len(s.panes))
	for i, p := range s.panes {
		loads[i] = p.load(e, s.id)
	}
	return func() tea.Msg {
		site, err := e.engine.Site(s.id)
		m := siteLoadedMsg{site: site, err: err, panes: make([]tea.Msg, len(loads))}
		for i, load := range loads {
			if load != nil && err == nil {
				m.panes[i] = load()
			}
		}
		return m
	}
}

func (s *siteScreen) update(e env, msg tea.Msg) effect {
	m, ok := msg.(siteLoadedMsg)
	switch {
	case !ok:
		return s.toPanes(e, msg)
	case m.err != nil:
		s.gone, s.loaded = true, true
		return effect{}
	}
	s.site, s.gone, s.loaded = m.site, false, true
	var out effect
	for i, p := range s.panes {
		if m.panes[i] != nil {
			out = out.and(p.update(e, s.site, m.panes[i]))
		}
	}
	return out
}

// toPanes brings keys to the pane that is shown, and answers to all: one may come when
// another pane is shown.
func (s *siteScreen) toPanes(e env, msg tea.Msg) effect {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		return s.panes[s.tab].update(e, s.site, msg)
	}
	var out effect
	for _, p := range s.panes {
		out = out.and(p.update(e, s.site, msg))
	}
	return out
}

// back undoes what the pane has to undo, or ends what its panes do.
func (s *siteScreen) back(e env) (effect, bool) {
	if b, ok := s.panes[s.tab].(backer); ok {
		if out, had := b.back(e); had {
			return out, true
		}
	}
	for _, p := range s.panes {
		if l, ok := p.(leaver); ok {
			l.leave()
		}
	}
	return effect{}, false
}

// turn shows another pane.
func (s *siteScreen) turn(e env, by int) effect {
	s.tab = (s.tab + by + len(s.panes)) % len(s.panes)
	if p, ok := s.panes[s.tab].(shower); ok {
		return p.shown(e, s.site)
	}
	return effect{}
}

func (s *siteScreen) bindings(e env) []binding {
	if s.gone || !s.loaded {
		return nil
	}
	list := s.panes[s.tab].bindings(e, s.site)
	if s.capturing() {
		return list
	}
	turn := func(by int) func() effect {
		return func() effect { return s.turn(e, by) }
	}
	return append(list,
		binding{keys: []string{"tab", "right", "l"}, show: "tab", help: "next pane", run: turn(1)},
		binding{keys: []string{"shift+tab", "left", "h"}, show: "shift+tab", help: "previous pane", quiet: true, run: turn(-1)})
}

func (s *siteScreen) view(e env, sz size) []widget.Line {
	switch {
	case s.gone:
		return []widget.Line{{}, widget.Of(widget.Dim, "  This site is not there any more.")}
	case !s.loaded:
		return []widget.Line{{}}
	}
	st := siteState(s.site)
	head := widget.Ends(widget.Line{widget.Spaces(1)}.And(st.line()...), widget.Of(widget.Dim, "on "+s.site.Server+" "), sz.w)
	tabs := widget.Line{}
	for i, p := range s.panes {
		look := widget.Dim
		if i == s.tab {
			look = widget.Accent
		}
		tabs = tabs.And(widget.Text(look, " "+p.title(s.site)), widget.Spaces(2))
	}
	return append([]widget.Line{head, tabs}, s.panes[s.tab].view(e, s.site, size{sz.w, sz.h - 2})...)
}

// siteDetail is what is known of a site.
func siteDetail(e env, v job.SiteView, width int) []widget.Line {
	site, _ := v.Package(siteName)
	c := site.Configuration
	rows := [][2]string{{"domain", packages.ShownDomain(v.Domain)}}
	add := func(label, value string) {
		if value != "" {
			rows = append(rows, [2]string{label, value})
		}
	}
	add("aliases", c["aliases"])
	add("kind", strings.TrimSpace(c["kind"]+" "+c["target"]))
	add("served from", v.DocumentRoot)
	add("web server", c["web-server"])
	add("php", string(v.PHPVersion))
	add("user", c["user"])
	add("upload", c["body-size"])
	add("default site", c["default-site"])
	add("release", v.Release())
	word, _ := certificateWord(e.now(), v)
	if c, _ := v.Certificate(); !c.Expires.IsZero() {
		word += c.Expires.UTC().Format(", 2006-01-02")
	}
	add("certificate", word)
	if !v.CreatedAt.IsZero() {
		add("made", ago(e.now(), v.CreatedAt))
	}
	out := labelled(rows, width)
	if c, ok := v.Certificate(); ok {
		if problem := c.Problem(e.now()); problem != "" {
			out = append(append(out, widget.Line{}), widget.Wrap(widget.Bad, "! the certificate "+problem, width)...)
		}
	}
	var others [][2]string
	for _, p := range v.Packages {
		if p.Name != siteName {
			others = append(others, [2]string{packages.Label(p.Name, p.Instance), strings.TrimSpace(string(p.Version) + " " + ago(e.now(), p.UpdatedAt))})
		}
	}
	if len(others) > 0 {
		out = append(append(out, widget.Line{}, section("Packages")), labelled(others, width)...)
	}
	if v.Last == nil {
		return out
	}
	out = append(out, widget.Line{}, section("Last run"))
	line := runState(v.Last.State).line().And(widget.Text(widget.Plain, "  "+v.Last.Title), widget.Text(widget.Dim, "  "+ago(e.now(), v.Last.QueuedAt)))
	out = append(out, line.Fit(width))
	if v.Last.Error != nil {
		out = append(out, widget.Wrap(widget.Bad, v.Last.Error.Summary, width)...)
	}
	return out
}

// certificateWord says how long a site's certificate is valid, and how that is shown.
func certificateWord(now time.Time, v job.SiteView) (string, widget.Look) {
	c, ok := v.Certificate()
	if !ok {
		return "", widget.Plain
	}
	look := widget.Plain
	if c.Problem(now) != "" {
		look = widget.Bad
	}
	days, known := c.Days(now)
	switch {
	case !known:
		return "unreadable", look
	case days < 0:
		return "expired", look
	}
	return count(days, "day"), look
}

// siteState is how a site is: what goes on there, what went wrong, or how far it is
// made.
func siteState(v job.SiteView) state {
	last := v.Last
	switch {
	case last != nil && last.State.Live():
		return state{"◐", runState(last.State).word + ": " + last.Title, widget.Working}
	case v.Status == store.PrepFailed:
		return state{"✗", "failed", widget.Bad}
	case last != nil && last.State == store.RunFailed:
		return state{"✗", "failed: " + last.Title, widget.Bad}
	case v.Status == store.Prepared:
		return state{"●", "active", widget.Good}
	}
	return state{"○", "not made", widget.Dim}
}
