package sshrun

import (
	"cmp"
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Target says whom to reach, and how.
type Target struct {
	Name      string   // for messages
	Address   string   // host name or IP address
	Port      int      // 0 means 22
	User      string   // empty means root
	KeyFile   string   // empty means the agent and the default keys in ~/.ssh
	Pinned    []string // host keys, "type base64"; with any, only these are accepted
	AcceptNew bool     // accept an unknown host key; a changed one never is
	Accept    string   // accept an unknown host key that has this SHA256:… fingerprint
}

func (t Target) hostPort() string {
	return net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}

func (t Target) withDefaults() Target {
	t.Port = cmp.Or(t.Port, 22)
	t.User = cmp.Or(t.User, "root")
	t.Name = cmp.Or(t.Name, t.Address)
	return t
}

// credential is what a connection is shared by.
func (t Target) credential() string {
	return strings.Join([]string{t.hostPort(), t.User, t.KeyFile}, "\n")
}

// policy is what callers must agree in to share a dial.
func (t Target) policy() string {
	return strings.Join(append([]string{t.credential(), strconv.FormatBool(t.AcceptNew), t.Accept}, t.Pinned...), "\n")
}

// Options are how a pool connects. The zero value is ready to use.
type Options struct {
	KnownHosts  []string      // nil means ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
	AgentSocket string        // empty means SSH_AUTH_SOCK; "none" means no agent
	Home        string        // where ~ is; empty means the operator's home
	DialTimeout time.Duration // for connecting, up to the verified host key; 0 means 10 s
	KeepAlive   time.Duration // between two questions whether the server is there; 0 means 5 s
	DeadAfter   time.Duration // without an answer the connection is lost; 0 means 3 times KeepAlive

	places     places
	retryDelay time.Duration
}

// places are the folders on the server.
type places struct {
	base     string
	volatile string
}

func (o Options) withDefaults() Options {
	if o.Home == "" {
		// Without a home there are no default keys, which LoginError tells.
		o.Home, _ = os.UserHomeDir()
	}
	if o.KnownHosts == nil {
		o.KnownHosts = []string{filepath.Join(o.Home, ".ssh", "known_hosts"), "/etc/ssh/ssh_known_hosts"}
	}
	switch o.AgentSocket {
	case "":
		o.AgentSocket = os.Getenv("SSH_AUTH_SOCK")
	case "none":
		o.AgentSocket = ""
	}
	o.DialTimeout = cmp.Or(o.DialTimeout, 10*time.Second)
	o.KeepAlive = cmp.Or(o.KeepAlive, 5*time.Second)
	o.DeadAfter = cmp.Or(o.DeadAfter, 3*o.KeepAlive)
	o.retryDelay = cmp.Or(o.retryDelay, 300*time.Millisecond)
	o.places.base = cmp.Or(o.places.base, defaultBase)
	o.places.volatile = cmp.Or(o.places.volatile, "/run/brokeforge")
	return o
}

// ErrClosed is what a closed pool answers.
var ErrClosed = errors.New("the connections are closed")

// A Pool keeps one connection for each server and credential and shares it. It is
// safe for use by several goroutines. Close it.
type Pool struct {
	opts Options
	ctx  context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup // dials

	mu      sync.Mutex
	clients map[string]*Client // by credential
	flights map[string]*flight // by policy
	closed  bool
}

// A flight is a dial that several callers wait for.
type flight struct {
	done    chan struct{}
	client  *Client
	err     error
	waiters int
	cancel  context.CancelFunc
}

// NewPool returns a pool without connections.
func NewPool(o Options) *Pool {
	ctx, stop := context.WithCancel(context.Background())
	return &Pool{
		opts:    o.withDefaults(),
		ctx:     ctx,
		stop:    stop,
		clients: make(map[string]*Client),
		flights: make(map[string]*flight),
	}
}

// Connect returns the shared connection to a target, made now when there is none
// or the kept one is dead. Do not close it: [Pool.Forget] and [Pool.Close] do.
//
// Its errors are *UnreachableError, *UnknownHostKeyError, *ChangedHostKeyError,
// *RevokedHostKeyError, *LoginError and *KeyFileError, or that of ctx.
func (p *Pool) Connect(ctx context.Context, t Target) (*Client, error) {
	t = t.withDefaults()
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if c := p.clients[t.credential()]; c != nil && c.serves(t) {
		p.mu.Unlock()
		return c, nil
	}
	f := p.flights[t.policy()]
	if f == nil {
		f = p.take(t)
	}
	f.waiters++
	p.mu.Unlock()

	select {
	case <-f.done:
		return f.client, f.err
	case <-ctx.Done():
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	f.waiters--
	if f.waiters == 0 {
		f.cancel()
		if p.flights[t.policy()] == f {
			delete(p.flights, t.policy())
		}
	}
	return nil, ctx.Err()
}

// take starts a dial. The caller holds the lock.
func (p *Pool) take(t Target) *flight {
	ctx, cancel := context.WithCancel(p.ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	p.flights[t.policy()] = f
	p.wg.Go(func() {
		defer cancel()
		c, err := p.dial(ctx, t)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.flights[t.policy()] == f {
			delete(p.flights, t.policy())
		}
		if err == nil && p.closed {
			c.Close()
			c, err = nil, ErrClosed
		}
		if err == nil {
			if old := p.clients[t.credential()]; old != nil && !old.serves(t) {
				old.Close()
			}
			p.clients[t.credential()] = c
		}
		f.client, f.err = c, err
		close(f.done)
	})
	return f
}

// Dial makes a connection of the caller's own with a new login, which proves that
// logins still work. The caller closes it. Its errors are those of Connect.
func (p *Pool) Dial(ctx context.Context, t Target) (*Client, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	return p.dial(ctx, t.withDefaults())
}

// Forget closes the shared connection to a target, if there is one.
func (p *Pool) Forget(t Target) {
	t = t.withDefaults()
	p.mu.Lock()
	c := p.clients[t.credential()]
	delete(p.clients, t.credential())
	p.mu.Unlock()
	if c != nil {
		c.Close()
	}
}

// Close ends all dials and closes all shared connections.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.stop()
	p.mu.Unlock()
	p.wg.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, c := range p.clients {
		errs = append(errs, c.Close())
	}
	clear(p.clients)
	return errors.Join(errs...)
}

// serves reports whether a kept connection is alive and its host key is one that
// the target accepts.
func (c *Client) serves(t Target) bool {
	return c.alive() && (len(t.Pinned) == 0 || slices.ContainsFunc(t.Pinned, func(line string) bool {
		return line == c.hostKey.Key || strings.HasPrefix(line, c.hostKey.Key+" ")
	}))
}
