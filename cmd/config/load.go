package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxSize is the largest configuration file that is read, in bytes.
const maxSize = 64 << 10

// Error refuses a configuration file.
type Error struct {
	File   string
	Line   int    // from 1; 0 where the whole file is meant
	Key    string // the setting, with the names of its tables; may be empty
	Reason string
}

// Error names the file, the line, the key and the reason.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	b.WriteString(": ")
	if e.Key != "" {
		b.WriteString(e.Key + ": ")
	}
	b.WriteString(e.Reason)
	return b.String()
}

// Load returns the defaults with what the file says. A file that is not there
// is an error only where it must be there. It returns an *Error for a file
// that says something wrong.
func Load(file string, must bool) (Config, error) {
	text, err := read(file)
	if errors.Is(err, fs.ErrNotExist) && !must {
		return Default(), nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration file: %w", err)
	}
	if len(text) > maxSize {
		return Config{}, &Error{File: file, Reason: fmt.Sprintf("is larger than %d KiB, so it can't be a configuration file", maxSize>>10)}
	}
	return parse(file, text)
}

func read(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close() // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	return string(text), err
}

// parse returns the defaults with what the text says.
func parse(file, text string) (Config, error) {
	c := Default()
	meta, err := toml.Decode(text, &c)
	if err != nil {
		return Config{}, explain(file, err)
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		key := unknown[0]
		return Config{}, &Error{file, lineOf(text, key), key.String(), "there is no such setting"}
	}
	var bad *invalid
	if err := c.check(); errors.As(err, &bad) {
		return Config{}, &Error{file, lineOf(text, bad.key), strings.Join(bad.key, "."), bad.reason}
	}
	c.File = file
	return c, nil
}

// typeError is the form in which the toml package refuses a value of the wrong
// type, which unlike its other errors has no fields.
var typeError = regexp.MustCompile(`^toml: (?:line (\d+) )?\(last key "([^"]*)"\): (.*)$`)

func explain(file string, err error) error {
	var syntax toml.ParseError
	if errors.As(err, &syntax) {
		return &Error{file, syntax.Position.Line, syntax.LastKey, syntax.Message}
	}
	m := typeError.FindStringSubmatch(err.Error())
	if m == nil {
		return &Error{File: file, Reason: strings.TrimPrefix(err.Error(), "toml: ")}
	}
	line, _ := strconv.Atoi(m[1]) // no number leaves 0, the whole file
	reason := m[3]
	if have, want, ok := strings.Cut(strings.TrimPrefix(reason, "incompatible types: TOML value has type "), "; destination has type "); ok {
		reason = fmt.Sprintf("it is %s, but must be %s", article(have), article(want))
	}
	return &Error{file, line, m[2], reason}
}

func article(word string) string {
	if strings.ContainsAny(word[:1], "aeiou") {
		return "an " + word
	}
	return "a " + word
}

// lineOf returns the line on which the value of a key begins. The text must be
// valid. The toml package doesn't tell the line of a key that nobody asked for,
// so it is asked for the beginnings of the text: the key stands right after the
// longest beginning that is valid without it.
func lineOf(text string, key toml.Key) int {
	var before, end int
	for n := 0; end <= len(text); n++ {
		var all map[string]any
		meta, err := toml.Decode(text[:end], &all)
		switch {
		case err == nil && meta.IsDefined(key...):
			return before + 1
		case err == nil:
			before = n
		}
		next := strings.IndexByte(text[end:], '\n')
		switch {
		case end == len(text):
			return 0
		case next < 0:
			end = len(text)
		default:
			end += next + 1
		}
	}
	return 0
}
