package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestSites makes two sites on an empty server, changes and removes them.
func TestSites(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "sites", func(s service) {
		site := sites{s}
		site.refusals()
		site.add()
		site.apart()
		site.edited()
		site.changes()
		s.reboot()
		s.untilSh("nginx and PHP run after a reboot", "systemctl is-active nginx "+fpm[s.h.Suite])
		site.answersAll()
		site.fallback()
		site.removal()
	})
}

// TestSitesOnApache makes sites where Apache is the web server.
func TestSitesOnApache(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "sites-apache", func(s service) {
		s.install("apache")
		site := sites{s}
		site.add1(shopSite, "--set", "kind=php", "--set", "aliases=www.shop.example.org")
		site.add1(blogSite, "--set", "web-directory=public")
		site.fill()
		site.answersAll()
		site.apart()
		contains(s, site.add1(shopSite).stdout, "nothing to do")
		site.behind()
		site.add1(blogSite, "--set", "default-site=yes")
		eventually(s, "an unknown name gets the default site", func() bool {
			_, _, text := site.page("unknown.example.net", "/")
			return strings.Contains(text, "bücher.example.org")
		})
		s.must(0, "site", "remove", blogSite, "--yes")
		eventually(s, "an unknown name gets Apache's page again", func() bool {
			_, _, text := site.page("unknown.example.net", "/")
			return strings.Contains(text, "No site has this name")
		})
		s.must(0, "site", "remove", shopSite, "--yes")
		s.must(0, "site", "remove", "app.example.org", "--yes")
		if got := s.sh("ls -d /srv/sites /etc/apache2/brokeforge /var/log/apache2/*example* 2>/dev/null; ls /etc/apache2/sites-enabled; systemctl --failed --plain --no-legend; true"); got != "000-brokeforge-default.conf" {
			s.Errorf("left of the sites: %s", got)
		}
	})
}

// behind: a program behind a port answers by way of the web server.
func (s sites) behind() {
	s.Helper()
	s.sh("mkdir -p /tmp/app && echo behind >/tmp/app/index.html && setsid php -S 127.0.0.1:3000 -t /tmp/app >/dev/null 2>&1 </dev/null &")
	s.add1("app.example.org", "--set", "kind=proxy", "--set", "target=3000")
	eventually(s, "the program behind the proxy answers", func() bool {
		_, _, text := s.page("app.example.org", "/")
		return strings.TrimSpace(text) == "behind"
	})
	if status, _, text := s.page("app.example.org", "/.well-known/acme-challenge/token"); status != 200 || strings.TrimSpace(text) != "token" {
		s.Errorf("the challenge of a proxy answers %d %q", status, text)
	}
}

type sites struct{ service }

const (
	shopSite = "shop.example.org"
	blogSite = "xn--bcher-kva.example.org"
)

// page requests a page of a name on the host by http.
func (s sites) page(name, path string) (int, http.Header, string) {
	s.Helper()
	a := s.visit("http", name, path)
	return a.StatusCode, a.Header, a.text
}

func (s sites) add1(domain string, args ...string) result {
	s.Helper()
	return s.must(0, append([]string{"site", "add", domain, "--on", s.h.Name, "--yes"}, args...)...)
}

// refusals: nothing of what can't be reaches the host.
func (s sites) refusals() {
	s.Helper()
	for _, domain := range []string{
		"ex ample.com", "a_b.com", "*.x.com", "xn--...", "-a.com", "a.com;}", "a.com # x", "a.com\n server_name b", "127.0.0.1", "[::1]", "",
		strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 150) + "com", "$(touch /tmp/pwn).com", "../../etc",
	} {
		s.must(2, "site", "add", "--on", s.h.Name, "--yes", "--", domain)
	}
	for _, set := range []string{
		"aliases=a.com;b", "web-directory=../../etc", "web-directory=/etc", "target=22;id", "body-size=1t", "kind=rails", "php=9.9", "none=x",
		"aliases=*.example.org", "web-directory=a b",
	} {
		s.must(2, "site", "add", shopSite, "--on", s.h.Name, "--yes", "--set", set)
	}
	s.must(2, "site", "add", shopSite, "--on", s.h.Name, "--yes", "--set", "kind=proxy")
	s.must(2, "site", "remove", shopSite, "--yes")
	if got := s.sh("ls -d /srv/sites /etc/nginx /tmp/pwn 2>/dev/null || true"); got != "" {
		s.Errorf("a refusal left %s", got)
	}
}

