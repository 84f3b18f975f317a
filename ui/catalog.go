package ui

import (
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/ui/widget"
)

// catalogScreen lists all packages that there are.
type catalogScreen struct {
	table  widget.Table
	filter filter
	want   string // to be selected once there are rows
}

func newCatalogScreen() *catalogScreen {
	return &catalogScreen{filter: newFilter(), table: widget.Table{Columns: []widget.Column{
		{Title: "NAME", Min: 14, Max: 22}, {Title: "CATEGORY", Min: 9, Drop: 2}, {Title: "INSTALLED ON", Min: 12, Max: 24, Drop: 1}, {Title: "WHAT IT IS", Min: 20, Grow: 1},
	}}}
}

func (s *catalogScreen) title(env) string { return "Packages" }

func (s *catalogScreen) init(env) effect { return effect{} }

func (s *catalogScreen) capturing() bool { return s.filter.typing }

func (s *catalogScreen) back(env) (effect, bool) { return effect{}, s.filter.back() }

func (s *catalogScreen) update(_ env, msg tea.Msg) effect {
	s.filter.update(msg)
	return effect{}
}

func (s *catalogScreen) bindings(e env) []binding {
	if s.filter.typing {
		return s.filter.typed()
	}
	s.fill(e)
	list := []binding{
		{keys: []string{"enter"}, help: "details", more: "what it asks, what it needs, where it is", off: unless(s.table.Selected() != "", "there is no package here"), run: func() effect { return open(s.details(e)) }},
		s.filter.binding(),
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

// installedOn names the servers that have a package.
func installedOn(e env, name packages.Name) []string {
	var out []string
	for _, v := range e.data.overview.Servers {
		if len(recordsOf(v, name)) > 0 {
			out = append(out, v.Name)
		}
	}
	return out
}

func (s *catalogScreen) fill(e env) {
	var rows []widget.Row
	byType(e, func(t packages.Type, list []packages.ServerPackage) {
		for _, p := range list {
			d := p.Describe()
			if !matches(s.filter.value(), nil, string(p.Name()), d.Title, string(t), d.Summary) {
				continue
			}
			on := someOf(installedOn(e, p.Name()), 2)
			if on == "" {
				on = "–"
			}
			rows = append(rows, widget.Row{ID: string(p.Name()), Cells: []widget.Line{
				widget.Of(widget.Strong, string(p.Name())), widget.Of(widget.Dim, string(t)),
				widget.Of(widget.Plain, on), widget.Of(widget.Plain, d.Summary),
			}})
		}
	})
	s.table.Empty = "no package matches " + s.filter.value()
	s.table.SetRows(rows)
	if s.want != "" {
		s.table.Select(s.want)
		s.want = ""
	}
}

func (s *catalogScreen) view(e env, sz size) []widget.Line {
	s.fill(e)
	total := len(e.engine.Catalog().Names())
	w := sz.w
	if sz.wide() {
		w = sz.w * 3 / 5
	}
	head := widget.Ends(widget.Of(widget.Dim, " "+count(total, "package")), s.filter.line(len(s.table.Rows()), total), w)
	if !sz.wide() {
		return withSummary(e, head, &s.table, packages.Name(s.table.Selected()), sz)
	}
	lines := append([]widget.Line{head}, s.table.View(w, sz.h-1, true)...)
	detail := append([]widget.Line{{}}, catalogDetail(e, packages.Name(s.table.Selected()), sz.w-w-3)...)
	return widget.Beside(lines, detail, w, sz.w, sz.h)
}

// withSummary is a list of packages with what the one under the cursor is, in
// full, under it.
func withSummary(e env, head widget.Line, table *widget.Table, name packages.Name, sz size) []widget.Line {
	p, ok := e.engine.Catalog().Server(name)
	if !ok || sz.h < 12 {
		return append([]widget.Line{head}, table.View(sz.w, sz.h-1, true)...)
	}
	d := p.Describe()
	text := widget.Wrap(widget.Plain, d.Title+": "+d.Summary, sz.w-2)
	if len(d.Requires) > 0 {
		text = append(text, widget.Of(widget.Dim, "needs "+joined(d.Requires)))
	}
	if len(d.Conflicts) > 0 {
		text = append(text, widget.Of(widget.Dim, "not beside "+joined(d.Conflicts)))
	}
	const room = 3
	text = widget.Block(text, sz.w-2, room)
	lines := append([]widget.Line{head}, table.View(sz.w, sz.h-2-room, true)...)
	return append(append(lines, widget.Rule(sz.w)), indent(text)...)
}

func (s *catalogScreen) details(e env) *dialog {
	name := packages.Name(s.table.Selected())
	return ask(string(name), widget.Accent, catalogDetail(e, name, min(e.size.w-6, 76)), choice{"Close", "esc", nil})
}

// catalogDetail tells what a package is, asks and needs.
func catalogDetail(e env, name packages.Name, width int) []widget.Line {
	p, ok := e.engine.Catalog().Server(name)
	if !ok {
		return nil
	}
	d := p.Describe()
	out := []widget.Line{widget.Ends(widget.Of(widget.Strong, d.Title), widget.Of(widget.Dim, string(p.Type())), width)}
	out = append(out, widget.Wrap(widget.Plain, d.Summary, width)...)
	out = append(out, widget.Line{})
	on := someOf(installedOn(e, name), 6)
	if on == "" {
		on = "no server"
	}
	out = append(out, labelled(append(needs(d), [2]string{"on", on}), width)...)
	out = append(out, widget.Line{}, section("Options"))
	if len(d.Options) == 0 {
		out = append(out, widget.Of(widget.Dim, "none"))
	}
	for _, o := range d.Options {
		value := o.Default
		if o.Required && value == "" {
			value = "asked for"
		}
		out = append(out, widget.Ends(widget.Line{widget.Text(widget.Accent, o.Name), widget.Text(widget.Dim, "  "+o.Kind.String())}, widget.Of(widget.Plain, " "+widget.Cut(value, width/3)), width))
		if o.Help != "" {
			out = append(out, widget.Wrap(widget.Dim, o.Help, width)...)
		}
		if len(o.Choices) > 0 {
			out = append(out, widget.Wrap(widget.Dim, "of "+strings.Join(o.Choices, ", "), width)...)
		}
	}
	return out
}
