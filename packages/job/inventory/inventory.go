// Package inventory reads the servers that people have written down elsewhere:
// in an inventory of Ansible or in their ssh_config(5).
//
// It reads files and reaches nothing. What it finds are entries as they are
// written; whether they can be servers here is for package job to say.
package inventory

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Entry is a server as it is written down.
type Entry struct {
	Name       string
	Address    string
	Port       int    // 0 where nothing is said
	User       string // empty where nothing is said
	KeyFile    string // a private key as it is written, perhaps with ~; empty where nothing is said
	Credential string // the name of one of the configuration's; empty where nothing is said
	Tags       []string
	File       string
	Line       int      // of its first mention, from 1
	Notes      []string // what is said of it and not taken over, in words for people
}

// Skip is something that is written down and is no server to import.
type Skip struct {
	Name   string
	File   string
	Line   int // from 1
	Reason string
}

// List is what a file and those that it includes hold, in their order.
type List struct {
	Entries []Entry
	Skipped []Skip
}

// Error refuses a file.
type Error struct {
	File   string
	Line   int // from 1; 0 where the whole file is meant
	Reason string
}

// Error names the file, the line and the reason.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Reason
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Reason)
}

const (
	maxSize  = 16 << 20 // of a file, in bytes
	maxHosts = 20000    // of an inventory; a range could name any number
)

// read returns the text of a file. A folder and a file that is too large are
// an *Error.
func read(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("read what is to be imported: %w", err)
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read what is to be imported: %w", err)
	}
	if info.IsDir() {
		return "", &Error{File: file, Reason: "is a folder: name a file"}
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", file, err)
	}
	if len(text) > maxSize {
		return "", &Error{File: file, Reason: fmt.Sprintf("is larger than %d MiB", maxSize>>20)}
	}
	return strings.TrimPrefix(string(text), "\ufeff"), nil
}

// lineError is an *Error of a line, or of none where the reason is nil.
func lineError(file string, line int, err error) error {
	var known *Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return &Error{file, line, err.Error()}
}
