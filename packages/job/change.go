package job

import (
	"context"
	"errors"
	"fmt"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// ServerChange is what somebody gives to change the record of a server. What is nil
// stays as it is; an empty Port, User or KeyFile leaves it to the configuration of
// ssh. A Credential takes the place of the user and the key of the record; an empty
// one takes it back.
type ServerChange struct {
	Address    *string
	Port       *int
	User       *string
	KeyFile    *string
	Credential *string
	Tags       *[]string
}

// way reports whether the change is one of how the server is reached.
func (c ServerChange) way() bool {
	return c.Address != nil || c.Port != nil || c.User != nil || c.KeyFile != nil || c.Credential != nil
}

// apply returns the record with the change in it. Its error is an *InputError.
func (c ServerChange) apply(s store.Server) (store.Server, error) {
	n := NewServer{Name: s.Name, Address: s.Address, Port: s.Port, User: s.User, Credential: s.Credential, Tags: s.Tags}
	if c.Address != nil {
		n.Address = *c.Address
	}
	if c.Port != nil {
		n.Port = *c.Port
	}
	key := s.KeyFile // which need not be looked for where it stays
	if c.Credential != nil {
		if n.Credential = *c.Credential; n.Credential != "" {
			n.User, key = "", ""
		}
	}
	if c.User != nil {
		n.User = *c.User
	}
	if c.Tags != nil {
		n.Tags = *c.Tags
	}
	if c.KeyFile != nil {
		n.KeyFile = *c.KeyFile
	}
	changed, err := n.record()
	if err != nil {
		return s, err
	}
	if c.KeyFile != nil {
		key = changed.KeyFile
	}
	s.Address, s.Port, s.User, s.KeyFile, s.Tags = changed.Address, changed.Port, changed.User, key, changed.Tags
	s.Credential = changed.Credential
	return s, nil
}

// ChangeServer changes the record of a server, once it is reached in the new way and
// shows the host key that it is known by. On an error nothing is changed; they are
// those of AddServer. How a server is reached is not changed while a run is live
// there.
func (e *Engine) ChangeServer(ctx context.Context, id store.ID, c ServerChange) (store.Server, error) {
	before, err := e.server(id)
	if err != nil {
		return store.Server{}, err
	}
	after, err := c.apply(before)
	if err != nil {
		return store.Server{}, err
	}
	if c.Credential != nil {
		if err := e.knownCredential(after.Credential); err != nil {
			return store.Server{}, err
		}
	}
	if c.way() {
		if err := e.noRunOn(before); err != nil {
			return store.Server{}, err
		}
		remote, err := e.connect(ctx, after)
		if err != nil {
			_, err = connectError(after, err)
			return store.Server{}, err
		}
		facts, err := e.execFacts(ctx, remote, after, nil)
		if err != nil {
			return store.Server{}, err
		}
		e.pinAll(&after, remote)
		if err := setFacts(&after, facts); err != nil {
			return store.Server{}, err
		}
	}
	err = e.changeServer(id, func(s *store.Server) error {
		s.Address, s.Port, s.User, s.KeyFile, s.Tags = after.Address, after.Port, after.User, after.KeyFile, after.Tags
		s.Credential = after.Credential
		if c.way() {
			s.HostKeys, s.HopKeys, s.Facts, s.FactsAt = after.HostKeys, after.HopKeys, after.Facts, after.FactsAt
			s.Connection, s.ConnectionError = after.Connection, after.ConnectionError
		}
		return nil
	})
	if err != nil {
		return store.Server{}, err
	}
	e.hub.wake()
	return after, nil
}

// noRunOn refuses where a run is live on a server.
func (e *Engine) noRunOn(server store.Server) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.queue[server.ID]) > 0 {
		return &packages.RefusedError{Reason: fmt.Sprintf("a run is going on on %s: wait for its end, or cancel it", server.Name)}
	}
	return nil
}

// TrustHostKey pins the host key with this fingerprint, in the form SHA256:…, that a
// server shows now, or a jump host on the way to it, in place of the keys that were
// known. It is refused where another key is shown than the one that is meant, and
// where known_hosts says that it is revoked. Nothing but the key is asked of the
// server.
func (e *Engine) TrustHostKey(ctx context.Context, id store.ID, fingerprint string) error {
	server, err := e.server(id)
	if err != nil {
		return err
	}
	remote, err := e.dial(ctx, server)
	if err == nil {
		shown := remote.HostKey().Fingerprint
		if err := remote.Close(); err != nil {
			return err
		}
		if shown == fingerprint {
			return nil
		}
		return &packages.RefusedError{Reason: fmt.Sprintf("the host key of %s has not changed: it is %s", server.Name, shown)}
	}
	var changed *sshrun.ChangedHostKeyError
	var unknown *sshrun.UnknownHostKeyError
	var shown sshrun.HostKey
	hop := ""
	switch {
	case errors.As(err, &changed):
		shown = changed.Shown
		if changed.Hop != "" {
			hop = changed.Place
		}
	case errors.As(err, &unknown):
		shown = unknown.HostKey
		if unknown.Hop != "" {
			hop = hostPort(unknown.Target)
		}
	default:
		_, err := connectError(server, err)
		return err
	}
	if shown.Fingerprint != fingerprint {
		_, err := connectError(server, err)
		return fmt.Errorf("%s is not the key that is shown: %w", fingerprint, err)
	}
	err = e.changeServer(id, func(s *store.Server) error {
		pinned := []store.HostKey{e.pin(shown)}
		if hop == "" {
			s.HostKeys = pinned
			return nil
		}
		if s.HopKeys == nil {
			s.HopKeys = map[string][]store.HostKey{}
		}
		s.HopKeys[hop] = pinned
		return nil
	})
	if err != nil {
		return fmt.Errorf("record the host key of %s: %w", server.Name, err)
	}
	e.forget(server)
	e.cfg.Log.Info("host key trusted", "server", server.Name, "hop", hop, "fingerprint", fingerprint, "by", e.cfg.By)
	e.hub.wake()
	return nil
}
