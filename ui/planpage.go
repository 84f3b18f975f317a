package ui

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// planPage shows the plan for one server: its parts, milestones and commands,
// and of a command all of it if wanted.
type planPage struct {
	prepared job.Prepared
	action   store.Action
	steps    []packages.Step
	open     map[int]bool // by index of the step
	scroll   widget.Scroll
	at       int // the step under the cursor; -1 for a heading
	width    int // of the page, as it was last shown
}

// planRow is one line of a page.
type planRow struct {
	line widget.Line
	end  widget.Line // at the right
	step int         // which one it is of; -1 for a heading
}

func newPlanPage(p job.Prepared, action store.Action) *planPage {
	page := &planPage{prepared: p, action: action, open: map[int]bool{}, at: -1, width: 80}
	page.steps = page.prepared.Plan.Steps()
	return page
}

func (p *planPage) canOpen() bool { return p.at >= 0 }

func (p *planPage) toggle() { p.open[p.at] = !p.open[p.at] }

func (p *planPage) toggleAll() {
	opened := false
	for _, open := range p.open {
		opened = opened || open
	}
	for _, s := range p.steps {
		p.open[s.Index] = !opened
	}
}

func (p *planPage) move(m widget.Move, height int) {
	rows := p.rows()
	p.scroll.To(p.scroll.Cursor()+m.Lines(height, len(rows)), len(rows))
	p.settle(rows)
}

func (p *planPage) settle(rows []planRow) {
	p.scroll.To(p.scroll.Cursor(), len(rows))
	p.at = -1
	if len(rows) > 0 {
		p.at = rows[p.scroll.Cursor()].step
	}
}

// rows are all lines of the page.
func (p *planPage) rows() []planRow {
	var rows []planRow
	milestone := -1
	var part *packages.Part
	for _, s := range p.steps {
		if s.Part != part {
			part = s.Part
			rows = append(rows, p.partRow(part))
		}
		if track, ok := s.Command.(packages.Track); ok {
			milestone = s.Milestone
			rows = append(rows, planRow{widget.Line{widget.Text(widget.Dim, fmt.Sprintf(" %3d ", milestone+1)), widget.Text(widget.Strong, track.Label)}, nil, -1})
			continue
		}
		rows = append(rows, p.stepRow(s))
		rows = append(rows, p.foresightRows(s)...)
		if p.open[s.Index] {
			for _, l := range append(p.diff(s), p.content(s.Command)...) {
				rows = append(rows, p.contentRows(l, s.Index)...)
			}
		}
	}
	return rows
}

// contentRows is a line of a script or a file, whole: what is too long for the
// page goes on in the next row.
func (p *planPage) contentRows(l widget.Line, step int) []planRow {
	const begin, goOn = "        │ ", "        │↳"
	room := max(p.width-widget.Width(begin)-1, 10)
	var rows []planRow
	for head := begin; ; head = goOn {
		rows = append(rows, planRow{widget.Line{widget.Text(widget.Accent, head)}.And(l.Slice(0, room)...), nil, step})
		if l.Width() <= room {
			return rows
		}
		l = l.Slice(room, l.Width())
	}
}

func (p *planPage) partRow(part *packages.Part) planRow {
	why := "chosen"
	look := widget.Dim
	if part.Because != "" {
		why, look = part.Because, widget.Working
	}
	for _, k := range sortedKeys(part.Removal) {
		why += " · " + k + " " + part.Removal[k]
	}
	return planRow{widget.Line{widget.Text(widget.Accent, " "+part.Label()), widget.Text(look, "  "+why)}, widget.Of(widget.Dim, "as "+part.Credential.User), -1}
}

// stepRow is a command in one line, with what is special about it.
func (p *planPage) stepRow(s packages.Step) planRow {
	arrow := "▸"
	if p.open[s.Index] {
		arrow = "▾"
	}
	look := widget.Plain
	already := s.Index < len(p.prepared.Already) && p.prepared.Already[s.Index]
	if already {
		look = widget.Dim
	}
	line := widget.Line{widget.Text(widget.Dim, "      "+arrow+" "), widget.Text(look, packages.Brief(s.Command))}
	note := p.note(s.Command, already)
	if changed := p.fileNote(s); changed != nil {
		note = changed
	}
	return planRow{line, note, s.Index}
}

