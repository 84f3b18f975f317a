package sshrun

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"brokeforge/sshrun/clean"
)

// maxExtras is how many more connections a client may open when the server lets
// no more sessions run on one (MaxSessions in sshd_config(5)).
const maxExtras = 2

// slotWait is how long a session waits for another one of the connection to end
// before a further connection is made.
const slotWait = 300 * time.Millisecond

// A Client is a connection to one server as one user. It is safe for use by
// several goroutines.
type Client struct {
	ssh     *ssh.Client
	hostKey HostKey
	at      *place
	via     *Client // the jump host that it goes through; nil for none
	target  Target  // of at
	pool    *Pool
	wg      sync.WaitGroup
	gone    chan struct{} // closed when the connection is
	depth   int           // 0 for the first connection, n for its n-th extra

	mu      sync.Mutex
	cause   error // why the connection ended, nil if not known
	extra   *Client
	closing bool // nothing is spawned any more

	sessions limiter
	dialling chan struct{} // held while an extra connection is made
}

func newClient(conn *ssh.Client, key HostKey, at *place, via *Client, p *Pool) *Client {
	c := &Client{ssh: conn, hostKey: key, at: at, via: via, target: at.Target, pool: p, gone: make(chan struct{}), dialling: make(chan struct{}, 1)}
	c.sessions.freed = make(chan struct{})
	c.wg.Go(func() {
		err := conn.Wait()
		if why := via.whyEnded(); why != nil {
			err = fmt.Errorf("jump host %s: %w", via.at.Name, why)
		}
		c.endedBy(err)
		close(c.gone)
	})
	c.wg.Go(c.keepAlive)
	return c
}

// HostKey returns the key that the server has shown, and why it is trusted.
func (c *Client) HostKey() HostKey { return c.hostKey }

// Close ends the connection and whatever is executing on it. A shipped run goes
// on.
func (c *Client) Close() error {
	c.endedBy(errors.New("it was closed"))
	c.mu.Lock()
	c.closing = true
	extra := c.extra
	c.mu.Unlock()
	err := c.ssh.Close()
	c.wg.Wait()
	if extra != nil {
		extra.Close()
	}
	select {
	case <-c.gone:
		return nil // an error only says that it was closed before
	default:
		return err
	}
}

// spawn runs f beside, for Close to wait for. False means that the client is
// closed and f was not run.
func (c *Client) spawn(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return false
	}
	c.wg.Go(f)
	return true
}

func (c *Client) alive() bool {
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// whyEnded returns the reason that the connection ended for, nil while that is not
// known. A client that is nil has not ended.
func (c *Client) whyEnded() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cause
}

// awaitEnd waits until a connection that shows that it ends has ended, and so tells
// why.
func (c *Client) awaitEnd() {
	select {
	case <-c.gone:
	case <-time.After(time.Second):
	}
}

// endedBy remembers the first reason.
func (c *Client) endedBy(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause == nil {
		c.cause = err
	}
}

// lost returns a *LostError with the reason the connection ended for, or else err.
func (c *Client) lost(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cause != nil {
		err = c.cause
	}
	return &LostError{Name: c.target.Name, Err: err}
}

// keepAlive asks the server again and again whether it is there, and ends the
// connection when it does not answer. Without it, a command on a server that is
// switched off would be waited for without end.
func (c *Client) keepAlive() {
	ticker := time.NewTicker(c.pool.opts.KeepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
		case <-c.gone:
			return
		}
		answered := make(chan struct{})
		if !c.spawn(func() {
			// Any answer will do; that there is none is seen below.
			c.ssh.SendRequest("keepalive@openssh.com", true, nil)
			close(answered)
		}) {
			return
		}
		deadline := time.NewTimer(c.pool.opts.DeadAfter)
		select {
		case <-answered:
		case <-deadline.C:
			c.endedBy(fmt.Errorf("no answer for %v", c.pool.opts.DeadAfter))
			c.ssh.Close()
		case <-c.gone:
		}
		deadline.Stop()
	}
}

