package ui

import (
	"slices"
	"strconv"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// place is somewhere the palette goes to, or something that it does.
type place struct {
	kind, name, about string
	off               string
	run               func() effect
}

// palette finds anything by a few letters.
type palette struct {
	input  *widget.Input
	places []place
	table  widget.Table
}

func (a *app) newPalette() *palette {
	p := &palette{input: widget.NewInput("")}
	en := a.top()
	e := a.envFor(en)
	for _, b := range append(en.screen.bindings(e), a.global()...) {
		if !b.quiet && b.label() != ":" {
			p.places = append(p.places, place{"action", b.help, b.about(), b.off, b.run})
		}
	}
	if !slices.ContainsFunc(p.places, func(one place) bool { return one.name == "import" }) {
		p.places = append(p.places, place{"action", "import", "import the hosts of ~/.ssh/config; shows them first", "", func() effect { return push(newImportScreen()) }})
	}
	for i, t := range a.tabs {
		p.places = append(p.places, place{"screen", t.name, "", "", func() effect { return effect{now: []tea.Msg{tabMsg(i)}} }})
	}
	for _, s := range e.data.overview.Servers {
		p.places = append(p.places, place{"server", s.Name, where(s.Server), "", func() effect { return push(newServerScreen(s.ID)) }})
	}
	for _, l := range e.data.overview.Live {
		p.places = append(p.places, place{"run", l.Run.ID.Short(), l.Run.Title + " on " + l.Run.ServerName, "", func() effect { return push(newRunScreen(l.Run)) }})
	}
	for _, s := range e.data.overview.Servers {
		if s.Last != nil && !s.Last.State.Live() {
			run := *s.Last
			p.places = append(p.places, place{"run", run.ID.Short(), run.Title + " on " + run.ServerName, "", func() effect { return push(newRunScreen(run)) }})
		}
	}
	for _, n := range e.engine.Catalog().Names() {
		if pkg, ok := e.engine.Catalog().Server(n); ok {
			p.places = append(p.places, place{"package", string(n), pkg.Describe().Summary, "", func() effect {
				c := newCatalogScreen()
				c.table.Select(string(n))
				c.want = string(n)
				return push(c)
			}})
		}
	}
	p.table = widget.Table{Bare: true, Empty: "nothing has these letters", Columns: []widget.Column{
		{Min: 12, Max: 30, Middle: true}, {Min: 8, Max: 8}, {Min: 10, Grow: 1},
	}}
	p.fill()
	return p
}

func (p *palette) fill() {
	var rows []widget.Row
	for i, one := range p.places {
		if !matches(p.input.Value(), nil, one.name, one.kind, one.about) {
			continue
		}
		rows = append(rows, widget.Row{ID: strconv.Itoa(i), Cells: []widget.Line{
			widget.Of(widget.Plain, one.name), widget.Of(widget.Dim, one.kind), widget.Of(widget.Dim, one.about),
		}})
	}
	p.table.SetRows(rows)
}

func (p *palette) bindings(env) []binding {
	move := func(m widget.Move) func() effect {
		return func() effect { p.table.Move(m, 10); return effect{} }
	}
	return []binding{
		{keys: []string{"down", "ctrl+n", "tab"}, show: "↓", help: "down", run: move(widget.Down)},
		{keys: []string{"up", "ctrl+p", "shift+tab"}, show: "↑", help: "up", run: move(widget.Up)},
		{keys: []string{"enter"}, help: "choose", run: func() effect { return effect{} }},
		{keys: []string{"esc"}, help: "close", run: func() effect { return effect{} }},
	}
}

func (p *palette) update(e env, msg tea.Msg) (effect, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	if ok {
		switch key.String() {
		case "esc":
			return effect{}, true
		case "enter":
			return p.run()
		}
		if out, bound := act(p.bindings(e), key.String()); bound {
			return out, false
		}
	}
	p.input.Update(msg)
	p.fill()
	p.table.Move(widget.First, 1)
	return effect{}, false
}

func (p *palette) run() (effect, bool) {
	for i, one := range p.places {
		if strconv.Itoa(i) != p.table.Selected() {
			continue
		}
		if one.off != "" {
			return refuse(one.name + ": " + one.off), true
		}
		return one.run(), true
	}
	return effect{}, false
}

func (p *palette) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 74)
	lines := []widget.Line{widget.Line{widget.Text(widget.Accent, "› ")}.And(p.input.View(inner-2, true)...), widget.Rule(inner)}
	lines = append(lines, p.table.View(inner, max(min(s.h-6, 14), 1), true)...)
	return widget.Box("Go to", widget.Accent, lines, inner)
}
