// Package dotenv reads and changes the files by which sites are told their settings.
package dotenv

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSize is how many bytes the .env of a site may have.
const MaxSize = 256 << 10

// A Variable is one entry of a dotenv file.
type Variable struct {
	Name  string
	Value string // without its quotes
	Line  int    // where it begins, from 1
	last  int    // the line on which it ends
}

// A Error says what is wrong with a dotenv file. It repeats no value.
type Error struct {
	Line   int // from 1; 0 where it is about the whole
	Reason string
}

// Error names the line and the reason.
func (e *Error) Error() string {
	if e.Line == 0 {
		return "the .env " + e.Reason
	}
	return fmt.Sprintf("line %d of the .env %s", e.Line, e.Reason)
}

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.]*$`)

// Parse returns the variables of a dotenv file in their order. Its form is
// what the dotenv libraries of PHP, Node.js and Python read in the same way: a line
// is NAME=VALUE, also with "export" before it, a comment after a #, or empty. A
// value with spaces, quotes or a # is quoted; within double quotes it may have
// several lines, and a backslash escapes. The error is a *Error.
func Parse(text string) ([]Variable, error) {
	if err := check(text); err != nil {
		return nil, err
	}
	var list []Variable
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		line := strings.TrimSpace(lines[i])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		v := Variable{Line: i + 1}
		bad := func(reason string) ([]Variable, error) { return nil, &Error{v.Line, reason} }
		name, rest, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if v.Name = strings.TrimSpace(name); !ok {
			return bad("has no =")
		}
		if !variableName.MatchString(v.Name) || len(v.Name) > 200 {
			return bad("has no name of a variable before its =: letters, digits and _, no digit first")
		}
		if at := slices.IndexFunc(list, func(o Variable) bool { return o.Name == v.Name }); at >= 0 {
			return bad(fmt.Sprintf("sets %s, which line %d sets already", v.Name, list[at].Line))
		}
		used, err := v.read(strings.TrimLeft(rest, " \t"), lines[i+1:])
		if err != nil {
			return bad(err.Error())
		}
		i += used
		v.last = i + 1
		list = append(list, v)
	}
	return list, nil
}

func check(text string) error {
	if len(text) > MaxSize {
		return &Error{0, fmt.Sprintf("is larger than %d KiB", MaxSize>>10)}
	}
	n := 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		if !utf8.ValidString(line) {
			return &Error{n, "is not UTF-8"}
		}
		line = strings.TrimSuffix(line, "\r")
		if strings.ContainsFunc(line, func(r rune) bool { return unicode.IsControl(r) && r != '\t' }) {
			return &Error{n, "has a control character"}
		}
	}
	return nil
}

// read takes the value that begins with text, and returns how many of the lines
// below belong to it.
func (v *Variable) read(text string, below []string) (used int, err error) {
	if text == "" || text[0] != '"' && text[0] != '\'' {
		return 0, v.readBare(text)
	}
	quote := text[0]
	text = text[1:]
	var b strings.Builder
	for {
		for i := 0; i < len(text); i++ {
			switch c := text[i]; {
			case c == quote:
				v.Value = b.String()
				after := strings.TrimSpace(text[i+1:])
				if after != "" && !strings.HasPrefix(after, "#") {
					return 0, fmt.Errorf("has more after the closing quote")
				}
				return used, nil
			case c == '\\' && quote == '"' && i+1 < len(text):
				i++
				b.WriteString(unescaped(text[i]))
			default:
				b.WriteByte(c)
			}
		}
		if used == len(below) {
			return 0, fmt.Errorf("opens a quote that nothing closes")
		}
		text = strings.TrimSuffix(below[used], "\r")
		used++
		b.WriteByte('\n')
	}
}

func unescaped(c byte) string {
	switch c {
	case 'n':
		return "\n"
	case 'r':
		return "\r"
	case 't':
		return "\t"
	case '"', '\\', '$':
		return string(c)
	}
	return `\` + string(c)
}

func (v *Variable) readBare(text string) error {
	if i := strings.Index(text, " #"); i >= 0 {
		text = text[:i]
	} else if strings.HasPrefix(text, "#") {
		text = ""
	}
	v.Value = strings.TrimSpace(text)
	switch {
	case strings.ContainsAny(v.Value, " \t"):
		return fmt.Errorf("has a value with spaces, which must be quoted")
	case strings.ContainsAny(v.Value, `"'`):
		return fmt.Errorf("has a quote within a value that does not begin with one")
	}
	return nil
}

