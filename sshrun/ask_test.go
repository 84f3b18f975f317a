package sshrun

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// An answerer answers in order, and remembers what it was asked.
type answerer struct {
	mu      sync.Mutex
	answers []string
	asked   []Question
	hold    chan struct{} // an answer waits for it; nil for none
}

func (a *answerer) Ask(ctx context.Context, q Question) (string, error) {
	a.mu.Lock()
	a.asked = append(a.asked, q)
	n := len(a.asked)
	hold := a.hold
	a.mu.Unlock()
	if hold != nil {
		select {
		case <-hold:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
	if n > len(a.answers) {
		return "", ErrDeclined
	}
	return a.answers[n-1], nil
}

func (a *answerer) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.asked)
}

func asking(t *testing.T, a *answerer, change func(*Options)) *Pool {
	return newPool(t, func(o *Options) {
		o.Asker = a
		if change != nil {
			change(o)
		}
	})
}

// locked is a server that takes an encrypted key.
func locked(t *testing.T) (*server, Target) {
	file, public := writeKey(t, "open sesame")
	s := newServer(t, func(s *server) {
		s.config.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if string(key.Marshal()) != string(public.Marshal()) {
				return nil, errors.New("another key")
			}
			return nil, nil
		}
	})
	target := s.target()
	target.KeyFile = file
	return s, target
}

func TestPassphraseIsAskedForOnce(t *testing.T) {
	_, target := locked(t)
	a := &answerer{answers: []string{"wrong", "open sesame"}}
	p := asking(t, a, nil)
	var wg sync.WaitGroup
	for range 5 {
		wg.Go(func() {
			c, err := p.Dial(t.Context(), target)
			if err != nil {
				t.Error(err)
				return
			}
			c.Close()
		})
	}
	wg.Wait()
	if a.count() != 2 || a.asked[0].Kind != Passphrase || a.asked[0].KeyFile != target.KeyFile || a.asked[0].Server != "web1" || a.asked[1].Wrong != 1 {
		t.Errorf("asked %+v", a.asked)
	}
}

func TestPassphraseTrouble(t *testing.T) {
	s, target := locked(t)
	a := &answerer{answers: []string{"a", "b", "c", "open sesame"}}
	_, err := asking(t, a, nil).Connect(t.Context(), target)
	var keyFile *KeyFileError
	if !errors.As(err, &keyFile) || !strings.Contains(err.Error(), "3 passphrases were wrong") || a.count() != 3 {
		t.Errorf("wrong ones: %v, asked %d times", err, a.count())
	}
	_, err = asking(t, &answerer{}, nil).Connect(t.Context(), target)
	if !errors.As(err, &keyFile) || !errors.Is(err, ErrDeclined) || !strings.Contains(err.Error(), "ssh-add") {
		t.Errorf("declined: %v", err)
	}
	// A key that the server would not take is not asked for.
	foreign, _ := writeKey(t, "x")
	target.KeyFile = foreign
	a = &answerer{answers: []string{"x"}}
	var login *LoginError
	if _, err = asking(t, a, nil).Connect(t.Context(), target); !errors.As(err, &login) || a.count() > 0 {
		t.Errorf("a key that is of no use: %v, asked %d times", err, a.count())
	}
	if s.loginCount() > 0 {
		t.Error("there was a login")
	}
	a = &answerer{hold: make(chan struct{})}
	_, target = locked(t)
	ctx, cancel := context.WithCancel(t.Context())
	p := asking(t, a, nil)
	go func() {
		for a.count() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := p.Connect(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
}

// withPassword makes a server take a password, that of right.
func withPassword(right string) func(*server) {
	return func(s *server) {
		s.config.PasswordCallback = func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if string(given) != right {
				return nil, errors.New("wrong")
			}
			return nil, nil
		}
	}
}

func TestPassword(t *testing.T) {
	right := "s3cret"
	s := newServer(t, func(s *server) {
		s.config.PasswordCallback = func(_ ssh.ConnMetadata, given []byte) (*ssh.Permissions, error) {
			if string(given) != right {
				return nil, errors.New("wrong")
			}
			return nil, nil
		}
	})
	target := s.target()
	target.KeyFile, _ = writeKey(t, "")
	a := &answerer{answers: []string{"no", "s3cret", "new one"}}
	p := asking(t, a, nil)
	c, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if a.count() != 2 || a.asked[0].Kind != Password || a.asked[0].Echo || a.asked[0].User != "root" || a.asked[1].Wrong != 1 {
		t.Errorf("asked %+v", a.asked)
	}
	// It is remembered for the next connection, and forgotten when it is refused.
	s.cut()
	<-c.gone
	if _, err := p.Connect(t.Context(), target); err != nil || a.count() != 2 {
		t.Errorf("again: %v, asked %d times", err, a.count())
	}
	right = "new one"
	if d, err := p.Dial(t.Context(), target); err != nil || a.count() != 3 || a.asked[2].Wrong != 1 {
		t.Errorf("after a change: %v, asked %+v", err, a.asked)
	} else {
		d.Close()
	}

	var login *LoginError
	_, err = asking(t, &answerer{answers: []string{"a", "b", "c", "d"}}, nil).Connect(t.Context(), target)
	if !errors.As(err, &login) || login.Wrong != 3 || !strings.Contains(err.Error(), "3 passwords that are wrong") || !strings.Contains(err.Error(), "it takes password, publickey") {
		t.Errorf("wrong ones: %v", err)
	}
	for _, bad := range []string{"a", "b", "s3cret"} {
		if strings.Contains(err.Error(), "\""+bad+"\"") {
			t.Errorf("the error holds an answer: %v", err)
		}
	}
	_, err = newPool(t, nil).Connect(t.Context(), target)
	if !errors.As(err, &login) || !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "needs a password, and there is nobody to ask") {
		t.Errorf("with nobody to ask: %v", err)
	}
	_, err = asking(t, &answerer{}, nil).Connect(t.Context(), target)
	if !errors.As(err, &login) || !errors.Is(err, ErrDeclined) {
		t.Errorf("declined: %v", err)
	}
}

