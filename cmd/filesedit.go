package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"brokeforge/packages/job"
	"brokeforge/ui/term"
)

// edit has a file edited in the person's editor, and saved where it came from. A text
// that could not be saved is kept.
func (f *filesCall) edit(ctx context.Context, args []string) (err error) {
	name := args[0]
	data, version, err := f.files.Read(ctx, name)
	if err != nil {
		return err
	}
	if !job.IsText(data, true) {
		return fmt.Errorf("%s is no text: download it with get", job.ShownName(name))
	}
	if err := f.release(); err != nil {
		return err
	}
	file, err := job.EditCopy(name, data)
	if err != nil {
		return err
	}
	dir, keep := filepath.Dir(file), false
	defer func() {
		if !keep {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	editor := term.EditCommand(ctx, term.Editor(f.Getenv), file)
	editor.Stdin, editor.Stdout, editor.Stderr = f.Stdin, f.Stdout, f.Stderr
	if err := editor.Run(); err != nil {
		return fmt.Errorf("the editor %s: %w; nothing was saved", term.Editor(f.Getenv), err)
	}
	edited, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if bytes.Equal(edited, data) {
		fmt.Fprintln(f.Stderr, "nothing was changed")
		return nil
	}
	saved, err := f.files.Save(ctx, name, edited, version, f.force)
	if err != nil {
		keep = true
		var changed *job.FileChanged
		if errors.As(err, &changed) {
			return fmt.Errorf("%w; what was edited is kept in %s, and --force saves over it", err, file)
		}
		return fmt.Errorf("%w; what was edited is kept in %s", err, file)
	}
	if saved.InPlace != "" {
		fmt.Fprintf(f.Stderr, "saved in place: %s\n", saved.InPlace)
	}
	return nil
}

// sure asks before something is lost.
func (f *filesCall) sure(ctx context.Context, question string) error {
	if !f.canAsk() {
		return errors.New(question + " Without a terminal, --yes must be given")
	}
	yes, err := f.ask(ctx, question)
	if err == nil && !yes {
		err = errors.New("nothing was deleted")
	}
	return err
}

// octal is a mode as chmod(1) takes it.
func octal(m fs.FileMode) string {
	return job.ShownMode(m)
}
