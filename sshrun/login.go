package sshrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// patience is how long an answer may take on an open connection: sshd hangs up
	// after LoginGraceTime, 120 s (sshd_config(5)).
	patience = 90 * time.Second
	// maxRounds and maxPrompts bound what a server may ask by keyboard-interactive.
	maxRounds  = 10
	maxPrompts = 10
)

// A login is one handshake and authentication.
type login struct {
	ctx      context.Context
	pool     *Pool
	at       *place
	verifier *verifier
	conn     *watchedConn
	offer    *offer
	wrong    int // passwords that were refused before

	hostKey HostKey
	refused error // why the host key was refused
	banner  string
	done    atomic.Bool

	methods  []string // that the server offers
	failures int      // that the server counts
	partial  int      // methods that were done, where the server wants several
	rounds   int      // of keyboard-interactive
	prompted bool     // the last keyboard-interactive has asked something
	given    string   // the password that was given last
	asked    time.Duration
	blocked  error // why the login can't go on
}

// errAgain says that the login is to be begun anew, with what is known now.
var errAgain = errors.New("log in anew")

func (l *login) run(timeout time.Duration) (*ssh.Client, error) {
	if err := l.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, unreachable(l.at, "connecting to", err)
	}
	config := &ssh.ClientConfig{
		User:              l.at.User,
		ClientVersion:     "SSH-2.0-BrokeForge",
		HostKeyAlgorithms: l.verifier.algorithms(),
		HostKeyCallback:   l.checkHostKey,
		AuthCallback:      l.next,
		BannerCallback: func(message string) error {
			l.banner = cleanLine(strings.ReplaceAll(message[:min(len(message), 1024)], "\n", " "))
			return nil
		},
	}
	conn, channels, requests, err := ssh.NewClientConn(l.conn, l.at.hostPort(), config)
	if err != nil {
		return nil, l.explain(err, timeout)
	}
	l.done.Store(true)
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, unreachable(l.at, "connecting to", err)
	}
	return ssh.NewClient(conn, channels, requests), nil
}

// checkHostKey is also called when keys are exchanged anew later on.
func (l *login) checkHostKey(_ string, remote net.Addr, key ssh.PublicKey) error {
	k, err := l.verifier.verify(remote, key)
	if l.done.Load() {
		return err
	}
	l.hostKey, l.refused = k, err
	if err != nil {
		return err
	}
	return l.conn.SetDeadline(time.Now().Add(authTimeout))
}

// next chooses how to go on with the login: the keys first, then what is asked for.
func (l *login) next(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.methods = c.AllowedMethods
	l.settle(c)
	switch {
	case l.offer.locked != "", l.blocked != nil:
		if l.blocked != nil {
			return nil, l.blocked
		}
		return nil, errAgain
	case slices.Contains(l.methods, "publickey") && l.offer.more():
		return ssh.PublicKeysCallback(l.offer.take), nil
	case !l.asks():
		return nil, nil
	case l.failures >= maxOffers:
		return nil, errAgain // before the server hangs up
	case slices.Contains(l.methods, "keyboard-interactive") && l.rounds < maxRounds:
		l.prompted = false
		return ssh.KeyboardInteractive(l.challenge), nil
	case slices.Contains(l.methods, "password"):
		return ssh.PasswordCallback(l.password), nil
	}
	return nil, nil
}

// settle takes note of how the last method ended.
func (l *login) settle(c *ssh.ClientAuthContext) {
	l.failures = l.offer.failed()
	for _, method := range c.TriedMethods {
		if method == "password" || method == "keyboard-interactive" {
			l.failures++
		}
	}
	if len(c.TriedMethods) > 0 && c.TriedMethods[len(c.TriedMethods)-1] == "keyboard-interactive" && !l.prompted {
		l.rounds = maxRounds // it has nothing to ask
	}
	partial := len(c.PartialSuccessMethods) > l.partial
	l.partial = len(c.PartialSuccessMethods)
	if l.given != "" && !partial {
		l.pool.forget(l.passwordKey(), l.given)
		l.wrong++
	}
	l.given = ""
}

// asks reports whether the login can go on with what a person answers.
func (l *login) asks() bool {
	if !slices.Contains(l.methods, "password") && !slices.Contains(l.methods, "keyboard-interactive") {
		return false
	}
	if l.wrong >= maxWrong {
		return false
	}
	_, known := l.pool.remembered(l.passwordKey())
	if !known && l.pool.opts.Asker == nil {
		l.offer.unasked = &noAnswer{what: "a password", how: "run it on a terminal, or log in with a key", err: ErrNobody}
		return false
	}
	return true
}

func (l *login) passwordKey() string { return "password " + l.at.login() }

