package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"brokeforge/sshrun/clean"
)

const (
	// plainShell runs sh with the arguments that follow.
	plainShell = `exec env LC_ALL=C LANG=C sh`

	// becomeRoot runs sh with the arguments that follow as root, by sudo without a
	// password. It has nothing in it that csh or fish would read otherwise than sh
	// does. The language is for what sudo itself says.
	becomeRoot = `exec sh -c 'test "$(id -u)" = 0 && exec env LC_ALL=C LANG=C sh "$@"; ` +
		`exec env LC_ALL=C LANG=C sudo -n env LC_ALL=C LANG=C sh "$@"' sh`

	// becomeRootAsking is as becomeRoot, with a password that sudo reads from standard
	// input after it has printed the first word that is filled in. When sudo has let
	// it through, the second word is printed.
	becomeRootAsking = `exec sh -c 'exec env LC_ALL=C LANG=C sudo -S -p %s env LC_ALL=C LANG=C sh -c "$@"' ` +
		`sh 'echo %s >&2; exec sh "$@"' sh`
)

// perform runs an exchange, as root if that is asked for, and returns how it ended.
// Nothing of the exchange has begun when it returns an error that says why root was
// not become.
func (c *Client) perform(ctx context.Context, x exchange, become bool) (ending, error) {
	if !become || c.target.User == "root" {
		x.command = plainShell + x.arguments
		end, err := c.run(ctx, x)
		if err == nil && !x.stdout.begun {
			err = c.notRun(end, x)
		}
		return end, err
	}
	if why := c.target.NoBecome; why != "" {
		return ending{}, &BecomeError{Name: c.target.Name, User: c.target.User, Problem: SudoUnwanted, Said: why}
	}
	key := "sudo " + c.at.login()
	word, known := c.pool.remembered(key)
	for wrong := 0; ; {
		var end ending
		var err error
		if known {
			end, err = c.sudo(ctx, x, word)
		} else {
			x.command = becomeRoot + x.arguments
			end, err = c.run(ctx, x)
		}
		if err != nil || x.stdout.begun {
			return end, err
		}
		failed := c.notRoot(x, word, known)
		if failed.Problem == "" && !strings.Contains(failed.Said, "sudo") {
			return end, c.notRun(end, x)
		}
		switch {
		case known && failed.Problem == SudoWrongPassword:
			c.pool.forget(key, word)
			if wrong++; wrong == maxWrong {
				failed.Wrong = wrong
				return end, failed
			}
		case known || failed.Problem != SudoNeedsPassword:
			return end, failed
		}
		if word, err = c.pool.word(ctx, key, Question{Kind: Sudo, Server: c.target.Name, User: c.target.User, Wrong: wrong}); err != nil {
			if ctx.Err() != nil {
				return end, ctx.Err()
			}
			failed.Wrong, failed.Err = wrong, err
			return end, failed
		}
		known = true
		x.stdout.reset()
		x.stderr.reset()
	}
}

// sudo runs an exchange by sudo with a password, which goes to nothing but sudo: it
// is sent when sudo asks for it, and the input of the exchange when sudo has let it
// through.
func (c *Client) sudo(ctx context.Context, x exchange, password string) (ending, error) {
	g := &gate{
		marker: newToken(), opened: newToken(), out: x.stderr,
		asks: make(chan struct{}, 1), opens: make(chan struct{}, 1), over: make(chan struct{}),
	}
	x.command = fmt.Sprintf(becomeRootAsking, g.marker, g.opened) + x.arguments
	x.gate = g
	input := x.input
	x.input = func(w io.WriteCloser) error {
		for given := false; ; given = true {
			select {
			case <-g.opens:
				return input(w)
			case <-g.asks:
				if given {
					return w.Close() // it was wrong; without input, sudo gives up
				}
				if _, err := io.WriteString(w, password+"\n"); err != nil {
					return err
				}
			case <-g.over:
				return nil
			}
		}
	}
	defer close(g.over)
	return c.run(ctx, x)
}

// A gate looks in what comes from sudo for its question and for the word that says
// that it has let one through.
type gate struct {
	marker, opened string
	out            io.Writer
	asks, opens    chan struct{}
	over           chan struct{} // closed when the command has ended

	mu   sync.Mutex
	tail []byte
	open bool
}

func (g *gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.open {
		g.look(p)
	}
	return g.out.Write(p)
}

func (g *gate) look(p []byte) {
	g.tail = append(g.tail, p...)
	for {
		if i := bytes.Index(g.tail, []byte(g.marker)); i >= 0 {
			g.tail = g.tail[i+len(g.marker):]
			select {
			case g.asks <- struct{}{}:
			default:
			}
			continue
		}
		if bytes.Contains(g.tail, []byte(g.opened+"\n")) {
			g.open, g.tail = true, nil
			g.opens <- struct{}{}
			return
		}
		break
	}
	if keep := max(len(g.marker), len(g.opened)+1) - 1; len(g.tail) > keep {
		g.tail = append(g.tail[:0], g.tail[len(g.tail)-keep:]...)
	}
}

