package files

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The longest name and path that Linux takes: NAME_MAX and PATH_MAX of limits.h.
const (
	maxName = 255
	maxPath = 4095
)

// Clean returns a path within the folder in its one form: without slashes at its
// ends, empty for the folder itself. A slash in front means the folder. One with "..",
// which the folder's own name could hide, or that no server could hold is refused.
func Clean(name string) (string, error) {
	if strings.ContainsRune(name, 0) {
		return "", &Error{Path: name, Problem: "a name can't have a NUL byte"}
	}
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		switch {
		case part == "" || part == ".":
		case part == "..":
			return "", &Error{Path: name, Problem: `".." is not taken: name it from the folder's top`}
		case len(part) > maxName:
			return "", &Error{Path: name, Problem: fmt.Sprintf("a name is longer than %d bytes", maxName)}
		default:
			parts = append(parts, part)
		}
	}
	clean := strings.Join(parts, "/")
	if len(clean) > maxPath {
		return "", &Error{Path: name, Problem: fmt.Sprintf("it is longer than %d bytes", maxPath)}
	}
	return clean, nil
}

// within reports whether a real path is that of the root or under it.
func within(root, real string) bool {
	return real == root || strings.HasPrefix(real, root+"/")
}

// split returns the folder and the last name of a clean path.
func split(name string) (dir, leaf string) {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return "", name
	}
	return name[:i], name[i+1:]
}

// join puts a name under a folder.
func join(dir, leaf string) string {
	if dir == "" {
		return leaf
	}
	return dir + "/" + leaf
}

// Shown returns a name for people: whatever could not be seen, would move the
// cursor or is no UTF-8 as an escape in the form of Go, and a backslash as two, so
// that two names never look the same for that.
func Shown(name string) string {
	if isPlain(name) {
		return name
	}
	var b strings.Builder
	for i := 0; i < len(name); {
		r, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case r == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, name[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == 0x1b:
			b.WriteString(`\e`)
		case r == '\\':
			b.WriteString(`\\`)
		case r < 0x80 && !unicode.IsPrint(r):
			fmt.Fprintf(&b, `\x%02x`, r)
		case r > 0xffff && !seen(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		case !seen(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
		i += n
	}
	return b.String()
}

// seen reports whether a character can be seen by itself. Marks stand on the
// character before, and some letters look like nothing.
func seen(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u3164', '\uffa0', utf8.RuneError:
		return false
	}
	return unicode.IsPrint(r) && !unicode.Is(unicode.M, r)
}

func isPlain(name string) bool {
	for i := range len(name) {
		if name[i] < 0x20 || name[i] > 0x7e || name[i] == '\\' {
			return false
		}
	}
	return name != "" && name[0] != ' ' && name[len(name)-1] != ' '
}

// LocalName returns the last name of a path for a file on this machine. A name that
// a server made up is only taken where it is one that a person would type: printable
// UTF-8 that is no folder and not hidden.
func LocalName(name string) (string, error) {
	_, leaf := split(name)
	refused := func(why string) (string, error) {
		return "", &Error{Path: name, Problem: "its name is not used for a file here, as it " + why + ": say what it is to be called"}
	}
	switch {
	case leaf == "" || leaf == "." || leaf == "..":
		return refused("names no file")
	case leaf[0] == '.':
		return refused("begins with a dot")
	case leaf[0] == '-':
		return refused("begins with a dash")
	case !utf8.ValidString(leaf):
		return refused("is no UTF-8")
	case Shown(leaf) != leaf || strings.ContainsAny(leaf, "/\\:\x00"):
		return refused("has characters that can't be seen or mean something")
	case strings.TrimSpace(leaf) != leaf:
		return refused("begins or ends with a space")
	}
	return leaf, nil
}
