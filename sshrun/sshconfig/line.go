package sshconfig

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"brokeforge/sshrun/clean"
)

// An Error says what is wrong in a file.
type Error struct {
	File   string
	Line   int // from 1; 0 where the whole file is meant
	Reason string
}

// Error names the file, the line and the reason.
func (e *Error) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Reason)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

// A line is a keyword with its arguments.
type line struct {
	file    string
	number  int
	keyword string // as it is written
	args    []string
}

func (l line) is(keyword string) bool { return strings.EqualFold(l.keyword, keyword) }

func (l line) wrong(format string, args ...any) error {
	return &Error{File: l.file, Line: l.number, Reason: clean.Line(fmt.Sprintf(format, args...))}
}

// readLines splits a text into its lines, without those that are empty or comments.
func readLines(file string, text []byte) ([]line, error) {
	var lines []line
	number := 0
	for raw := range bytes.Lines(text) {
		number++
		l := line{file: file, number: number}
		text := strings.TrimRight(string(raw), " \t\r\n\f")
		if number == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		if strings.ContainsRune(text, 0) || !utf8.ValidString(text) {
			return nil, l.wrong("it is not text")
		}
		text = strings.TrimLeft(text, " \t")
		if text == "" || text[0] == '#' {
			continue
		}
		end := strings.IndexAny(text, " \t=\"")
		if end < 0 {
			end = len(text)
		}
		l.keyword = text[:end]
		rest := strings.TrimLeft(text[end:], " \t")
		if after, ok := strings.CutPrefix(rest, "="); ok {
			rest = after
		}
		var err error
		if l.args, err = split(rest); err != nil {
			return nil, l.wrong("%s: %v", l.keyword, err)
		}
		switch {
		case l.keyword == "":
			return nil, l.wrong("there is no keyword")
		case len(l.args) == 0:
			return nil, l.wrong("%s has no value", l.keyword)
		}
		lines = append(lines, l)
	}
	return lines, nil
}

// split makes arguments of the rest of a line, as ssh does: they are separated by
// blanks, may stand in quotes of either kind, and end at a "#" that begins one.
func split(text string) ([]string, error) {
	var args []string
	var arg strings.Builder
	begun, quote := false, byte(0)
	flush := func() {
		if begun {
			args = append(args, arg.String())
			arg.Reset()
			begun = false
		}
	}
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text) && escapes(text[i+1], quote):
			i++
			arg.WriteByte(text[i])
			begun = true
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			arg.WriteByte(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case c == ' ' || c == '\t':
			flush()
		case c == '#' && !begun:
			return args, nil
		default:
			arg.WriteByte(c)
			begun = true
		}
	}
	if quote != 0 {
		return nil, errors.New("a quote is not closed")
	}
	flush()
	return args, nil
}

// escapes reports whether a backslash before c is one of ssh's escapes.
func escapes(c, quote byte) bool {
	return c == '\\' || c == '"' || c == '\'' || quote == 0 && c == ' '
}

// matchPattern matches a text with a pattern of ssh_config(5): "*" stands for any
// number of characters, "?" for one.
func matchPattern(pattern, text string) bool {
	// The place to go back to when a star must take one character more.
	star, from := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			from++
			p, t = star+1, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchList matches a text with patterns of which one must match, and none that
// begins with "!".
func matchList(patterns []string, text string) bool {
	found := false
	for _, p := range patterns {
		negated := strings.HasPrefix(p, "!")
		if matchPattern(strings.TrimPrefix(p, "!"), text) {
			if negated {
				return false
			}
			found = true
		}
	}
	return found
}
