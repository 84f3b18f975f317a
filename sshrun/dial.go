package sshrun

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxSeen is how much is kept of what a port sends.
const maxSeen = 256

// dialTries is how often a server that hangs up at once is dialled: sshd drops
// connections past MaxStartups (sshd_config(5)).
const dialTries = 4

func (p *Pool) dial(ctx context.Context, at *place) (*Client, error) {
	verifier, err := newVerifier(at)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := p.logIn(ctx, at, verifier)
		var busy *busyError
		var hop *HopError
		if !errors.As(err, &busy) || errors.As(err, &hop) || try == dialTries {
			if ctx.Err() != nil {
				if err == nil {
					c.Close()
				}
				return nil, ctx.Err()
			}
			return c, err
		}
		delay := p.opts.retryDelay << (try - 1)
		select {
		case <-time.After(delay + rand.N(delay)):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// A busyError says that a server hung up before it said who it is.
type busyError struct{ err error }

func (e *busyError) Error() string {
	return fmt.Sprintf("the server hangs up at once (%v)", e.err)
}

func (e *busyError) Unwrap() error { return e.err }

// maxLogins is how often a login is begun anew with what was asked for meanwhile: a
// few keys may be encrypted, and a password wrong.
const maxLogins = 8

// logIn logs in. What a person is asked for is asked between logins where it can be,
// so that the server does not lose patience.
func (p *Pool) logIn(ctx context.Context, at *place, v *verifier) (*Client, error) {
	history := history{refused: map[string]bool{}}
	for range maxLogins {
		c, err := p.dialOnce(ctx, at, v, &history)
		if !errors.Is(err, errAgain) {
			return c, err
		}
		if history.locked == "" {
			continue
		}
		file := history.locked
		history.locked = ""
		if err := p.unlock(ctx, at, file); err != nil {
			if at.named || ctx.Err() != nil {
				return nil, err
			}
			history.refused[file] = true
			history.problems = append(history.problems, err.Error())
		}
	}
	return nil, &LoginError{Name: at.Name, User: at.User, Err: fmt.Errorf("it did not succeed in %d tries", maxLogins)}
}

// A history is what several logins of one dial have in common.
type history struct {
	locked   string          // the encrypted key file that the server would take
	refused  map[string]bool // key files without a passphrase
	problems []string
	wrong    int      // passwords
	tried    []string // the keys, when there is no more use in offering them
	over     bool     // no keys are offered any more but those that were accepted
	good     map[string]bool
}

func (p *Pool) dialOnce(ctx context.Context, at *place, v *verifier, h *history) (*Client, error) {
	offer, err := p.newOffer(ctx, at, h)
	if err != nil {
		return nil, err
	}
	defer offer.close()

	raw, via, err := p.reach(ctx, at)
	if err != nil {
		return nil, err
	}
	conn := &watchedConn{Conn: raw}
	release := context.AfterFunc(ctx, func() { conn.Close() })
	defer release()

	l := &login{ctx: ctx, pool: p, at: at, verifier: v, conn: conn, offer: offer, wrong: h.wrong}
	client, err := l.run(p.opts.DialTimeout)
	if err != nil {
		conn.Close()
		h.locked, h.wrong = offer.locked, l.wrong
		if errors.Is(err, errAgain) && offer.locked == "" && l.failures > 0 {
			h.exhausted(offer)
		}
		return nil, err
	}
	if !release() {
		client.Close()
		return nil, ctx.Err()
	}
	return newClient(client, l.hostKey, at, via, p), nil
}

// exhausted notes that only keys which were accepted are worth another offer.
func (h *history) exhausted(o *offer) {
	h.tried = append(h.tried, o.triedKeys()...)
	h.over = true
	if h.good == nil {
		h.good = map[string]bool{}
	}
	for _, k := range o.keys {
		if k.signed {
			h.good[k.what] = true
		}
	}
}

// unreachable explains an error of the network.
func unreachable(at *place, phase string, err error) error {
	u := &UnreachableError{Name: at.Name, Address: at.hostPort(), Phase: phase, Err: err}
	var dns *net.DNSError
	var netErr net.Error
	switch {
	case errors.As(err, &dns):
		u.Err = dns
		u.Advice = "check the address for a mistake, and the name service"
	case errors.Is(err, syscall.ECONNREFUSED):
		u.Err = syscall.ECONNREFUSED
		u.Advice = "is sshd running there, and is this its port?"
	case errors.As(err, &netErr) && netErr.Timeout():
		u.Err = errors.New("no answer")
		u.Advice = "is the server switched on, and does a firewall on the way let this port through?"
	}
	return u
}

// A watchedConn remembers the first of what the peer sends.
type watchedConn struct {
	net.Conn
	mu   sync.Mutex
	seen []byte
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := maxSeen - len(c.seen); room > 0 {
		c.seen = append(c.seen, p[:min(n, room)]...)
	}
	return n, err
}

// sight returns the first line that was seen, cleaned, and whether the peer has
// said that it speaks SSH.
func (c *watchedConn) sight() (line string, ssh bool) {
	c.mu.Lock()
	text := string(c.seen)
	c.mu.Unlock()
	if strings.HasPrefix(text, "SSH-") || strings.Contains(text, "\nSSH-") {
		return "", true
	}
	line, _, _ = strings.Cut(strings.TrimLeft(text, "\r\n"), "\n")
	return cleanLine(line), false
}
