package widget

import (
	"strings"
	"unicode/utf8"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// Painter turns lines into bytes for a terminal. The zero value paints
// nothing in colour.
type Painter struct {
	styles [looks]lipgloss.Style
	ascii  bool
}

// Theme chooses a Painter.
type Theme struct {
	Light bool // the terminal's background is light
	Mono  bool // no colours
	ASCII bool // no characters beyond ASCII
}

// NewPainter returns the painter of a theme. It uses the terminal's own 16
// colours, so that the person's palette decides what they look like.
func NewPainter(t Theme) Painter {
	style := lipgloss.NewStyle
	p := Painter{ascii: t.ASCII}
	p.styles[Dim] = style().Faint(true)
	p.styles[Strong] = style().Bold(true)
	p.styles[Bad] = style().Bold(true)
	p.styles[Accent] = style().Bold(true)
	p.styles[Selected] = style().Reverse(true)
	p.styles[Cursor] = style().Reverse(true)
	p.styles[Found] = style().Reverse(true)
	if t.Mono {
		return p
	}
	accent, working := lipgloss.BrightBlue, lipgloss.Yellow
	if t.Light {
		accent = lipgloss.Blue
	}
	p.styles[Good] = style().Foreground(lipgloss.Green)
	p.styles[Working] = style().Foreground(working)
	p.styles[Bad] = style().Foreground(lipgloss.Red)
	p.styles[Odd] = style().Foreground(lipgloss.Magenta)
	p.styles[Accent] = style().Foreground(accent)
	p.styles[Selected] = style().Foreground(accent).Reverse(true)
	p.styles[Found] = style().Foreground(lipgloss.Yellow).Reverse(true)
	return p
}

// Paint returns the lines as one string for a terminal.
func (p Painter) Paint(lines []Line) string {
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j := 0; j < len(l); {
			look := l[j].look
			var run strings.Builder
			for ; j < len(l) && l[j].look == look; j++ {
				run.WriteString(l[j].text)
			}
			text := run.String()
			if p.ascii {
				text = toASCII(text)
			}
			if look == Plain {
				b.WriteString(text)
				continue
			}
			b.WriteString(p.styles[look].Render(text))
		}
	}
	return b.String()
}

// asciiOf gives each symbol that the screens use a character of ASCII as wide.
func asciiOf(r rune) rune {
	switch r {
	case '●':
		return '*'
	case '◐', '◓', '◑', '◒', '▸', '›', '→':
		return '>'
	case '✗':
		return 'x'
	case '○':
		return '.'
	case '✓':
		return '+'
	case '▾':
		return 'v'
	case '…':
		return '~'
	case '─', '·', '–', '−':
		return '-'
	case '│', '┃':
		return '|'
	case '╭', '╮', '╰', '╯', '┬', '┴', '┼':
		return '+'
	case '▁':
		return '_'
	case '▂', '▃':
		return '-'
	case '▄', '▅':
		return '='
	case '▆', '▇':
		return '*'
	case '█':
		return '#'
	case '░':
		return '.'
	case '‹', '←':
		return '<'
	case '↑':
		return '^'
	case '↳':
		return '\\'
	case '↓':
		return 'v'
	}
	return '?'
}

// toASCII replaces what is not ASCII by as many cells of what is.
func toASCII(text string) string {
	if isPlain(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
			continue
		}
		b.WriteString(strings.Repeat(string(asciiOf(r)), ansi.StringWidthWc(string(r))))
	}
	return b.String()
}
