package widget

import "slices"

// Column is a column of a table.
type Column struct {
	Title  string
	Min    int  // cells that it needs at least
	Max    int  // cells that it takes at most; 0 means as many as its text
	Grow   int  // its share of what is left over; 0 takes none
	Right  bool // its cells stand at the right, as numbers do
	Middle bool // what doesn't fit is cut in the middle
	Whole  bool // others are dropped before it is cut
	Drop   int  // columns that don't fit are dropped from the highest on; 0 is never dropped
}

// Row is a row of a table, with a line for each column.
type Row struct {
	ID    string
	Cells []Line
	// Head makes the row a heading over those that follow: its first cell
	// takes the whole width, and the cursor passes over it.
	Head bool
}

// Table is a list with columns and a cursor, which stays on its row when rows
// come and go.
type Table struct {
	Columns []Column
	Empty   string // said where there are no rows
	Bare    bool   // no line of titles

	rows   []Row
	at     string // ID of the row under the cursor
	scroll Scroll
}

// SetRows replaces the rows.
func (t *Table) SetRows(rows []Row) {
	t.rows = rows
	if i := slices.IndexFunc(rows, func(r Row) bool { return r.ID == t.at && !r.Head }); i >= 0 {
		t.scroll.To(i, len(rows))
		return
	}
	t.scroll.To(t.scroll.Cursor(), len(rows))
	t.settle(1)
}

// Rows returns the rows.
func (t *Table) Rows() []Row { return t.rows }

// Selected is the ID of the row under the cursor, empty where there is none.
func (t *Table) Selected() string { return t.at }

// Select puts the cursor on a row, if it is there.
func (t *Table) Select(id string) {
	if i := slices.IndexFunc(t.rows, func(r Row) bool { return r.ID == id && !r.Head }); i >= 0 {
		t.scroll.To(i, len(t.rows))
		t.at = id
	}
}

// Move moves the cursor in a pane of the given height.
func (t *Table) Move(m Move, height int) {
	by := m.Lines(height, len(t.rows))
	t.scroll.To(t.scroll.Cursor()+by, len(t.rows))
	t.settle(by)
}

// settle takes the cursor off a heading: on in the direction of by, else back.
func (t *Table) settle(by int) {
	step := 1
	if by < 0 {
		step = -1
	}
	for _, d := range []int{step, -step} {
		for i := t.scroll.Cursor(); i >= 0 && i < len(t.rows); i += d {
			if !t.rows[i].Head {
				t.scroll.To(i, len(t.rows))
				t.at = t.rows[i].ID
				return
			}
		}
	}
	t.at = ""
}

const gap = 2 // cells between columns

// View returns the table in exactly height lines of width cells. Without
// focus the row under the cursor is not reversed.
func (t *Table) View(width, height int, focus bool) []Line {
	widths := t.widths(width - 2)
	var out []Line
	if !t.Bare {
		out = append(out, t.titles(widths).Fit(width))
	}
	if len(t.rows) == 0 {
		out = append(out, Line{})
		for _, l := range Wrap(Dim, t.Empty, width-4) {
			out = append(out, Line{Spaces(2)}.And(l...))
		}
		return Block(out, width, height)
	}
	from, to := t.scroll.Window(len(t.rows), height-len(out))
	if from == 1 && t.rows[0].Head && t.scroll.Cursor() < to-1 {
		from, to = 0, to-1
	}
	for i := from; i < to; i++ {
		out = append(out, t.row(i, widths, width, focus))
	}
	return t.more(Block(out, width, height), from, to)
}

// more marks at the right that there are rows above or below.
func (t *Table) more(lines []Line, from, to int) []Line {
	first := 1
	if t.Bare {
		first = 0
	}
	mark := func(i int, symbol string) {
		if i < len(lines) && i >= 0 {
			w := lines[i].Width()
			lines[i] = lines[i].Slice(0, w-1).And(Text(Dim, symbol))
		}
	}
	if from > 0 {
		mark(first, "↑")
	}
	if to < len(t.rows) {
		mark(len(lines)-1, "↓")
	}
	return lines
}

