package widget

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"brokeforge/sshrun/clean"
)

// Look is what a piece of text looks like. What that is in colours is the
// Painter's choice.
type Look uint8

// The looks.
const (
	Plain    Look = iota
	Dim           // less important, or unknown
	Strong        // a title, a name
	Good          // active, done
	Working       // going on
	Bad           // failed
	Odd           // not known, lost
	Accent        // what is chosen, keys, the tab that is open
	Selected      // the row under the cursor
	Cursor        // the cell of a text cursor
	Found         // what a search found
	looks
)

// Span is a piece of clean text with one look. The zero value is empty.
type Span struct {
	text string
	look Look
	bar  bool // solid, so that it keeps its look in a reversed row
}

// Text makes a span. Whatever could move the cursor or change the terminal is
// removed from the text.
func Text(look Look, text string) Span {
	if !isPlain(text) {
		text = clean.Line(text)
	}
	return Span{text: text, look: look}
}

// isPlain reports whether a text is printable ASCII, as nearly all is.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e {
			return false
		}
	}
	return true
}

// Spaces makes a span of n spaces; none where n is negative.
func Spaces(n int) Span { return Span{text: strings.Repeat(" ", max(n, 0))} }

// Line is one line of a screen.
type Line []Span

// Of makes a line of one span.
func Of(look Look, text string) Line { return Line{Text(look, text)} }

// Width is how many cells of a terminal a text takes.
func Width(text string) int {
	if isPlain(text) {
		return len(text)
	}
	return ansi.StringWidthWc(text)
}

// Width is how many cells of a terminal the line takes.
func (l Line) Width() int {
	w := 0
	for _, s := range l {
		w += Width(s.text)
	}
	return w
}

// String is the text without looks.
func (l Line) String() string {
	var b strings.Builder
	for _, s := range l {
		b.WriteString(s.text)
	}
	return b.String()
}

// And returns the line with more spans after it.
func (l Line) And(spans ...Span) Line {
	out := make(Line, 0, len(l)+len(spans))
	return append(append(out, l...), spans...)
}

// As returns the line with one look for all of it.
func (l Line) As(look Look) Line {
	out := make(Line, len(l))
	for i, s := range l {
		out[i] = s
		if !s.bar || look != Selected {
			out[i].look = look
		}
	}
	return out
}

// cutMark stands where text was cut away.
const cutMark = "…"

// Cut returns the text in at most width cells, with a mark at the end where
// some of it was cut away.
func Cut(text string, width int) string {
	switch {
	case width <= 0:
		return ""
	case Width(text) <= width:
		return text
	}
	return ansi.TruncateWc(text, width, cutMark)
}

// CutMiddle is Cut with the middle cut away, for names that differ at their
// ends.
func CutMiddle(text string, width int) string {
	total := Width(text)
	switch {
	case total <= width:
		return text
	case width < 5:
		return Cut(text, width)
	}
	left := width / 2
	right := width - left - 1
	head := ansi.TruncateWc(text, left, "")
	return head + cutMark + ansi.TruncateLeftWc(text, total-right, "")
}

// Fit returns the line in exactly width cells, cut or filled up at its end.
func (l Line) Fit(width int) Line {
	used := l.Width()
	switch {
	case width <= 0:
		return nil
	case used < width:
		return l.And(Spaces(width - used))
	case used == width:
		return l
	}
	out := make(Line, 0, len(l)+1)
	left := width
	for i, s := range l {
		w := Width(s.text)
		last := w > left || (w == left && l[i+1:].Width() > 0)
		if last {
			cut := Cut(s.text, left)
			if w == left {
				cut = ansi.TruncateWc(s.text, left-1, "") + cutMark
			}
			out = append(out, Span{cut, s.look, s.bar})
			left -= Width(cut)
			break
		}
		out = append(out, s)
		left -= w
	}
	if left > 0 {
		out = append(out, Spaces(left))
	}
	return out
}

