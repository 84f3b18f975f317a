package ui

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

// foresightLook is how a foresight is shown.
func foresightLook(f job.Foresight, usual widget.Look) widget.Look {
	if f.Bad {
		return widget.Bad
	}
	return usual
}

// foresightRows are what comes of a step, below it: what apt would do, whose
// names are all there where it is open, and what is bad for a file. How a file
// changes stands beside the step.
func (p *planPage) foresightRows(s packages.Step) []planRow {
	effect := p.prepared.Effects[s.Index]
	var rows []planRow
	for _, f := range effect.Foresights() {
		if effect.Debs == nil && !f.Bad {
			continue
		}
		look := foresightLook(f, widget.Dim)
		text := f.Text
		if effect.Debs != nil && len(f.List) > 0 {
			text += ": " + strings.Join(f.List, ", ")
		}
		room := max(p.width-10, 10)
		lines := widget.Wrap(look, text, room)
		if !p.open[s.Index] && !f.Bad {
			lines = []widget.Line{widget.Of(look, widget.Cut(text, room))}
		}
		for _, l := range lines {
			rows = append(rows, planRow{widget.Line{widget.Spaces(8)}.And(l...), nil, s.Index})
		}
	}
	return rows
}

// fileNote is how a file changes, beside its step, or nothing where it is not
// known.
func (p *planPage) fileNote(s packages.Step) widget.Line {
	effect := p.prepared.Effects[s.Index]
	if effect.File == nil {
		return nil
	}
	var words []string
	for _, f := range effect.Foresights() {
		if !f.Bad {
			words = append(words, f.Text)
		}
	}
	if len(words) == 0 {
		return nil
	}
	return widget.Of(widget.Dim, strings.Join(words, " · "))
}

// diff is how the file that stands there differs, for the opened step.
func (p *planPage) diff(s packages.Step) []widget.Line {
	file := p.prepared.Effects[s.Index].File
	if file == nil || len(file.Diff) == 0 {
		return nil
	}
	var out []widget.Line
	for _, line := range file.Diff {
		look := widget.Plain
		switch {
		case strings.HasPrefix(line, "@"):
			look = widget.Accent
		case strings.HasPrefix(line, "+"):
			look = widget.Good
		case strings.HasPrefix(line, "-"):
			look = widget.Bad
		}
		out = append(out, widget.Of(look, line))
	}
	return append(out, widget.Of(widget.Dim, "the whole of it:"))
}

// touched sums up what comes of the plan of the server that is shown.
func (s *previewScreen) touched(w int) widget.Line {
	if s.server >= len(s.prepared) || s.prepared[s.server].Err != nil || s.prepared[s.server].Nothing {
		return nil
	}
	line := widget.Line{widget.Spaces(1)}
	sum := s.prepared[s.server].Sum()
	for i, f := range sum {
		if i > 0 {
			line = line.And(widget.Text(widget.Dim, " · "))
		}
		line = line.And(widget.Text(foresightLook(f, widget.Working), f.Text))
	}
	if len(sum) == 0 {
		return nil
	}
	if line.Width() > w {
		more := fmt.Sprintf(" … %d in all", len(sum))
		return line.Fit(w - widget.Width(more)).And(widget.Text(widget.Dim, more))
	}
	return line
}
