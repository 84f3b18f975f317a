package ui

import (
	"strconv"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// The tabs of a server.
const (
	tabPackages = iota
	tabSites
	tabRuns
	tabFirewall
	tabMonitor
	tabFacts
	serverTabs
)

// serverScreen is one server.
type serverScreen struct {
	id     store.ID
	tab    int
	tables [serverTabs]*widget.Table
	top    int // of a pane that is no table
	runs   []store.Run
	sites  []job.SiteView

	samples []store.Sample
}

// serverLoadedMsg is what a server's screen shows beside the overview.
type serverLoadedMsg struct {
	runs    []store.Run
	sites   []job.SiteView
	samples []store.Sample
	err     error
}

func newServerScreen(id store.ID) *serverScreen {
	return &serverScreen{id: id, tables: [serverTabs]*widget.Table{
		tabPackages: {Columns: packageColumns(), Bare: true},
		tabSites:    {Columns: siteColumns(), Empty: "No sites yet on this server. a adds one."},
		tabRuns:     {Columns: runColumns(false), Empty: "Nothing has been run on this server yet."},
		tabFirewall: {Columns: ruleColumns(), Empty: "No rules beside those of the firewall itself. a adds one."},
		tabMonitor:  {},
		tabFacts:    {},
	}}
}

func packageColumns() []widget.Column {
	return []widget.Column{
		{Min: 1}, {Min: 14, Max: 26, Middle: true}, {Min: 10, Max: 24}, {Min: 18, Grow: 1},
	}
}

func (s *serverScreen) title(e env) string {
	v, ok := e.data.server(s.id)
	if !ok {
		return "server"
	}
	return v.Name
}

func (s *serverScreen) init(env) effect { return effect{} }

func (s *serverScreen) capturing() bool { return false }

func (s *serverScreen) load(e env) func() tea.Msg {
	return func() tea.Msg {
		runs, err := e.engine.RunsOf(s.id, 100)
		if err != nil {
			return serverLoadedMsg{err: err}
		}
		sites, err := e.engine.Sites(s.id)
		if err != nil {
			return serverLoadedMsg{err: err}
		}
		samples, err := e.engine.Samples(s.id, shownSamples)
		return serverLoadedMsg{runs, sites, samples, err}
	}
}

func (s *serverScreen) update(e env, msg tea.Msg) effect {
	if m, ok := msg.(secretsMsg); ok {
		return s.showSecrets(e, m)
	}
	m, ok := msg.(serverLoadedMsg)
	switch {
	case ok && m.err != nil:
		return complain(m.err)
	case ok:
		s.runs, s.sites, s.samples = m.runs, m.sites, m.samples
	}
	return effect{}
}

func (s *serverScreen) bindings(e env) []binding {
	v, there := e.data.server(s.id)
	gone := unless(there, "the server is not there any more")
	s.fill(e, v)
	list := s.tabBindings(e, v, gone)
	turn := func(by int) func() effect {
		return func() effect { s.tab, s.top = (s.tab+by+serverTabs)%serverTabs, 0; return effect{} }
	}
	list = append(list,
		binding{keys: []string{"tab", "right", "l"}, show: "tab", help: "next pane", run: turn(1)},
		binding{keys: []string{"shift+tab", "left", "h"}, show: "shift+tab", help: "previous pane", quiet: true, run: turn(-1)},
		shellBinding(e, s.id, gone),
		binding{keys: []string{"r"}, help: "refresh", more: "read the facts again", off: gone, run: func() effect {
			return effect{now: []tea.Msg{refreshMsg{[]store.ID{s.id}}}}
		}},
		binding{keys: []string{"D"}, help: "forget", more: "forget the server here; nothing is done on it", quiet: true, off: gone, run: func() effect { return forgetServer(e, s.id) }},
	)
	return append(list, moves(func(m widget.Move) {
		if s.tab == tabFacts || s.tab == tabMonitor {
			s.top = max(s.top+m.Lines(e.size.h, 100), 0)
			return
		}
		s.tables[s.tab].Move(m, e.size.h-3)
	})...)
}

// tabBindings are the keys of the open pane.
func (s *serverScreen) tabBindings(e env, v job.ServerView, gone string) []binding {
	here := []store.ID{s.id}
	selected := s.tables[s.tab].Selected()
	name := packages.Parse(selected).Name
	pick := func(a store.Action) func() effect {
		return func() effect {
			p := newPickScreen(e, a, here)
			if s.tab == tabPackages {
				p.table.Select(string(name))
				p.table.Select(selected) // one of several, to remove it
			}
			return push(p)
		}
	}
	last := binding{keys: []string{"o"}, help: "run", more: "open the run that goes on here, or the last one", off: "nothing was run here yet", run: func() effect { return effect{} }}
	if p, ok := e.data.live(s.id); ok {
		last.off, last.run = "", func() effect { return push(newRunScreen(p.Run)) }
	} else if v.Last != nil {
		last.off, last.run = "", func() effect { return push(newRunScreen(*v.Last)) }
	}
	switch s.tab {
	case tabPackages, tabFacts, tabMonitor:
		details := binding{keys: []string{"enter"}, help: "details", more: "what is known of the package here", off: unless(selected != "", "there is no package here"), run: func() effect {
			text := packageDetail(e, v, selected, min(e.size.w-6, 76))
			choices := append([]choice{{"Close", "esc", nil}}, secretChoices(e, v, name)...)
			return open(ask(selected, widget.Accent, text, choices...))
		}}
		list := []binding{
			{keys: []string{"i"}, help: "install", more: "install packages", off: gone, run: pick(store.Install)},
			{keys: []string{"x"}, help: "remove", more: "remove packages", off: unless(len(v.Packages) > 0, "nothing is installed here by BrokeForge"), run: pick(store.Remove)},
			last,
		}
		if s.tab == tabPackages {
			list = append([]binding{details}, list...)
			list = append(list, adoptBinding(e, v, selected))
			list = append(list, serviceBindings(e, v, name)...)
		}
		return list
	case tabSites:
		return siteBindings(e, siteOf(s.sites, selected), here)
	case tabRuns:
		return []binding{{keys: []string{"enter"}, help: "open", more: "open the run", off: unless(len(s.runs) > 0, "there is no run"), run: func() effect {
			return openRun(s.runs, selected)
		}}}
	}
	return []binding{
		{keys: []string{"a"}, help: "add rule", more: "add a firewall rule", off: unless(hasPackage(e, ruleName), "there is no package "+string(ruleName)), run: func() effect {
			return prepareOne(e, store.Install, packages.Want{Name: ruleName}, here)
		}},
		{keys: []string{"x"}, help: "remove rule", more: "remove the rule under the cursor", off: unless(selected != "", "there is no rule here"), run: func() effect {
			return prepareOne(e, store.Remove, packages.Parse(selected), here)
		}},
		last,
	}
}

// openRun opens a run of a list by its ID.
func openRun(runs []store.Run, id string) effect {
	for _, r := range runs {
		if string(r.ID) == id {
			return push(newRunScreen(r))
		}
	}
	return effect{}
}

func (s *serverScreen) fill(e env, v job.ServerView) {
	s.tables[tabPackages].SetRows(packageRows(e, v))
	s.tables[tabSites].SetRows(siteRows(e, s.sites))
	s.tables[tabRuns].SetRows(runRows(e, s.runs, "", false))
	s.tables[tabFirewall].SetRows(ruleRows(v))
}

func (s *serverScreen) view(e env, sz size) []widget.Line {
	v, ok := e.data.server(s.id)
	if !ok {
		return []widget.Line{{}, widget.Of(widget.Dim, "  This server is not there any more.")}
	}
	s.fill(e, v)
	out := []widget.Line{s.head(e, v, sz.w), s.tabLine(v)}
	h := sz.h - len(out)
	table := s.tables[s.tab]
	switch {
	case s.tab == tabFacts || s.tab == tabMonitor:
		lines := factsPane(e, v, sz.w)
		if s.tab == tabMonitor {
			lines = monitorPane(e, v, s.samples, sz.w)
		}
		s.top = max(min(s.top, len(lines)-h), 0)
		return append(out, lines[s.top:]...)
	case s.tab == tabFirewall:
		first := firewallLines(v)
		return append(append(out, first...), table.View(sz.w, h-len(first), true)...)
	case s.tab == tabPackages && sz.wide():
		left := sz.w / 2
		detail := append([]widget.Line{{}}, packageDetail(e, v, table.Selected(), sz.w-left-3)...)
		return append(out, widget.Beside(table.View(left, h, true), detail, left, sz.w, h)...)
	}
	return append(out, table.View(sz.w, h, true)...)
}

// head is the server in one line, with its state or what goes on there.
func (s *serverScreen) head(e env, v job.ServerView, w int) widget.Line {
	st := serverState(v, e.now())
	line := widget.Line{widget.Spaces(1)}.And(st.line()...)
	if p, ok := e.data.live(v.ID); ok {
		line = widget.Line{widget.Spaces(1), runState(p.Run.State).mark(), widget.Spaces(1)}.And(liveLine(p)...)
	}
	if v.Facts.OS.ID != "" {
		line = line.And(widget.Text(widget.Dim, " · "+systemName(v)+" · "+strconv.Itoa(v.Facts.CPUs)+" cpu · "+inBytes(v.Facts.MemoryBytes)+" · up "+lasted(v.Facts.Uptime)))
	}
	return widget.Ends(line, widget.Of(widget.Dim, " "+v.User+"@"+where(v.Server)+" "), w)
}

func (s *serverScreen) tabLine(v job.ServerView) widget.Line {
	rules := 0
	for _, p := range v.Packages {
		if p.Name == ruleName {
			rules++
		}
	}
	names := []string{"Packages", "Sites " + strconv.Itoa(v.Sites), "Runs", "Firewall " + strconv.Itoa(rules), "Monitor", "Facts"}
	if n := len(v.Alerts); n > 0 {
		names[tabMonitor] += " !" + strconv.Itoa(n)
	}
	line := widget.Line{}
	for i, n := range names {
		look := widget.Dim
		if i == s.tab {
			look = widget.Accent
		}
		line = line.And(widget.Text(look, " "+n), widget.Spaces(2))
	}
	return line
}
