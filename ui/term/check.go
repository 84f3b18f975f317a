package term

import (
	"strings"

	"golang.org/x/term"
)

// RefusedError says why a full screen can't be shown here.
type RefusedError struct{ Reason string }

// Error is the reason, in one line.
func (e *RefusedError) Error() string { return "the screens can't be shown: " + e.Reason }

// File is an end of a terminal, such as *os.File.
type File interface{ Fd() uintptr }

// Check returns a *RefusedError unless in and out are a terminal that can show
// full screens. Either may be anything; what has no Fd method is no terminal.
func Check(in, out any, environ []string) error {
	switch {
	case !isTerminal(in):
		return &RefusedError{"standard input is not a terminal; see brokeforge --help for the commands that need none"}
	case !isTerminal(out):
		return &RefusedError{"standard output is not a terminal; see brokeforge --help for the commands that need none"}
	}
	if name := Env(environ, "TERM"); name == "" || name == "dumb" {
		return &RefusedError{"TERM is " + quoted(name) + ", which has no full screen; see brokeforge --help for the commands that need none"}
	}
	return nil
}

func quoted(name string) string {
	if name == "" {
		return "not set"
	}
	return name
}

func isTerminal(end any) bool {
	f, ok := end.(File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// Env returns a variable of an environment in the form of os.Environ, or
// nothing. Of several, the last counts.
func Env(environ []string, name string) string {
	value := ""
	for _, entry := range environ {
		if v, ok := strings.CutPrefix(entry, name+"="); ok {
			value = v
		}
	}
	return value
}

// UTF8 reports whether the locale's characters are UTF-8, by the first of
// LC_ALL, LC_CTYPE and LANG that is set, as locale(7) tells.
func UTF8(environ []string) bool {
	for _, name := range []string{"LC_ALL", "LC_CTYPE", "LANG"} {
		if v := Env(environ, name); v != "" {
			v = strings.ToLower(v)
			return strings.Contains(v, "utf-8") || strings.Contains(v, "utf8")
		}
	}
	return false
}

// Remote reports whether the terminal is at the other end of an SSH
// connection.
func Remote(environ []string) bool {
	return Env(environ, "SSH_TTY") != "" || Env(environ, "SSH_CONNECTION") != ""
}
