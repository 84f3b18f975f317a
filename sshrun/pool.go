package sshrun

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"brokeforge/sshrun/sshconfig"
)

// Options are how a pool connects. The zero value is ready to use.
type Options struct {
	KnownHosts  []string      // nil means ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts
	AgentSocket string        // empty means SSH_AUTH_SOCK; "none" means no agent
	SSHConfig   []string      // files of ssh_config(5), the first one counts most; nil means ~/.ssh/config and /etc/ssh/ssh_config
	Asker       Asker         // nil means that nobody can be asked
	Home        string        // where ~ is; empty means the operator's home
	DialTimeout time.Duration // for connecting, up to the verified host key; 0 means 10 s
	KeepAlive   time.Duration // between two questions whether the server is there; 0 means 5 s
	DeadAfter   time.Duration // without an answer the connection is lost; 0 means 3 times KeepAlive

	// What holds for a target where neither it nor the configuration of ssh says
	// anything.
	Port    int    // 0 means 22
	User    string // empty means root
	KeyFile string // empty means the agent and the default keys in ~/.ssh

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
	if o.SSHConfig == nil {
		o.SSHConfig = []string{filepath.Join(o.Home, ".ssh", "config"), "/etc/ssh/ssh_config"}
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
	opts    Options
	noAgent bool   // whatever the configuration of ssh says
	user    string // who works here
	ctx     context.Context
	stop    context.CancelFunc
	wg      sync.WaitGroup // dials and questions

	configs configs
	secrets secrets

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
		noAgent: o.AgentSocket == "none",
		user:    sshconfig.Here("").User,
		secrets: newSecrets(),
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
// *RevokedHostKeyError, *LoginError and *KeyFileError, those of [Pool.Route], or
// that of ctx. What happens at a jump host is in a *HopError.
func (p *Pool) Connect(ctx context.Context, t Target) (*Client, error) {
	at, err := p.place(t)
	if err != nil {
		return nil, err
	}
	return p.connect(ctx, at)
}

func (p *Pool) connect(ctx context.Context, at *place) (*Client, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, ErrClosed
	}
	if c := p.clients[at.credential()]; c != nil && c.serves(at) {
		p.mu.Unlock()
		return c, nil
	}
	f := p.flights[at.policy()]
	if f == nil {
		f = p.take(at)
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
		if p.flights[at.policy()] == f {
			delete(p.flights, at.policy())
		}
	}
	return nil, ctx.Err()
}

// take starts a dial. The caller holds the lock.
func (p *Pool) take(at *place) *flight {
	ctx, cancel := context.WithCancel(p.ctx)
	f := &flight{done: make(chan struct{}), cancel: cancel}
	p.flights[at.policy()] = f
	p.wg.Go(func() {
		defer cancel()
		c, err := p.dial(ctx, at)
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.flights[at.policy()] == f {
			delete(p.flights, at.policy())
		}
		if err == nil && p.closed {
			c.Close()
			c, err = nil, ErrClosed
		}
		if err == nil {
			if old := p.clients[at.credential()]; old != nil && !old.serves(at) {
				old.Close()
			}
			p.clients[at.credential()] = c
		}
		f.client, f.err = c, err
		close(f.done)
	})
	return f
}

// Dial makes a connection of the caller's own with a new login, which proves that
// logins still work. Jump hosts on the way are shared with others. The caller closes
// it. Its errors are those of Connect.
func (p *Pool) Dial(ctx context.Context, t Target) (*Client, error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if closed {
		return nil, ErrClosed
	}
	at, err := p.place(t)
	if err != nil {
		return nil, err
	}
	return p.dial(ctx, at)
}

// Forget closes the shared connection to a target, if there is one.
func (p *Pool) Forget(t Target) {
	at, err := p.place(t)
	if err != nil {
		return // so there was no connection by this configuration
	}
	p.mu.Lock()
	c := p.clients[at.credential()]
	delete(p.clients, at.credential())
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
// the place accepts.
func (c *Client) serves(at *place) bool {
	return c.alive() && (len(at.Pinned) == 0 || slices.ContainsFunc(at.Pinned, func(line string) bool {
		return line == c.hostKey.Key || strings.HasPrefix(line, c.hostKey.Key+" ")
	}))
}
