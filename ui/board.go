package ui

import (
	"fmt"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// boardScreen is several runs that were started together, a row a server.
type boardScreen struct {
	what  string
	runs  []job.Progress
	table widget.Table
}

type boardMsg struct {
	runs []job.Progress
	err  error
}

func newBoardScreen(what string, runs []store.Run) *boardScreen {
	s := &boardScreen{what: what, table: widget.Table{Columns: []widget.Column{
		{Min: 1}, {Title: "SERVER", Min: 10, Max: 28, Middle: true}, {Title: "TOOK", Min: 6, Right: true, Drop: 1}, {Title: "STATE", Min: 12, Max: 12}, {Title: "PROGRESS", Min: 30, Grow: 1},
	}}}
	for _, r := range runs {
		s.runs = append(s.runs, job.Progress{Run: r})
	}
	return s
}

func (s *boardScreen) title(env) string { return count(len(s.runs), "run") }

func (s *boardScreen) init(env) effect { return effect{} }

func (s *boardScreen) capturing() bool { return false }

func (s *boardScreen) load(e env) func() tea.Msg {
	ids := make([]store.ID, len(s.runs))
	for i, p := range s.runs {
		ids[i] = p.Run.ID
	}
	return func() tea.Msg {
		out := make([]job.Progress, len(ids))
		for i, id := range ids {
			p, err := e.engine.Progress(id)
			if err != nil {
				return boardMsg{err: err}
			}
			out[i] = p
		}
		return boardMsg{runs: out}
	}
}

func (s *boardScreen) update(_ env, msg tea.Msg) effect {
	m, ok := msg.(boardMsg)
	switch {
	case ok && m.err != nil:
		return complain(m.err)
	case ok:
		s.runs = m.runs
	}
	return effect{}
}

func (s *boardScreen) bindings(e env) []binding {
	s.fill(e)
	list := []binding{
		{keys: []string{"enter"}, help: "open", more: "open the run", run: func() effect {
			for _, p := range s.runs {
				if string(p.Run.ID) == s.table.Selected() {
					return push(newRunScreen(p.Run))
				}
			}
			return effect{}
		}},
		{keys: []string{"esc"}, help: "back (they go on)", more: "back; the runs go on", run: pop},
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-3) })...)
}

func (s *boardScreen) fill(e env) {
	var rows []widget.Row
	for _, p := range s.runs {
		st := runState(p.Run.State)
		line := meter(p, 12)
		if r := p.Run.Error; r != nil {
			line = widget.Of(widget.Bad, r.Summary)
		} else if p.Run.State.Live() {
			line = line.And(widget.Text(st.look, doing(p)+percentOf(p)))
		} else {
			done, total := progressOf(p)
			line = widget.Meter(done, total, 12, st.look).And(widget.Text(widget.Plain, fmt.Sprintf(" %d/%d", done, total)))
		}
		rows = append(rows, widget.Row{ID: string(p.Run.ID), Cells: []widget.Line{
			{st.mark()}, widget.Of(widget.Plain, p.Run.ServerName), widget.Of(widget.Plain, runTook(p.Run, e.now())), widget.Of(st.look, st.word), line,
		}})
	}
	s.table.SetRows(rows)
}

func (s *boardScreen) view(e env, sz size) []widget.Line {
	s.fill(e)
	counts := map[store.RunState]int{}
	for _, p := range s.runs {
		counts[p.Run.State]++
	}
	sum := widget.Line{}
	for _, state := range []store.RunState{store.RunQueued, store.RunRunning, store.RunLost, store.RunDone, store.RunFailed, store.RunCancelled, store.RunUnknown} {
		if n := counts[state]; n > 0 {
			st := runState(state)
			sum = sum.And(widget.Text(st.look, fmt.Sprintf("%s %d %s", st.symbol, n, st.word)), widget.Spaces(2))
		}
	}
	head := widget.Ends(widget.Of(widget.Strong, " "+s.what), sum, sz.w)
	return append([]widget.Line{head, {}}, s.table.View(sz.w, sz.h-2, true)...)
}
