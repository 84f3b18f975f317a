package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"golang.org/x/term"

	"brokeforge/packages/job"
)

// attend puts the questions of the engine to the person at the terminal, until the
// returned func is called.
func (a *app) attend(ctx context.Context, engine Engine) (leave func()) {
	ctx, stop := context.WithCancel(ctx)
	changes := engine.Subscribe()
	gone := engine.Attend()
	var group sync.WaitGroup
	group.Go(func() {
		for {
			for _, q := range engine.Questions() {
				a.put(ctx, engine, q)
			}
			select {
			case <-changes.Changed():
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		stop()
		gone()
		group.Wait()
		changes.Close()
	}
}

// put puts one question.
func (a *app) put(ctx context.Context, engine Engine, q job.Question) {
	a.terminal.Lock()
	defer a.terminal.Unlock()
	if ctx.Err() != nil {
		return
	}
	if w := q.Warning(); w != "" {
		fmt.Fprintf(a.Stderr, "%s\n", oneLine(w))
	}
	answer, err := a.readAnswer(ctx, oneLine(strings.TrimRight(q.Text(), ": "))+": ", q.Echo)
	if err != nil {
		if !errors.Is(err, io.EOF) && ctx.Err() == nil {
			fmt.Fprintf(a.Stderr, "brokeforge: read the answer: %s\n", oneLine(err.Error()))
		}
		engine.Decline(q.ID)
		return
	}
	if err := engine.Answer(q.ID, answer); err != nil {
		fmt.Fprintf(a.Stderr, "brokeforge: %s\n", oneLine(err.Error()))
	}
}

// readAnswer prints a prompt and reads a line, which is shown as it is typed only with
// echo. Already while the prompt is printed nothing that is typed is shown. Ctrl+c and
// ctrl+d give io.EOF. The terminal is as it was when it returns.
func (e Env) readAnswer(ctx context.Context, prompt string, echo bool) (answer string, err error) {
	in, ok := e.Stdin.(*os.File)
	if !ok {
		return "", errors.New("there is no terminal")
	}
	fd := int(in.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	line := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{in, e.Stderr}, prompt)
	type result struct {
		text string
		err  error
	}
	// As with ask, a read that is under way can't be taken back.
	given := make(chan result, 1)
	go func() {
		read := line.ReadLine
		if !echo {
			read = func() (string, error) { return line.ReadPassword(prompt) }
		}
		text, err := read()
		given <- result{text, err}
	}()
	select {
	case r := <-given:
		if r.err != nil {
			fmt.Fprint(e.Stderr, "\r\n")
		}
		return r.text, r.err
	case <-ctx.Done():
		fmt.Fprint(e.Stderr, "\r\n")
		return "", ctx.Err()
	}
}
