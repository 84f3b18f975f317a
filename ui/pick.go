package ui

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// pickScreen chooses packages to install on servers, or to remove from them.
type pickScreen struct {
	action  store.Action
	servers []store.ID
	table   widget.Table
	filter  filter
	marks   []string // labels, in the order in which they were marked
	values  map[packages.Name]packages.Values
}

func newPickScreen(e env, action store.Action, servers []store.ID) *pickScreen {
	s := &pickScreen{
		action: action, servers: servers, filter: newFilter(),
		values: map[packages.Name]packages.Values{},
		table: widget.Table{Bare: true, Columns: []widget.Column{
			{Min: 3}, {Min: 14, Max: 28, Middle: true}, {Min: 20, Max: 26}, {Min: 20, Grow: 1, Drop: 1},
		}},
	}
	s.fill(e)
	return s
}

func (s *pickScreen) transient() {}

func (s *pickScreen) title(env) string {
	if s.action == store.Remove {
		return "Remove"
	}
	return "Install"
}

func (s *pickScreen) init(env) effect { return effect{} }

func (s *pickScreen) capturing() bool { return s.filter.typing }

func (s *pickScreen) back(env) (effect, bool) { return effect{}, s.filter.back() }

func (s *pickScreen) update(e env, msg tea.Msg) effect {
	before := s.filter.value()
	s.filter.update(msg)
	if now := s.filter.value(); now != before {
		// Many packages speak of others: what is called as was typed comes first.
		s.fill(e)
		s.table.Select(strings.ToLower(strings.TrimSpace(now)))
	}
	return effect{}
}

// order is what is marked, or else the package under the cursor.
func (s *pickScreen) order(e env) order {
	labels := s.marks
	o := order{action: s.action, servers: s.servers, values: s.values}
	if stack, ok := s.stack(e, s.table.Selected()); ok && len(labels) == 0 {
		o.values = maps.Clone(s.values)
		for _, w := range stack.Packages {
			labels = append(labels, string(w.Name))
			takeStackOptions(o.values, w)
		}
	}
	if len(labels) == 0 {
		labels = []string{s.table.Selected()}
	}
	for _, l := range labels {
		o.names = append(o.names, packages.Parse(l))
	}
	return o
}