// Slice returns the cells from one column up to another. A wide character
// that one of them cuts through is shown as a space.
func (l Line) Slice(from, to int) Line {
	var out Line
	at := 0
	for _, s := range l {
		w := Width(s.text)
		if a, b := max(from-at, 0), min(to-at, w); a < b {
			out = append(out, Span{cells(s.text, a, b), s.look, s.bar})
		}
		at += w
	}
	return out.Fit(to - from)
}

// cells returns the cells [from, to) of a text. (ansi.CutWc of x/ansi v0.11.9
// takes its left part for its right one.)
func cells(text string, from, to int) string {
	var b strings.Builder
	at := 0
	for _, r := range text {
		w := ansi.StringWidthWc(string(r))
		switch {
		case at >= from && at+w <= to && (w > 0 || at > from):
			b.WriteRune(r)
		case w > 0:
			b.WriteString(strings.Repeat(" ", max(min(at+w, to)-max(at, from), 0)))
		}
		at += w
	}
	return b.String()
}

// Ends returns a line of exactly width cells with one part at its start and
// one at its end. Where both don't fit, the start is cut.
func Ends(start, end Line, width int) Line {
	e := end.Width()
	if e == 0 || e > width {
		return start.Fit(width)
	}
	return start.Fit(width - e).And(end...)
}

// Block returns exactly height lines of exactly width cells each.
func Block(lines []Line, width, height int) []Line {
	out := make([]Line, 0, max(height, 0))
	for i := range height {
		if i < len(lines) {
			out = append(out, lines[i].Fit(width))
		} else {
			out = append(out, Line{Spaces(width)})
		}
	}
	return out
}

// Beside puts two blocks of lines side by side with a rule between them.
func Beside(left, right []Line, leftWidth, width, height int) []Line {
	left = Block(left, leftWidth, height)
	right = Block(right, width-leftWidth-3, height)
	out := make([]Line, height)
	for i := range out {
		out[i] = left[i].And(Text(Dim, " │ ")).And(right[i]...)
	}
	return out
}

// Over puts a box in the middle of what is under it, which becomes dim.
func Over(base, box []Line, width, height int) []Line {
	out := Block(base, width, height)
	for i := range out {
		out[i] = out[i].As(Dim)
	}
	boxWidth := 0
	for _, l := range box {
		boxWidth = max(boxWidth, l.Width())
	}
	boxWidth = min(boxWidth, width)
	x, y := (width-boxWidth)/2, max((height-len(box))/2, 0)
	for i, l := range box {
		if y+i >= height {
			break
		}
		under := out[y+i]
		out[y+i] = under.Slice(0, x).And(l.Fit(boxWidth)...).And(under.Slice(x+boxWidth, width)...)
	}
	return out
}

// Box draws a frame with a title around lines, which it fits to the inner
// width.
func Box(title string, look Look, lines []Line, inner int) []Line {
	label := Text(Strong, Cut(title, inner-2))
	top := Line{Text(look, "╭─ "), label, Text(look, " "+strings.Repeat("─", max(inner-1-Width(label.text), 0))+"╮")}
	out := []Line{top}
	for _, l := range lines {
		out = append(out, Line{Text(look, "│ ")}.And(l.Fit(inner)...).And(Text(look, " │")))
	}
	return append(out, Of(look, "╰"+strings.Repeat("─", inner+2)+"╯"))
}

// Rule is a horizontal line.
func Rule(width int) Line { return Of(Dim, strings.Repeat("─", max(width, 0))) }

// Wrap breaks a text at spaces into lines of at most width cells.
func Wrap(look Look, text string, width int) []Line {
	var out []Line
	for part := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		part = Text(look, part).text
		for line := range strings.SplitSeq(ansi.WrapWc(part, max(width, 1), ""), "\n") {
			out = append(out, Of(look, line))
		}
	}
	return out
}

// Wrap breaks a line of one look at spaces.
func (l Line) Wrap(width int) []Line {
	if len(l) == 0 {
		return []Line{{}}
	}
	return Wrap(l[0].look, l.String(), width)
}
