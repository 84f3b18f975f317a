package ui

import (
	"context"
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// previewScreen shows what would be done, on each server, before it is done.
type previewScreen struct {
	order    order
	since    time.Time // of the preparing that goes on; zero once it has ended
	stop     context.CancelFunc
	prepared []job.Prepared
	grace    grace
	started  bool // the runs are being queued
	server   int  // which one is shown
	pages    []*planPage
	files    []job.SiteFile // of a site that is to be removed
}

// preparedMsg is the plans that were made.
type preparedMsg struct {
	prepared []job.Prepared
	files    []job.SiteFile
	err      error // of reading the files
}

// startedMsg is the runs that were queued.
type startedMsg struct {
	runs []store.Run
	err  error
}

func newPreviewScreen(o order) *previewScreen { return &previewScreen{order: o} }

func (s *previewScreen) transient() {}

func (s *previewScreen) title(env) string { return "Preview" }

func (s *previewScreen) capturing() bool { return false }

func (s *previewScreen) working() bool { return !s.since.IsZero() }

// init has the plans made in the background.
func (s *previewScreen) init(e env) effect {
	ctx, stop := context.WithCancel(e.ctx)
	s.stop, s.since = stop, e.now()
	request := s.order.request()
	return e.ask(func() tea.Msg {
		defer stop()
		if !s.order.removesSite() {
			return preparedMsg{prepared: e.engine.Prepare(ctx, request)}
		}
		files, err := e.engine.SiteFiles(ctx, request.Site)
		return preparedMsg{e.engine.Prepare(ctx, request), files, err}
	})
}

// back gives the preparing up.
func (s *previewScreen) back(env) (effect, bool) {
	s.stop()
	return effect{}, false
}

func (s *previewScreen) update(e env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case preparedMsg:
		s.files = m.files
		out := s.ready(e, m.prepared)
		if m.err != nil {
			out = out.and(complain(m.err))
		}
		return out
	case startedMsg:
		s.started = false
		if m.err != nil {
			return complain(m.err)
		}
		return s.follow(e, m.runs)
	}
	return effect{}
}

func (s *previewScreen) ready(e env, prepared []job.Prepared) effect {
	s.since, s.prepared, s.grace = time.Time{}, prepared, newGrace(e.now())
	for _, p := range prepared {
		s.pages = append(s.pages, newPlanPage(p, s.order.action))
	}
	for _, p := range prepared {
		field, reason, ok := optionProblem(p.Err)
		if !ok {
			continue
		}
		back := newOptionsScreen(s.order, s.order.fields(e, true), true)
		if back.form.Refuse(field, reason) {
			return replace(back).and(refuse(reason))
		}
	}
	return effect{}
}

// follow shows the runs that were started: one by itself, several on a board.
func (s *previewScreen) follow(e env, runs []store.Run) effect {
	switch len(runs) {
	case 0:
		return refuse("there was nothing to start")
	case 1:
		return land(newRunScreen(runs[0]))
	}
	return land(newBoardScreen(s.order.title(e), runs))
}

// todo are the servers on which something is to be done.
func (s *previewScreen) todo() (list []job.Prepared) {
	for _, p := range s.prepared {
		if p.Err == nil && !p.Nothing {
			list = append(list, p)
		}
	}
	return list
}

func (s *previewScreen) bindings(e env) []binding {
	if s.working() {
		return []binding{{keys: []string{"esc"}, help: "stop", more: "stop preparing, and go back", run: func() effect { s.stop(); return pop() }}}
	}
	todo := s.todo()
	run := "run on " + count(len(todo), "server")
	if s.order.action == store.Remove {
		run = "remove…"
	} else if packages.IsServiceAction(s.order.action) || s.order.action == store.Adopt {
		run = string(s.order.action) + " on " + count(len(todo), "server")
	}
	list := []binding{
		{keys: []string{"enter"}, help: run, more: "run it on each server that has something to do", off: s.whyNot(todo), run: func() effect { return s.run(e, todo) }},
		{keys: []string{"space", "right", "left"}, show: "space", help: "show", more: "show or hide the whole script, or the whole file", off: unless(s.page() != nil && s.page().canOpen(), "there is nothing more of this line"), run: func() effect { s.page().toggle(); return effect{} }},
		{keys: []string{"E"}, help: "show all", more: "show or hide all scripts and files", off: unless(s.page() != nil && len(s.page().steps) > 0, "there is no plan here"), run: func() effect { s.page().toggleAll(); return effect{} }},
	}
	if len(s.order.fields(e, true)) > 0 || s.order.action == store.Install {
		list = append(list, binding{keys: []string{"e"}, help: "options", more: "change the options", off: unless(len(s.order.fields(e, true)) > 0, "there is nothing to choose about it"), run: func() effect {
			return replace(newOptionsScreen(s.order, s.order.fields(e, true), true))
		}})
	}
	if len(s.prepared) > 1 {
		turn := func(by int) func() effect {
			return func() effect { s.server = (s.server + by + len(s.prepared)) % len(s.prepared); return effect{} }
		}
		list = append(list,
			binding{keys: []string{"tab"}, help: "next server", run: turn(1)},
			binding{keys: []string{"shift+tab"}, help: "previous server", quiet: true, run: turn(-1)})
	}
	list = append(list, binding{keys: []string{"r"}, help: "again", more: "read the facts again, and make the plans anew", quiet: true, run: func() effect { return replace(newPreviewScreen(s.order)) }})
	return append(list, moves(func(m widget.Move) {
		if p := s.page(); p != nil {
			p.move(m, e.size.h-3)
		}
	})...)
}

