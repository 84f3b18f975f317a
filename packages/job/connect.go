package job

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"

	"brokeforge/sshrun"
	"brokeforge/store"
)

// Remote is a connection to a server; *sshrun.Client is one.
type Remote interface {
	HostKey() sshrun.HostKey
	// HopKeys returns those of the jump hosts on the way, by host:port.
	HopKeys() map[string]sshrun.HostKey
	Execute(context.Context, sshrun.Script) (sshrun.Result, error)
	Stream(context.Context, sshrun.Script, func(line string) error) (sshrun.Result, error)
	Ship(context.Context, sshrun.Shipment, func(sshrun.Mark) error) error
	Follow(ctx context.Context, runID, nonce string, offset int64, fn func(sshrun.Mark) error) error
	Cancel(ctx context.Context, runID string) error
	Prove(ctx context.Context, runID string, step int) error
	Shell(context.Context, sshrun.Terminal) (sshrun.Exit, error)
	FileServer(ctx context.Context, user string) (*sshrun.Pipe, error)
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
	// Route tells how a target is reached, without reaching it.
	Route(sshrun.Target) (sshrun.Route, error)
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

// asRecorded is what the record of a server says by itself of how it is reached.
func asRecorded(s store.Server) sshrun.Target {
	t := sshrun.Target{Name: s.Name, Address: s.Address, Port: s.Port, User: s.User, KeyFile: s.KeyFile}
	for _, k := range s.HostKeys {
		t.Pinned = append(t.Pinned, k.Key)
	}
	for hop, keys := range s.HopKeys {
		if t.HopKeys == nil {
			t.HopKeys = make(map[string][]string, len(s.HopKeys))
		}
		for _, k := range keys {
			t.HopKeys[hop] = append(t.HopKeys[hop], k.Key)
		}
	}
	return t
}

// pin returns the record of a key that was shown and is trusted from now on.
func (e *Engine) pin(key sshrun.HostKey) store.HostKey {
	pinned := store.HostKey{Key: key.Key, PinnedAt: e.cfg.Now(), PinnedBy: e.cfg.By}
	if key.From == sshrun.FromKnownHosts {
		pinned.PinnedBy = key.From
	}
	return pinned
}

// pinAll records the keys of a connection to a server and to the jump hosts on the
// way. Those that are recorded already stay as they are.
func (e *Engine) pinAll(s *store.Server, remote Remote) {
	if key := remote.HostKey(); !holdsKey(s.HostKeys, key.Key) {
		s.HostKeys = append(s.HostKeys, e.pin(key))
	}
	hops := make(map[string][]store.HostKey)
	for hop, key := range remote.HopKeys() {
		hops[hop] = s.HopKeys[hop]
		if !holdsKey(hops[hop], key.Key) {
			hops[hop] = append(hops[hop], e.pin(key))
		}
	}
	s.HopKeys = nil
	if len(hops) > 0 {
		s.HopKeys = hops
	}
}

func holdsKey(keys []store.HostKey, key string) bool {
	return slices.ContainsFunc(keys, func(k store.HostKey) bool { return k.Key == key })
}

// pinHops records the keys of jump hosts that a server has none of yet, as the
// configuration of ssh may lead over another way since it was added.
func (e *Engine) pinHops(server store.Server, remote Remote) error {
	before := server.HopKeys
	for hop, key := range remote.HopKeys() {
		if len(before[hop]) > 0 || key.Key == "" {
			continue
		}
		err := e.changeServer(server.ID, func(s *store.Server) error {
			e.pinAll(s, remote)
			return nil
		})
		return err
	}
	return nil
}

func hostPort(t sshrun.Target) string { return net.JoinHostPort(t.Address, strconv.Itoa(t.Port)) }

// connectError turns what a connection failed with into the state of the
// server and an error of this package.
func connectError(s store.Server, err error) (store.Connection, error) {
	var unknown *sshrun.UnknownHostKeyError
	var changed *sshrun.ChangedHostKeyError
	var revoked *sshrun.RevokedHostKeyError
	switch {
	case errors.As(err, &unknown):
		return store.Refused, &HostKeyError{
			Server: s.Name, Hop: unknown.Hop, Address: hostPort(unknown.Target),
			Type: unknown.HostKey.Type, Fingerprint: unknown.HostKey.Fingerprint,
		}
	case errors.As(err, &changed):
		e := &HostKeyError{Server: s.Name, Hop: changed.Hop, Address: changed.Place, Type: changed.Shown.Type, Fingerprint: changed.Shown.Fingerprint}
		for _, k := range changed.Known {
			e.Known = append(e.Known, KnownKey{Type: k.Type, Fingerprint: k.Fingerprint, From: knownFrom(s, k)})
		}
		return store.Refused, e
	case errors.As(err, &revoked):
		return store.Refused, &ReachError{Server: s.Name, Err: err}
	}
	return store.Unreachable, &ReachError{Server: s.Name, Err: err}
}

// knownFrom says where a known key is known from: for a pinned one, since when
// and by whom.
func knownFrom(s store.Server, k sshrun.HostKey) string {
	all := s.HostKeys
	for _, keys := range s.HopKeys {
		all = append(all[:len(all):len(all)], keys...)
	}
	for _, pinned := range all {
		if pinned.Key == k.Key {
			return fmt.Sprintf("accepted %s by %s", pinned.PinnedAt.Format("2006-01-02"), pinned.PinnedBy)
		}
	}
	if k.Place != "" {
		return k.Place
	}
	return k.From
}
