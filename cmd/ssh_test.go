package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/term"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestSSHCommand(t *testing.T) {
	for _, tt := range []struct {
		args    []string
		command string
		status  int
	}{
		{[]string{"ssh", "web1"}, "", 0},
		{[]string{"ssh", "web1", "uptime"}, "uptime", 0},
		{[]string{"ssh", "web1", "--", "exit 7"}, "exit 7", 7},
		{[]string{"ssh", "web1", "a | b; $(c)"}, "a | b; $(c)", 0},
		{[]string{"ssh", "web1", "ls", "-la", "a b", "$(id)"}, "ls -la 'a b' '$(id)'", 137},
	} {
		e := newEngine("web1")
		var got job.Terminal
		e.shell = func(_ context.Context, end job.Terminal) (int, error) {
			got = end
			text, err := io.ReadAll(end.In)
			if err != nil {
				return 0, err
			}
			fmt.Fprintf(end.Out, "%s", text)
			fmt.Fprint(end.Err, "err")
			return tt.status, nil
		}
		w := newWorld(t, e)
		w.Stdin = strings.NewReader("raw \x1b[2J\x00")
		w.run(t, tt.status, tt.args...)
		if got.Command != tt.command || got.Term != "" {
			t.Errorf("%q runs %q on the terminal %q", tt.args, got.Command, got.Term)
		}
		if w.out.String() != "raw \x1b[2J\x00" || w.errs.String() != "err" {
			t.Errorf("%q prints %q and %q", tt.args, &w.out, &w.errs)
		}
		if !w.released || e.recovered {
			t.Error("the state folder is kept, or runs were taken up")
		}
	}
}

func TestSSHThatFails(t *testing.T) {
	lost := &job.ReachError{Server: "web1", Err: errors.New("the connection to web1 is lost: cut")}
	for _, tt := range []struct {
		args         []string
		open, during error
		status       int
		said         string
	}{
		{[]string{"ssh", "web1"}, lost, nil, StatusUnreached, "is lost"},
		{[]string{"ssh", "web1"}, nil, lost, StatusUnreached, "is lost"},
		{[]string{"ssh", "web1"}, unknownKey(job.NewServer{Name: "web1"}), nil, StatusUnreached, fingerprint},
		{[]string{"ssh", "web2"}, nil, nil, StatusRefused, "no server"},
		{[]string{"ssh"}, nil, nil, StatusRefused, "NAME is missing"},
		{[]string{"ssh", "-t", "web1"}, nil, nil, StatusRefused, "no terminal"},
		{[]string{"ssh", "--json", "web1"}, nil, nil, StatusRefused, "no --json"},
	} {
		e := newEngine("web1")
		e.shellErr = tt.open
		e.shell = func(context.Context, job.Terminal) (int, error) { return 0, tt.during }
		w := newWorld(t, e)
		w.run(t, tt.status, tt.args...)
		holds(t, "stderr", w.errs.String(), tt.said)
	}
}

// onTerminal has a command work on a terminal of 120 by 40.
func onTerminal(t *testing.T, w *world) *terminal {
	t.Helper()
	p := newTerminal(t)
	if err := pty.Setsize(p.ours, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	w.Stdin, w.Stdout, w.Stderr = p.theirs, p.theirs, p.theirs
	w.environment["TERM"] = "xterm"
	return p
}

func TestSSHOnATerminal(t *testing.T) {
	for _, args := range [][]string{{"ssh", "web1"}, {"ssh", "-t", "web1", "top"}} {
		e := newEngine("web1")
		w := newWorld(t, e)
		p := onTerminal(t, w)
		before, err := term.GetState(int(p.theirs.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		e.shell = func(_ context.Context, end job.Terminal) (int, error) {
			columns, rows := end.Size()
			fmt.Fprintf(end.Out, "%s %dx%d\r\n", end.Term, columns, rows)
			key := make([]byte, 1)
			if _, err := end.In.Read(key); err != nil {
				return 0, err
			}
			if err := pty.Setsize(p.ours, &pty.Winsize{Rows: 50, Cols: 132}); err != nil {
				return 0, err
			}
			// The kernel tells only the processes whose terminal it is.
			if err := syscall.Kill(syscall.Getpid(), syscall.SIGWINCH); err != nil {
				return 0, err
			}
			<-end.Resized
			columns, rows = end.Size()
			fmt.Fprintf(end.Out, "key %d then %dx%d\r\n", key[0], columns, rows)
			return 5, nil
		}
		status := make(chan int, 1)
		go func() { status <- run(t.Context(), args, w.Env) }()
		p.await(t, "xterm 120x40")
		if _, err := p.ours.WriteString("\x03"); err != nil {
			t.Fatal(err)
		}
		p.await(t, "key 3 then 132x50")
		if got := <-status; got != 5 {
			t.Errorf("%q ends with %d", args, got)
		}
		after, err := term.GetState(int(p.theirs.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if *after != *before {
			t.Errorf("%q leaves the terminal changed", args)
		}
	}
}

// The terminal must be usable again however the shell ends.
func TestSSHBringsTheTerminalBack(t *testing.T) {
	for name, shell := range map[string]job.Shell{
		"lost": func(context.Context, job.Terminal) (int, error) {
			return 0, &job.ReachError{Server: "web1", Err: store.ErrClosed}
		},
		"panic": func(context.Context, job.Terminal) (int, error) { panic("oh") },
		"signal": func(ctx context.Context, end job.Terminal) (int, error) {
			fmt.Fprint(end.Out, "here")
			<-ctx.Done()
			return 0, ctx.Err()
		},
	} {
		e := newEngine("web1")
		e.shell = shell
		w := newWorld(t, e)
		p := onTerminal(t, w)
		before, err := term.GetState(int(p.theirs.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cut := context.WithCancelCause(t.Context())
		status := make(chan int, 1)
		go func() {
			defer func() {
				if recover() != nil {
					status <- -1
				}
			}()
			status <- run(ctx, []string{"ssh", "web1"}, w.Env)
		}()
		if name == "signal" {
			p.await(t, "here")
			cut(&SignalError{syscall.SIGTERM})
		}
		want := map[string]int{"lost": StatusUnreached, "panic": -1, "signal": 143}[name]
		if got := <-status; got != want {
			t.Errorf("%s: exit status %d, want %d", name, got, want)
		}
		cut(nil)
		after, err := term.GetState(int(p.theirs.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if *after != *before {
			t.Errorf("%s: the terminal is left changed", name)
		}
	}
}