func (s sites) add() {
	s.Helper()
	r := s.must(0, "site", "add", shopSite, "--on", s.h.Name, "--preview", "--set", "kind=php")
	contains(s, r.stdout, "nginx", "needed by site", shopSite+"/site", "php")
	s.add1("Shop.Example.org.", "--set", "kind=php", "--set", "aliases=www.shop.example.org")
	s.add1("bücher.example.org", "--set", "web-directory=public")
	s.answersAll()
	contains(s, s.must(0, "site", "list").stdout, shopSite, blogSite+" (bücher.example.org)", "active", "php", "static")
	contains(s, s.must(0, "site", "show", shopSite).stdout, "www.shop.example.org", "/srv/sites/"+shopSite+"/current", "site_shop_example_org")
	r = s.add1(shopSite)
	contains(s, r.stdout, "nothing to do")
	r = s.must(2, "site", "add", "www.shop.example.org", "--on", s.h.Name, "--yes")
	contains(s, r.stdout+r.stderr, "is a name of the site "+shopSite)
	s.fill()
}

// fill puts files into the shop, and the token of a challenge.
func (s sites) fill() {
	s.Helper()
	s.sh(`echo '<?php echo PHP_SAPI, " ", get_current_user(), " ", posix_getpwuid(posix_geteuid())["name"], " ", ini_get("upload_max_filesize");' >/srv/sites/` + shopSite + `/current/who.php
echo 'APP_KEY=secret' >/srv/sites/` + shopSite + `/current/.env
mkdir -p /srv/sites/` + shopSite + `/current/.well-known && echo known >/srv/sites/` + shopSite + `/current/.well-known/security.txt
echo token >/var/www/brokeforge-acme/.well-known/acme-challenge/token
chown -R site_shop_example_org: /srv/sites/` + shopSite + `/current/`)
}

// answersAll: each site answers by its names, an unknown name gets the default.
func (s sites) answersAll() {
	s.Helper()
	for _, name := range []string{shopSite, "www.shop.example.org", strings.ToUpper(shopSite)} {
		status, header, text := s.page(name, "/")
		if status != 200 || !strings.Contains(text, shopSite) || header.Get("X-Content-Type-Options") != "nosniff" {
			s.Errorf("%s answers %d, %v\n%s", name, status, header, text)
		}
	}
	if status, _, text := s.page(blogSite, "/"); status != 200 || !strings.Contains(text, "bücher.example.org") {
		s.Errorf("%s answers %d\n%s", blogSite, status, text)
	}
	// A process of nginx's with the former settings may answer for a moment beside the new.
	eventually(s, "an unknown name gets the server's page", func() bool {
		status, _, text := s.page("unknown.example.net", "/")
		return status == 200 && strings.Contains(text, "No site has this name")
	})
}

