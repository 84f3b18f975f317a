package widget

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"
)

const (
	// maxArea is how many characters an area takes.
	maxArea = 64 << 10

	// areaRows is how many lines of an area are shown at a time.
	areaRows = 8
)

// Area is text of several lines that is typed or pasted: the line with the cursor is
// an Input.
type Area struct {
	above, below []string
	line         *Input
	secret       bool
}

// NewArea returns an area that holds a text, with the cursor at its end.
func NewArea(value string) *Area {
	a := &Area{}
	a.Set(value)
	return a
}

// Value is what was typed.
func (a *Area) Value() string {
	return strings.Join(slices.Concat(a.above, []string{a.line.Value()}, a.below), "\n")
}

// Set replaces what was typed. It is taken as it is.
func (a *Area) Set(value string) {
	lines := strings.Split(value, "\n")
	last := len(lines) - 1
	a.above, a.below = lines[:last], nil
	a.on(lines[last], -1)
}

// on puts the cursor on a line, at a character or, below 0, at its end.
func (a *Area) on(line string, at int) {
	a.line = &Input{runes: []rune(line), several: true}
	if a.line.at = min(at, len(a.line.runes)); at < 0 {
		a.line.at = len(a.line.runes)
	}
}

// Update takes a key or a paste, and says why it took none of it; mostly nothing.
func (a *Area) Update(msg tea.Msg) (refused string) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		return a.paste(msg.Content)
	case tea.KeyPressMsg:
		if !a.edit(msg.String()) {
			if len(msg.Text) > 0 && a.length() >= maxArea {
				return tooLong()
			}
			a.line.Update(msg)
		}
	}
	return ""
}

func (a *Area) length() int { return len([]rune(a.Value())) }

func tooLong() string {
	return fmt.Sprintf("there is no room for more than %d characters: nothing of that was taken", maxArea)
}

// paste takes all lines of a paste, or none: half a script or key is worse.
func (a *Area) paste(text string) (refused string) {
	text = strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, unixLines(text))
	if a.length()+len([]rune(text)) > maxArea {
		return tooLong()
	}
	before, after := string(a.line.runes[:a.line.at]), string(a.line.runes[a.line.at:])
	lines := strings.Split(before+text, "\n")
	last := lines[len(lines)-1]
	a.above = append(a.above, lines[:len(lines)-1]...)
	a.on(last+after, len([]rune(last)))
	return ""
}

// unixLines has lines end as files have them. Terminals paste them as if enter was
// pressed.
func unixLines(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(text)
}

// edit does what a key means for the lines, and reports whether it means anything.
func (a *Area) edit(key string) bool {
	runes, at := a.line.runes, a.line.at
	switch {
	case key == "enter":
		a.above = append(a.above, string(runes[:at]))
		a.on(string(runes[at:]), 0)
	case key == "up" && len(a.above) > 0:
		a.up(at)
	case key == "down" && len(a.below) > 0:
		a.down(at)
	case (key == "left" || key == "ctrl+b") && at == 0 && len(a.above) > 0:
		a.up(-1)
	case (key == "right" || key == "ctrl+f") && at == len(runes) && len(a.below) > 0:
		a.down(0)
	case (key == "backspace" || key == "ctrl+h") && at == 0 && len(a.above) > 0:
		before := a.above[len(a.above)-1]
		a.above = a.above[:len(a.above)-1]
		a.on(before+string(runes), len([]rune(before)))
	case key == "delete" && at == len(runes) && len(a.below) > 0:
		after := a.below[0]
		a.below = a.below[1:]
		a.on(string(runes)+after, at)
	default:
		return false
	}
	return true
}

func (a *Area) up(at int) {
	last := len(a.above) - 1
	a.below = slices.Insert(a.below, 0, a.line.Value())
	line := a.above[last]
	a.above = a.above[:last]
	a.on(line, at)
}

func (a *Area) down(at int) {
	a.above = append(a.above, a.line.Value())
	line := a.below[0]
	a.below = a.below[1:]
	a.on(line, at)
}

// View returns the lines around the cursor in exactly width cells each or, without the
// focus, the first of them. Of a secret only how much there is is shown.
func (a *Area) View(width int, focus bool) []Line {
	value := a.Value()
	n := len(a.above) + 1 + len(a.below)
	switch {
	case a.secret:
		line := Line{}
		if value != "" {
			line = Of(Plain, fmt.Sprintf("%s, %d characters, not shown ", linesIn(strings.TrimSuffix(value, "\n")), len([]rune(value))))
		}
		if focus {
			line = line.And(Text(Cursor, " "))
		}
		return []Line{line.Fit(width)}
	case !focus:
		first, _, more := strings.Cut(value, "\n")
		much := Line{}
		if more {
			much = Of(Dim, "  … "+linesIn(value))
		}
		return []Line{Ends(Of(Plain, shown(first)), much, width)}
	}
	at := len(a.above)
	from := max(min(at-areaRows/2, n-areaRows), 0)
	var out []Line
	for i := from; i < min(from+areaRows, n); i++ {
		switch {
		case i < at:
			out = append(out, Of(Plain, shown(a.above[i])).Fit(width))
		case i == at:
			out = append(out, a.line.View(width, true))
		default:
			out = append(out, Of(Plain, shown(a.below[i-at-1])).Fit(width))
		}
	}
	if n > areaRows {
		out = append(out, Of(Dim, fmt.Sprintf("line %d of %d", at+1, n)).Fit(width))
	}
	return out
}

func linesIn(text string) string {
	if n := strings.Count(text, "\n"); n > 0 {
		return fmt.Sprintf("%d lines", n+1)
	}
	return "1 line"
}