// whyNot says why nothing can be run.
func (s *previewScreen) whyNot(todo []job.Prepared) string {
	switch {
	case s.started:
		return "it is being started"
	case len(todo) > 0:
		return ""
	}
	for _, p := range s.prepared {
		if p.Err != nil {
			return "no plan could be made; see above"
		}
	}
	return "nothing is to be done: all is as it should be"
}

func (s *previewScreen) page() *planPage {
	if s.server < len(s.pages) {
		return s.pages[s.server]
	}
	return nil
}

// run queues the runs, after a question where something is taken away. A
// preview that has just appeared swallows the key.
func (s *previewScreen) run(e env, todo []job.Prepared) effect {
	if s.grace.swallows(e.now()) {
		return effect{}
	}
	if s.order.removesSite() {
		return open(newTypedBox(s.order.site.Domain, s.goes(todo), func() effect { return s.start(e, todo) }))
	}
	if s.order.action == store.Remove {
		return open(s.confirm(e, todo))
	}
	return s.start(e, todo)
}

func (s *previewScreen) start(e env, todo []job.Prepared) effect {
	s.started = true
	return e.ask(func() tea.Msg {
		runs, err := e.engine.Start(e.ctx, s.order.action, todo)
		return startedMsg{runs, err}
	})
}

// confirm names what is taken away from where.
func (s *previewScreen) confirm(e env, todo []job.Prepared) *dialog {
	var text []widget.Line
	for _, p := range todo {
		commands, _ := p.Plan.Count()
		var names []string
		for _, part := range p.Plan.Parts {
			names = append(names, part.Label())
		}
		text = append(text, widget.Line{
			widget.Text(widget.Strong, p.Server.Name), widget.Text(widget.Dim, "  "+where(p.Server)),
			widget.Text(widget.Plain, "  "+someOf(names, 4)), widget.Text(widget.Dim, "  "+count(commands, "command")),
		})
	}
	text = append(text, widget.Line{}, widget.Of(widget.Plain, "What the preview shows is stopped and deleted there, with its configuration files. This can't be undone; installing it again begins anew."))
	var servers []string
	for _, p := range todo {
		servers = append(servers, p.Server.Name)
	}
	return ask(fmt.Sprintf("Remove %s from %s?", s.order.labels(), someOf(servers, 3)), widget.Bad, text,
		choice{"Cancel", "esc", nil},
		choice{"Remove", "y", func() effect { return s.start(e, todo) }})
}

func (s *previewScreen) view(e env, sz size) []widget.Line {
	if s.working() {
		return []widget.Line{
			widget.Of(widget.Strong, " "+s.order.title(e)),
			{},
			widget.Of(widget.Working, fmt.Sprintf(" %s reading facts of %s… %s", spin(e.now()), count(len(s.order.servers), "server"), lasted(e.now().Sub(s.since)))),
			{},
			widget.Of(widget.Dim, "   "+someOf(e.data.names(s.order.servers), 6)),
			{},
			widget.Of(widget.Dim, "   Nothing is changed before you have seen the plan."),
		}
	}
	commands, files := 0, 0
	for _, p := range s.todo() {
		c, f := p.Plan.Count()
		commands, files = commands+c, files+f
	}
	sum := fmt.Sprintf("%s · %s · %s ", count(len(s.prepared), "server"), count(commands, "command"), count(files, "file"))
	out := []widget.Line{widget.Ends(widget.Of(widget.Strong, " "+s.order.title(e)), widget.Of(widget.Dim, sum), sz.w), s.tabs(sz.w)}
	if touched := s.touched(sz.w); touched != nil {
		out = append(out, touched)
	}
	if stays := s.stays(sz.w); stays != nil {
		out = append(out, stays)
	}
	if p := s.page(); p != nil {
		out = append(out, p.view(sz.w, sz.h-len(out))...)
	}
	return out
}

// tabs are the servers, with a mark for what comes of each.
func (s *previewScreen) tabs(w int) widget.Line {
	line := widget.Line{widget.Spaces(1)}
	first := max(s.server-3, 0)
	for i, p := range s.prepared[first:] {
		symbol, look := "→", widget.Good
		switch {
		case p.Err != nil:
			symbol, look = "✗", widget.Bad
		case p.Nothing:
			symbol, look = "✓", widget.Dim
		}
		name := widget.Dim
		if first+i == s.server {
			name = widget.Accent
		}
		line = line.And(widget.Text(look, symbol), widget.Text(name, " "+p.Server.Name), widget.Spaces(3))
	}
	return line.Fit(w)
}