// apart: what a site shows, and what of another it can't.
func (s sites) apart() {
	s.Helper()
	if _, _, text := s.page(shopSite, "/who.php"); text != "fpm-fcgi site_shop_example_org site_shop_example_org 64m" {
		s.Errorf("PHP runs as %q", text)
	}
	for path, want := range map[string]int{
		"/.env": 404, "/none": 404, "/none.php": 404, "/.well-known/security.txt": 200, "/.well-known/acme-challenge/token": 200,
	} {
		if status, _, text := s.page(shopSite, path); status != want || strings.Contains(text, "secret") {
			s.Errorf("%s answers %d, want %d\n%s", path, status, want, text)
		}
	}
	// nginx serves no file below a file; to Apache it is the script's own path.
	if status, _, text := s.page(shopSite, "/who.php/x.php"); status != 404 && !strings.HasPrefix(text, "fpm-fcgi site_shop") {
		s.Errorf("a path below a script answers %d %q", status, text)
	}
	if status, _, text := s.page(blogSite, "/.well-known/acme-challenge/token"); status != 200 || strings.TrimSpace(text) != "token" {
		s.Errorf("the other's challenge answers %d %q", status, text)
	}
	s.sh("echo '<?php echo 1;' >/srv/sites/" + blogSite + "/current/public/x.php")
	if status, _, text := s.page(blogSite, "/x.php"); status != 404 {
		s.Errorf("PHP of a static site answers %d %q", status, text)
	}
	// No other user reads its files, and a link to another's leads nowhere.
	for _, user := range []string{"site_xn--bcher-kva_example_org", "worker", "brokeforge"} {
		if got := s.sh("runuser -u " + user + " -- cat /srv/sites/" + shopSite + "/current/index.html 2>&1 || true"); !strings.Contains(got, "Permission denied") {
			s.Errorf("%s reads the site's files: %s", user, got)
		}
	}
	s.sh("ln -s /srv/sites/" + shopSite + "/current/index.html /srv/sites/" + blogSite + "/current/public/theirs.html && chown -h site_xn--bcher-kva_example_org: /srv/sites/" + blogSite + "/current/public/theirs.html")
	if status, _, _ := s.page(blogSite, "/theirs.html"); status != 403 && status != 404 {
		s.Errorf("a link to another site's file answers %d", status)
	}
}

// edited: what somebody has changed by hand is not overwritten.
func (s sites) edited() {
	s.Helper()
	host := "/etc/nginx/sites-available/brokeforge-" + shopSite + ".conf"
	s.sh("sed -i 's/^server {/server {\\n\\t# mine/' " + host + " && echo 'add_header X-Mine yes;' >/etc/nginx/brokeforge/" + shopSite + "/custom.d/mine.conf && systemctl reload nginx")
	r := s.must(1, "site", "add", shopSite, "--on", s.h.Name, "--yes", "--set", "body-size=8m")
	contains(s, r.stdout+r.stderr, "changed the settings of "+shopSite+" by hand", "overwrite=yes")
	contains(s, s.sh("cat "+host), "# mine", "client_max_body_size 64m")
	r = s.must(0, "site", "add", shopSite, "--on", s.h.Name, "--set", "body-size=8m", "--preview", "--output")
	contains(s, r.stdout, host+" was changed by hand since BrokeForge wrote it", ": -    # mine", ": +    client_max_body_size 8m;")
	s.add1(shopSite, "--set", "body-size=8m", "--set", "overwrite=yes")
	text := s.sh("cat " + host)
	if contains(s, text, "client_max_body_size 8m"); strings.Contains(text, "# mine") {
		s.Errorf("the edit is still there:\n%s", text)
	}
	eventually(s, "settings of people count", func() bool {
		_, header, _ := s.page(shopSite, "/index.html")
		return header.Get("X-Mine") == "yes"
	})
	contains(s, s.add1(shopSite).stdout, "nothing to do")
	// A broken one of another file is told, and takes nothing down.
	s.sh("echo 'nonsense;' >/etc/nginx/brokeforge/" + blogSite + "/custom.d/bad.conf")
	s.must(1, "site", "add", shopSite, "--on", s.h.Name, "--yes", "--set", "body-size=9m")
	contains(s, s.sh("cat "+host), "client_max_body_size 8m")
	s.sh("rm /etc/nginx/brokeforge/" + blogSite + "/custom.d/bad.conf")
	s.answersAll()
}

// changes: a chosen option applies, the others stay.
func (s sites) changes() {
	s.Helper()
	s.add1(shopSite, "--set", "body-size=3m", "--set", "php-processes=4")
	eventually(s, "PHP has the new limit", func() bool {
		_, _, text := s.page(shopSite, "/who.php")
		return strings.HasSuffix(text, " 3m")
	})
	contains(s, s.sh("cat /etc/php/*/fpm/pool.d/brokeforge-"+shopSite+".conf"), "pm.max_children = 4")
	s.must(2, "remove", "nginx", "--on", s.h.Name, "--yes")
	s.must(2, "remove", "php", "--on", s.h.Name, "--yes")
	s.answersAll()
}