func (s *pickScreen) bindings(e env) []binding {
	if s.filter.typing {
		return s.filter.typed()
	}
	s.fill(e)
	none := unless(s.table.Selected() != "", "there is nothing to choose here")
	list := []binding{
		{keys: []string{"enter"}, help: "preview", more: "go on with what is marked, or with this one; nothing is run yet", off: none, run: func() effect { return push(s.order(e).next(e)) }},
		{keys: []string{"space"}, help: "mark", off: none, run: func() effect {
			s.mark(e, s.table.Selected())
			s.table.Move(widget.Down, 1)
			return effect{}
		}},
		{keys: []string{"e"}, help: "options", more: "all options of what is marked, or of this one", off: s.noOptions(e, none), run: func() effect {
			o := s.order(e)
			return push(newOptionsScreen(o, o.fields(e, true), true))
		}},
		s.filter.binding(),
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

func (s *pickScreen) noOptions(e env, none string) string {
	if none != "" {
		return none
	}
	return unless(len(s.order(e).fields(e, true)) > 0, "there is nothing to choose about it")
}

func (s *pickScreen) mark(e env, label string) {
	if stack, ok := s.stack(e, label); ok {
		s.markStack(stack)
		return
	}
	if i := slices.Index(s.marks, label); i >= 0 {
		s.marks = slices.Delete(s.marks, i, i+1)
		return
	}
	s.marks = append(s.marks, label)
}

func (s *pickScreen) fill(e env) {
	rows := s.stackRows(e)
	byType(e, func(t packages.Type, list []packages.ServerPackage) {
		head := widget.Row{ID: "type " + string(t), Head: true, Cells: []widget.Line{widget.Of(widget.Strong, typeTitle(t))}}
		var group []widget.Row
		for _, p := range list {
			if matches(s.filter.value(), nil, string(p.Name()), p.Describe().Title, p.Describe().Summary) {
				group = append(group, s.rows(e, p)...)
			}
		}
		if len(group) > 0 {
			rows = append(append(rows, head), group...)
		}
	})
	s.table.Empty = "no package matches " + s.filter.value()
	if s.filter.value() == "" {
		s.table.Empty = "Nothing is installed there by BrokeForge."
	}
	s.table.SetRows(rows)
}

// rows are the rows of one package: to install it is one, to remove one for
// each instance that is recorded.
func (s *pickScreen) rows(e env, p packages.ServerPackage) []widget.Row {
	if s.action == store.Install {
		return []widget.Row{s.row(e, p, string(p.Name()), s.installState(e, p))}
	}
	on := map[string]int{}
	var labels []string
	for _, id := range s.servers {
		v, _ := e.data.server(id)
		for _, r := range recordsOf(v, p.Name()) {
			l := packages.Label(r.Name, r.Instance)
			if on[l]++; on[l] == 1 {
				labels = append(labels, l)
			}
		}
	}
	var rows []widget.Row
	for _, l := range labels {
		rows = append(rows, s.row(e, p, l, s.onSome(on[l], state{"●", "installed", widget.Good})))
	}
	return rows
}

func (s *pickScreen) row(e env, p packages.ServerPackage, label string, st state) widget.Row {
	box := widget.Of(widget.Dim, "[ ]")
	if slices.Contains(s.marks, label) {
		box = widget.Of(widget.Accent, "[✓]")
	}
	return widget.Row{ID: label, Cells: []widget.Line{
		box, widget.Of(widget.Plain, label), st.line(), widget.Of(widget.Dim, p.Describe().Summary),
	}}
}

func (s *pickScreen) installState(e env, p packages.ServerPackage) state {
	if len(s.servers) == 1 {
		v, _ := e.data.server(s.servers[0])
		st, version := packageState(v, p)
		if version != "" && st.word == "installed" {
			st.word += " " + shortVersion(version)
		}
		return st
	}
	n := 0
	for _, id := range s.servers {
		v, _ := e.data.server(id)
		if len(recordsOf(v, p.Name())) > 0 {
			n++
		}
	}
	if n == 0 {
		return state{"○", "not installed", widget.Dim}
	}
	return s.onSome(n, state{"●", "installed", widget.Good})
}

// onSome adds on how many of several servers it is so.
func (s *pickScreen) onSome(n int, st state) state {
	if len(s.servers) > 1 {
		st.word += fmt.Sprintf(" on %d of %d", n, len(s.servers))
	}
	return st
}

func (s *pickScreen) view(e env, sz size) []widget.Line {
	s.fill(e)
	verb, on := "Install on ", someOf(e.data.names(s.servers), 3)
	if s.action == store.Remove {
		verb = "Remove from "
	}
	w := sz.w
	if sz.wide() {
		w = sz.w * 3 / 5
	}
	head := widget.Line{widget.Text(widget.Plain, " "+verb), widget.Text(widget.Strong, on)}
	if n := len(s.marks); n > 0 {
		head = head.And(widget.Text(widget.Dim, " · "), widget.Text(widget.Accent, fmt.Sprintf("%d marked", n)))
	}
	head = widget.Ends(head, s.filter.line(s.shown(), len(e.engine.Catalog().Names())), w)
	name := packages.Parse(s.table.Selected()).Name
	if !sz.wide() {
		return withSummary(e, head, &s.table, name, sz)
	}
	lines := append([]widget.Line{head}, s.table.View(w, sz.h-1, true)...)
	return widget.Beside(lines, append([]widget.Line{{}}, catalogDetail(e, name, sz.w-w-3)...), w, sz.w, sz.h)
}

// shown is how many packages are listed.
func (s *pickScreen) shown() int {
	n := 0
	for _, r := range s.table.Rows() {
		if !r.Head {
			n++
		}
	}
	return n
}