// password returns the password of the login.
func (l *login) password() (string, error) {
	word, err := l.answer(func() (string, error) {
		return l.pool.word(l.ctx, l.passwordKey(), Question{Kind: Password, Server: l.at.Name, User: l.at.User, Wrong: l.wrong})
	}, "a password", "run it on a terminal, or log in with a key")
	l.given = word
	return word, err
}

// answer waits for an answer, during which the connection has no deadline. One that
// took long is for the next login: this one is about to be ended by the server.
func (l *login) answer(ask func() (string, error), what, how string) (string, error) {
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		return "", err
	}
	begun := time.Now()
	word, err := ask()
	l.asked = time.Since(begun)
	switch {
	case l.ctx.Err() != nil:
		l.blocked = l.ctx.Err()
	case err != nil:
		l.blocked = &noAnswer{what: what, how: how, err: err}
	case l.asked > patience:
		l.blocked = errAgain
	}
	if l.blocked != nil {
		return "", l.blocked
	}
	return word, l.conn.SetDeadline(time.Now().Add(authTimeout))
}

// challenge answers what a server asks by keyboard-interactive (RFC 4256). A single
// question for a password is answered with the one that is remembered.
func (l *login) challenge(name, instruction string, questions []string, echos []bool) ([]string, error) {
	if l.rounds++; l.rounds > maxRounds || len(questions) > maxPrompts {
		l.blocked = fmt.Errorf("the server asks too much: %d questions, in round %d", len(questions), l.rounds)
		return nil, l.blocked
	}
	l.prompted = l.prompted || len(questions) > 0
	answers := make([]string, len(questions))
	for i, q := range questions {
		var err error
		if !echos[i] && isPasswordPrompt(q) && l.given == "" {
			answers[i], err = l.password()
		} else {
			text := cleanLine(strings.Join(strings.Fields(strings.Join([]string{name, instruction, q}, " ")), " "))
			answers[i], err = l.answer(func() (string, error) {
				return l.pool.put(l.ctx, Question{Kind: Prompt, Server: l.at.Name, User: l.at.User, Prompt: shorten(text, 500), Echo: echos[i], Wrong: l.wrong})
			}, fmt.Sprintf("an answer to %q", shorten(text, 100)), "run it on a terminal, or log in with a key")
			if err == nil && l.given == "" {
				l.wrong++ // until it is known to be right
			}
		}
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

func isPasswordPrompt(q string) bool {
	q = strings.ToLower(strings.TrimSpace(q))
	return strings.HasSuffix(strings.TrimRight(q, ": "), "password") || strings.HasPrefix(q, "password")
}

func (l *login) explain(err error, timeout time.Duration) error {
	var netErr net.Error
	silent := errors.As(err, &netErr) && netErr.Timeout()
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe)
	switch {
	case l.refused != nil:
		return l.refused
	case errors.Is(err, errAgain) || l.hostKey.Key != "" && hungUp && l.asked > 0 && l.wrong == 0:
		return errAgain
	case l.hostKey.Key != "" && silent:
		return &UnreachableError{
			Name: l.at.Name, Address: l.at.hostPort(), Phase: "logging in on",
			Err: fmt.Errorf("no answer within %v", authTimeout), Advice: "its login may hang on a directory service or a full disk",
		}
	case l.hostKey.Key != "":
		return l.refusal(err)
	}
	seen, ssh := l.conn.sight()
	u := &UnreachableError{Name: l.at.Name, Address: l.at.hostPort(), Phase: "talking to", Err: err, Seen: seen}
	switch {
	case ssh && silent:
		u.Err = fmt.Errorf("it went silent and sent nothing for %v", timeout)
		u.Seen = ""
	case ssh:
		u.Seen = ""
	case strings.Contains(seen, "Exceeded MaxStartups") || seen == "" && hungUp:
		u.Err = &busyError{err}
		u.Advice = "it may have too many logins at once, or have banned this address for a while"
	case seen == "" && silent:
		u.Err = fmt.Errorf("it took the connection and said nothing for %v", timeout)
		u.Advice = "is this the port of sshd?"
	default:
		u.Err = errors.New("this is not an SSH server")
		u.Advice = "is this the port of sshd?"
	}
	return u
}

// refusal tells why a login failed, with all that was tried.
func (l *login) refusal(err error) error {
	e := &LoginError{
		Name: l.at.Name, User: l.at.User, Methods: l.methods, Tried: l.offer.triedKeys(),
		Skipped: l.offer.skipped, Wrong: l.wrong, Banner: l.banner, Err: err,
	}
	var missing *noAnswer
	if errors.As(l.blocked, &missing) {
		e.Err = missing
	} else if l.offer.unasked != nil {
		e.Err = l.offer.unasked
	}
	for i := range e.Methods {
		e.Methods[i] = cleanLine(e.Methods[i])
	}
	return e
}