// TestPasswordAfterManyKeys holds down that a server which hangs up after six
// failures is not tried more often on one connection.
func TestPasswordAfterManyKeys(t *testing.T) {
	s := newServer(t, func(s *server) {
		withPassword("s3cret")(s)
		s.config.MaxAuthTries = 6
	})
	socket := keyring(t, 12)
	target := s.target()
	target.KeyFile = ""
	a := &answerer{answers: []string{"a", "b", "s3cret"}}
	c, err := asking(t, a, func(o *Options) { o.AgentSocket = socket }).Dial(t.Context(), target)
	if err != nil {
		t.Fatalf("%v, asked %+v", err, a.asked)
	}
	c.Close()
}

func TestKeyboardInteractive(t *testing.T) {
	s := newServer(t, func(s *server) {
		s.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			got, err := ask("", "", []string{"Password: "}, []bool{false})
			if err != nil || got[0] != "s3cret" {
				return nil, errors.New("wrong")
			}
			if got, err = ask("Token", "for \x1b[2Jroot", []string{"Code: "}, []bool{true}); err != nil || got[0] != "123456" {
				return nil, errors.New("wrong")
			}
			_, err = ask("", "welcome", nil, nil)
			return nil, err
		}
	})
	target := s.target()
	target.KeyFile, _ = writeKey(t, "")
	a := &answerer{answers: []string{"s3cret", "123456", "654321"}}
	p := asking(t, a, nil)
	c, err := p.Dial(t.Context(), target)
	if err != nil {
		t.Fatalf("%v, asked %+v", err, a.asked)
	}
	c.Close()
	want := Question{Kind: Prompt, Server: "web1", User: "root", Prompt: "Token for root Code:", Echo: true}
	if a.asked[0].Kind != Password || a.asked[1] != want {
		t.Errorf("asked %+v", a.asked)
	}
	endless := newServer(t, func(s *server) {
		s.config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			for {
				if _, err := ask("", "", make([]string, 1000), make([]bool, 1000)); err != nil {
					return nil, err
				}
			}
		}
	})
	target = endless.target()
	target.KeyFile, _ = writeKey(t, "")
	var login *LoginError
	if _, err := p.Connect(t.Context(), target); !errors.As(err, &login) || !strings.Contains(err.Error(), "asks too much") {
		t.Errorf("a thousand questions: %v", err)
	}
}

func TestKeyAndPassword(t *testing.T) {
	s := newServer(t, func(s *server) {
		take := s.config.PublicKeyCallback
		s.config.PublicKeyCallback = func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			if _, err := take(c, key); err != nil {
				return nil, err
			}
			next := &server{}
			withPassword("s3cret")(next)
			return nil, &ssh.PartialSuccessError{Next: ssh.ServerAuthCallbacks{PasswordCallback: next.config.PasswordCallback}}
		}
	})
	a := &answerer{answers: []string{"no", "s3cret"}}
	c, err := asking(t, a, nil).Dial(t.Context(), s.target())
	if err != nil {
		t.Fatalf("%v, asked %+v", err, a.asked)
	}
	c.Close()
}
