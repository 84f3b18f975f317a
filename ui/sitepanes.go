package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// sitePane is a tab of a site's screen. Its methods are called by the screen alone,
// one at a time.
type sitePane interface {
	// title is what the tab says.
	title(v job.SiteView) string
	// load returns what the pane shows beside the site. It is called in the
	// background; what the func returns comes to update, if it is not nil. A nil
	// func loads nothing.
	load(e env, site store.ID) func() tea.Msg
	// update takes what was loaded, answers to its commands and, while it captures,
	// keys.
	update(e env, v job.SiteView, msg tea.Msg) effect
	// view returns the pane.
	view(e env, v job.SiteView, sz size) []widget.Line
	// bindings are the keys that act in it.
	bindings(e env, v job.SiteView) []binding
	// capturing reports whether keys are typed text.
	capturing() bool
}

// A shower is a pane that asks the server for something when its tab is shown.
type shower interface {
	shown(e env, v job.SiteView) effect
}

// A leaver is a pane with something to end when the site's screen is left.
type leaver interface{ leave() }

// newSitePanes returns the panes of a site in their order. A new one is a line here.
func newSitePanes() []sitePane {
	return []sitePane{
		&siteOverview{},
		newSiteDeployments(),
		newSiteCommands(),
		newSiteEnvironment(),
		newSiteLog(),
		newSiteRuns(),
		&siteFiles{},
	}
}

// siteOverview tells what a site is.
type siteOverview struct{ top int }

func (*siteOverview) title(job.SiteView) string                { return "Overview" }
func (*siteOverview) load(env, store.ID) func() tea.Msg        { return nil }
func (*siteOverview) update(env, job.SiteView, tea.Msg) effect { return effect{} }
func (*siteOverview) capturing() bool                          { return false }
func (p *siteOverview) bindings(e env, v job.SiteView) []binding {
	list := []binding{
		{keys: []string{"e"}, help: "change", more: "change the options of the site", run: func() effect {
			o := siteOrder(store.Install, siteName, v)
			return push(newOptionsScreen(o, o.fields(e, true), true))
		}},
		certificateBinding(e, v),
		refreshBinding(v, ""),
		{keys: []string{"x"}, help: "remove", more: "remove the site, with its files", run: func() effect {
			return push(siteOrder(store.Remove, siteName, v).next(e))
		}},
		{keys: []string{"o"}, help: "run", more: "open the last run of the site", off: unless(v.Last != nil, "nothing was run for it lately"), run: func() effect { return push(newRunScreen(*v.Last)) }},
		{keys: []string{"s"}, help: "server", more: "open its server", run: func() effect { return push(newServerScreen(v.ServerID)) }},
	}
	if site, _ := v.Package(siteName); site.Configuration["kind"] == string(packages.WordPressName) {
		list = slices.Insert(list, 1, wordpressBinding(e, v))
	}
	return append(list, moves(func(m widget.Move) { p.top = max(p.top+m.Lines(e.size.h, 100), 0) })...)
}

// wordpressBinding is the key for WordPress on a site of that kind.
func wordpressBinding(e env, v job.SiteView) binding {
	install := func() effect {
		o := siteOrder(store.Install, packages.WordPressName, v)
		return push(newOptionsScreen(o, o.fields(e, true), true))
	}
	return binding{keys: []string{"w"}, help: "WordPress", more: "put WordPress on the site, or take it away", off: unless(v.Status == store.Prepared, "the site is not made"), run: func() effect {
		if _, has := v.Package(packages.WordPressName); !has {
			return install()
		}
		text := []widget.Line{widget.Of(widget.Dim, "What you choose is shown before it is done.")}
		return open(ask("WordPress on "+v.Domain, widget.Accent, text,
			choice{"Cancel", "esc", nil},
			choice{"Change", "c", install},
			choice{"Take away", "x", func() effect { return push(siteOrder(store.Remove, packages.WordPressName, v).next(e)) }},
		))
	}}
}

// certificateBinding is the key for the certificate of a site.
func certificateBinding(e env, v job.SiteView) binding {
	_, can := e.engine.Catalog().Site(packages.CertificateName)
	off := unless(can && v.Status == store.Prepared, "the site is not made")
	return binding{keys: []string{"c"}, help: "certificate", more: "bring, renew or take away its certificate", off: off, run: func() effect {
		install := func() effect {
			o := siteOrder(store.Install, packages.CertificateName, v)
			return push(newOptionsScreen(o, o.fields(e, true), true))
		}
		if _, has := v.Certificate(); !has {
			return install()
		}
		text := []widget.Line{widget.Of(widget.Dim, "What you choose is shown before it is done; a renewal begins at once.")}
		return open(ask("The certificate of "+v.Domain, widget.Accent, text,
			choice{"Cancel", "esc", nil},
			choice{"Change", "c", install},
			choice{"Renew", "r", func() effect {
				return e.ask(func() tea.Msg { return startOnSite(e, v, packages.Want{Name: packages.RenewalName}) })
			}},
			choice{"Take away", "x", func() effect { return push(siteOrder(store.Remove, packages.CertificateName, v).next(e)) }},
		))
	}}
}

func (p *siteOverview) view(e env, v job.SiteView, sz size) []widget.Line {
	lines := append([]widget.Line{{}}, indent(siteDetail(e, v, sz.w-2))...)
	p.top = max(min(p.top, len(lines)-sz.h), 0)
	return lines[p.top:]
}

// siteRuns lists what was run for a site.
type siteRuns struct {
	table widget.Table
	runs  []store.Run
}

type siteRunsMsg struct {
	runs []store.Run
	err  error
}

func newSiteRuns() *siteRuns {
	return &siteRuns{table: widget.Table{Columns: runColumns(false), Empty: "Nothing has been run for this site yet."}}
}

func (*siteRuns) title(job.SiteView) string { return "Runs" }
func (*siteRuns) capturing() bool           { return false }

func (*siteRuns) load(e env, site store.ID) func() tea.Msg {
	return func() tea.Msg {
		runs, err := e.engine.RunsOfSite(site, shownRuns)
		return siteRunsMsg{runs, err}
	}
}

func (p *siteRuns) update(_ env, _ job.SiteView, msg tea.Msg) effect {
	m, ok := msg.(siteRunsMsg)
	switch {
	case ok && m.err != nil:
		return complain(m.err)
	case ok:
		p.runs = m.runs
	}
	return effect{}
}

func (p *siteRuns) bindings(e env, _ job.SiteView) []binding {
	p.table.SetRows(runRows(e, p.runs, "", false))
	return append([]binding{{keys: []string{"enter"}, help: "open", more: "open the run", off: unless(len(p.runs) > 0, "there is no run"), run: func() effect {
		return openRun(p.runs, p.table.Selected())
	}}}, moves(func(m widget.Move) { p.table.Move(m, e.size.h-3) })...)
}

func (p *siteRuns) view(e env, _ job.SiteView, sz size) []widget.Line {
	p.table.SetRows(runRows(e, p.runs, "", false))
	return p.table.View(sz.w, sz.h, true)
}