var bareValue = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,=-]*$`)

// quote writes a value so that Parse reads it.
func quote(value string) string {
	switch {
	case bareValue.MatchString(value):
		return value
	case !strings.ContainsAny(value, "'\\\n\r"):
		return "'" + value + "'"
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "\n", `\n`, "\r", `\r`).Replace(value) + `"`
}

// Set returns a dotenv file with a variable set, in its place where it is
// there and else at the end. Everything else stays as it is. The error is a
// *Error.
func Set(text, name, value string) (string, error) {
	if !variableName.MatchString(name) || len(name) > 200 {
		return "", &Error{0, fmt.Sprintf("can't have a variable %q: use letters, digits and _, no digit first", name)}
	}
	list, err := Parse(text)
	if err != nil {
		return "", err
	}
	entry := name + "=" + quote(value)
	if i := slices.IndexFunc(list, func(v Variable) bool { return v.Name == name }); i >= 0 {
		lines := strings.Split(text, "\n")
		text = strings.Join(slices.Replace(lines, list[i].Line-1, list[i].last, entry), "\n")
	} else {
		if text != "" && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		text += entry + "\n"
	}
	return text, check(text)
}

// A Change is what becomes of a variable.
type Change struct {
	Name        string
	Was, Is     string
	Added, Gone bool
}

// Diff tells which variables differ between two dotenv files, in the order of
// the new one, those that go last. Of a text that is no dotenv file there are none.
func Diff(before, after string) []Change {
	was, wasErr := Parse(before)
	is, isErr := Parse(after)
	if wasErr != nil {
		was = nil
	}
	if isErr != nil {
		is = nil
	}
	var out []Change
	for _, v := range is {
		i := slices.IndexFunc(was, func(o Variable) bool { return o.Name == v.Name })
		switch {
		case i < 0:
			out = append(out, Change{Name: v.Name, Is: v.Value, Added: true})
		case was[i].Value != v.Value:
			out = append(out, Change{Name: v.Name, Was: was[i].Value, Is: v.Value})
		}
	}
	for _, v := range was {
		if !slices.ContainsFunc(is, func(o Variable) bool { return o.Name == v.Name }) {
			out = append(out, Change{Name: v.Name, Was: v.Value, Gone: true})
		}
	}
	return out
}

// Mask stands for a value that is not shown.
const Mask = "••••••••"

// Lines returns the change as people read it, with the values or without.
func (c Change) Lines(reveal bool) []string {
	shown := func(value string) string {
		if !reveal && value != "" {
			return Mask
		}
		return quote(value)
	}
	var out []string
	if !c.Added {
		out = append(out, "- "+c.Name+"="+shown(c.Was))
	}
	if !c.Gone {
		out = append(out, "+ "+c.Name+"="+shown(c.Is))
	}
	return out
}

// DiffLines tells what differs between two dotenv files as people read it, with the
// values or without.
func DiffLines(before, after string, reveal bool) []string {
	var out []string
	for _, c := range Diff(before, after) {
		out = append(out, c.Lines(reveal)...)
	}
	if len(out) == 0 && before != after {
		out = append(out, "~ only comments, order or the way in which values are written")
	}
	return out
}

// secretWords are in the names of variables that hold secrets.
var secretWords = regexp.MustCompile(`(?i)(^|[_.])(KEY|SECRET|TOKEN|PASS|PASSWD|PASSWORD|PASSPHRASE|PWD|CREDENTIALS?|PRIVATE|SALT|AUTH|DSN)([_.]|$)|PASSWORD|SECRET|TOKEN`)

var urlPassword = regexp.MustCompile(`://[^/@\s]*:([^/@\s]+)@`)

// SecretValues returns those values of a dotenv file that must not be seen in what
// servers print: of variables with a name that says so, and passwords in URLs. A
// text that is no dotenv file counts as one value.
func SecretValues(text string) []string {
	list, err := Parse(text)
	if err != nil {
		return []string{text}
	}
	var out []string
	for _, v := range list {
		if m := urlPassword.FindStringSubmatch(v.Value); m != nil {
			out = append(out, m[1])
		}
		if secretWords.MatchString(v.Name) && v.Value != "" && !plainWord(v.Value) {
			out = append(out, v.Value)
		}
	}
	return out
}

// plainWord reports whether a value says so little that hiding it would only blank
// other text.
func plainWord(value string) bool {
	return slices.Contains([]string{"null", "true", "false", "none", "empty", "local", "localhost", "default"}, strings.ToLower(value))
}
