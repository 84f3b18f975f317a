package store

import "fmt"

// PutServerPackage records a package on a server: it changes the record with the
// same server, name and instance, or makes one. It fills in ID, CreatedAt and
// UpdatedAt. A server that isn't recorded is refused with an error that wraps
// [ErrNotFound].
func (tx *Tx) PutServerPackage(p *ServerPackage) error {
	if err := checkText("the package's name", string(p.Name)); err != nil {
		return err
	}
	if _, err := tx.Server(p.ServerID); err != nil {
		return fmt.Errorf("record package %s: %w", p.Name, err)
	}
	key := serverPackageKey(p.ServerID, p.Name, p.Instance)
	old, found, err := readRecord[ServerPackage](tx, serverPackagesBucket, key)
	if err != nil {
		return err
	}
	if found {
		p.ID = old.ID
	}
	if err := tx.identify("package", &p.ID); err != nil {
		return err
	}
	tx.stamp(&p.CreatedAt, &p.UpdatedAt, old.CreatedAt)
	if err := tx.write(serverPackagesByNameBucket, packageNameKey(p.ServerID, p.Name, p.Instance), nil); err != nil {
		return err
	}
	return writeRecord(tx, serverPackagesBucket, key, p)
}

func serverPackageKey(server ID, name PackageName, instance string) string {
	return string(server) + string(name) + "\x00" + instance
}

func packageNameKey(server ID, name PackageName, instance string) string {
	return string(name) + "\x00" + string(server) + instance
}

// ServerPackage returns the record of a package on a server, or an error that wraps
// [ErrNotFound].
func (tx *Tx) ServerPackage(server ID, name PackageName, instance string) (ServerPackage, error) {
	p, found, err := readRecord[ServerPackage](tx, serverPackagesBucket, serverPackageKey(server, name, instance))
	if err == nil && !found {
		err = notFound("package", string(name))
	}
	return p, err
}

// ServerPackages returns the packages of a server, sorted by name and instance.
func (tx *Tx) ServerPackages(server ID) ([]ServerPackage, error) {
	if server.check() != nil {
		return nil, nil
	}
	return records[ServerPackage](tx, serverPackagesBucket, string(server))
}

// ServerPackagesByType returns the packages of one category of a server, sorted by
// name and instance.
func (tx *Tx) ServerPackagesByType(server ID, t PackageType) ([]ServerPackage, error) {
	all, err := tx.ServerPackages(server)
	var some []ServerPackage
	for _, p := range all {
		if p.Type == t {
			some = append(some, p)
		}
	}
	return some, err
}

// ServersWith returns the records of the package of that name, with every instance
// on every server, that match accepts; a nil match accepts all. They are sorted by
// server ID and instance. So it answers which servers have a package, and which
// have it with a certain configuration.
func (tx *Tx) ServersWith(name PackageName, match func(ServerPackage) bool) ([]ServerPackage, error) {
	var all []ServerPackage
	prefix := string(name) + "\x00"
	for key := range tx.forward(serverPackagesByNameBucket, prefix) {
		rest := key[len(prefix):]
		p, err := indexed[ServerPackage](tx, serverPackagesBucket, serverPackageKey(ID(rest[:idLen]), name, rest[idLen:]))
		if err != nil {
			return nil, err
		}
		if match == nil || match(p) {
			all = append(all, p)
		}
	}
	return all, nil
}

// DeleteServerPackage forgets a package of a server. It is no error when it is not
// recorded, so that a removal that is done again succeeds.
func (tx *Tx) DeleteServerPackage(server ID, name PackageName, instance string) error {
	if err := tx.remove(serverPackagesByNameBucket, packageNameKey(server, name, instance)); err != nil {
		return err
	}
	return tx.remove(serverPackagesBucket, serverPackageKey(server, name, instance))
}
