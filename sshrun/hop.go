package sshrun

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/ssh"
)

// A HopError says what went wrong at a jump host, before its target was reached.
type HopError struct {
	Hop  string // the jump host, as the configuration of ssh names it
	Name string // the target
	Err  error
}

func (e *HopError) Error() string {
	return fmt.Sprintf("cannot reach %s: jump host %s: %v", e.Name, e.Hop, cleanError(e.Err))
}

func (e *HopError) Unwrap() error { return e.Err }

// A ConfigError says that a target can't be reached as the configuration of ssh
// says.
type ConfigError struct {
	Name    string // of the target, as it is called
	Place   string // file and line
	Problem string
}

func (e *ConfigError) Error() string {
	return fmt.Sprintf("cannot reach %s: %s %s", e.Name, e.Place, e.Problem)
}

// HopKeys returns the host keys of the jump hosts on the way, by host:port, and why
// each is trusted.
func (c *Client) HopKeys() map[string]HostKey {
	keys := map[string]HostKey{}
	for hop := c.via; hop != nil; hop = hop.via {
		keys[hop.at.hostPort()] = hop.hostKey
	}
	return keys
}

// tunnel connects to a place from the server at the other end.
func (c *Client) tunnel(ctx context.Context, at *place) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.pool.opts.DialTimeout)
	defer cancel()
	type opened struct {
		conn net.Conn
		err  error
	}
	result := make(chan opened)
	if !c.spawn(func() {
		conn, err := c.ssh.Dial("tcp", at.hostPort())
		select {
		case result <- opened{conn, err}:
		case <-ctx.Done():
			if err == nil {
				conn.Close()
			}
		}
	}) {
		return nil, c.lost(ErrClosed)
	}
	phase := fmt.Sprintf("connecting from jump host %s to", c.at.Name)
	failed := &UnreachableError{Name: at.Name, Address: at.hostPort(), Phase: phase}
	select {
	case o := <-result:
		var refusal *ssh.OpenChannelError
		switch {
		case o.err == nil:
			return c.pipe(o.conn), nil
		case !errors.As(o.err, &refusal):
			c.awaitEnd()
			return nil, &HopError{Hop: c.at.Name, Name: at.Name, Err: c.lost(o.err)}
		case refusal.Reason == ssh.Prohibited:
			failed.Err = errors.New("it does not let connections through")
			failed.Advice = "look at AllowTcpForwarding and PermitOpen in its sshd_config"
		default:
			failed.Err = errors.New(cleanLine(refusal.Message))
		}
	case <-ctx.Done():
		failed.Err = errors.New("no answer")
		failed.Advice = "is the server switched on, and does a firewall on the way let this port through?"
	}
	return nil, failed
}

// pipe makes a connection of a channel that ends at once when it is closed, and that
// knows deadlines, neither of which the channel of a jump host that is gone does.
func (c *Client) pipe(channel net.Conn) net.Conn {
	ours, theirs := net.Pipe()
	end := func() {
		// What is closed twice says so, which is of no interest.
		theirs.Close()
		channel.Close()
	}
	to := func(w io.Writer, r io.Reader) func() {
		return func() {
			defer end()
			_, _ = io.Copy(w, r) // the other end sees how it ended
		}
	}
	if !c.spawn(to(theirs, channel)) || !c.spawn(to(channel, theirs)) {
		end()
	}
	return &piped{Conn: ours, channel: channel}
}

// piped has the addresses of its channel, as known hosts want some.
type piped struct {
	net.Conn
	channel net.Conn
}

func (p *piped) LocalAddr() net.Addr  { return p.channel.LocalAddr() }
func (p *piped) RemoteAddr() net.Addr { return p.channel.RemoteAddr() }

// reach opens the connection to a place, through its jump host if it has one.
func (p *Pool) reach(ctx context.Context, at *place) (net.Conn, *Client, error) {
	if at.via == nil {
		dialer := net.Dialer{Timeout: p.opts.DialTimeout}
		conn, err := dialer.DialContext(ctx, "tcp", at.hostPort())
		if err != nil {
			return nil, nil, unreachable(at, "connecting to", err)
		}
		return conn, nil, nil
	}
	for try := 1; ; try++ {
		hop, err := p.connect(ctx, at.via)
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, ctx.Err()
			}
			var before *HopError
			if errors.As(err, &before) {
				return nil, nil, &HopError{Hop: before.Hop, Name: at.Name, Err: before.Err}
			}
			return nil, nil, &HopError{Hop: at.via.Name, Name: at.Name, Err: err}
		}
		conn, err := hop.tunnel(ctx, at)
		var lost *LostError
		if errors.As(err, &lost) && try == 1 && ctx.Err() == nil {
			// It was there, and is gone just now: make it anew.
			continue
		}
		return conn, hop, err
	}
}
