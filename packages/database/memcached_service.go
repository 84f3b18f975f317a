package database

import "brokeforge/packages"

// Units returns memcached's service.
func (Memcached) Units(packages.Context) []string { return []string{"memcached"} }
