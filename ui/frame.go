package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// frameLines is how many lines the frame takes around the body: the header, a
// rule under it, a rule or a message under the body, the keys.
const frameLines = 4

// The smallest terminal in which the screens are usable.
const (
	minWidth  = 60
	minHeight = 15
)

// View draws the frame around the screen on top.
func (a *app) View() tea.View {
	v := tea.NewView(a.painter.Paint(a.lines()))
	v.AltScreen = true
	v.WindowTitle = "BrokeForge"
	if a.options.Mouse {
		v.MouseMode = tea.MouseModeCellMotion
	}
	return v
}

// lines is the whole screen: as many lines as there are, of exact width.
func (a *app) lines() []widget.Line {
	if a.width < minWidth || a.height < minHeight {
		text := fmt.Sprintf("%d×%d is too small: %d×%d is needed", a.width, a.height, minWidth, minHeight)
		return widget.Block([]widget.Line{widget.Of(widget.Plain, strings.ReplaceAll(text, "×", "x"))}, a.width, a.height)
	}
	en := a.top()
	e := a.envFor(en)
	body := widget.Block(en.screen.view(e, e.size), e.size.w, e.size.h)
	keys, end := en.screen.bindings(e), a.global()[1:3]
	if a.width >= 100 {
		end = a.global()[:3]
	}
	switch {
	case en.screen.capturing():
		end = nil
	case slices.ContainsFunc(keys, func(b binding) bool { return slices.Contains(b.keys, "esc") && !b.quiet }):
		end = end[:len(end)-1]
	}
	if len(a.boxes) > 0 {
		box := a.boxes[len(a.boxes)-1]
		body = widget.Over(body, box.view(e, e.size), e.size.w, e.size.h)
		keys, end = box.bindings(e), nil
	}
	status := a.status()
	out := append([]widget.Line{a.header(), widget.Rule(a.width)}, body[:len(body)-len(status)+1]...)
	return widget.Block(append(append(out, status...), footer(keys, end, a.width)), a.width, a.height)
}

// header is the tabs or the path, and what goes on.
func (a *app) header() widget.Line {
	line := widget.Line{widget.Text(widget.Strong, " BrokeForge  ")}
	stack := a.tabs[a.tab].stack
	if len(stack) == 1 {
		for i, t := range a.tabs {
			look := widget.Dim
			if i == a.tab {
				look = widget.Accent
			}
			line = line.And(widget.Text(look, fmt.Sprintf(" %d %s", i+1, t.name)), widget.Spaces(1))
		}
	} else {
		for i, en := range stack {
			look := widget.Dim
			if i == len(stack)-1 {
				look = widget.Accent
			}
			if i > 0 {
				line = line.And(widget.Text(widget.Dim, " › "))
			}
			line = line.And(widget.Text(look, widget.CutMiddle(en.screen.title(a.envFor(en)), 30)))
		}
	}
	end := widget.Line{}
	if n := len(a.env.data.overview.Alerts); n > 0 {
		end = end.And(widget.Text(widget.Bad, "! "+count(n, "alert")+"  "))
	}
	if n := len(a.env.data.overview.Live); n > 0 {
		end = end.And(widget.Text(widget.Working, fmt.Sprintf("%s %d running  ", spin(a.env.now()), n)))
	}
	if who := a.env.by + "@" + a.options.Host; line.Width()+end.Width()+len(who) < a.width {
		end = end.And(widget.Text(widget.Dim, who+" "))
	}
	return widget.Ends(line, end, a.width)
}

// maxStatus is how many lines a message takes at most.
const maxStatus = 5

// status is a rule, or what there is to say. A long message takes several
// lines, over the end of the body.
func (a *app) status() []widget.Line {
	said := a.said
	if err := a.env.data.err; said.text == "" && err != nil {
		said = sayMsg{err.Error(), true}
	}
	if said.text == "" {
		return []widget.Line{widget.Rule(a.width)}
	}
	look, text := widget.Accent, said.text
	if said.bad {
		look, text = widget.Bad, "✗ "+said.text
	}
	lines := indent(widget.Wrap(look, text, a.width-2))
	lines = lines[:min(len(lines), maxStatus)]
	if len(lines) > 1 {
		lines = append([]widget.Line{widget.Rule(a.width)}, lines...)
	}
	return lines
}
