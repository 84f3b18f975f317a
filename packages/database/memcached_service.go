package database

import "brokeforge/packages"

// Units returns memcached's service.
func (Memcached) Units(packages.Context) []string { return []string{"memcached"} }

// Release returns the commands that take away what BrokeForge has brought to
// a memcached that was there before: Remove leaves all else.
func (m Memcached) Release(ctx packages.Context) ([]packages.Command, error) { return m.Remove(ctx) }
