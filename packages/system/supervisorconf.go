package system

import (
	"fmt"
	"regexp"
	"strings"
)

// How supervisor reads its configuration, of which this file writes the values
// (supervisor/options.py and datatypes.py in its versions 4.2):
//
//   - Python's configparser cuts a line at a ; or # behind white space, also
//     inside of quotes, and rids the rest of white space at its end.
//   - "%(here)s" is replaced, whatever goes before it; then the value is
//     formatted by Python's % operator.
//   - A command is split by shlex as a shell would. The environment is read by
//     shlex too, but in a way that knows no escapes and takes all quotes off both
//     ends of a value.

// plainWord is what needs no quotes in a command.
var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=@,+-]+$`)

var beforeComment = regexp.MustCompile(`(\s)([;#])`)

// confCommand writes the words of a command.
func confCommand(words []string) string {
	out := make([]string, len(words))
	for i, w := range words {
		if plainWord.MatchString(w) {
			out[i] = w
			continue
		}
		w = strings.ReplaceAll(w, "'", `'"'"'`)
		// The quotes are closed and opened again between what must not touch.
		w = beforeComment.ReplaceAllString(w, "$1''$2")
		w = strings.ReplaceAll(w, "%", "%%")
		w = strings.ReplaceAll(w, "%(", "%''(")
		out[i] = "'" + w + "'"
	}
	return strings.Join(out, " ")
}

// confText writes a value that is taken as it is, such as a path. It returns an
// error for one that can't be written.
func confText(value string) (string, error) {
	switch {
	case beforeComment.MatchString(value) || strings.HasPrefix(value, ";") || strings.HasPrefix(value, "#"):
		return "", fmt.Errorf("has a ; or # behind a space, which supervisor takes for a comment")
	case strings.Contains(value, "%(here)s"):
		return "", fmt.Errorf("has %%(here)s, which supervisor replaces")
	case strings.TrimSpace(value) != value:
		return "", fmt.Errorf("has a space at its beginning or end, which supervisor drops")
	}
	return strings.ReplaceAll(value, "%", "%%"), nil
}

var environmentName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// confEnvironment writes words of the form NAME=VALUE. It returns an error for
// what supervisor has no way to write.
func confEnvironment(words []string) (string, error) {
	seen := map[string]bool{}
	out := make([]string, len(words))
	for i, w := range words {
		name, value, ok := strings.Cut(w, "=")
		switch {
		case !ok:
			return "", fmt.Errorf("has %q, which is not of the form NAME=VALUE; quote values with spaces", w)
		case !environmentName.MatchString(name):
			return "", fmt.Errorf("has the name %q: names are of letters, digits and _", name)
		case seen[name]:
			return "", fmt.Errorf("has %s twice", name)
		}
		seen[name] = true
		quoted, err := confEnvironmentValue(value)
		if err != nil {
			return "", fmt.Errorf("has a value of %s that %w", name, err)
		}
		out[i] = name + "=" + quoted
	}
	return strings.Join(out, ","), nil
}

func confEnvironmentValue(value string) (string, error) {
	quote := `"`
	switch {
	case beforeComment.MatchString(value):
		return "", fmt.Errorf("has a ; or # behind a space, which supervisor takes for a comment")
	case strings.Contains(value, "%(here)s"):
		return "", fmt.Errorf("has %%(here)s, which supervisor replaces")
	case strings.Trim(value, `'"`) != value:
		return "", fmt.Errorf("begins or ends with a quote, which supervisor drops")
	case strings.Contains(value, `"`) && strings.Contains(value, "'"):
		return "", fmt.Errorf("has both kinds of quotes, which supervisor can't read")
	case strings.Contains(value, `"`):
		quote = "'"
	}
	return quote + strings.ReplaceAll(value, "%", "%%") + quote, nil
}
