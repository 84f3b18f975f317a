package sshrun

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/crypto/ssh"
)

// Where sudo is not to be used, nothing that needs root is sent.
func TestNoBecome(t *testing.T) {
	var commands atomic.Int32
	s := newServer(t, func(s *server) {
		local := s.handle
		s.handle = func(command string, ch ssh.Channel) uint32 {
			commands.Add(1)
			return local(command, ch)
		}
	})
	p := newPool(t, nil)
	target := s.target()
	target.User, target.NoBecome = "deploy", "the credential ops says so"
	c, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	refuses := func(what string, err error) {
		t.Helper()
		var become *BecomeError
		want := "user deploy on web1 is not root, and the credential ops says so: log in as root, or change that"
		if !errors.As(err, &become) || become.Problem != SudoUnwanted || err.Error() != want {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = c.Execute(t.Context(), Script{Text: ":", Become: true})
	refuses("execute", err)
	_, err = c.Stream(t.Context(), Script{Text: ":", Become: true}, func(string) error { return nil })
	refuses("stream", err)
	refuses("ship", c.Ship(t.Context(), Shipment{RunID: "nobecome", Nonce: testNonce, Steps: []Step{run(":")}}, func(Mark) error { return nil }))
	if n := commands.Load(); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
	if r, err := c.Execute(t.Context(), Script{Text: "echo as it is"}); err != nil || string(r.Stdout) != "as it is\n" {
		t.Errorf("without root: %+v, %v", r, err)
	}
	target.NoBecome = ""
	if other, err := p.Connect(t.Context(), target); err != nil || other == c {
		t.Errorf("a target that may become root shares the connection, or %v", err)
	}
	target.User, target.NoBecome = "root", "the credential ops says so"
	root, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := root.Execute(t.Context(), Script{Text: "echo as root", Become: true}); err != nil || !strings.Contains(string(r.Stdout), "as root") {
		t.Errorf("root itself: %+v, %v", r, err)
	}
}
