package widget

import (
	"fmt"
	"strings"
	"testing"
)

func servers(n int) []Row {
	var rows []Row
	for i := range n {
		rows = append(rows, Row{ID: fmt.Sprint(i), Cells: []Line{Of(Plain, fmt.Sprintf("server-%d", i)), Of(Plain, "10.0.0.1"), Of(Good, "active")}})
	}
	return rows
}

func list() *Table {
	return &Table{Empty: "nothing", Columns: []Column{{Title: "NAME", Min: 8}, {Title: "ADDRESS", Min: 8, Drop: 1}, {Title: "STATE", Min: 6, Grow: 1}}}
}

func text(lines []Line) string {
	var out []string
	for _, l := range lines {
		out = append(out, strings.TrimRight(l.String(), " "))
	}
	return strings.Join(out, "\n")
}

func TestTheCursorStaysOnItsRow(t *testing.T) {
	tab := list()
	tab.SetRows(servers(5))
	tab.Select("3")
	tab.SetRows(servers(5)[2:])
	if tab.Selected() != "3" {
		t.Errorf("it is on %q", tab.Selected())
	}
	tab.SetRows(servers(2))
	if tab.Selected() != "1" {
		t.Errorf("with its row gone it is on %q", tab.Selected())
	}
	tab.SetRows(nil)
	if tab.Selected() != "" {
		t.Errorf("without rows it is on %q", tab.Selected())
	}
	if got := text(tab.View(30, 4, true)); !strings.Contains(got, "nothing") {
		t.Errorf("got %q", got)
	}
}

func TestColumnsDropOut(t *testing.T) {
	tab := list()
	tab.SetRows(servers(1))
	if got := text(tab.View(40, 2, true)); got != " NAME      ADDRESS   STATE\n server-0  10.0.0.1  active" {
		t.Errorf("got\n%s", got)
	}
	if got := text(tab.View(20, 2, true)); got != " NAME      STATE\n server-0  active" {
		t.Errorf("narrow, got\n%s", got)
	}
}

func TestMovingPassesOverHeadings(t *testing.T) {
	tab := list()
	head := Row{ID: "h", Head: true, Cells: []Line{Of(Strong, "HEAD")}}
	rows := servers(4)
	tab.SetRows([]Row{head, rows[0], rows[1], {ID: "h2", Head: true, Cells: head.Cells}, rows[2], rows[3]})
	steps := []struct {
		move Move
		want string
	}{{Up, "0"}, {Down, "1"}, {Down, "2"}, {Up, "1"}, {Last, "3"}, {First, "0"}, {PageDown, "3"}, {HalfUp, "1"}}
	for _, s := range steps {
		tab.Move(s.move, 6)
		if tab.Selected() != s.want {
			t.Errorf("after %d it is on %q, want %q", s.move, tab.Selected(), s.want)
		}
	}
}

func TestALongListShowsThatThereIsMore(t *testing.T) {
	tab := list()
	tab.SetRows(servers(50))
	tab.Move(HalfDown, 10)
	tab.Move(HalfDown, 10)
	tab.Move(PageDown, 10)
	got := text(tab.View(40, 10, true))
	if !strings.Contains(got, "↑") || !strings.Contains(got, "↓") {
		t.Errorf("got\n%s", got)
	}
	if !strings.Contains(got, "server-19") {
		t.Errorf("the row under the cursor is not shown:\n%s", got)
	}
}
