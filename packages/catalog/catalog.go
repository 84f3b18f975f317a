// Package catalog is the one list of every package.
package catalog

import (
	"iter"

	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/packages/database"
	"brokeforge/packages/firewall"
	"brokeforge/packages/runtime"
	"brokeforge/packages/sites"
	"brokeforge/packages/system"
	"brokeforge/packages/webserver"
)

// Catalog finds packages by name. Its zero value has none; New has all.
type Catalog struct {
	server []packages.ServerPackage
	site   []packages.SitePackage
}

// An Option says what the packages work with.
type Option func(*settings)

type settings struct {
	repositories apt.Repositories
}

// Repositories has the packages use these repositories in place of those that
// apt.Known returns.
func Repositories(r apt.Repositories) Option {
	return func(s *settings) { s.repositories = r }
}

// New returns the catalog of all packages. A new package is a line here.
func New(options ...Option) *Catalog {
	s := settings{repositories: apt.Known()}
	for _, o := range options {
		o(&s)
	}
	return &Catalog{server: []packages.ServerPackage{
		system.Base{},
		system.Monitoring{},
		system.Mail{},
		system.TimeSync{},
		system.Fail2ban{},
		system.Scheduler{},
		system.Task{},
		system.Supervisor{},
		system.Program{},
		system.Certbot{},
		firewall.UFW{},
		firewall.Rule{},
		webserver.Nginx{},
		webserver.Apache{},
		database.Memcached{},
		runtime.PHP{Sury: s.repositories.Sury},
		runtime.Composer{},
		runtime.Node{NodeSource: s.repositories.NodeSource},
		runtime.Python{},
		database.MariaDB{},
		database.MySQL{Repository: s.repositories.MySQL},
		database.PostgreSQL{PGDG: s.repositories.PGDG},
		database.Redis{},
		database.Valkey{},
		database.Database{},
		database.User{},
	}, site: []packages.SitePackage{
		sites.Site{},
		sites.Git{},
		sites.Deployment{},
		sites.Rollback{},
		sites.WordPress{},
		sites.Certificate{},
		sites.Renewal{},
		sites.Command{},
	}}
}

// Server returns the server package of that name.
func (c *Catalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	for _, p := range c.server {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

// Site returns the package of a site of that name.
func (c *Catalog) Site(name packages.Name) (packages.SitePackage, bool) {
	for _, p := range c.site {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

// SiteNames returns the names of all packages of sites in the order in which they
// are listed.
func (c *Catalog) SiteNames() []packages.Name {
	var names []packages.Name
	for _, p := range c.site {
		names = append(names, p.Name())
	}
	return names
}

// Names returns the names of all server packages in the order in which people
// see them: by category, then as they are listed.
func (c *Catalog) Names() []packages.Name {
	var names []packages.Name
	for _, list := range c.ByType() {
		for _, p := range list {
			names = append(names, p.Name())
		}
	}
	return names
}

// ByType yields the categories that have server packages, in order, each with
// its packages.
func (c *Catalog) ByType() iter.Seq2[packages.Type, []packages.ServerPackage] {
	return func(yield func(packages.Type, []packages.ServerPackage) bool) {
		for _, t := range packages.Types() {
			var list []packages.ServerPackage
			for _, p := range c.server {
				if p.Type() == t {
					list = append(list, p)
				}
			}
			if len(list) > 0 && !yield(t, list) {
				return
			}
		}
	}
}
