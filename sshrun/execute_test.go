package sshrun

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestExecute(t *testing.T) {
	c, _ := connect(t, nil)
	for _, tt := range []struct {
		name, text, stdout, stderr string
		status                     int
	}{
		{"both", "echo out; echo err >&2", "out\n", "err\n", 0},
		{"status", "exit 7", "", "", 7},
		{"255", "exit 255", "", "", 255},
		{"empty", "", "", "", 0},
		{"stdin is empty", "cat; echo end", "end\n", "", 0},
		{"comment at the end", "echo a # b", "a\n", "", 0},
		{"backslash at the end", "echo a\\", "a\n", "", 0},
		{"locale", "echo $LC_ALL", "C\n", "", 0},
		{"raw bytes", `printf '\000\377\033'`, "\x00\xff\x1b", "", 0},
		{"no terminal", "test -t 0 || test -t 1 || echo none", "none\n", "", 0},
		{"here-document", "cat <<X\na\nX", "a\n", "", 0},
	} {
		r, err := c.Execute(t.Context(), Script{Text: tt.text})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if string(r.Stdout) != tt.stdout || string(r.Stderr) != tt.stderr || r.Status != tt.status {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}
	r, err := c.Execute(t.Context(), Script{Text: "echo a; if", MaxOutput: 100})
	if err != nil || r.Status == 0 || len(r.Stdout) != 0 {
		t.Errorf("a broken script: %+v, %v", r, err)
	}
}

func TestExecuteIsBounded(t *testing.T) {
	c, _ := connect(t, nil)
	r, err := c.Execute(t.Context(), Script{Text: "yes | head -c 50000000; echo done >&2; exit 3", MaxOutput: 1000})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Stdout) != 1000 || !r.Truncated || r.Status != 3 || string(r.Stderr) != "done\n" {
		t.Errorf("%d bytes, %v, %d", len(r.Stdout), r.Truncated, r.Status)
	}
}

func TestNoiseOfTheLoginShell(t *testing.T) {
	c, _ := connect(t, func(s *server) {
		s.handle = func(command string, ch ssh.Channel) uint32 {
			io.WriteString(ch, strings.Repeat("Welcome!\n", 10000)+"no newline")
			io.WriteString(ch.Stderr(), "stty: not a terminal\n")
			return s.local(command, ch)
		}
	})
	r, err := c.Execute(t.Context(), Script{Text: "echo out; echo err >&2", MaxOutput: 100})
	if err != nil || string(r.Stdout) != "out\n" || string(r.Stderr) != "err\n" || r.Truncated {
		t.Errorf("%q, %q, %v", r.Stdout, r.Stderr, err)
	}
}

func TestLoginShellsThatRunNothing(t *testing.T) {
	c, _ := connect(t, func(s *server) {
		s.handle = func(_ string, ch ssh.Channel) uint32 {
			io.WriteString(ch, "This account is \x1b[1mcurrently not available.\n")
			return 1
		}
	})
	_, err := c.Execute(t.Context(), Script{Text: "echo"})
	var shell *ShellError
	if !errors.As(err, &shell) || shell.Said != "This account is currently not available." || shell.Status != 1 {
		t.Errorf("execute: %v", err)
	}
}

func TestHowACommandEnds(t *testing.T) {
	begun := func(command string, ch ssh.Channel) {
		word := command[:0]
		buf := make([]byte, 64)
		if _, err := io.ReadFull(ch, buf[:len("echo bf-")+26]); err == nil {
			word = string(buf[len("echo "):][:29])
		}
		io.WriteString(ch, word+"\n")
	}
	c, s := connect(t, func(s *server) {
		s.handle = func(command string, ch ssh.Channel) uint32 {
			begun(command, ch)
			ch.SendRequest("exit-signal", false, ssh.Marshal(struct {
				Signal, Message, Language string
				Core                      bool
			}{Signal: "KILL"}))
			return noStatus
		}
	})
	r, err := c.Execute(t.Context(), Script{Text: ":"})
	if err != nil || r.Signal != "KILL" {
		t.Errorf("with a signal: %+v, %v", r, err)
	}
	var lost *LostError
	s.handle = func(command string, ch ssh.Channel) uint32 { begun(command, ch); return noStatus }
	if _, err := c.Execute(t.Context(), Script{Text: ":"}); !errors.As(err, &lost) || !strings.Contains(err.Error(), "did not say how") {
		t.Errorf("without a status: %v", err)
	}
	s.handle = func(command string, ch ssh.Channel) uint32 { begun(command, ch); s.cut(); return 0 }
	if _, err := c.Execute(t.Context(), Script{Text: ":"}); !errors.As(err, &lost) {
		t.Errorf("cut: %v", err)
	}
	if _, err := c.Execute(t.Context(), Script{Text: ":"}); !errors.As(err, &lost) {
		t.Errorf("on a dead connection: %v", err)
	}
}

