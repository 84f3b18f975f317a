package uitest

import (
	"fmt"

	"brokeforge/packages"
)

// Catalog is a catalog of made-up packages.
type Catalog []packages.ServerPackage

// Server returns the package of that name.
func (c Catalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	for _, p := range c {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

// Names returns the names of all packages.
func (c Catalog) Names() []packages.Name {
	var out []packages.Name
	for _, p := range c {
		out = append(out, p.Name())
	}
	return out
}

// Package is a made-up package.
type Package struct {
	ID          packages.Name
	Kind        packages.Type
	Description packages.Description
	Commands    []packages.Command // to install it; to remove it they are told backwards
	Services    []string           // its systemd units
}

// Name is its name.
func (p Package) Name() packages.Name { return p.ID }

// Type is its category.
func (p Package) Type() packages.Type { return p.Kind }

// Credential is root.
func (p Package) Credential() packages.Credential { return packages.Root() }

// Describe is its description.
func (p Package) Describe() packages.Description { return p.Description }

// Units are its services.
func (p Package) Units(packages.Context) []string { return p.Services }

// Probe finds nothing.
func (p Package) Probe() string { return "exit 1" }

// Install returns its commands.
func (p Package) Install(packages.Context) ([]packages.Command, error) { return p.Commands, nil }

// Remove returns commands that sound like removing it.
func (p Package) Remove(packages.Context) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "stop", Label: "Stopping " + string(p.ID)},
		packages.Run{Script: "systemctl disable --now " + string(p.ID), Touch: packages.Touch{Stops: []string{string(p.ID)}}},
		packages.Track{Name: "purge", Label: "Removing " + string(p.ID)},
		packages.Run{Script: "apt-get purge -y " + string(p.ID)},
		packages.Forget{},
	}, nil
}

// MadeUp returns a catalog like a real one.
func MadeUp() Catalog {
	port := packages.Option{Name: "port", Label: "Port", Help: "a port, or a range such as 6000:6010", Required: true}
	return Catalog{
		Package{"base", packages.System, packages.Description{Title: "Base", Summary: "Prepares a server: users, folders, and what other packages need"}, base(), nil},
		Package{"firewall", packages.Firewall, packages.Description{
			Title: "Firewall", Summary: "Refuses what is not allowed in; SSH stays open (ufw)", Requires: []packages.Name{"base"},
			Options: []packages.Option{{Name: "web", Label: "Web ports", Help: "allow 80 and 443", Kind: packages.YesNo, Default: "yes"}},
		}, service("ufw", "firewall"), nil},
		Package{"firewall-rule", packages.Firewall, packages.Description{
			Title: "Firewall rule", Summary: "Allows or denies a port, as many as are wanted", Requires: []packages.Name{"firewall"},
			Options: []packages.Option{
				port,
				{Name: "protocol", Label: "Protocol", Kind: packages.Choice, Choices: []string{"tcp", "udp", "any"}, Default: "tcp"},
				{Name: "from", Label: "From", Help: "an address or a network; empty: anywhere"},
				{Name: "action", Label: "Action", Kind: packages.Choice, Choices: []string{"allow", "deny"}, Default: "allow"},
			},
			Instance: func(v packages.Values) string { return v["port"] + "/" + v["protocol"] },
		}, service("ufw", "rule"), nil},
		Package{"nginx", packages.WebServer, packages.Description{
			Title: "nginx", Summary: "Web server and reverse proxy", Requires: []packages.Name{"base"},
			RemoveOptions: []packages.Option{packages.Purge("other sites' settings and the logs")},
			Options:       []packages.Option{{Name: "workers", Label: "Worker processes", Help: "0 means one for each CPU", Kind: packages.Number, Default: "0", Max: 128, Min: 0}},
		}, service("nginx", "nginx"), []string{"nginx"}},
		Package{"php", packages.Runtime, packages.Description{
			Title: "PHP", Summary: "PHP-FPM in the version of the distribution", Requires: []packages.Name{"base"},
			Options: []packages.Option{
				{Name: "extensions", Label: "Extensions", Help: "beside those that are always there", Kind: packages.Several, Choices: []string{"curl", "gd", "intl", "mbstring", "mysql", "pgsql", "redis", "xml", "zip"}, Default: "curl,mbstring,xml,zip"},
				{Name: "memory-limit", Label: "Memory limit", Help: "in MB, for one request", Kind: packages.Number, Default: "128", Min: 16, Max: 8192},
			},
		}, service("php8.4-fpm", "PHP"), []string{"php8.4-fpm"}},
	}
}

func base() []packages.Command {
	return []packages.Command{
		packages.Track{Name: "prepare", Label: "Preparing the server"},
		packages.Run{Script: "apt-get update", Check: "test -z \"$(find /var/lib/apt/lists -mmin +60)\""},
		packages.Run{Script: "useradd --system --create-home brokeforge", Check: "id -u brokeforge"},
		packages.Persist{},
	}
}

func service(unit, name string) []packages.Command {
	return []packages.Command{
		packages.Track{Name: "install_software", Label: "Installing " + name},
		packages.Run{Script: "set -e\napt-get install -y --no-install-recommends " + unit, Check: "dpkg -s " + unit},
		packages.Track{Name: "configure", Label: "Configuring " + name},
		packages.Write{Path: "/etc/" + unit + "/conf.d/brokeforge.conf", Content: fmt.Sprintf("# %s\nworker_processes auto;\nserver_tokens off;\n", name), Mode: 0o644},
		packages.Run{Script: "systemctl reload " + unit, IfChanged: true, Touch: packages.Touch{Reloads: []string{unit}}},
		packages.Track{Name: "start", Label: "Starting " + name},
		packages.Run{Script: "systemctl enable --now " + unit, Check: "systemctl is-active --quiet " + unit, Touch: packages.Touch{Starts: []string{unit}}},
		packages.Persist{Version: "dpkg-query -W -f '${Version}' " + unit},
	}
}

// sitePackages are those that sites have.
func sitePackages() []packages.SitePackage {
	return []packages.SitePackage{SitePackage{}, onSite{packages.CertificateName, "Certificate"}, onSite{packages.CommandName, "Command"}, onSite{packages.DeploymentName, "Deployment"}}
}

// Site returns a package of sites, unless the catalog is empty.
func (c Catalog) Site(name packages.Name) (packages.SitePackage, bool) {
	for _, p := range sitePackages() {
		if p.Name() == name && len(c) > 0 {
			return p, true
		}
	}
	return nil, false
}

// SiteNames returns the names of the packages of sites.
func (c Catalog) SiteNames() (names []packages.Name) {
	for _, p := range sitePackages() {
		names = append(names, p.Name())
	}
	return names
}
