package ui

import (
	"fmt"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/store"
	"brokeforge/ui/widget"
)

// historyScreen lists runs, the newest first.
type historyScreen struct {
	table  widget.Table
	filter filter
	runs   []store.Run
	loaded bool
}

type runsMsg struct {
	runs []store.Run
	err  error
}

// shownRuns is how many runs are listed at most.
const shownRuns = 200

func newHistoryScreen() *historyScreen {
	return &historyScreen{table: widget.Table{Columns: runColumns(true)}, filter: newFilter()}
}

func runColumns(server bool) []widget.Column {
	columns := []widget.Column{
		{Min: 1},
		{Title: "STATE", Min: 9, Max: 12},
		{Title: "SERVER", Min: 8, Max: 20, Middle: true},
		{Title: "WHAT", Min: 14, Grow: 1},
		{Title: "STEPS", Right: true, Drop: 2},
		{Title: "WHEN", Min: 8, Right: true},
		{Title: "TOOK", Min: 6, Right: true, Drop: 1},
		{Title: "BY", Min: 4, Max: 12, Drop: 3},
		{Title: "RUN", Drop: 4},
	}
	if !server {
		columns = append(columns[:2], columns[3:]...)
	}
	return columns
}

// runRows are the rows of runs that match a filter, with or without a column
// for the server.
func runRows(e env, runs []store.Run, filter string, server bool) []widget.Row {
	var rows []widget.Row
	for _, r := range runs {
		st := runState(r.State)
		if !matches(filter, nil, r.ServerName, r.Title, st.word, r.By, string(r.ID)) {
			continue
		}
		cells := []widget.Line{{st.mark()}, widget.Of(st.look, st.word)}
		if server {
			cells = append(cells, widget.Of(widget.Plain, r.ServerName))
		}
		steps := widget.Line{}
		if r.Total > 0 {
			steps = widget.Of(widget.Dim, fmt.Sprintf("%d/%d", r.Finished, r.Total))
		}
		rows = append(rows, widget.Row{ID: string(r.ID), Cells: append(cells,
			widget.Of(widget.Plain, r.Title), steps, widget.Of(widget.Plain, ago(e.now(), r.QueuedAt)),
			widget.Of(widget.Plain, runTook(r, e.now())), widget.Of(widget.Dim, r.By), widget.Of(widget.Dim, r.ID.Short()))})
	}
	return rows
}

// runTook is how long a run took, or has taken.
func runTook(r store.Run, now time.Time) string {
	switch {
	case r.StartedAt.IsZero():
		return "–"
	case r.EndedAt.IsZero():
		return lasted(now.Sub(r.StartedAt))
	}
	return lasted(r.EndedAt.Sub(r.StartedAt))
}

func (s *historyScreen) title(env) string { return "Runs" }

func (s *historyScreen) init(env) effect { return effect{} }

func (s *historyScreen) capturing() bool { return s.filter.typing }

func (s *historyScreen) back(env) (effect, bool) { return effect{}, s.filter.back() }

func (s *historyScreen) load(e env) func() tea.Msg {
	return func() tea.Msg {
		runs, err := e.engine.Runs(shownRuns)
		return runsMsg{runs, err}
	}
}

func (s *historyScreen) update(e env, msg tea.Msg) effect {
	m, ok := msg.(runsMsg)
	switch {
	case !ok:
		s.filter.update(msg)
	case m.err != nil:
		return complain(m.err)
	default:
		s.runs, s.loaded = m.runs, true
	}
	return effect{}
}

func (s *historyScreen) bindings(e env) []binding {
	if s.filter.typing {
		return s.filter.typed()
	}
	s.fill(e)
	list := []binding{
		{keys: []string{"enter"}, help: "open", more: "open the run", off: unless(s.table.Selected() != "", "there is no run here"), run: func() effect { return openRun(s.runs, s.table.Selected()) }},
		s.filter.binding(),
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

func (s *historyScreen) fill(e env) {
	s.table.Empty = "no run matches " + s.filter.value()
	s.table.SetRows(runRows(e, s.runs, s.filter.value(), true))
}

func (s *historyScreen) view(e env, sz size) []widget.Line {
	if s.loaded && len(s.runs) == 0 {
		return []widget.Line{
			{},
			widget.Of(widget.Strong, "  Nothing has been run yet."),
			{},
			widget.Of(widget.Dim, "  What is installed on servers or removed from them is listed here: what it was,"),
			widget.Of(widget.Dim, "  when, by whom, how long it took and how it ended, with all of its output."),
		}
	}
	s.fill(e)
	head := count(len(s.runs), "run")
	if len(s.runs) == shownRuns {
		head = "the latest " + head
	}
	line := widget.Ends(widget.Of(widget.Dim, " "+head), s.filter.line(len(s.table.Rows()), len(s.runs)), sz.w)
	return append([]widget.Line{line}, s.table.View(sz.w, sz.h-1, true)...)
}
