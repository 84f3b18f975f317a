package ui

import (
	"fmt"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

// importScreen shows what importing the hosts of ~/.ssh/config would do, and
// does it.
type importScreen struct {
	plan   job.Import
	loaded bool
	going  bool // it is being recorded
	table  widget.Table
	err    error
}

// importReadMsg is what importing would do.
type importReadMsg struct {
	plan job.Import
	err  error
}

// importedMsg says that it was done, or why not.
type importedMsg struct{ err error }

func newImportScreen() *importScreen {
	return &importScreen{table: widget.Table{Bare: true, Columns: []widget.Column{
		{Min: 1}, {Min: 14, Max: 28, Middle: true}, {Min: 20, Grow: 1}, {Min: 10, Max: 30, Middle: true, Drop: 1},
	}}}
}

func (s *importScreen) title(env) string { return "Import" }

func (s *importScreen) capturing() bool { return false }

// init reads the file, which may be on a slow disk.
func (s *importScreen) init(e env) effect {
	return e.ask(func() tea.Msg {
		list, err := e.hosts()
		if err != nil {
			return importReadMsg{err: err}
		}
		plan, err := e.engine.PrepareImport(e.ctx, job.ImportRequest{List: list})
		return importReadMsg{plan, err}
	})
}

func (s *importScreen) update(e env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case importReadMsg:
		s.plan, s.err, s.loaded = m.plan, m.err, true
		s.fill()
	case importedMsg:
		s.going = false
		if m.err != nil {
			return s.init(e).and(complain(m.err))
		}
		n := s.plan.Count(job.ImportAdd) + s.plan.Count(job.ImportChange)
		return pop().and(say("recorded " + count(n, "server") + "; r on one makes the first contact"))
	}
	return effect{}
}

func (s *importScreen) bindings(e env) []binding {
	off := ""
	switch {
	case !s.loaded || s.going:
		off = "wait until it is read"
	case s.plan.Nothing():
		off = "there is nothing to import"
	}
	list := []binding{
		{keys: []string{"enter"}, help: "import", more: "record what is shown; nothing is connected to", off: off, run: func() effect {
			s.going = true
			plan := s.plan
			return e.ask(func() tea.Msg { return importedMsg{e.engine.Import(e.ctx, plan)} })
		}},
		{keys: []string{"esc"}, help: "back", more: "back; nothing is recorded", run: pop},
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-6) })...)
}

// importParts are the parts of the list.
func importParts() []struct {
	action job.ImportAction
	title  string
	mark   widget.Span
} {
	return []struct {
		action job.ImportAction
		title  string
		mark   widget.Span
	}{
		{job.ImportChange, "Will be changed", widget.Text(widget.Working, "~")},
		{job.ImportAdd, "Will be added", widget.Text(widget.Good, "+")},
		{job.ImportSame, "Are as they are written", widget.Text(widget.Dim, "=")},
		{job.ImportLeave, "Left", widget.Text(widget.Dim, "-")},
	}
}

func (s *importScreen) fill() {
	var rows []widget.Row
	for _, part := range importParts() {
		if s.plan.Count(part.action) == 0 {
			continue
		}
		rows = append(rows, widget.Row{ID: "part " + string(part.action), Head: true, Cells: []widget.Line{
			widget.Of(widget.Strong, fmt.Sprintf("%s (%d)", part.title, s.plan.Count(part.action))),
		}})
		for i, item := range s.plan.Items {
			if item.Action != part.action {
				continue
			}
			rows = append(rows, widget.Row{ID: strconv.Itoa(i), Cells: []widget.Line{
				{part.mark}, widget.Of(widget.Plain, item.Server.Name), widget.Of(widget.Plain, importText(item)), widget.Of(widget.Dim, importPlace(item)),
			}})
		}
	}
	s.table.SetRows(rows)
}

// importText says in a line what is done with an item.
func importText(item job.ImportItem) string {
	switch item.Action {
	case job.ImportLeave:
		return item.Reason
	case job.ImportChange:
		var out []string
		for _, c := range item.Changes {
			out = append(out, fmt.Sprintf("%s: %s, was %s", c.Field, orNone(c.To), orNone(c.From)))
		}
		return strings.Join(out, "; ")
	}
	n := item.Server
	text := n.Address
	if n.User != "" {
		text = n.User + "@" + text
	}
	if n.Port != 0 && n.Port != 22 {
		text += ":" + strconv.Itoa(n.Port)
	}
	if len(n.Tags) > 0 {
		text += "  " + strings.Join(n.Tags, " ")
	}
	if len(item.Notes) > 0 {
		text += "  · " + strings.Join(item.Notes, " · ")
	}
	return text
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// importPlace is where an item is written: the last part of the file's path,
// and the line.
func importPlace(item job.ImportItem) string {
	file := item.File[strings.LastIndexByte(item.File, '/')+1:]
	if item.Line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(item.Line)
}

func (s *importScreen) view(e env, sz size) []widget.Line {
	head := widget.Line{widget.Text(widget.Strong, " Import the hosts of ~/.ssh/config")}
	switch {
	case !s.loaded:
		return []widget.Line{head, {}, widget.Of(widget.Working, " reading…")}
	case s.err != nil:
		return append([]widget.Line{head, {}}, indent(widget.Wrap(widget.Bad, "✗ "+s.err.Error(), sz.w-2))...)
	case len(s.plan.Items) == 0:
		return []widget.Line{
			head,
			{},
			widget.Of(widget.Plain, " There is no host in ~/.ssh/config."),
			{},
			widget.Of(widget.Dim, " Those of an Ansible inventory are imported by"),
			widget.Of(widget.Accent, "     brokeforge import ansible INVENTORY"),
		}
	}
	counts := fmt.Sprintf("%s to add · %d to change · %d left ", count(s.plan.Count(job.ImportAdd), "server"), s.plan.Count(job.ImportChange), s.plan.Count(job.ImportLeave))
	out := []widget.Line{widget.Ends(head, widget.Of(widget.Dim, counts), sz.w), widget.Rule(sz.w)}
	below := s.below(sz.w)
	out = append(out, widget.Block(s.table.View(sz.w, sz.h-len(out)-len(below), true), sz.w, sz.h-len(out)-len(below))...)
	return append(out, below...)
}

// below is all of the item under the cursor, and what happens next.
func (s *importScreen) below(w int) []widget.Line {
	out := []widget.Line{widget.Rule(w)}
	if i, err := strconv.Atoi(s.table.Selected()); err == nil && i < len(s.plan.Items) {
		item := s.plan.Items[i]
		text := widget.Wrap(widget.Plain, item.Server.Name+": "+importText(item), w-2)
		out = append(out, indent(text[:min(len(text), 2)])...)
	}
	return append(out, widget.Of(widget.Dim, " Nothing is connected to: the first contact verifies the host key."))
}
