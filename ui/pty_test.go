package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/term"
	"brokeforge/ui/uitest"
)

// asProgram makes this test binary be the screens.
const asProgram = "BROKEFORGE_UI_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(program(os.Getenv(asProgram)))
	}
	os.Exit(m.Run())
}

// panicking is an engine whose catalog panics, in the event loop.
type panicking struct{ *uitest.Engine }

func (panicking) Catalog() packages.Catalog { panic("no catalog") }

// loadPanics is an engine that panics in the background, when a server is opened.
type loadPanics struct{ *uitest.Engine }

func (loadPanics) RunsOf(store.ID, int) ([]store.Run, error) { panic("no runs") }

func program(how string) int {
	engine := uitest.Scene(time.Now)
	o := Options{Engine: engine, By: "ops", Host: "bastion"}
	switch how {
	case "panic in update":
		o.Engine = panicking{engine}
	case "panic in a command":
		o.Engine = loadPanics{engine}
	}
	err := Run(context.Background(), o)
	var signal *term.SignalError
	var refused *term.RefusedError
	switch {
	case errors.As(err, &signal):
		fmt.Println("ended by", signal.Signal)
		return 3
	case errors.As(err, &refused):
		fmt.Println(err)
		return 2
	case err != nil:
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// terminal is a program at the end of a pty.
type terminal struct {
	t      *testing.T
	cmd    *exec.Cmd
	pty    *os.File
	output bytes.Buffer
}

func inTerminal(t *testing.T, how string) *terminal {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"="+how, "TERM=xterm-256color", "LANG=C.UTF-8", "NO_COLOR=", "SSH_TTY=/dev/null")
	f, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 80})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return &terminal{t: t, cmd: cmd, pty: f}
}

// until reads until a text has come.
func (x *terminal) until(text string) {
	x.t.Helper()
	if err := x.pty.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		x.t.Logf("no deadline for the pty: %v", err)
	}
	buffer := make([]byte, 4096)
	for !strings.Contains(x.output.String(), text) {
		n, err := x.pty.Read(buffer)
		x.output.Write(buffer[:n])
		if err != nil {
			x.t.Fatalf("before %q came: %v\n%q", text, err, x.output.String())
		}
	}
}

// end reads to the end and returns the exit status.
func (x *terminal) end() int {
	x.t.Helper()
	// At the end Linux gives EIO in place of EOF.
	if _, err := io.Copy(&x.output, x.pty); err != nil && !errors.Is(err, syscall.EIO) {
		x.t.Fatalf("read to the end: %v", err)
	}
	var exit *exec.ExitError
	if err := x.cmd.Wait(); err != nil && !errors.As(err, &exit) {
		x.t.Fatal(err)
	}
	return x.cmd.ProcessState.ExitCode()
}

// clean checks that the terminal was left as it was found.
func (x *terminal) clean() {
	x.t.Helper()
	out := x.output.String()
	for _, mode := range []string{"\x1b[?1049", "\x1b[?25"} {
		on, off := strings.LastIndex(out, mode+"h"), strings.LastIndex(out, mode+"l")
		if mode == "\x1b[?25" {
			on, off = off, on
		}
		if off < on {
			x.t.Errorf("the terminal is left with %q", mode)
		}
	}
}

func TestQuitInATerminal(t *testing.T) {
	x := inTerminal(t, "normal")
	x.until("web1")
	if _, err := x.pty.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	x.until("Quit while runs are going on?")
	if _, err := x.pty.WriteString("q"); err != nil {
		t.Fatal(err)
	}
	if code := x.end(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.clean()
	after := x.output.String()[strings.LastIndex(x.output.String(), "\x1b[?1049l"):]
	if !strings.Contains(after, "install php on web2") {
		t.Errorf("after quitting: %q", after)
	}
}

func (x *terminal) types(text string) {
	x.t.Helper()
	if _, err := x.pty.WriteString(text); err != nil {
		x.t.Fatal(err)
	}
}

// TestShellInATerminal leaves out that the size changes meanwhile: Bubble Tea
// then looks at it from two goroutines, which the race detector objects to. The
// test on a real host has that.
func TestShellInATerminal(t *testing.T) {
	x := inTerminal(t, "normal")
	x.until("web1")
	for range 2 { // the screens come back and can do it again
		x.output.Reset()
		x.types("s")
		x.until("Leaving it (exit, ctrl+d) comes back")
		x.until("echo at 80x24")
		x.types("\x03") // is the shell's
		x.until("key 3")
		x.output.Reset()
		x.types("q")
		x.until("has ended")
		x.types("?")
		x.until("open a shell on the server")
		x.output.Reset()
		x.types("\x1b")
		x.until("filter")
	}
	x.types("q")
	x.until("Quit while runs are going on?")
	x.types("q")
	if code := x.end(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	x.clean()
}

// TestASignalEndsAShell ends the program while a shell has the terminal.
func TestASignalEndsAShell(t *testing.T) {
	x := inTerminal(t, "normal")
	x.until("web1")
	x.types("s")
	x.until("echo at 80x24")
	before := x.output.Len()
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if code := x.end(); code != 3 {
		t.Errorf("exit status %d, %q", code, x.output.String()[before:])
	}
	x.clean()
}

func TestSignalsLeaveTheTerminalClean(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT} {
		x := inTerminal(t, "normal")
		x.until("web1")
		if err := x.cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		if code := x.end(); code != 3 || !strings.Contains(x.output.String(), "ended by "+signal.String()) {
			t.Errorf("%v: exit status %d, %q", signal, code, x.output.String())
		}
		x.clean()
	}
}

func TestAPanicLeavesTheTerminalClean(t *testing.T) {
	for how, keys := range map[string]string{"panic in update": ":", "panic in a command": "\r"} {
		x := inTerminal(t, how)
		x.until("web1")
		if _, err := x.pty.WriteString(keys); err != nil {
			t.Fatal(err)
		}
		if code := x.end(); code != 1 {
			t.Errorf("%s: exit status %d", how, code)
		}
		x.clean()
	}
}

func TestAStalledTerminalDoesNotHoldASignalUp(t *testing.T) {
	x := inTerminal(t, "normal")
	x.until("web1")
	// Nobody reads any more: the buffer of the pty fills up.
	for range 400 {
		if _, err := x.pty.WriteString("\x0c"); err != nil {
			t.Fatal(err)
		}
	}
	if err := x.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- x.cmd.Wait() }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = x.cmd.Process.Kill()
		t.Fatal("it did not end")
	}
}

func TestWithoutATerminalOneLine(t *testing.T) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asProgram+"=normal", "TERM=xterm")
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("%v: %q", err, out)
	}
}