// A SudoProblem says why sudo did not make a user root.
type SudoProblem string

// The problems with sudo. Others have no word of their own.
const (
	SudoNeedsPassword SudoProblem = "a password is needed"
	SudoWrongPassword SudoProblem = "the password is wrong"
	SudoMissing       SudoProblem = "sudo is not installed"
	SudoNotAllowed    SudoProblem = "sudo is not allowed"
	SudoNeedsTerminal SudoProblem = "sudo wants a terminal"
	SudoLocked        SudoProblem = "the account is locked"
	SudoUnwanted      SudoProblem = "sudo is not to be used" // as Target.NoBecome says; nothing was sent
)

// sudoProblem reads what sudo, sudo-rs or PAM have said in English.
func sudoProblem(said string) SudoProblem {
	said = strings.ToLower(said)
	for _, p := range []struct {
		problem SudoProblem
		words   []string
	}{
		{SudoLocked, []string{"account is locked", "account locked", "account temporarily locked"}},
		{SudoNeedsTerminal, []string{"must have a tty"}},
		{SudoNotAllowed, []string{"not in the sudoers", "is not allowed to", "may not run sudo", "i'm sorry"}},
		{SudoNeedsPassword, []string{"a password is required", "interactive authentication is required", "a terminal is required to"}},
		{SudoWrongPassword, []string{"try again", "incorrect password", "incorrect authentication", "authentication failed", "authentication failure", "no password was provided"}},
		{SudoMissing, []string{"sudo: not found", "sudo: no such file", "sudo': no such file", "‘sudo’: no such file", "command not found"}},
	} {
		for _, w := range p.words {
			if strings.Contains(said, w) {
				return p.problem
			}
		}
	}
	return ""
}

// notRoot explains why an exchange as root did not begin.
func (c *Client) notRoot(x exchange, password string, given bool) *BecomeError {
	said := x.noise()
	if given && password != "" {
		said = strings.ReplaceAll(said, password, "***")
	}
	if x.gate != nil {
		said = strings.ReplaceAll(said, x.gate.marker, "")
	}
	said = clean.Line(strings.Join(strings.Fields(said), " "))
	problem := sudoProblem(said)
	if given && problem == SudoNeedsPassword {
		problem = SudoWrongPassword // it says so where there was no further one to read
	}
	return &BecomeError{Name: c.target.Name, User: c.target.User, Problem: problem, Said: said}
}

// A BecomeError says that the login user can not become root.
type BecomeError struct {
	Name    string
	User    string
	Problem SudoProblem // empty for none of those
	Said    string      // by sudo, cleaned; with SudoUnwanted, why
	Wrong   int         // passwords that sudo has refused
	Err     error       // why no password was given; may be nil
}

func (e *BecomeError) Error() string {
	allow := fmt.Sprintf("log in as root, or allow it with a line %q in a file of /etc/sudoers.d", e.User+" ALL=(ALL) NOPASSWD: ALL")
	problem, advice := "may not use sudo without a password", allow
	switch e.Problem {
	case SudoUnwanted:
		return fmt.Sprintf("user %s on %s is not root, and %s: log in as root, or change that", e.User, e.Name, e.Said)
	case SudoMissing:
		problem = "sudo is not installed there"
		advice = "log in as root, or install it there"
	case SudoNotAllowed:
		problem = "may not use sudo"
	case SudoNeedsTerminal:
		problem = "sudo wants a terminal"
		advice = "log in as root, or take it back with a line \"Defaults:" + e.User + " !requiretty\" in a file of /etc/sudoers.d"
	case SudoLocked:
		problem = "the account is locked after wrong passwords"
		advice = "wait, or let root unlock it with faillock --reset --user " + e.User
	case SudoWrongPassword:
		problem = fmt.Sprintf("sudo has refused %d passwords", e.Wrong)
		advice = "mind that some servers lock an account after a few wrong ones (pam_faillock)"
	case SudoNeedsPassword:
		if errors.Is(e.Err, ErrNobody) {
			advice = "run it on a terminal to be asked for the password, " + allow
		} else if e.Err != nil {
			problem = "may use sudo with a password: " + cleanError(e.Err).Error()
		}
	}
	text := fmt.Sprintf("user %s on %s is not root and %s", e.User, e.Name, problem)
	if e.Said != "" {
		text += fmt.Sprintf(" (%q)", e.Said)
	}
	return text + ": " + advice
}

func (e *BecomeError) Unwrap() error { return e.Err }
