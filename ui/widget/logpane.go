package widget

import "strings"

// LogPane shows lines of output. It follows the newest until somebody scrolls
// back.
type LogPane struct {
	lines  []string
	limit  int
	top    int // first line that is shown, while not following
	back   bool
	search string
}

// NewLogPane returns a pane that keeps the last limit lines.
func NewLogPane(limit int) *LogPane { return &LogPane{limit: limit} }

// Append adds lines at the end.
func (p *LogPane) Append(lines []string) {
	p.lines = append(p.lines, lines...)
	if over := len(p.lines) - p.limit; over > 0 {
		p.lines = append([]string(nil), p.lines[over:]...)
		p.top = max(p.top-over, 0)
	}
}

// Len is how many lines there are.
func (p *LogPane) Len() int { return len(p.lines) }

// Content returns all lines.
func (p *LogPane) Content() string { return strings.Join(p.lines, "\n") }

// Following reports whether the newest lines are shown.
func (p *LogPane) Following() bool { return !p.back }

// Follow shows the newest lines from now on, or stays where it is.
func (p *LogPane) Follow(on bool, height int) {
	if !on {
		p.top = max(len(p.lines)-height, 0)
	}
	p.back = !on
}

// Scroll moves what is shown. At the end it follows again.
func (p *LogPane) Scroll(m Move, height int) {
	end := max(len(p.lines)-height, 0)
	if !p.back {
		p.top = end
	}
	p.top = max(min(p.top+m.Lines(height, len(p.lines)), end), 0)
	p.back = p.top < end
}

// Search marks what contains the text, in any case, and shows the last such
// line. It returns how many lines there are.
func (p *LogPane) Search(text string, height int) int {
	p.search = strings.ToLower(text)
	n, last := 0, -1
	for i, l := range p.lines {
		if p.found(l) {
			n, last = n+1, i
		}
	}
	if last >= 0 {
		p.show(last, height)
	}
	return n
}

// Next shows the next line that was searched for, or the one before with by
// -1. It reports whether there is one.
func (p *LogPane) Next(by, height int) bool {
	at := p.top + height/2
	if !p.back {
		at = len(p.lines)
	}
	for i := at + by; i >= 0 && i < len(p.lines); i += by {
		if p.found(p.lines[i]) {
			p.show(i, height)
			return true
		}
	}
	return false
}

func (p *LogPane) found(line string) bool {
	return p.search != "" && strings.Contains(strings.ToLower(line), p.search)
}

func (p *LogPane) show(i, height int) {
	p.top = max(i-height/2, 0)
	p.back = true
}

// View returns the pane in exactly height lines of width cells.
func (p *LogPane) View(width, height int) []Line {
	top := p.top
	if !p.back {
		top = max(len(p.lines)-height, 0)
	}
	var out []Line
	for i := top; i < len(p.lines) && i < top+height; i++ {
		out = append(out, p.line(p.lines[i]))
	}
	return Block(out, width, height)
}

func (p *LogPane) line(text string) Line {
	at := strings.Index(strings.ToLower(text), p.search)
	if p.search == "" || at < 0 || at+len(p.search) > len(text) {
		return Of(Plain, text)
	}
	end := at + len(p.search)
	return Line{Text(Plain, text[:at]), Text(Found, text[at:end]), Text(Plain, text[end:])}
}
