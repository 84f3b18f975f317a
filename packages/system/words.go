package system

import (
	"fmt"
	"strings"
)

// words splits a line as a shell does that expands nothing: by spaces, with
// single quotes, double quotes and backslashes as in POSIX.1-2024, 2.2. Everything
// else stands for itself.
func words(line string) ([]string, error) {
	var out []string
	var word strings.Builder
	begun := false
	quote := rune(0)
	escaped := false
	for _, r := range line {
		switch {
		case escaped:
			// In double quotes a backslash goes only before some.
			if quote == '"' && !strings.ContainsRune("$`\"\\", r) {
				word.WriteRune('\\')
			}
			word.WriteRune(r)
			escaped = false
		case r == '\\' && quote != '\'':
			escaped, begun = true, true
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			if begun {
				out = append(out, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	switch {
	case quote != 0:
		return nil, fmt.Errorf("has a %c that is not closed", quote)
	case escaped:
		return nil, fmt.Errorf("ends in a backslash")
	case begun:
		out = append(out, word.String())
	}
	return out, nil
}