func TestExecuteEndsWithItsContext(t *testing.T) {
	c, s := connect(t, nil)
	started := make(chan struct{})
	release := make(chan struct{})
	local := s.handle
	s.handle = func(string, ssh.Channel) uint32 { close(started); <-release; return 0 }
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-started; cancel() }()
	if _, err := c.Execute(ctx, Script{Text: ":"}); !errors.Is(err, context.Canceled) {
		t.Errorf("execute: %v", err)
	}
	s.handle = local
	if r, err := c.Execute(t.Context(), Script{Text: "echo on"}); err != nil || string(r.Stdout) != "on\n" {
		t.Errorf("afterwards: %v", err)
	}
	close(release)
}

func TestBecome(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{
		"id":   "#!/bin/sh\necho 1000\n",
		"sudo": "#!/bin/sh\n[ \"$1\" = -n ] || exit 9\nshift\nexec \"$@\"\n",
	} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s := newServer(t, func(s *server) { s.path = bin + ":" + os.Getenv("PATH") })
	target := s.target()
	target.User = "deploy"
	c, err := newPool(t, nil).Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Execute(t.Context(), Script{Text: "echo as root", Become: true})
	if err != nil || string(r.Stdout) != "as root\n" {
		t.Errorf("%+v, %v", r, err)
	}
	var marks []Mark
	if err := c.Ship(t.Context(), Shipment{RunID: "become-" + strings.ToLower(newToken()), Nonce: testNonce, Steps: []Step{run("echo x")}}, func(m Mark) error {
		marks = append(marks, m)
		return nil
	}); err != nil || tell(marks) != `begin 0, "x", end 0=0, finish 0` {
		t.Errorf("ship: %v, %s", err, tell(marks))
	}
	if err := os.WriteFile(filepath.Join(bin, "sudo"), []byte("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = c.Execute(t.Context(), Script{Text: ":", Become: true})
	var become *BecomeError
	if !errors.As(err, &become) || !strings.Contains(err.Error(), "user deploy on web1 is not root and may not use sudo without a password") {
		t.Errorf("with a password: %v", err)
	}
	if err := os.Remove(filepath.Join(bin, "sudo")); err != nil {
		t.Fatal(err)
	}
	_, err = c.Execute(t.Context(), Script{Text: ":", Become: true})
	if !errors.As(err, &become) || !strings.Contains(err.Error(), "sudo is not installed") {
		t.Errorf("without sudo: %v", err)
	}
	err = c.Ship(t.Context(), Shipment{RunID: "x", Nonce: testNonce}, func(Mark) error { return nil })
	if !errors.As(err, &become) {
		t.Errorf("ship without sudo: %v", err)
	}
}

func TestFewSessions(t *testing.T) {
	for _, sessions := range []int{1, 2} {
		c, s := connect(t, func(s *server) { s.sessions = sessions })
		release := make(chan struct{})
		started := make(chan struct{}, 1)
		var once sync.Once
		s.handle = func(command string, ch ssh.Channel) uint32 {
			first := false
			once.Do(func() { first = true })
			if first {
				started <- struct{}{}
				<-release
			}
			return s.local(command, ch)
		}
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Execute(t.Context(), Script{Text: "echo"}); err != nil {
				t.Error(err)
			}
		})
		<-started
		for range 6 {
			wg.Go(func() {
				r, err := c.Execute(t.Context(), Script{Text: "echo ok"})
				if err != nil || string(r.Stdout) != "ok\n" {
					t.Error(err)
				}
			})
		}
		// One command never ends, yet others get through.
		if _, err := c.Execute(t.Context(), Script{Text: "echo"}); err != nil {
			t.Error(err)
		}
		close(release)
		wg.Wait()
		if n := s.loginCount(); n > 1+maxExtras {
			t.Errorf("%d logins", n)
		}
	}
}

func TestNoSessionsAtAll(t *testing.T) {
	c, _ := connect(t, func(s *server) { s.sessions = -1 })
	_, err := c.Execute(t.Context(), Script{Text: ":"})
	var session *SessionError
	if !errors.As(err, &session) {
		t.Errorf("execute: %v", err)
	}
}

func TestAFrozenServerIsNoticed(t *testing.T) {
	s := newServer(t, nil)
	// The relay is there and says nothing more, as a server that is switched off.
	frozen := make(chan struct{})
	target := raw(t, func(conn net.Conn) {
		to, err := net.Dial("tcp", s.listener.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		defer to.Close()
		done := make(chan struct{}, 2)
		pass := func(dst, src net.Conn) {
			buf := make([]byte, 4096)
			for {
				n, err := src.Read(buf)
				if err != nil {
					break
				}
				select {
				case <-frozen:
					continue
				default:
				}
				if _, err := dst.Write(buf[:n]); err != nil {
					break
				}
			}
			done <- struct{}{}
		}
		go pass(to, conn)
		go pass(conn, to)
		<-done
		to.Close()
		conn.Close()
		<-done
	})
	target.KeyFile, target.AcceptNew = s.clientKey, true
	p := newPool(t, func(o *Options) { o.KeepAlive, o.DeadAfter = 20*time.Millisecond, 200*time.Millisecond })
	c, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	release := make(chan struct{})
	s.handle = func(string, ssh.Channel) uint32 { close(started); <-release; return 0 }
	go func() { <-started; close(frozen) }()
	_, err = c.Execute(t.Context(), Script{Text: ":"})
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "no answer for 200ms") {
		t.Errorf("execute: %v", err)
	}
	close(release)
}