// A limiter counts the sessions of a connection and learns how many it may have.
type limiter struct {
	mu    sync.Mutex
	open  int
	most  int // 0 until the server has refused one
	freed chan struct{}
}

// acquire takes a slot; false means that none got free in time.
func (l *limiter) acquire(ctx context.Context, wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		l.mu.Lock()
		if l.most == 0 || l.open < l.most {
			l.open++
			l.mu.Unlock()
			return true
		}
		freed := l.freed
		l.mu.Unlock()
		select {
		case <-freed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

func (l *limiter) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	close(l.freed)
	l.freed = make(chan struct{})
}

// refused gives back a slot that the server did not grant, and reports how many
// it does.
func (l *limiter) refused() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	l.most = max(l.open, 1)
	return l.open
}

// session opens a session, on this connection or, when the server wants no more
// on it, on an extra one. The returned function gives it back.
func (c *Client) session(ctx context.Context) (*ssh.Session, func(), error) {
	for try := 1; ; try++ {
		wait := slotWait
		if c.depth == maxExtras {
			wait = time.Hour
		}
		if !c.sessions.acquire(ctx, wait) {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			return c.extraSession(ctx)
		}
		s, err := c.open(ctx)
		if err == nil {
			return s, c.sessions.release, nil
		}
		var refusal *ssh.OpenChannelError
		if !errors.As(err, &refusal) {
			c.sessions.release()
			return nil, nil, err
		}
		if c.sessions.refused() == 0 && try == 3 {
			return nil, nil, &SessionError{Name: c.target.Name, Err: err}
		}
		select {
		case <-time.After(c.pool.opts.retryDelay / 2):
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

func (c *Client) open(ctx context.Context) (*ssh.Session, error) {
	type opened struct {
		session *ssh.Session
		err     error
	}
	result := make(chan opened)
	if !c.spawn(func() {
		s, err := c.ssh.NewSession()
		select {
		case result <- opened{s, err}:
		case <-ctx.Done():
			if err == nil {
				s.Close()
			}
		}
	}) {
		return nil, c.lost(ErrClosed)
	}
	select {
	case o := <-result:
		var refusal *ssh.OpenChannelError
		if o.err != nil && !errors.As(o.err, &refusal) {
			c.awaitEnd()
			return nil, c.lost(o.err)
		}
		return o.session, o.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) extraSession(ctx context.Context) (*ssh.Session, func(), error) {
	select {
	case c.dialling <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	extra, err := c.extraClient(ctx)
	<-c.dialling
	if err != nil {
		return nil, nil, err
	}
	return extra.session(ctx)
}

// extraClient returns the next connection of the same login. The caller holds
// c.dialling.
func (c *Client) extraClient(ctx context.Context) (*Client, error) {
	c.mu.Lock()
	extra := c.extra
	c.mu.Unlock()
	if extra != nil && extra.alive() {
		return extra, nil
	}
	at := *c.at
	at.Pinned = []string{c.hostKey.Key}
	fresh, err := c.pool.dial(ctx, &at)
	if err != nil {
		return nil, fmt.Errorf("open a further connection, as the server allows no more sessions on this one: %w", err)
	}
	fresh.depth = c.depth + 1
	c.mu.Lock()
	closing := c.closing
	if !closing {
		c.extra = fresh
	}
	c.mu.Unlock()
	if closing {
		fresh.Close()
		return nil, c.lost(ErrClosed)
	}
	return fresh, nil
}

// cleanLine is clean.Line, for names and words.
func cleanLine(s string) string { return clean.Line(s) }

// cleanError returns err with a text that is safe to show: a library may quote
// what a server sent.
func cleanError(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); clean.Line(text) != text {
		return errors.New(clean.Line(text))
	}
	return err
}
