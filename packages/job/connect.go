package job

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"brokeforge/sshrun"
	"brokeforge/store"
)

// Remote is a connection to a server; *sshrun.Client is one.
type Remote interface {
	HostKey() sshrun.HostKey
	Execute(context.Context, sshrun.Script) (sshrun.Result, error)
	Ship(context.Context, sshrun.Shipment, func(sshrun.Mark) error) error
	Follow(ctx context.Context, runID, nonce string, offset int64, fn func(sshrun.Mark) error) error
	Cancel(ctx context.Context, runID string) error
	Prove(ctx context.Context, runID string, step int) error
	Shell(context.Context, sshrun.Terminal) (sshrun.Exit, error)
	Close() error
}

// Connector makes connections to servers.
type Connector interface {
	// Connect returns the shared connection, making it where there is none.
	Connect(context.Context, sshrun.Target) (Remote, error)
	// Dial logs in anew. The caller closes the connection.
	Dial(context.Context, sshrun.Target) (Remote, error)
	// Forget closes the shared connection.
	Forget(sshrun.Target)
}

// Pool makes a Connector of a pool of connections.
func Pool(p *sshrun.Pool) Connector { return pool{p} }

type pool struct{ *sshrun.Pool }

func (p pool) Connect(ctx context.Context, t sshrun.Target) (Remote, error) {
	c, err := p.Pool.Connect(ctx, t)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (p pool) Dial(ctx context.Context, t sshrun.Target) (Remote, error) {
	c, err := p.Pool.Dial(ctx, t)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func target(s store.Server) sshrun.Target {
	t := sshrun.Target{Name: s.Name, Address: s.Address, Port: s.Port, User: s.User, KeyFile: s.KeyFile}
	for _, k := range s.HostKeys {
		t.Pinned = append(t.Pinned, k.Key)
	}
	return t
}

// connectError turns what a connection failed with into the state of the
// server and an error of this package.
func connectError(s store.Server, err error) (store.Connection, error) {
	var unknown *sshrun.UnknownHostKeyError
	var changed *sshrun.ChangedHostKeyError
	address := net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
	switch {
	case errors.As(err, &unknown):
		return store.Refused, &HostKeyError{Server: s.Name, Address: address, Type: unknown.HostKey.Type, Fingerprint: unknown.HostKey.Fingerprint}
	case errors.As(err, &changed):
		e := &HostKeyError{Server: s.Name, Address: address, Type: changed.Shown.Type, Fingerprint: changed.Shown.Fingerprint}
		for _, k := range changed.Known {
			e.Known = append(e.Known, KnownKey{Type: k.Type, Fingerprint: k.Fingerprint, From: knownFrom(s, k)})
		}
		return store.Refused, e
	}
	return store.Unreachable, &ReachError{Server: s.Name, Err: err}
}

// knownFrom says where a known key is known from: for a pinned one, since when
// and by whom.
func knownFrom(s store.Server, k sshrun.HostKey) string {
	for _, pinned := range s.HostKeys {
		if pinned.Key == k.Key {
			return fmt.Sprintf("accepted %s by %s", pinned.PinnedAt.Format("2006-01-02"), pinned.PinnedBy)
		}
	}
	return k.From
}
