package term

import (
	"bytes"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/term"
)

func TestAttach(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close(); _ = tty.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 40, Cols: 120}); err != nil {
		t.Fatal(err)
	}
	before, err := term.GetState(int(tty.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the terminal can be given over again
		giveOver(t, master, tty)
		after, err := term.GetState(int(tty.Fd()))
		if err != nil {
			t.Fatal(err)
		}
		if *after != *before {
			t.Error("the terminal is not as it was")
		}
	}
	if _, err := Attach(tty, &bytes.Buffer{}); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("without a terminal: %v", err)
	}
}

// giveOver gives a terminal over, uses it and takes it back.
func giveOver(t *testing.T, master, tty *os.File) {
	t.Helper()
	a, err := Attach(tty, tty)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := master.WriteString("a\x03\r"); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for len(got) < 3 {
		buffer := make([]byte, 10)
		n, err := a.Read(buffer)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, buffer[:n]...)
	}
	if string(got) != "a\x03\r" {
		t.Errorf("read %q", got)
	}
	if w, h := a.Size(); w != 120 || h != 40 {
		t.Errorf("the size is %dx%d", w, h)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGWINCH); err != nil {
		t.Fatal(err)
	}
	<-a.Resized()
	ended := make(chan error, 1)
	go func() {
		_, err := a.Read(make([]byte, 1))
		ended <- err
	}()
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; !errors.Is(err, io.EOF) {
		t.Errorf("a read that was going on ended with %v", err)
	}
	if _, err := a.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("a read after it ended with %v", err)
	}
}
