package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
)

// tty is a session with a terminal, as sshd serves one: it says what is asked
// of it, a line each, and ends as it is told to.
type tty struct {
	ssh.Channel
	server *server
}

// serveTerminal makes a server whose sessions are ttys.
func serveTerminal(s *server) {
	s.attend = func(c ssh.NewChannel) {
		ch, requests, err := c.Accept()
		if err != nil {
			return
		}
		defer ch.Close()
		t := &tty{ch, s}
		ended := make(chan struct{})
		for r := range requests {
			t.answer(r, ended)
			select {
			case <-ended:
				return
			default:
			}
		}
	}
}

func (t *tty) answer(r *ssh.Request, ended chan struct{}) {
	var pty struct {
		Term                         string
		Columns, Rows, Width, Height uint32
		Modes                        string
	}
	var size struct{ Columns, Rows, Width, Height uint32 }
	var text struct{ Text string }
	switch r.Type {
	case "pty-req":
		if err := ssh.Unmarshal(r.Payload, &pty); err != nil {
			t.server.t.Error(err)
		}
		fmt.Fprintf(t, "pty %s %dx%d utf8 %v\n", pty.Term, pty.Columns, pty.Rows, strings.Contains(pty.Modes, string([]byte{ssh.IUTF8, 0, 0, 0, 1})))
	case "window-change":
		if err := ssh.Unmarshal(r.Payload, &size); err != nil {
			t.server.t.Error(err)
		}
		fmt.Fprintf(t, "size %dx%d\n", size.Columns, size.Rows)
	case "signal":
		if err := ssh.Unmarshal(r.Payload, &text); err != nil {
			t.server.t.Error(err)
		}
		t.end("exit-signal", ssh.Marshal(struct {
			Signal      string
			Core        bool
			Error, Lang string
		}{text.Text, false, "", ""}))
		close(ended)
	case "shell", "exec":
		fmt.Fprintln(t, r.Type)
		t.server.wg.Go(t.listen)
	}
	if r.WantReply {
		r.Reply(true, nil)
	}
}

// listen does what is typed.
func (t *tty) listen() {
	buffer := make([]byte, 100)
	for {
		n, err := t.Read(buffer)
		if err != nil {
			return
		}
		switch typed := string(buffer[:n]); typed {
		case "exit":
			t.end("exit-status", ssh.Marshal(struct{ Status uint32 }{9}))
			t.Close()
			return
		case "killed":
			t.end("exit-signal", ssh.Marshal(struct {
				Signal      string
				Core        bool
				Error, Lang string
			}{"KILL", false, "", ""}))
			t.Close()
			return
		case "cut":
			t.server.cut()
			return
		default:
			fmt.Fprintf(t, "typed %q\n", typed)
		}
	}
}

func (t *tty) end(how string, payload []byte) { t.SendRequest(how, false, payload) }

// person is somebody at a terminal.
type person struct {
	t     *testing.T
	keys  *io.PipeWriter
	in    *io.PipeReader
	mu    sync.Mutex
	seen  bytes.Buffer
	grew  chan struct{}
	size  [2]int
	moved chan struct{}
}

func newPerson(t *testing.T) *person {
	p := &person{t: t, grew: make(chan struct{}, 100), size: [2]int{100, 30}, moved: make(chan struct{})}
	p.in, p.keys = io.Pipe()
	t.Cleanup(func() { p.in.Close() })
	return p
}

func (p *person) Write(b []byte) (int, error) {
	p.mu.Lock()
	p.seen.Write(b)
	p.mu.Unlock()
	p.grew <- struct{}{}
	return len(b), nil
}

func (p *person) terminal() Terminal {
	return Terminal{In: p.in, Out: p, Err: p, Term: "xterm", UTF8: true, Resized: p.moved, Size: func() (int, int) {
		p.mu.Lock()
		defer p.mu.Unlock()
		return p.size[0], p.size[1]
	}}
}

func (p *person) types(text string) {
	p.t.Helper()
	if _, err := io.WriteString(p.keys, text); err != nil {
		p.t.Fatal(err)
	}
}

func (p *person) resizes(columns, rows int) {
	p.mu.Lock()
	p.size = [2]int{columns, rows}
	p.mu.Unlock()
	p.moved <- struct{}{}
}

