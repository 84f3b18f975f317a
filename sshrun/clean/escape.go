package clean

import (
	"strings"
	"unicode/utf8"
)

// The forms of control sequences are those of ECMA-48, sections 5.4 to 5.6. Each
// can begin with ESC and a letter or with one C1 character.

// sequence returns the length of the control sequence that s begins with, 0 for
// none.
func sequence(s string) int {
	if s[0] == 0x1b {
		if len(s) == 1 {
			return 1
		}
		switch c := s[1]; {
		case c == '[':
			return 2 + parameters(s[2:])
		case strings.IndexByte("]PX^_", c) >= 0:
			return 2 + controlString(s[2:])
		case c >= 0x20 && c <= 0x7e:
			return 1 + short(s[1:])
		}
		return 1
	}
	if s[0] != 0xc2 || len(s) < 2 {
		return 0
	}
	switch s[1] {
	case 0x9b: // CSI
		return 2 + parameters(s[2:])
	case 0x90, 0x98, 0x9d, 0x9e, 0x9f: // DCS, SOS, OSC, PM, APC
		return 2 + controlString(s[2:])
	}
	return 0
}

// parameters returns the length of a control sequence's parameters, intermediates
// and final byte.
func parameters(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x40 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x3f:
			return i
		}
	}
	return len(s)
}

// short returns the length of an escape sequence without its ESC: any number of
// intermediates and a final byte.
func short(s string) int {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 0x30 && c <= 0x7e:
			return i + 1
		case c < 0x20 || c > 0x7e:
			return i
		}
	}
	return len(s)
}

// controlString returns the length of a string up to and including its
// terminator, ST or BEL. An unfinished one reaches to the end; a new ESC cancels
// it, as it does on a terminal.
func controlString(s string) int {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == 0x07 || r == 0x9c:
			return i + n
		case r == 0x18 || r == 0x1a: // CAN, SUB
			return i + n
		case r == 0x1b && i+1 < len(s) && s[i+1] == '\\':
			return i + 2
		case r == 0x1b:
			return i
		}
		i += n
	}
	return len(s)
}