func (p *planPage) note(cmd packages.Command, already bool) widget.Line {
	if already {
		return widget.Of(widget.Good, "✓ already so")
	}
	switch c := cmd.(type) {
	case packages.Write:
		return widget.Of(widget.Dim, "+"+count(strings.Count(strings.TrimRight(c.Content, "\n"), "\n")+1, "line"))
	case packages.Prove:
		if c.Port != 0 {
			return widget.Of(widget.Working, fmt.Sprintf("proved by a login on port %d", c.Port))
		}
		return widget.Of(widget.Working, "proved by a login")
	case packages.Make:
		return widget.Of(widget.Dim, "where there is none")
	case packages.Run:
		switch {
		case c.IfChanged:
			return widget.Of(widget.Dim, "if something changed")
		case c.As.User != "":
			return widget.Of(widget.Dim, "as "+c.As.User)
		}
	}
	return nil
}

// content is all of a command.
func (p *planPage) content(cmd packages.Command) []widget.Line {
	switch c := cmd.(type) {
	case packages.Run:
		return append(p.script("skipped where this succeeds:", c.Check, "", c.Script), p.secretFiles(c.Secrets)...)
	case packages.Prove:
		lines := p.script("skipped where this succeeds:", c.Check, "", c.Script)
		return append(lines, p.script("undone by the server itself, unless a new login succeeds:", c.Undo, "", "")...)
	case packages.Write:
		mode := c.Mode
		if mode == 0 {
			mode = 0o644
		}
		return append([]widget.Line{widget.Of(widget.Dim, fmt.Sprintf("%s:%s %04o", orRoot(c.Owner), orRoot(c.Group), mode.Perm()))}, p.text(widget.Plain, c.Content)...)
	case packages.Make:
		return p.text(widget.Plain, "an ed25519 key of this server alone, made on this machine; its private half is kept encrypted as "+string(c.Secret))
	case packages.Note:
		return p.script("what the server prints of:", c.Script, "", "")
	case packages.Persist:
		return p.script("the version, as the server tells it:", c.Version, "", "")
	}
	return nil
}

func orRoot(name string) string {
	if name == "" {
		return "root"
	}
	return name
}

func (p *planPage) script(firstTitle, first, secondTitle, second string) []widget.Line {
	var out []widget.Line
	for _, part := range [][2]string{{firstTitle, first}, {secondTitle, second}} {
		if part[1] == "" {
			continue
		}
		if part[0] != "" {
			out = append(out, widget.Of(widget.Dim, part[0]))
			for _, l := range p.text(widget.Dim, part[1]) {
				out = append(out, widget.Line{widget.Spaces(2)}.And(l...))
			}
			continue
		}
		out = append(out, p.text(widget.Plain, part[1])...)
	}
	return out
}

// secretFiles are the files with secrets that a script gets.
func (p *planPage) secretFiles(files map[string]string) []widget.Line {
	var out []widget.Line
	for _, name := range sortedKeys(files) {
		out = append(out, widget.Of(widget.Dim, "$SECRETS/"+name+", for this step alone: "+strings.TrimSpace(files[name])))
	}
	return out
}

func (p *planPage) text(look widget.Look, s string) []widget.Line {
	var out []widget.Line
	for line := range strings.SplitSeq(strings.TrimRight(s, "\n"), "\n") {
		out = append(out, widget.Of(look, line))
	}
	return out
}

func (p *planPage) view(width, height int) []widget.Line {
	switch {
	case p.prepared.Err != nil:
		return p.failure(width)
	case p.prepared.Nothing:
		return []widget.Line{
			{},
			widget.Of(widget.Good, " ✓ Nothing is to be done on "+p.prepared.Server.Name+"."),
			widget.Of(widget.Dim, "   All of it is as it should be, on the server and in the records."),
		}
	}
	p.width = width
	rows := p.rows()
	p.settle(rows)
	from, to := p.scroll.Window(len(rows), height)
	var out []widget.Line
	for i := from; i < to; i++ {
		line := widget.Ends(rows[i].line, rows[i].end.And(widget.Spaces(1)), width)
		if i == p.scroll.Cursor() {
			line = line.As(widget.Selected)
		}
		out = append(out, line)
	}
	return out
}

// failure says why there is no plan for this server.
func (p *planPage) failure(width int) []widget.Line {
	out := append([]widget.Line{{}}, widget.Wrap(widget.Bad, "✗ "+p.prepared.Err.Error(), width-4)...)
	advice := "The other servers are not held up by it."
	if job.NotReached(p.prepared.Err) {
		advice = "Nothing was sent to it. r tries again. " + advice
	}
	return indent(append(append(out, widget.Line{}), widget.Wrap(widget.Dim, advice, width-4)...))
}