// fallback: a site can answer for unknown names, one at a time.
func (s sites) fallback() {
	s.Helper()
	s.add1(blogSite, "--set", "default-site=yes")
	// nginx reads its settings beside what it is doing.
	eventually(s, "an unknown name gets the default site", func() bool {
		_, _, text := s.page("unknown.example.net", "/")
		return strings.Contains(text, "bücher.example.org")
	})
	r := s.must(2, "site", "add", shopSite, "--on", s.h.Name, "--yes", "--set", "default-site=yes")
	contains(s, r.stdout+r.stderr, blogSite+" is the default site")
	contains(s, s.must(0, "install", "nginx", "--on", s.h.Name, "--yes").stdout, "nothing to do")
	s.must(0, "install", "nginx", "--set", "nginx.client-max-body=65m", "--on", s.h.Name, "--yes")
	eventually(s, "an unknown name gets the default site after nginx is installed again", func() bool {
		_, _, text := s.page("unknown.example.net", "/")
		return strings.Contains(text, "bücher.example.org")
	})
	s.add1(blogSite, "--set", "default-site=no")
	eventually(s, "an unknown name gets nginx's page again", func() bool {
		_, _, text := s.page("unknown.example.net", "/")
		return strings.Contains(text, "No site has this name")
	})
	s.answersAll()
}

// removal: what goes leaves no trace, and the other site stays.
func (s sites) removal() {
	s.Helper()
	s.sh("setsid runuser -u site_shop_example_org -- sleep 600 >/dev/null 2>&1 </dev/null &")
	s.belongings()
	r := s.must(0, "site", "remove", shopSite, "--archive", "--yes")
	contains(s, r.stdout, "goes: /srv/sites/"+shopSite)
	s.withoutBelongings(r.stdout)
	archive := s.sh("ls /var/lib/brokeforge/archives")
	listed := strings.Fields(s.sh("stat -c %a /var/lib/brokeforge/archives/" + archive + "; tar -tzf /var/lib/brokeforge/archives/" + archive))
	if listed[0] != "600" || !slices.Contains(listed, "srv/sites/"+shopSite+"/releases/placeholder/who.php") || !slices.Contains(listed, "etc/nginx/sites-available/brokeforge-"+shopSite+".conf") {
		s.Errorf("the archive %s holds %v", archive, listed)
	}
	if got := s.sh("ls -d /srv/sites/" + shopSite + " /etc/nginx/*/*" + shopSite + "* /etc/php/*/fpm/pool.d/*" + shopSite + "* /var/log/nginx/*" + shopSite + "* /var/lib/brokeforge/sites/" + shopSite + " 2>/dev/null; getent passwd site_shop_example_org; getent group site_shop_example_org; ls /var/spool/cron/crontabs 2>/dev/null | grep site_shop; pgrep -f '[s]leep 600'; true"); got != "" {
		s.Errorf("left of %s: %s", shopSite, got)
	}
	if status, _, text := s.page(blogSite, "/"); status != 200 || !strings.Contains(text, "bücher.example.org") {
		s.Errorf("the other site answers %d\n%s", status, text)
	}
	eventually(s, "the name that is gone is answered as any other", func() bool {
		_, _, text := s.page(shopSite, "/")
		return strings.Contains(text, "No site has this name")
	})
	s.must(0, "site", "remove", "bücher.example.org", "--databases", "--yes")
	s.databasesDropped()
	if got := s.sh("ls -d /srv/sites /etc/nginx/brokeforge 2>/dev/null; ls /etc/nginx/sites-enabled; systemctl --failed --plain --no-legend; nginx -t 2>&1 | grep warn; true"); got != "brokeforge-default" {
		s.Errorf("left of the sites: %s", got)
	}
	if strings.Contains(s.must(0, "site", "list").stdout, "example") {
		s.Errorf("sites are still recorded")
	}
	s.must(0, "remove", "php", "nginx", "--on", s.h.Name, "--yes")
}
