package sshrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// A Terminal is a person's end of a command that [Client.Shell] runs. What it
// prints goes to Out and Err byte for byte, control sequences too.
type Terminal struct {
	In       io.Reader
	Out, Err io.Writer // Err gets nothing where Term is set: a terminal has one output
	// Command is what the login shell runs. Empty means the login shell itself
	// where Term is set, and else sh, which then runs what In holds.
	Command string
	// Term names the kind of terminal, as TERM does. Empty means that the
	// command gets no terminal.
	Term    string
	UTF8    bool                       // characters that are typed are UTF-8
	Size    func() (columns, rows int) // of the terminal; nil means 80 by 24
	Resized <-chan struct{}            // tells that Size has changed; may be nil
}

// An Exit is how a command ended.
type Exit struct {
	Status int    // 128 and the signal's number where a signal ended it
	Signal string // that ended it, such as KILL; empty for none
}

// Shell runs a command, or a shell, for a person, and returns how it ended. When
// ctx ends, the command is hung up on, as when a terminal is closed.
//
// A Read of In may still be going on when it returns: make In one that can be
// ended, where that matters.
//
// Its errors are *LostError when the connection breaks off, *SessionError, that of
// a stream that can't be written to, or that of ctx; what became of the command is
// not known then.
func (c *Client) Shell(ctx context.Context, t Terminal) (Exit, error) {
	session, release, err := c.session(ctx)
	if err != nil {
		return Exit{}, err
	}
	defer release()
	defer session.Close() // does nothing after the command's end
	failed := make(chan error, 2)
	out, errOut := &outlet{w: t.Out, failed: failed}, &outlet{w: t.Err, failed: failed}
	defer out.over.Store(true)
	defer errOut.over.Store(true)
	session.Stdout, session.Stderr = out, errOut
	stdin, err := session.StdinPipe()
	if err != nil {
		return Exit{}, fmt.Errorf("open standard input: %w", err)
	}
	begun := make(chan error, 1)
	done := make(chan error, 1)
	// Close does not wait for it: a terminal that takes no more bytes would hold
	// it up for ever.
	go func() {
		err := begin(session, t)
		begun <- err
		if err == nil {
			done <- session.Wait()
		}
	}()
	select {
	case err = <-begun:
	case <-ctx.Done():
		return Exit{}, ctx.Err()
	}
	switch {
	case err != nil && c.alive() && !errors.Is(err, io.EOF):
		return Exit{}, &SessionError{Name: c.target.Name, Err: err}
	case err != nil:
		_, err = c.ended(err)
		return Exit{}, err
	}
	// Nobody waits for it: only its owner can end a Read.
	go func() {
		_, _ = io.Copy(stdin, t.In) // a command that does not read to the end shows by how it ends
		_ = stdin.Close()
	}()
	return c.attendShell(ctx, session, t, done, failed)
}

// begin starts what a terminal is for.
func begin(session *ssh.Session, t Terminal) error {
	if t.Term != "" {
		columns, rows := t.size()
		// Values of RFC 4254 section 8; the rest is as the server has it.
		modes := ssh.TerminalModes{ssh.ECHO: 1, ssh.VERASE: 0x7f, ssh.TTY_OP_ISPEED: 38400, ssh.TTY_OP_OSPEED: 38400}
		if t.UTF8 {
			modes[ssh.IUTF8] = 1
		}
		if err := session.RequestPty(t.Term, rows, columns, modes); err != nil {
			return fmt.Errorf("ask for a terminal: %w", err)
		}
	}
	switch {
	case t.Command != "":
		return session.Start(t.Command)
	case t.Term != "":
		return session.Shell()
	}
	return session.Start("exec sh")
}

func (t Terminal) size() (columns, rows int) {
	if t.Size != nil {
		columns, rows = t.Size()
	}
	if columns <= 0 || rows <= 0 {
		return 80, 24
	}
	return columns, rows
}

// An outlet writes to one of a person's streams. It reports the first error and
// takes the rest, so that the command's end is not waited for in vain. Unlike a
// [reporter], it can be given up while a Write hangs.
type outlet struct {
	w      io.Writer
	failed chan<- error
	over   atomic.Bool
}

func (o *outlet) Write(p []byte) (int, error) {
	if o.over.Load() {
		return len(p), nil
	}
	if _, err := o.w.Write(p); err != nil && o.over.CompareAndSwap(false, true) {
		o.failed <- err
	}
	return len(p), nil
}

// attendShell passes changes of the size on until the command ends.
func (c *Client) attendShell(ctx context.Context, session *ssh.Session, t Terminal, done, failed <-chan error) (Exit, error) {
	resized := t.Resized
	if t.Term == "" {
		resized = nil
	}
	for {
		select {
		case _, open := <-resized:
			if !open {
				resized = nil
				continue
			}
			columns, rows := t.size()
			_ = session.WindowChange(rows, columns) // if the connection is lost, done tells
		case err := <-done:
			select {
			case err := <-failed:
				return Exit{}, err
			default:
			}
			end, err := c.ended(err)
			return Exit{Status: end.status, Signal: end.signal}, err
		case err := <-failed:
			return Exit{}, err
		case <-ctx.Done():
			_ = session.Signal(ssh.SIGHUP) // and the end of the session closes its terminal
			return Exit{}, ctx.Err()
		}
	}
}
