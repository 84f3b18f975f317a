package widget

import (
	"slices"
	"strings"
)

// View returns the form in exactly height lines of width cells.
func (f *Form) View(width, height int) []Line {
	label := 0
	for _, one := range f.fields {
		label = max(label, Width(one.Label))
	}
	label = min(label, width/3)
	var lines []Line
	start, end := 0, 0
	group := ""
	for i, one := range f.fields {
		focus := i == f.scroll.Cursor()
		if focus {
			start = len(lines)
		}
		if one.Group != group {
			group = one.Group
			if i > 0 {
				lines = append(lines, Line{})
			}
			lines = append(lines, Line{Spaces(2), Text(Strong, group)})
		}
		lines = append(lines, one.view(label, width, focus)...)
		if focus {
			end = len(lines)
		}
	}
	offset := 0
	if end > height {
		offset = min(end-height, start)
	}
	return Block(lines[min(offset, len(lines)):], width, height)
}

func (f *field) view(label, width int, focus bool) []Line {
	mark, look := " ", Plain
	if focus {
		mark, look = "▸", Accent
	}
	room := width - label - 7
	head := Line{Text(Accent, " "+mark+" ")}.And(Of(look, f.Label).Fit(label)...).And(Spaces(2))
	values := f.viewValue(room, focus)
	lines := []Line{head.And(values[0]...)}
	indent := Spaces(label + 5)
	for _, l := range values[1:] {
		lines = append(lines, Line{indent}.And(l...))
	}
	problem := ""
	if f.touched || (focus && f.value() != "") {
		problem = f.problem()
	}
	switch {
	case problem != "":
		for _, l := range Wrap(Bad, "✗ "+problem, room) {
			lines = append(lines, Line{indent}.And(l...))
		}
	case focus && f.Help != "":
		for _, l := range Wrap(Dim, f.Help, room) {
			lines = append(lines, Line{indent}.And(l...))
		}
	}
	return lines
}

// viewValue returns the value in one line or, for choices that need them,
// several.
func (f *field) viewValue(width int, focus bool) []Line {
	switch f.Kind {
	case YesNoField:
		return []Line{f.options([]string{"yes", "no"}, width, focus)}
	case ChoiceField:
		return []Line{f.options(f.Choices, width, focus)}
	case SeveralField:
		return f.several(width, focus)
	}
	switch several := f.Kind == LinesField || f.Kind == SecretLinesField; {
	case !focus && f.value() == "":
		return []Line{Of(Dim, strings.Repeat("·", min(width, 3))).Fit(width)}
	case several:
		return f.area.View(width, focus)
	}
	return []Line{f.input.View(width, focus)}
}

func (f *field) options(choices []string, width int, focus bool) Line {
	line := Line{}
	for _, c := range choices {
		symbol, look := "○ ", Dim
		if c == f.Value {
			symbol, look = "● ", Plain
			if focus {
				look = Accent
			}
		}
		line = line.And(Text(look, symbol+c), Spaces(3))
	}
	if line.Width() <= width || !focus {
		return line.Fit(width)
	}
	return Line{Text(Accent, "‹ "+f.Value+" ›"), Text(Dim, "  ←/→ to change")}.Fit(width)
}

func (f *field) several(width int, focus bool) []Line {
	chosen := splitList(f.Value)
	if !focus {
		text := strings.Join(chosen, ", ")
		if text == "" {
			text = "none"
		}
		return []Line{Of(Plain, text).Fit(width)}
	}
	var lines []Line
	line := Line{}
	for i, c := range f.Choices {
		symbol, look := "○ ", Plain
		if slices.Contains(chosen, c) {
			symbol, look = "● ", Accent
		}
		if i == f.choice {
			look = Selected
		}
		if line.Width()+Width(c)+2 > width && len(line) > 0 {
			lines, line = append(lines, line), Line{}
		}
		line = line.And(Text(look, symbol+c), Spaces(2))
	}
	return append(lines, line)
}
