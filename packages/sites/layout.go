// Package sites holds the packages of sites.
package sites

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// The names of packages that sites know.
const (
	siteName   packages.Name = "site"
	nginxName  packages.Name = "nginx"
	apacheName packages.Name = "apache"
	phpName    packages.Name = "php"
)

// What is recorded of a site beside its options.
const (
	webServerKey = "web-server"    // "nginx" or "apache"
	userKey      = "user"          // who owns its files and runs its commands
	branchKey    = "php-branch"    // such as "8.2"; empty where it has no PHP
	rootKey      = "document-root" // what the web server serves from
)

const (
	// sitesFolder holds a folder for each site.
	sitesFolder = "/srv/sites"
	// acmeRoot is what /.well-known/acme-challenge/ of every site is served from,
	// by http and always.
	acmeRoot = "/var/www/brokeforge-acme"
	// notes is where BrokeForge keeps what it knows of its sites.
	notes = apt.Folder + "/sites"
	// archives is where the files of removed sites are kept, if somebody wants so.
	archives = apt.Folder + "/archives"
)

// layout says where everything of a site is on its server.
//
// Its folder holds current, a link to the release that is live, releases, shared,
// which outlives releases, and home, the home folder of its user. Before the first
// deployment the release "placeholder" is live.
type layout struct {
	domain string
	server packages.Name // the web server
	user   string
	branch string // of PHP; empty where it has none
	web    string // below the release, without slashes at its ends
	own    bool   // the user is the site's own
}

// layoutOf tells where the parts of a site are, of which the package is recorded.
func layoutOf(ctx packages.SiteContext) layout {
	record, _ := ctx.SiteInstalls(siteName)
	return recordedLayout(ctx.Site.Domain, record.Configuration)
}

func recordedLayout(domain string, c map[string]string) layout {
	return layout{
		domain: domain, server: packages.Name(c[webServerKey]), user: c[userKey], branch: c[branchKey],
		web: strings.Trim(c[webOption], "/"), own: c[ownUserOption] == "yes",
	}
}

func (l layout) folder() string  { return sitesFolder + "/" + l.domain }
func (l layout) current() string { return l.folder() + "/current" }
func (l layout) shared() string  { return l.folder() + "/shared" }
func (l layout) home() string    { return l.folder() + "/home" }

// root is what the web server serves from.
func (l layout) root() string { return strings.TrimSuffix(l.current()+"/"+l.web, "/") }

// settings is the folder of the site's settings for the web server, of which the
// package of the certificate has tls.conf and redirect.conf. nginx reads both in the
// site's server block, which listens on port 80: tls.conf has it listen on 443 as
// well, redirect.conf redirects and leaves out /.well-known/acme-challenge/. Apache
// reads redirect.conf in the virtual host of port 80, and tls.conf outside of it,
// which has a virtual host of its own that includes site.conf.
func (l layout) settings() string {
	if l.server == apacheName {
		return "/etc/apache2/brokeforge/" + l.domain
	}
	return "/etc/nginx/brokeforge/" + l.domain
}

// custom is the folder for settings of people: *.conf in it is read last in the
// site's virtual hosts, and never written.
func (l layout) custom() string { return l.settings() + "/custom.d" }

// host is the file of the virtual host, and link what switches it on.
func (l layout) host() string {
	if l.server == apacheName {
		return "/etc/apache2/sites-available/brokeforge-" + l.domain + ".conf"
	}
	return "/etc/nginx/sites-available/brokeforge-" + l.domain + ".conf"
}

func (l layout) link() string {
	return strings.Replace(l.host(), "/sites-available/", "/sites-enabled/", 1)
}

func (l layout) logs() string {
	if l.server == apacheName {
		return "/var/log/apache2"
	}
	return "/var/log/nginx"
}

func (l layout) accessLog() string { return l.logs() + "/" + l.domain + ".access.log" }
func (l layout) errorLog() string  { return l.logs() + "/" + l.domain + ".error.log" }

// unit is the web server's.
func (l layout) unit() string {
	if l.server == apacheName {
		return "apache2"
	}
	return "nginx"
}

// test is what has the web server read its settings and changes nothing.
func (l layout) test() string {
	if l.server == apacheName {
		return "apache2ctl configtest"
	}
	return "nginx -t"
}

// pool is the file of the site's pool of PHP processes, and socket where it listens.
func (l layout) pool() string {
	return "/etc/php/" + l.branch + "/fpm/pool.d/brokeforge-" + l.domain + ".conf"
}

func (l layout) socket() string { return "/run/php/" + siteUser(l.domain) + ".sock" }

// crontab is what the site's own user may have made with crontab(1).
func (l layout) crontab() string { return "/var/spool/cron/crontabs/" + siteUser(l.domain) }
func (l layout) fpm() string     { return "php" + l.branch + "-fpm" }

// staged is where files are written before they are taken into place, and placed a
// copy of what was last taken there, by which changes by hand are seen.
func (l layout) staged(name string) string { return notes + "/" + l.domain + "/" + name }
func (l layout) placed(name string) string { return l.staged(name) + ".placed" }

// siteUser returns the name of a site's own user. As no domain has an underscore
// those of two sites differ; a long one is cut and told apart by a hash. The limit
// is that of useradd(8).
func siteUser(domain string) string {
	name := "site_" + strings.ReplaceAll(domain, ".", "_")
	if len(name) <= 32 {
		return name
	}
	sum := sha256.Sum256([]byte(domain))
	return name[:23] + "_" + hex.EncodeToString(sum[:4])
}

// appUser is the login name of the app user.
func appUser(ctx packages.Context) string {
	base, _ := ctx.Installs(packages.Base)
	if name := base.Configuration[packages.AppUserOption]; name != "" {
		return name
	}
	return packages.DefaultAppUser
}

// namesOf returns the names that a site answers to: its domain, and its aliases in
// their written form.
func namesOf(domain, aliases string) []string {
	names := []string{domain}
	for _, word := range splitNames(aliases) {
		if name, err := packages.CleanDomain(word); err == nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

func splitNames(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}
