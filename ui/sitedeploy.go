package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteDeployments lists the deployments and rollbacks of a site.
type siteDeployments struct {
	table    widget.Table
	releases []job.ReleaseView
}

type siteReleasesMsg struct {
	releases []job.ReleaseView
	err      error
}

func newSiteDeployments() *siteDeployments {
	return &siteDeployments{table: widget.Table{
		Columns: []widget.Column{
			{Min: 1},
			{Title: "RELEASE", Min: 22, Max: 22, Drop: 1},
			{Title: "COMMIT", Min: 7, Max: 7},
			{Title: "MESSAGE", Min: 12, Grow: 1},
			{Title: "RESULT", Min: 12, Max: 22},
			{Title: "WHEN", Min: 8, Right: true},
			{Title: "TOOK", Min: 6, Right: true, Drop: 2},
			{Title: "BY", Min: 4, Max: 12, Drop: 3},
		},
		Empty: "Nothing was deployed yet. d deploys the site from its git repository.",
	}}
}

func (*siteDeployments) title(job.SiteView) string { return "Deployments" }
func (*siteDeployments) capturing() bool           { return false }

func (*siteDeployments) load(e env, site store.ID) func() tea.Msg {
	return func() tea.Msg {
		releases, err := e.engine.Releases(site, shownRuns)
		return siteReleasesMsg{releases, err}
	}
}

func (p *siteDeployments) update(_ env, _ job.SiteView, msg tea.Msg) effect {
	m, ok := msg.(siteReleasesMsg)
	switch {
	case ok && m.err != nil:
		return complain(m.err)
	case ok:
		p.releases = m.releases
	}
	return effect{}
}

// releaseState is what became of a deployment or rollback.
func releaseState(v job.ReleaseView) state {
	switch {
	case v.Current:
		return state{"●", "in use", widget.Good}
	case v.State != store.RunDone:
		return runState(v.State)
	case v.Package == packages.RollbackName:
		return state{"○", "rolled back", widget.Dim}
	}
	return state{"○", "deployed", widget.Dim}
}

func (p *siteDeployments) fill(e env) {
	var rows []widget.Row
	for _, v := range p.releases {
		st := releaseState(v)
		message := widget.Of(widget.Plain, v.Message)
		if v.Error != "" {
			message = widget.Of(widget.Bad, v.Error)
		}
		took := "–"
		if v.Took > 0 {
			took = lasted(v.Took)
		}
		rows = append(rows, widget.Row{ID: string(v.Run), Cells: []widget.Line{
			{st.mark()},
			widget.Of(widget.Plain, v.Release), widget.Of(widget.Accent, v.Commit[:min(7, len(v.Commit))]), message,
			widget.Of(st.look, st.word), widget.Of(widget.Plain, ago(e.now(), v.At)), widget.Of(widget.Plain, took), widget.Of(widget.Dim, v.By),
		}})
	}
	p.table.SetRows(rows)
}

// selected is the one under the cursor.
func (p *siteDeployments) selected() job.ReleaseView {
	for _, v := range p.releases {
		if string(v.Run) == p.table.Selected() {
			return v
		}
	}
	return job.ReleaseView{}
}

func (p *siteDeployments) bindings(e env, v job.SiteView) []binding {
	p.fill(e)
	at := p.selected()
	list := []binding{
		{keys: []string{"enter"}, help: "open", more: "open its run", off: unless(at.Run != "", "there is no deployment here"), run: func() effect { return openRelease(e, at.Run) }},
		{keys: []string{"d"}, help: "deploy", more: "deploy the branch of the repository; asks for the repository where none is known", run: func() effect {
			return push(deployOrder(v).next(e))
		}},
		{keys: []string{"D"}, help: "deploy otherwise", more: "deploy another branch, tag or commit, or with other options", run: func() effect {
			o := deployOrder(v)
			return push(newOptionsScreen(o, o.fields(e, true), true))
		}},
		{keys: []string{"R"}, help: "roll back", more: "have the site use the release under the cursor again", off: cantRollBack(at), run: func() effect { return open(askRollback(e, v, at)) }},
	}
	return append(list, moves(func(m widget.Move) { p.table.Move(m, e.size.h-3) })...)
}

func (p *siteDeployments) view(e env, _ job.SiteView, sz size) []widget.Line {
	p.fill(e)
	return p.table.View(sz.w, sz.h, true)
}

// openRelease opens the run of a deployment.
func openRelease(e env, id store.ID) effect {
	p, err := e.engine.Progress(id)
	if err != nil {
		return complain(err)
	}
	return push(newRunScreen(p.Run))
}

// deployOrder deploys a site, from the branch of its repository.
func deployOrder(v job.SiteView) order {
	o := siteOrder(store.Install, packages.DeploymentName, v)
	o.values[packages.DeploymentName] = packages.Values{packages.RefOption: ""}
	if _, ok := v.Package(packages.RepositoryName); !ok {
		o.names = append([]packages.Want{{Name: packages.RepositoryName}}, o.names...)
	}
	return o
}

// cantRollBack says why the site can't go back to a release; empty where it can.
func cantRollBack(v job.ReleaseView) string {
	switch {
	case v.Run == "":
		return "there is no deployment here"
	case v.Release == "":
		return "this one has left no release"
	case v.Current:
		return "this release is in use"
	}
	return ""
}

// askRollback says what going back does not take back, before it is previewed.
func askRollback(e env, v job.SiteView, to job.ReleaseView) *dialog {
	o := siteOrder(store.Install, packages.RollbackName, v)
	o.values[packages.RollbackName] = packages.Values{packages.ReleaseOption: to.Release}
	text := []widget.Line{
		widget.Of(widget.Plain, v.Domain+" is to use "+to.Release+" again:"),
		widget.Of(widget.Strong, to.Message),
		{},
	}
	text = append(text, widget.Wrap(widget.Working, packages.RollbackWarning, min(e.size.w-6, 70))...)
	return ask("Go back?", widget.Working, text,
		choice{"Stay", "n", nil}, choice{"Preview", "y", func() effect { return push(o.next(e)) }})
}
