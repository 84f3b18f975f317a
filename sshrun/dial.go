package sshrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSeen is how much is kept of what a port sends.
const maxSeen = 256

// dialTries is how often a server that hangs up at once is dialled: sshd drops
// connections past MaxStartups (sshd_config(5)).
const dialTries = 4

func (p *Pool) dial(ctx context.Context, t Target) (*Client, error) {
	verifier, err := newVerifier(t, p.opts.KnownHosts)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		c, err := p.dialOnce(ctx, t, verifier)
		var busy *busyError
		if !errors.As(err, &busy) || try == dialTries {
			if ctx.Err() != nil {
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

func (p *Pool) dialOnce(ctx context.Context, t Target, v *verifier) (*Client, error) {
	offer, err := p.newOffer(t)
	if err != nil {
		return nil, err
	}
	defer offer.close()

	dialer := net.Dialer{Timeout: p.opts.DialTimeout}
	raw, err := dialer.DialContext(ctx, "tcp", t.hostPort())
	if err != nil {
		return nil, unreachable(t, "connecting to", err)
	}
	conn := &watchedConn{Conn: raw}
	release := context.AfterFunc(ctx, func() { conn.Close() })
	defer release()

	l := &login{target: t, verifier: v, conn: conn, offer: offer}
	client, err := l.run(p.opts.DialTimeout)
	if err != nil {
		conn.Close()
		return nil, err
	}
	if !release() {
		client.Close()
		return nil, ctx.Err()
	}
	return newClient(client, l.hostKey, t, p), nil
}

// A login is one handshake and authentication.
type login struct {
	target   Target
	verifier *verifier
	conn     *watchedConn
	offer    *offer

	hostKey HostKey
	refused error // why the host key was refused
	banner  string
	done    atomic.Bool
}

func (l *login) run(timeout time.Duration) (*ssh.Client, error) {
	if err := l.conn.SetDeadline(time.Now().Add(timeout)); err != nil {
		return nil, unreachable(l.target, "connecting to", err)
	}
	config := &ssh.ClientConfig{
		User:              l.target.User,
		ClientVersion:     "SSH-2.0-BrokeForge",
		HostKeyAlgorithms: l.verifier.algorithms(),
		HostKeyCallback:   l.checkHostKey,
		BannerCallback: func(message string) error {
			l.banner = cleanLine(strings.ReplaceAll(message[:min(len(message), 1024)], "\n", " "))
			return nil
		},
	}
	if len(l.offer.signers) > 0 {
		config.Auth = []ssh.AuthMethod{ssh.PublicKeys(l.offer.signers...)}
	}
	conn, channels, requests, err := ssh.NewClientConn(l.conn, l.target.hostPort(), config)
	if err != nil {
		return nil, l.explain(err, timeout)
	}
	l.done.Store(true)
	if err := l.conn.SetDeadline(time.Time{}); err != nil {
		conn.Close()
		return nil, unreachable(l.target, "connecting to", err)
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

func (l *login) explain(err error, timeout time.Duration) error {
	var netErr net.Error
	silent := errors.As(err, &netErr) && netErr.Timeout()
	hungUp := errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
	switch {
	case l.refused != nil:
		return l.refused
	case l.hostKey.Key != "" && silent:
		return &UnreachableError{
			Name: l.target.Name, Address: l.target.hostPort(), Phase: "logging in on",
			Err: fmt.Errorf("no answer within %v", authTimeout), Advice: "its login may hang on a directory service or a full disk",
		}
	case l.hostKey.Key != "":
		return &LoginError{
			Name: l.target.Name, User: l.target.User, Tried: l.offer.tried,
			Skipped: l.offer.skipped, Banner: l.banner, Err: err,
		}
	}
	seen, ssh := l.conn.sight()
	u := &UnreachableError{Name: l.target.Name, Address: l.target.hostPort(), Phase: "talking to", Err: err, Seen: seen}
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

// unreachable explains an error of the network.
func unreachable(t Target, phase string, err error) error {
	u := &UnreachableError{Name: t.Name, Address: t.hostPort(), Phase: phase, Err: err}
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
