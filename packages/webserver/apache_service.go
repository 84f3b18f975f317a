package webserver

import "brokeforge/packages"

// Units returns Apache's service.
func (Apache) Units(packages.Context) []string { return []string{"apache2"} }
