package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// AddServer reaches a server, verifies its host key, reads its facts, and
// stores it. On an error nothing is stored: an *InputError for what was given,
// a *HostKeyError for a key that is not known or not the known one, a
// *ReachError where the login failed.
func (e *Engine) AddServer(ctx context.Context, n NewServer) (store.Server, error) {
	server, err := n.record()
	if err != nil {
		return store.Server{}, err
	}
	if err := e.freeName(server.Name); err != nil {
		return store.Server{}, err
	}
	if err := e.knownCredential(server.Credential); err != nil {
		return store.Server{}, err
	}
	t, err := e.target(server)
	if err != nil {
		return store.Server{}, err
	}
	t.AcceptNew, t.Accept = n.AcceptNew, n.Accept
	remote, err := e.cfg.Connector.Connect(ctx, t)
	if err != nil {
		_, err = connectError(server, err)
		return store.Server{}, err
	}
	e.pinAll(&server, remote)
	facts, err := e.execFacts(ctx, remote, server, nil)
	if err != nil {
		return store.Server{}, err
	}
	if err := setFacts(&server, facts); err != nil {
		return store.Server{}, err
	}
	if err := e.cfg.Store.Update(func(tx *store.Tx) error { return tx.PutServer(&server) }); err != nil {
		return store.Server{}, takenName(err)
	}
	e.hub.wake()
	return server, nil
}

func (e *Engine) freeName(name string) error {
	return e.cfg.Store.View(func(tx *store.Tx) error {
		_, err := tx.ServerByName(name)
		switch {
		case err == nil:
			return &InputError{FieldName, fmt.Sprintf("there is a server %q already", name)}
		case errors.Is(err, store.ErrNotFound):
			return nil
		}
		return err
	})
}

func takenName(err error) error {
	var exists *store.ExistsError
	if errors.As(err, &exists) {
		return &InputError{FieldName, err.Error()}
	}
	return err
}

// RemoveServer forgets a server: its record, its packages' and its sites'.
// Nothing is done on the server itself, and its runs are kept as history. It
// is refused while a run on it is live.
func (e *Engine) RemoveServer(_ context.Context, id store.ID) error {
	server, err := e.server(id)
	if err != nil {
		return err
	}
	if err := e.noRunOn(server); err != nil {
		return err
	}
	if err := e.cfg.Store.Update(func(tx *store.Tx) error { return tx.DeleteServer(id) }); err != nil {
		return err
	}
	e.forget(server)
	e.hub.wake()
	return nil
}

// Refresh connects to a server, reads its facts and when the certificates of its
// sites expire, and stores them. What the try gave is stored in any case. Alerts are
// raised and cleared by what it says of certificates.
func (e *Engine) Refresh(ctx context.Context, id store.ID) (ServerView, error) {
	server, err := e.server(id)
	if err != nil {
		return ServerView{}, err
	}
	release, err := e.slot(ctx)
	if err != nil {
		return ServerView{}, err
	}
	defer release()
	if _, _, err := e.readFacts(ctx, server); err != nil {
		return ServerView{}, err
	}
	if err := e.judgeCertificates(ctx, server); err != nil {
		return ServerView{}, err
	}
	return e.Server(id)
}

// readFacts reads the facts of a server over the shared connection, and stores
// them or why they could not be read.
func (e *Engine) readFacts(ctx context.Context, server store.Server) (Remote, packages.Facts, error) {
	e.setBusy(server.ID, 1)
	defer e.setBusy(server.ID, -1)
	certificates, err := e.certificates(server.ID)
	if err != nil {
		return nil, packages.Facts{}, err
	}
	remote, err := e.connect(ctx, server)
	connection := store.Connected
	var facts packages.Facts
	if err != nil {
		connection, err = connectError(server, err)
	} else if facts, err = e.execFacts(ctx, remote, server, certificates); NotReached(err) {
		connection = store.Unreachable
	}
	if ctx.Err() != nil {
		return nil, packages.Facts{}, ctx.Err()
	}
	if err == nil {
		err = e.pinHops(server, remote)
	}
	storeErr := e.changeServer(server.ID, func(s *store.Server) error {
		s.Connection, s.ConnectionError = connection, ""
		if err != nil {
			s.ConnectionError = err.Error()
			return nil
		}
		return setFacts(s, facts)
	})
	if err == nil {
		err = storeErr
	}
	if err == nil {
		err = e.keepExpiries(certificates, facts.Expiries)
	}
	return remote, facts, err
}

func (e *Engine) setBusy(id store.ID, by int) {
	e.mu.Lock()
	e.busy[id] += by
	if e.busy[id] == 0 {
		delete(e.busy, id)
	}
	e.mu.Unlock()
	e.hub.wake()
}

func (e *Engine) execFacts(ctx context.Context, remote Remote, server store.Server, certificates []certificate) (packages.Facts, error) {
	files := make([]string, len(certificates))
	for i, c := range certificates {
		files[i] = c.file
	}
	script := sshrun.Script{Text: packages.FactsScript(e.cfg.Catalog, files...), Become: true}
	result, err := remote.Execute(ctx, script)
	if err != nil {
		return packages.Facts{}, &ReachError{server.Name, fmt.Errorf("read the facts of %s: %w", server.Name, err)}
	}
	facts, err := packages.ParseFacts(result.Stdout, e.cfg.Now())
	if err != nil {
		return packages.Facts{}, fmt.Errorf("read the facts of %s: %w", server.Name, err)
	}
	return facts, nil
}

func setFacts(s *store.Server, facts packages.Facts) error {
	raw, err := json.Marshal(facts)
	if err != nil {
		return fmt.Errorf("store the facts of %s: %w", s.Name, err)
	}
	s.Facts, s.FactsAt, s.Connection, s.ConnectionError = raw, facts.ReadAt, store.Connected, ""
	return nil
}

// changeServer changes a stored server in one transaction. A server that is
// gone stays so.
func (e *Engine) changeServer(id store.ID, fn func(*store.Server) error) error {
	return e.cfg.Store.Update(func(tx *store.Tx) error {
		server, err := tx.Server(id)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := fn(&server); err != nil {
			return err
		}
		return tx.PutServer(&server)
	})
}

func (e *Engine) server(id store.ID) (server store.Server, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		server, err = tx.Server(id)
		return err
	})
	return server, err
}

// Find returns the server of that name. Where there is none, the *InputError
// names those that there are.
func (e *Engine) Find(name string) (server store.Server, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		server, err = tx.ServerByName(name)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		all, err := tx.Servers()
		if err != nil {
			return err
		}
		if len(all) == 0 {
			return &InputError{"server", fmt.Sprintf("there is no server %q, nor any other: add one with brokeforge server add", name)}
		}
		names := make([]string, len(all))
		for i, s := range all {
			names[i] = s.Name
		}
		slices.Sort(names)
		return &InputError{"server", fmt.Sprintf("there is no server %q; there are: %s", name, strings.Join(names, ", "))}
	})
	return server, err
}