func (t *Table) row(i int, widths []int, width int, focus bool) Line {
	r := t.rows[i]
	if r.Head {
		return Line{Spaces(1)}.And(r.Cells[0]...).Fit(width)
	}
	line := Line{Spaces(1)}
	selected := i == t.scroll.Cursor()
	if selected && !focus {
		line = Of(Accent, "▸")
	}
	for c, w := range widths {
		if w > 0 && c < len(r.Cells) {
			line = line.And(Spaces(gap * min(len(line)-1, 1))).And(t.Columns[c].fit(r.Cells[c], w)...)
		}
	}
	line = line.Fit(width)
	if selected && focus {
		return line.As(Selected)
	}
	return line
}

func (c Column) fit(cell Line, width int) Line {
	used := cell.Width()
	switch {
	case c.Right && used < width:
		return Line{Spaces(width - used)}.And(cell...)
	case c.Middle && used > width && len(cell) > 0:
		return Line{Span{text: CutMiddle(cell.String(), width), look: cell[0].look}}.Fit(width)
	}
	return cell.Fit(width)
}

func (t *Table) titles(widths []int) Line {
	line := Line{Spaces(1)}
	for c, w := range widths {
		if w > 0 {
			line = line.And(Spaces(gap * min(len(line)-1, 1))).And(t.Columns[c].fit(Of(Dim, t.Columns[c].Title), w)...)
		}
	}
	return line
}

// widths shares the width out. A dropped column has 0.
func (t *Table) widths(width int) []int {
	want := make([]int, len(t.Columns))
	for c, col := range t.Columns {
		want[c] = max(Width(col.Title), col.Min)
		if t.Bare {
			want[c] = col.Min
		}
		for _, r := range t.rows {
			if !r.Head && c < len(r.Cells) {
				want[c] = max(want[c], r.Cells[c].Width())
			}
		}
		if col.Max > 0 {
			want[c] = min(want[c], col.Max)
		}
	}
	t.drop(want, width)
	t.shrink(want, width)
	t.grow(want, width)
	return want
}

func sum(widths []int) int {
	total := -gap
	for _, w := range widths {
		if w > 0 {
			total += w + gap
		}
	}
	return total
}

// drop leaves out columns until the others fit with what they need at least.
func (t *Table) drop(want []int, width int) {
	for {
		least := slices.Clone(want)
		for c := range least {
			if m := t.Columns[c].Min; m > 0 && !t.Columns[c].Whole {
				least[c] = min(least[c], m)
			}
		}
		if sum(least) <= width {
			return
		}
		drop := -1
		for c, col := range t.Columns {
			if want[c] > 0 && col.Drop > 0 && (drop < 0 || col.Drop > t.Columns[drop].Drop) {
				drop = c
			}
		}
		if drop < 0 {
			return
		}
		want[drop] = 0
	}
}

// shrink takes from the widest column that can give, a cell at a time.
func (t *Table) shrink(want []int, width int) {
	for sum(want) > width {
		widest := -1
		for c, w := range want {
			if m := t.Columns[c].Min; m > 0 && w > m && (widest < 0 || w-m > want[widest]-t.Columns[widest].Min) {
				widest = c
			}
		}
		if widest < 0 {
			return
		}
		want[widest]--
	}
}

func (t *Table) grow(want []int, width int) {
	left, shares := width-sum(want), 0
	for c, col := range t.Columns {
		if want[c] > 0 {
			shares += col.Grow
		}
	}
	if left <= 0 || shares == 0 {
		return
	}
	for c, col := range t.Columns {
		if want[c] > 0 && col.Grow > 0 {
			want[c] += left * col.Grow / shares
		}
	}
}
