package inventory

import (
	"errors"
	"strings"
)

// words splits a line as a shell would, up to a comment: in quotes, blanks and
// # are text, and a backslash takes the next character as it is.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	var quote rune
	begun, escaped := false, false
	for _, r := range line {
		switch {
		case escaped:
			// In double quotes a backslash stays before what it need not protect.
			if quote == '"' && r != '"' && r != '\\' {
				word.WriteByte('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ' || r == '\t' || r == '\r':
			if begun {
				out = append(out, word.String())
				word.Reset()
				begun = false
			}
		case r == '#':
			if begun {
				out = append(out, word.String())
			}
			return out, nil
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quote != 0:
		return nil, errors.New("a quote is opened and not closed")
	case escaped:
		return nil, errors.New("the line ends with a backslash")
	case begun:
		out = append(out, word.String())
	}
	return out, nil
}
