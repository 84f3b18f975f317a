package catalog

import "brokeforge/packages"

// Stacks returns the sets of packages that are chosen by one name.
func (c *Catalog) Stacks() []packages.Stack {
	plain := func(names ...packages.Name) []packages.Want {
		var list []packages.Want
		for _, n := range names {
			list = append(list, packages.Want{Name: n})
		}
		return list
	}
	return []packages.Stack{
		{Name: "lemp", Summary: "nginx, PHP and MariaDB behind a firewall", Packages: plain("firewall", "nginx", "php", "mariadb")},
		{Name: "lamp", Summary: "Apache, PHP and MariaDB behind a firewall", Packages: plain("firewall", "apache", "php", "mariadb")},
		{Name: "node-web", Summary: "nginx and Node.js behind a firewall", Packages: plain("firewall", "nginx", "node")},
		{
			Name: "laravel", Summary: "all that a Laravel application wants: nginx, PHP, MariaDB, Redis, Composer, workers and tasks",
			Packages: append([]packages.Want{
				{Name: "firewall"},
				{Name: "nginx"},
				{Name: "php", Values: packages.Values{"extensions": "bcmath,curl,gd,intl,mbstring,mysql,redis,xml,zip"}},
			}, plain("mariadb", "redis", "composer", "supervisor", "scheduler")...),
		},
	}
}
