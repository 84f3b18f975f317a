package sshrun

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/crypto/ssh"
)

// An Asker asks a person.
type Asker interface {
	// Ask returns the answer to a question. Its error is ErrNobody where there is
	// nobody to ask, ErrDeclined where no answer is given, or that of ctx, with
	// whose end the question is void.
	Ask(ctx context.Context, q Question) (string, error)
}

// The errors of an Asker.
var (
	ErrNobody   = errors.New("there is nobody to ask")
	ErrDeclined = errors.New("no answer was given")
)

// A QuestionKind says what is asked for.
type QuestionKind string

// The kinds of questions.
const (
	Passphrase QuestionKind = "passphrase" // of KeyFile
	Password   QuestionKind = "password"   // of User on Server, for the login
	Sudo       QuestionKind = "sudo"       // of User on Server, for sudo
	Prompt     QuestionKind = "prompt"     // what the server asks at the login, such as a code
)

// A Question is put to a person.
type Question struct {
	Kind    QuestionKind
	Server  string // as the operator calls it; of a jump host, as the configuration of ssh does
	User    string // who logs in there
	KeyFile string // of a Passphrase
	Prompt  string // of a Prompt, what the server says, cleaned
	Echo    bool   // the answer is no secret
	Wrong   int    // how many answers before were wrong
}

// maxWrong is how many wrong answers to the same question are taken.
const maxWrong = 3

// noAnswer tells that a question was not answered, and what it was.
type noAnswer struct {
	what string // that was needed
	how  string // to give it otherwise
	err  error
}

func (e *noAnswer) Error() string {
	if errors.Is(e.err, ErrNobody) {
		return fmt.Sprintf("it needs %s, and there is nobody to ask: %s", e.what, e.how)
	}
	return fmt.Sprintf("it needs %s: %v", e.what, e.err)
}

func (e *noAnswer) Unwrap() error { return e.err }

// secrets are what was asked for, for as long as the pool lives. They are in memory
// alone.
type secrets struct {
	mu    sync.Mutex
	keys  map[string]ssh.Signer // that were encrypted, by file
	words map[string]string     // passwords, by what each is for
	calls map[string]*call      // questions that are open
}

func newSecrets() secrets {
	return secrets{keys: map[string]ssh.Signer{}, words: map[string]string{}, calls: map[string]*call{}}
}

// A call is a question that several wait for.
type call struct {
	done    chan struct{}
	answer  string
	err     error
	waiters int
	cancel  context.CancelFunc
}

// once has several callers with the same key share one call of fn. It ends when
// none of them waits any more.
func (p *Pool) once(ctx context.Context, key string, fn func(context.Context) (string, error)) (string, error) {
	if p.ctx.Err() != nil {
		return "", ErrClosed
	}
	s := &p.secrets
	s.mu.Lock()
	c := s.calls[key]
	if c == nil {
		within, cancel := context.WithCancel(p.ctx)
		c = &call{done: make(chan struct{}), cancel: cancel}
		s.calls[key] = c
		p.wg.Go(func() {
			defer cancel()
			answer, err := fn(within)
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.calls[key] == c {
				delete(s.calls, key)
			}
			c.answer, c.err = answer, err
			close(c.done)
		})
	}
	c.waiters++
	s.mu.Unlock()
	select {
	case <-c.done:
		return c.answer, c.err
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.waiters--; c.waiters == 0 {
		c.cancel()
		if s.calls[key] == c {
			delete(s.calls, key)
		}
	}
	return "", ctx.Err()
}

func (p *Pool) put(ctx context.Context, q Question) (string, error) {
	if p.opts.Asker == nil {
		return "", ErrNobody
	}
	return p.opts.Asker.Ask(ctx, q)
}

// word returns a password that was given before, or asks for it. What it is for is
// the key that it is remembered by.
func (p *Pool) word(ctx context.Context, key string, q Question) (string, error) {
	s := &p.secrets
	s.mu.Lock()
	word, ok := s.words[key]
	s.mu.Unlock()
	if ok {
		return word, nil
	}
	return p.once(ctx, key, func(ctx context.Context) (string, error) {
		word, err := p.put(ctx, q)
		if err == nil {
			s.mu.Lock()
			s.words[key] = word
			s.mu.Unlock()
		}
		return word, err
	})
}

func (p *Pool) remembered(key string) (string, bool) {
	p.secrets.mu.Lock()
	defer p.secrets.mu.Unlock()
	word, ok := p.secrets.words[key]
	return word, ok
}

// forget forgets a password that was refused, unless there is another one by now.
func (p *Pool) forget(key, word string) {
	p.secrets.mu.Lock()
	defer p.secrets.mu.Unlock()
	if p.secrets.words[key] == word {
		delete(p.secrets.words, key)
	}
}

// unlocked returns the key of a file that was decrypted before.
func (p *Pool) unlocked(file string) ssh.Signer {
	p.secrets.mu.Lock()
	defer p.secrets.mu.Unlock()
	return p.secrets.keys[file]
}

// unlock asks for the passphrase of a key file and keeps the key. Its error is a
// *KeyFileError, or that of ctx.
func (p *Pool) unlock(ctx context.Context, at *place, file string) error {
	_, err := p.once(ctx, "passphrase "+file, func(ctx context.Context) (string, error) {
		data, err := readKeyFile(file)
		if err != nil {
			return "", err
		}
		for wrong := range maxWrong {
			phrase, err := p.put(ctx, Question{Kind: Passphrase, Server: at.Name, User: at.User, KeyFile: file, Wrong: wrong})
			if err != nil {
				return "", err
			}
			if signer, err := ssh.ParsePrivateKeyWithPassphrase(data, []byte(phrase)); err == nil {
				p.secrets.mu.Lock()
				p.secrets.keys[file] = signer
				p.secrets.mu.Unlock()
				return "", nil
			}
		}
		return "", &KeyFileError{File: file, Problem: fmt.Sprintf("is encrypted, and %d passphrases were wrong", maxWrong)}
	})
	var keyFile *KeyFileError
	if err == nil || errors.As(err, &keyFile) || ctx.Err() != nil {
		return err
	}
	problem := "is encrypted: add it to the agent with ssh-add " + file
	if !errors.Is(err, ErrNobody) {
		problem += " (" + err.Error() + ")"
	}
	return &KeyFileError{File: file, Problem: problem, Err: err}
}
