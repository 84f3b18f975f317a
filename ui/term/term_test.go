package term

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/creack/pty"
)

func TestCheck(t *testing.T) {
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close(); _ = tty.Close() })
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	tests := []struct {
		in, out any
		environ []string
		want    string
	}{
		{tty, tty, []string{"TERM=xterm"}, ""},
		{null, tty, []string{"TERM=xterm"}, "standard input"},
		{tty, &bytes.Buffer{}, []string{"TERM=xterm"}, "standard output"},
		{tty, tty, []string{"TERM=dumb"}, "TERM is dumb"},
		{tty, tty, nil, "TERM is not set"},
	}
	for _, test := range tests {
		err := Check(test.in, test.out, test.environ)
		var refused *RefusedError
		switch {
		case test.want == "" && err != nil:
			t.Errorf("refused: %v", err)
		case test.want != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n")):
			t.Errorf("got %v, want one line with %q", err, test.want)
		}
	}
}

func TestUTF8(t *testing.T) {
	tests := []struct {
		environ []string
		want    bool
	}{
		{[]string{"LANG=en_US.UTF-8"}, true},
		{[]string{"LANG=de_DE.utf8"}, true},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL=C"}, false},
		{[]string{"LANG=C", "LC_CTYPE=C.UTF-8"}, true},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL="}, true},
		{nil, false},
	}
	for _, test := range tests {
		if got := UTF8(test.environ); got != test.want {
			t.Errorf("UTF8(%v) = %v", test.environ, got)
		}
	}
}

func TestGuardCatchesPanics(t *testing.T) {
	g := NewGuard()
	g.Go("a place", func() { panic("oh") })
	g.Go("another", func() { panic("no") })
	g.Wait()
	err := <-g.Failed()
	if len(err.Stack) == 0 || !strings.Contains(err.Error(), "internal error in") {
		t.Errorf("got %v", err)
	}
}
