package cmd

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a pseudo-terminal that a command works on.
type terminal struct {
	ours, theirs *os.File
	mu           sync.Mutex
	shown        bytes.Buffer
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	ours, theirs, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{ours: ours, theirs: theirs}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := ours.Read(buf)
			term.mu.Lock()
			term.shown.Write(buf[:n])
			term.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		theirs.Close()
		ours.Close()
		<-done
	})
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.String()
}

// await polls until the terminal shows the text.
func (term *terminal) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(term.text(), text) {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("the terminal never showed %q, but:\n%s", text, term.text())
		}
	}
}

// awaitNoEcho polls until the terminal does not show what is typed.
func (term *terminal) awaitNoEcho(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		stty := exec.Command("stty", "-a")
		stty.Stdin = term.theirs
		out, err := stty.Output()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(out), " -echo ") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the terminal still shows what is typed:\n%s", out)
		}
	}
}

// runOnTerminal runs a command, gives the answer when the question is asked,
// and returns the exit status.
func runOnTerminal(t *testing.T, w *world, question, answer string, args ...string) int {
	t.Helper()
	term := newTerminal(t)
	w.Stdin, w.Stderr = term.theirs, term.theirs
	status := make(chan int, 1)
	go func() { status <- run(t.Context(), args, w.Env) }()
	term.await(t, question)
	if _, err := term.ours.WriteString(answer); err != nil {
		t.Fatal(err)
	}
	select {
	case s := <-status:
		return s
	case <-time.After(10 * time.Second):
		t.Fatalf("the command did not end; the terminal shows:\n%s", term.text())
	}
	return 0
}

func TestConfirmation(t *testing.T) {
	for _, tt := range []struct {
		name, answer string
		want         int
		started      int
	}{
		{"y", "y\n", StatusDone, 2},
		{"yes", "YES\n", StatusDone, 2},
		{"enter", "\n", StatusRefused, 0},
		{"no", "no\n", StatusRefused, 0},
		{"something", "sure\n", StatusRefused, 0},
		{"end of input", "\x04", StatusRefused, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine("web1", "web2")
			e.frames["web1"], e.frames["web2"] = goodRun("web1"), goodRun("web2")
			w := newWorld(t, e)
			got := runOnTerminal(t, w, "Run this on 2 servers? [y/N]", tt.answer, "install", "nginx", "--on", "web1,web2")
			if got != tt.want || len(e.started) != tt.started {
				t.Errorf("exit status %d, started on %q", got, e.started)
			}
			holds(t, "stdout", w.out.String(), "apt-get install nginx")
		})
	}
}

func TestHostKeyQuestion(t *testing.T) {
	for _, tt := range []struct {
		answer string
		want   int
		tries  int
	}{{"y\n", StatusDone, 2}, {"n\n", StatusUnreached, 1}} {
		e := newEngine()
		e.add = asks
		w := newWorld(t, e)
		got := runOnTerminal(t, w, "Is this the key of web1? [y/N]", tt.answer, "server", "add", "web1", "192.0.2.9")
		if got != tt.want || len(e.added) != tt.tries {
			t.Errorf("answer %q: exit status %d after %d tries", tt.answer, got, len(e.added))
		}
		if tt.tries == 2 && e.added[1].Accept != fingerprint {
			t.Errorf("accepted %q", e.added[1].Accept)
		}
	}
}

func TestPreviewNeedsNoAnswer(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	term := newTerminal(t)
	w.Stdin, w.Stderr = term.theirs, term.theirs
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview")
	if len(e.started) > 0 {
		t.Error("a preview has started something")
	}
}
