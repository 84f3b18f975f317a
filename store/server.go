package store

import "fmt"

// PutServer records a server that is new, which includes one without an ID, or
// changes the one with its ID. It fills in ID, CreatedAt and UpdatedAt. A name that
// another server has is refused with an [*ExistsError].
func (tx *Tx) PutServer(s *Server) error {
	if err := checkText("the server's name", s.Name); err != nil {
		return err
	}
	if err := tx.identify("server", &s.ID); err != nil {
		return err
	}
	if holder := tx.bucket(serverNamesBucket).Get([]byte(s.Name)); holder != nil && ID(holder) != s.ID {
		return &ExistsError{Kind: "server", Name: s.Name}
	}
	old, found, err := readRecord[Server](tx, serversBucket, string(s.ID))
	if err != nil {
		return err
	}
	if found && old.Name != s.Name {
		if err := tx.remove(serverNamesBucket, old.Name); err != nil {
			return err
		}
	}
	tx.stamp(&s.CreatedAt, &s.UpdatedAt, old.CreatedAt)
	if err := tx.write(serverNamesBucket, s.Name, []byte(s.ID)); err != nil {
		return err
	}
	return writeRecord(tx, serversBucket, string(s.ID), s)
}

// Server returns the server with the ID, or an error that wraps [ErrNotFound].
func (tx *Tx) Server(id ID) (Server, error) {
	s, found, err := readRecord[Server](tx, serversBucket, string(id))
	if err == nil && !found {
		err = notFound("server", string(id))
	}
	return s, err
}

// ServerByName returns the server of that name, or an error that wraps
// [ErrNotFound].
func (tx *Tx) ServerByName(name string) (Server, error) {
	id := tx.bucket(serverNamesBucket).Get([]byte(name))
	if id == nil {
		return Server{}, notFound("server", name)
	}
	return indexed[Server](tx, serversBucket, string(id))
}

// Servers returns all servers, sorted by name.
func (tx *Tx) Servers() ([]Server, error) {
	var all []Server
	for _, id := range tx.forward(serverNamesBucket, "") {
		s, err := indexed[Server](tx, serversBucket, string(id))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// DeleteServer forgets a server with its packages, its sites and their packages,
// and the secrets whose names begin with its ID.
// Its runs and their events stay as history. The error wraps [ErrNotFound] where
// there is no such server.
func (tx *Tx) DeleteServer(id ID) error {
	s, err := tx.Server(id)
	if err != nil {
		return fmt.Errorf("delete %w", err)
	}
	sites, err := tx.SitesOf(id)
	if err != nil {
		return err
	}
	for _, site := range sites {
		if err := tx.DeleteSite(site.ID); err != nil {
			return err
		}
	}
	packages, err := tx.ServerPackages(id)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if err := tx.DeleteServerPackage(id, p.Name, p.Instance); err != nil {
			return err
		}
	}
	if err := tx.DeleteSecrets(string(id)); err != nil {
		return err
	}
	if err := tx.EndWatch(id); err != nil {
		return err
	}
	if err := tx.remove(serverNamesBucket, s.Name); err != nil {
		return err
	}
	return tx.remove(serversBucket, string(id))
}
