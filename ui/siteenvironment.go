package ui

import (
	"errors"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/dotenv"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteEnvironment is the .env of a site, with its values hidden until somebody asks.
type siteEnvironment struct {
	table  widget.Table
	env    job.Environment
	list   []dotenv.Variable
	wrong  error // why it can't be shown
	read   bool
	begun  bool
	reveal bool
}

type environmentMsg struct {
	env job.Environment
	err error
}

// environmentEditedMsg says that the editor has ended.
type environmentEditedMsg struct {
	was  job.Environment
	text string
	err  error
}

type environmentSavedMsg struct {
	was  job.Environment
	text string
	err  error
}

func newSiteEnvironment() *siteEnvironment {
	return &siteEnvironment{table: widget.Table{
		Columns: []widget.Column{{Title: "NAME", Min: 12, Max: 40}, {Title: "VALUE", Min: 12, Grow: 1}},
	}}
}

func (*siteEnvironment) title(job.SiteView) string         { return "Environment" }
func (*siteEnvironment) load(env, store.ID) func() tea.Msg { return nil }
func (*siteEnvironment) capturing() bool                   { return false }

// shown reads the file when its tab is first shown.
func (p *siteEnvironment) shown(e env, v job.SiteView) effect {
	if p.begun {
		return effect{}
	}
	return p.reads(e, v)
}

func (p *siteEnvironment) reads(e env, v job.SiteView) effect {
	p.begun = true
	return e.ask(func() tea.Msg {
		env, err := e.engine.Environment(e.ctx, v.ID)
		return environmentMsg{env, err}
	})
}

func (p *siteEnvironment) update(e env, v job.SiteView, msg tea.Msg) effect {
	switch m := msg.(type) {
	case environmentMsg:
		p.read, p.env, p.wrong = true, m.env, m.err
		if m.err == nil {
			p.list, p.wrong = dotenv.Parse(m.env.Text)
		}
	case environmentEditedMsg:
		return p.edited(e, m).and(command(tea.ClearScreen))
	case environmentSavedMsg:
		return p.saved(e, v, m)
	}
	return effect{}
}

// edit opens the editor on a text.
func (p *siteEnvironment) edit(e env, text string) effect {
	was := p.env
	return editText(e, ".env", text, func(text string, err error) tea.Msg { return environmentEditedMsg{was, text, err} })
}

// edited shows what would change, and asks.
func (p *siteEnvironment) edited(e env, m environmentEditedMsg) effect {
	if m.err != nil {
		return complain(m.err)
	}
	if m.text == m.was.Text {
		return dropped()
	}
	if _, err := dotenv.Parse(m.text); err != nil {
		return e.openHere(ask("That is no .env", widget.Bad, widget.Wrap(widget.Plain, err.Error(), 70),
			choice{"Drop it", "esc", dropped},
			choice{"Edit again", "e", func() effect { return p.edit(e, m.text) }},
		))
	}
	return e.openHere(p.diff(e, m, false))
}

// diff is the box that shows what would change.
func (p *siteEnvironment) diff(e env, m environmentEditedMsg, reveal bool) *dialog {
	var text []widget.Line
	for _, line := range dotenv.DiffLines(m.was.Text, m.text, reveal) {
		look := widget.Good
		if line[0] == '-' {
			look = widget.Bad
		}
		text = append(text, widget.Of(look, line))
	}
	values := choice{"Show values", "v", func() effect { return open(p.diff(e, m, true)) }}
	if reveal {
		values = choice{"Hide values", "v", func() effect { return open(p.diff(e, m, false)) }}
	}
	return ask("Save this?", widget.Accent, text,
		choice{"Drop it", "esc", dropped},
		choice{"Save", "s", func() effect { return p.save(e, m.was, m.text, false) }},
		choice{"Edit again", "e", func() effect { return p.edit(e, m.text) }},
		values,
	)
}

// dropped gives up what was edited.
func dropped() effect { return say("nothing was changed") }

func (p *siteEnvironment) save(e env, was job.Environment, text string, over bool) effect {
	return say("saving…").and(e.ask(func() tea.Msg {
		return environmentSavedMsg{was, text, e.engine.SaveEnvironment(e.ctx, was, text, over)}
	}))
}

func (p *siteEnvironment) saved(e env, v job.SiteView, m environmentSavedMsg) effect {
	var changed *job.EnvironmentChangedError
	switch {
	case errors.As(m.err, &changed):
		return e.openHere(ask("It has changed on the server meanwhile", widget.Bad,
			widget.Wrap(widget.Plain, m.err.Error()+". What is there now is kept in the history if you write over it.", 70),
			choice{"Keep what is there", "esc", func() effect { return p.reads(e, v) }},
			choice{"Write over it", "w", func() effect { return p.save(e, m.was, m.text, true) }},
		))
	case m.err != nil:
		return e.openHere(ask("It was not saved", widget.Bad, widget.Wrap(widget.Plain, m.err.Error(), 70),
			choice{"Drop it", "esc", dropped},
			choice{"Try again", "t", func() effect { return p.save(e, m.was, m.text, false) }},
			choice{"Edit again", "e", func() effect { return p.edit(e, m.text) }},
		))
	}
	return say("saved; the one before is kept: brokeforge env history " + v.Domain).and(p.reads(e, v))
}

func (p *siteEnvironment) bindings(e env, v job.SiteView) []binding {
	p.fill()
	off := unless(p.read && p.env.Path != "", "it was not read yet; r reads it")
	shows, more := "show values", "show the values"
	if p.reveal {
		shows, more = "hide values", "hide the values"
	}
	list := []binding{
		{keys: []string{"e"}, help: "edit", more: "edit it with $VISUAL or $EDITOR; what would change is shown before it is saved", off: off, run: func() effect { return p.edit(e, p.env.Text) }},
		{keys: []string{"v"}, help: shows, more: more, off: off, run: func() effect { p.reveal = !p.reveal; return effect{} }},
		{keys: []string{"r"}, help: "read again", more: "read it again from the server", run: func() effect { return p.reads(e, v) }},
	}
	return append(list, moves(func(m widget.Move) { p.table.Move(m, e.size.h-4) })...)
}

func (p *siteEnvironment) fill() {
	var rows []widget.Row
	for _, v := range p.list {
		value := widget.Of(widget.Dim, dotenv.Mask)
		if p.reveal || v.Value == "" {
			value = widget.Of(widget.Plain, v.Value)
		}
		rows = append(rows, widget.Row{ID: v.Name, Cells: []widget.Line{widget.Of(widget.Plain, v.Name), value}})
	}
	p.table.Empty = "It has no variables."
	if !p.env.Exists() {
		p.table.Empty = "The file is not there yet; e makes it."
	}
	p.table.SetRows(rows)
}

func (p *siteEnvironment) view(_ env, _ job.SiteView, sz size) []widget.Line {
	if !p.read {
		return []widget.Line{{}, widget.Of(widget.Dim, " reading…")}
	}
	out := []widget.Line{widget.Of(widget.Dim, " "+p.env.Path)}
	if p.wrong != nil {
		out = append(out, indent(widget.Wrap(widget.Bad, "✗ "+p.wrong.Error(), sz.w-2))...)
	}
	p.fill()
	return append(out, p.table.View(sz.w, sz.h-len(out), true)...)
}
