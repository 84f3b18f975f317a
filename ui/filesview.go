package ui

import (
	"strconv"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

func fileColumns() []widget.Column {
	return []widget.Column{
		{Title: "NAME", Min: 20, Grow: 1, Middle: true},
		{Title: "SIZE", Min: 8, Max: 8, Right: true, Whole: true},
		{Title: "MODE", Min: 10, Max: 10, Drop: 2},
		{Title: "OWNER", Min: 12, Max: 24, Drop: 3},
		{Title: "CHANGED", Min: 9, Max: 9, Drop: 1},
	}
}

// fileRow is a file in the list. Names of others are shown with escapes.
func fileRow(e env, f job.FileEntry) []widget.Line {
	name := widget.Of(widget.Plain, job.ShownName(f.Name))
	size := inBytes(f.Size)
	switch {
	case f.Mode.IsDir():
		name, size = widget.Of(widget.Accent, job.ShownName(f.Name)+"/"), ""
	case f.IsLink():
		name, size = widget.Of(widget.Good, job.ShownName(f.Name)+" →"), "link"
	case !f.Mode.IsRegular():
		name, size = widget.Of(widget.Odd, job.ShownName(f.Name)), ""
	case f.Mode.Perm()&0o111 != 0:
		name = widget.Of(widget.Strong, job.ShownName(f.Name))
	}
	return []widget.Line{
		name, widget.Of(widget.Plain, size), widget.Of(widget.Dim, modeOf(f.Mode)),
		widget.Of(widget.Dim, f.Owner+":"+f.Group), widget.Of(widget.Dim, ago(e.now(), f.Changed)),
	}
}

func (s *filesScreen) view(e env, sz size) []widget.Line {
	root := ""
	if s.files != nil {
		root = job.ShownName(s.files.Root())
	}
	where := root
	if s.dir != "" {
		where += "/" + job.ShownName(s.dir)
	}
	end := widget.Of(widget.Dim, " "+countOf(len(s.listed))+" ")
	switch {
	case s.going():
		end = widget.Of(widget.Working, " "+spin(e.now())+" reading "+lasted(e.now().Sub(s.since))+" ")
	case s.cut:
		end = widget.Of(widget.Working, " the first "+strconv.Itoa(len(s.listed))+" of more ")
	}
	if line := s.filter.line(len(s.entries), len(s.listed)); line != nil && !s.going() {
		end = widget.Line{widget.Spaces(1)}.And(line...)
	}
	room := max(sz.w-end.Width()-2, 1)
	out := []widget.Line{widget.Ends(widget.Of(widget.Strong, " "+widget.CutMiddle(where, room)), end, sz.w)}
	if s.wrong != nil {
		out = append(out, indent(widget.Wrap(widget.Bad, "✗ "+s.wrong.Error()+"; R tries it again", sz.w-2))...)
	}
	foot := s.foot(e, sz.w)
	height := max(sz.h-len(out)-len(foot), 2)
	s.room = height - 1
	return append(append(out, s.table(e).View(sz.w, height, true)...), foot...)
}

// table holds only the rows that are shown, so that a folder of 100,000 costs what one
// of 20 does.
func (s *filesScreen) table(e env) *widget.Table {
	from, to := s.scroll.Window(len(s.entries), s.room)
	t := &widget.Table{Columns: fileColumns()}
	switch {
	case s.filter.value() != "":
		t.Empty = "nothing here matches " + s.filter.value()
	case s.wrong == nil && !s.going():
		t.Empty = "Nothing is in this folder. n makes a file, u uploads one."
	}
	var rows []widget.Row
	for i := from; i < to; i++ {
		rows = append(rows, widget.Row{ID: strconv.Itoa(i), Cells: fileRow(e, s.entries[i])})
	}
	t.SetRows(rows)
	t.Select(strconv.Itoa(s.scroll.Cursor()))
	return t
}

// foot is how far a transfer is, else where one is in a long folder.
func (s *filesScreen) foot(e env, width int) []widget.Line {
	if w := s.work; w != nil {
		done, total := w.done.Load(), w.total.Load()
		line := widget.Line{widget.Text(widget.Working, " "+spin(e.now())+" "+w.what+" ")}
		switch {
		case w.bytes && total > 0:
			line = line.And(widget.Meter(int(100*done/total), 100, 20, widget.Working)...)
			line = line.And(widget.Text(widget.Working, " "+strconv.FormatInt(100*done/total, 10)+"% "), widget.Text(widget.Dim, inBytes(done)+" of "+inBytes(total)))
		case done > 0:
			line = line.And(widget.Text(widget.Dim, countOf(int(done))+" so far"))
		}
		return []widget.Line{line.And(widget.Text(widget.Dim, "  "+lasted(e.now().Sub(w.since)))).Fit(width)}
	}
	if f, ok := s.selected(); ok {
		text := " " + strconv.Itoa(s.scroll.Cursor()+1) + " of " + strconv.Itoa(len(s.entries)) + "  " + f.Kind() + "  " + job.ShownMode(f.Mode) + "  " + exact(f.Changed)
		return []widget.Line{widget.Of(widget.Dim, text).Fit(width)}
	}
	return []widget.Line{{}}
}

// countOf is a number of entries.
func countOf(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return strconv.Itoa(n) + " entries"
}
