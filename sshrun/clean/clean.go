// Package clean makes text that came from a server safe to store and to show.
//
// A terminal obeys what is printed to it, and a server's output is written by
// others. What this package returns is valid UTF-8 without control characters,
// escape sequences, characters that change the direction of text or have no
// width, so that it can neither move the cursor nor look like something else.
package clean

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	// MaxLine is how many runes of a line are kept. A longer one ends in "…".
	MaxLine = 4096

	maxMarks = 4 // combining marks on one character
	tabStop  = 8
)

// Line returns one line of output as a terminal would have left it, without
// what a terminal would have obeyed: of progress written over itself by carriage
// returns the last state, tabs as spaces, and no escape sequence, also not an
// unfinished one. A newline in s becomes a space. Line(Line(s)) is Line(s).
func Line(s string) string {
	s = strings.TrimRight(s, "\r\n")
	s = s[strings.LastIndexByte(s, '\r')+1:]
	if plain(s) {
		return s
	}
	w := writer{}
	for len(s) > 0 && w.runes <= MaxLine {
		if n := sequence(s); n > 0 {
			s = s[n:]
			continue
		}
		r, n := utf8.DecodeRuneInString(s)
		w.put(r)
		s = s[n:]
	}
	return w.String()
}

// Text cleans each line of s and keeps the lines apart. Empty lines at the end
// are dropped.
func Text(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = Line(line)
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// plain reports whether s is short and printable ASCII, as most lines are.
func plain(s string) bool {
	if len(s) > MaxLine {
		return false
	}
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return true
}

// A writer collects the runes of a clean line.
type writer struct {
	strings.Builder
	runes int // written
	marks int // combining marks since the last character
}

func (w *writer) put(r rune) {
	switch {
	case r == '\t':
		for w.add(' '); w.runes%tabStop != 0 && w.runes <= MaxLine; {
			w.add(' ')
		}
	case r == '\n', r == '\u2028', r == '\u2029':
		w.add(' ')
	case dropped(r):
	case unicode.Is(unicode.M, r):
		if w.runes == 0 || w.marks == maxMarks {
			return
		}
		marks := w.marks + 1
		w.add(r)
		w.marks = marks
	default:
		w.add(r)
	}
}

func (w *writer) add(r rune) {
	w.marks = 0
	w.runes++
	if w.runes > MaxLine {
		r = '…'
	}
	w.WriteRune(r)
}

// dropped reports whether r has no place in a clean line: controls (Cc), format
// characters (Cf: direction, zero width, tags), letters that look like nothing,
// and what Unicode says is no character.
func dropped(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', '\u034f', '\u17b4', '\u17b5', '\u2065':
		return true
	}
	return unicode.In(r, unicode.Cc, unicode.Cf) ||
		r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe ||
		r >= 0xe0000 && r <= 0xe0fff
}
