// Package editor has a person change a text that is secret in an editor of theirs.
package editor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"brokeforge/ui/term"
)

// A Draft is a text that is being edited: a file for its owner alone (0600) in a
// folder of its own (0700), where what editors keep beside it is too.
type Draft struct {
	dir, file string
	editor    string
}

// maxText bounds what is read back, in bytes.
const maxText = 1 << 20

// New makes a draft. The folder is made below the first of XDG_RUNTIME_DIR, which is
// in memory, and TMPDIR, and has the name of the file in it. The editor is
// what term.Editor says.
func New(name, text string, getenv func(string) string) (*Draft, error) {
	dir, err := os.MkdirTemp(cmp.Or(getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR")), "brokeforge-")
	if err != nil {
		return nil, fmt.Errorf("make a folder for what is edited: %w", err)
	}
	d := &Draft{dir: dir, file: filepath.Join(dir, name), editor: term.Editor(getenv)}
	if err := os.WriteFile(d.file, []byte(text), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write what is edited: %w", err), d.Close())
	}
	return d, nil
}

// Command returns the editor with the draft in it, for a terminal.
func (d *Draft) Command(ctx context.Context, in io.Reader, out, errOut io.Writer) *exec.Cmd {
	c := term.EditCommand(ctx, d.editor, d.file)
	c.Stdin, c.Stdout, c.Stderr = in, out, errOut
	return c
}

// Text returns what is in the draft now.
func (d *Draft) Text() (string, error) {
	f, err := os.Open(d.file)
	if err != nil {
		return "", fmt.Errorf("read what was edited: %w", err)
	}
	defer f.Close() // nothing was written
	data, err := io.ReadAll(io.LimitReader(f, maxText+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read what was edited: %w", err)
	case len(data) > maxText:
		return "", errors.New("what was edited is larger than 1 MiB")
	}
	return string(data), nil
}

// Close deletes the draft.
func (d *Draft) Close() error {
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("delete what was edited: %w", err)
	}
	return nil
}