// sees waits until a text was shown.
func (p *person) sees(text string) {
	p.t.Helper()
	for {
		p.mu.Lock()
		seen := p.seen.String()
		p.mu.Unlock()
		if strings.Contains(seen, text) {
			return
		}
		select {
		case <-p.grew:
		case <-p.t.Context().Done():
			p.t.Fatalf("%q was not shown: %q", text, seen)
		}
	}
}

type shellEnd struct {
	exit Exit
	err  error
}

// sits puts a person in front of a shell.
func (p *person) sits(ctx context.Context, c *Client) <-chan shellEnd {
	end := make(chan shellEnd, 1)
	go func() {
		exit, err := c.Shell(ctx, p.terminal())
		end <- shellEnd{exit, err}
	}()
	return end
}

func TestShellOnATerminal(t *testing.T) {
	c, _ := connect(t, serveTerminal)
	p := newPerson(t)
	end := p.sits(t.Context(), c)
	p.sees("pty xterm 100x30 utf8 true\nshell\n")
	p.types("hello")
	p.sees(`typed "hello"`)
	p.resizes(132, 50)
	p.sees("size 132x50")
	p.types("exit")
	if got := <-end; got.err != nil || got.exit != (Exit{Status: 9}) {
		t.Errorf("ended with %+v", got)
	}
	// The connection is there for others.
	p = newPerson(t)
	end = p.sits(t.Context(), c)
	p.sees("shell")
	p.types("killed")
	if got := <-end; got.err != nil || got.exit != (Exit{Status: 137, Signal: "KILL"}) {
		t.Errorf("killed it ended with %+v", got)
	}
}

func TestShellWhenTheConnectionBreaksOff(t *testing.T) {
	c, _ := connect(t, serveTerminal)
	p := newPerson(t)
	end := p.sits(t.Context(), c)
	p.sees("shell")
	p.types("cut")
	var lost *LostError
	if got := <-end; !errors.As(got.err, &lost) {
		t.Errorf("ended with %+v", got)
	}
}

func TestShellEndsWithItsContext(t *testing.T) {
	c, _ := connect(t, serveTerminal)
	p := newPerson(t)
	ctx, stop := context.WithCancel(t.Context())
	end := p.sits(ctx, c)
	p.sees("shell")
	stop()
	if got := <-end; !errors.Is(got.err, context.Canceled) {
		t.Errorf("ended with %+v", got)
	}
}

// stalled is a terminal that takes no more bytes.
type stalled struct {
	reached, let chan struct{}
	once         sync.Once
}

func (s *stalled) Write(p []byte) (int, error) {
	s.once.Do(func() { close(s.reached) })
	<-s.let
	return len(p), nil
}

func TestAStalledTerminalHoldsNothingUp(t *testing.T) {
	c, _ := connect(t, serveTerminal)
	p := newPerson(t)
	s := &stalled{reached: make(chan struct{}), let: make(chan struct{})}
	term := p.terminal()
	term.Out = s
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		_, err := c.Shell(ctx, term)
		ended <- err
	}()
	<-s.reached
	stop()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	c.Close()
	close(s.let)
}

func TestShellWithoutATerminal(t *testing.T) {
	c, _ := connect(t, nil)
	data := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{1})
	if _, err := random.Read(data); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		command, in, out, err string
		status                int
	}{
		{"cat", string(data), string(data), "", 0},
		{"cat >&2; exit 7", "x\r\n\x1b", "", "x\r\n\x1b", 7},
		{"", "echo $((6 * 7)); exit 3\n", "42\n", "", 3},
		{"true", "more than it reads", "", "", 0},
	} {
		var out, errOut bytes.Buffer
		exit, err := c.Shell(t.Context(), Terminal{In: strings.NewReader(tt.in), Out: &out, Err: &errOut, Command: tt.command})
		if err != nil || exit.Status != tt.status {
			t.Errorf("%q: %+v, %v", tt.command, exit, err)
		}
		if out.String() != tt.out || errOut.String() != tt.err {
			t.Errorf("%q prints %d and %d bytes, not what it should", tt.command, out.Len(), errOut.Len())
		}
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestShellWhoseOutputNobodyTakes(t *testing.T) {
	c, _ := connect(t, nil)
	_, err := c.Shell(t.Context(), Terminal{In: strings.NewReader(""), Out: failing{}, Err: io.Discard, Command: "yes"})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestShellThatTheServerRefuses(t *testing.T) {
	c, _ := connect(t, nil) // this server knows no terminals
	var refused *SessionError
	if _, err := c.Shell(t.Context(), newPerson(t).terminal()); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}
