package ui

import (
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteCommands lists the commands that were run on a site, and runs others.
type siteCommands struct {
	table   widget.Table
	records []store.SitePackage
}

type siteCommandsMsg struct {
	records []store.SitePackage
	err     error
}

// siteRunMsg is a run on a site that was started, or why not.
type siteRunMsg struct {
	run store.Run
	err error
}

func newSiteCommands() *siteCommands {
	return &siteCommands{table: widget.Table{
		Columns: []widget.Column{
			{Min: 1},
			{Title: "COMMAND", Min: 20, Grow: 1},
			{Title: "EXIT", Right: true},
			{Title: "TOOK", Min: 6, Right: true, Drop: 1},
			{Title: "WHEN", Min: 8, Right: true},
			{Title: "BY", Min: 4, Max: 12, Drop: 2},
		},
		Empty: "No command has been run here yet; n runs one in the site's folder, as its user.",
	}}
}

func (*siteCommands) title(job.SiteView) string { return "Commands" }
func (*siteCommands) capturing() bool           { return false }

func (*siteCommands) load(e env, site store.ID) func() tea.Msg {
	return func() tea.Msg {
		records, err := e.engine.SitePackages(site, packages.CommandName, shownRuns)
		return siteCommandsMsg{records, err}
	}
}

func (p *siteCommands) update(_ env, _ job.SiteView, msg tea.Msg) effect {
	switch m := msg.(type) {
	case siteCommandsMsg:
		if m.err != nil {
			return complain(m.err)
		}
		p.records = m.records
	case siteRunMsg:
		if m.err != nil {
			return complain(m.err)
		}
		return push(newRunScreen(m.run))
	}
	return effect{}
}

// selected returns the record under the cursor.
func (p *siteCommands) selected() (store.SitePackage, bool) {
	for _, r := range p.records {
		if string(r.ID) == p.table.Selected() {
			return r, true
		}
	}
	return store.SitePackage{}, false
}

func (p *siteCommands) bindings(e env, v job.SiteView) []binding {
	p.fill(e)
	record, ok := p.selected()
	none := unless(ok, "there is no command here")
	_, can := e.engine.Catalog().Site(packages.CommandName)
	off := unless(can && v.Status == store.Prepared, "the site is not made")
	list := []binding{
		{keys: []string{"n"}, help: "new", more: "run a command in the site's folder, as its user", off: off, run: func() effect {
			return open(newInputBox("Run on "+v.Domain, "In the site's folder, as its user, for two minutes at most. It is recorded: no place for secrets.", func(text string) (effect, string) {
				if strings.TrimSpace(text) == "" {
					return effect{}, "a command is needed"
				}
				return runCommand(e, v, packages.Values{packages.CommandOption: text}), ""
			}))
		}},
		{keys: []string{"enter"}, help: "open", more: "open its run, with the output", off: none, run: func() effect {
			return e.ask(func() tea.Msg {
				progress, err := e.engine.Progress(record.RunID)
				return siteRunMsg{progress.Run, err}
			})
		}},
		{keys: []string{"r"}, help: "again", more: "run the command again", off: none, run: func() effect {
			values := packages.Values{}
			for _, name := range []string{packages.CommandOption, "timeout"} {
				values[name] = record.Configuration[name]
			}
			return runCommand(e, v, values)
		}},
	}
	return append(list, moves(func(m widget.Move) { p.table.Move(m, e.size.h-3) })...)
}

// runCommand runs a command on a site and opens its run.
func runCommand(e env, v job.SiteView, values packages.Values) effect {
	return e.ask(func() tea.Msg {
		return startOnSite(e, v, packages.Want{Name: packages.CommandName, Values: values})
	})
}

// startOnSite starts a package of a site that leaves a history.
func startOnSite(e env, v job.SiteView, w packages.Want) siteRunMsg {
	prepared := e.engine.Prepare(e.ctx, job.Request{
		Action: store.Install, Packages: []packages.Want{w}, Servers: []store.ID{v.ServerID}, Site: v.ID,
	})
	if len(prepared) == 1 && prepared[0].Err != nil {
		return siteRunMsg{err: prepared[0].Err}
	}
	runs, err := e.engine.Start(e.ctx, store.Install, prepared)
	if err != nil || len(runs) == 0 {
		return siteRunMsg{err: err}
	}
	return siteRunMsg{run: runs[0]}
}

func (p *siteCommands) fill(e env) {
	var rows []widget.Row
	for _, r := range p.records {
		st := state{"✓", "done", widget.Good}
		if r.Status == store.Failed {
			st = state{"✗", "failed", widget.Bad}
		}
		result := job.ResultOf(r)
		rows = append(rows, widget.Row{ID: string(r.ID), Cells: []widget.Line{
			{st.mark()},
			widget.Of(widget.Plain, r.Configuration[packages.CommandOption]),
			widget.Of(st.look, strconv.Itoa(result.Status)),
			widget.Of(widget.Plain, lasted(result.Took)),
			widget.Of(widget.Plain, ago(e.now(), r.InstalledAt)),
			widget.Of(widget.Dim, r.By),
		}})
	}
	p.table.SetRows(rows)
}

func (p *siteCommands) view(e env, _ job.SiteView, sz size) []widget.Line {
	p.fill(e)
	return p.table.View(sz.w, sz.h, true)
}
