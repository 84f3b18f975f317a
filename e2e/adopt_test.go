package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestAdopt takes over an nginx that somebody else has set up: nothing of it
// changes, and its removal leaves it.
func TestAdopt(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "adopt", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	contains(t, p.must(2, "adopt", "nginx", "--on", h.Name).stderr, "nginx is not on the server")
	on(t, h, "sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get -qq -y install --no-install-recommends nginx php8.2-fpm php8.2-xml ufw redis-server && echo ours >/var/www/html/index.html && echo '# ours' >>/etc/nginx/nginx.conf && systemctl start nginx")
	state := func() string {
		t.Helper()
		return on(t, h, "sh", "-c", "cd /etc/nginx && find . -type f -o -type l | sort | xargs ls -l --time-style=full-iso; systemctl show -P MainPID nginx; ls -A /var/lib/brokeforge | grep -v -e runs -e lock -e holder -e changed || true")
	}
	p.must(0, "adopt", "nginx", "--on", h.Name, "--preview")
	on(t, h, "mkdir", "-p", "/var/lib/brokeforge")
	before := state()
	r := p.must(0, "adopt", "nginx", "--on", h.Name)
	contains(t, r.stdout, "Adopting nginx as it is")
	if now := state(); now != before {
		t.Errorf("adopting it changed the server from\n%s\nto\n%s", before, now)
	}
	contains(t, p.must(0, "status", "--json").stdout, `"name": "nginx"`, `"adopted": "yes"`, "1.22.1")
	contains(t, p.must(2, "adopt", "nginx", "--on", h.Name).stderr, "managed by BrokeForge already")
	p.must(0, "service", "restart", "nginx", "--on", h.Name, "--yes")

	// Another option is then made so, beside what is there.
	p.must(0, "install", "nginx", "--set", "nginx.default-site=no", "--set", "nginx.client-max-body=8m", "--on", h.Name, "--yes")
	contains(t, on(t, h, "nginx", "-T"), "client_max_body_size 8m", "# ours")
	contains(t, p.must(0, "install", "nginx", "--on", h.Name, "--yes").stdout, "nothing to do")

	p.must(0, "remove", "nginx", "--on", h.Name, "--yes")
	if _, body := get(t, h, "/"); body != "ours\n" {
		t.Errorf("after the removal of what was adopted nginx answers %q", body)
	}
	if out := on(t, h, "nginx", "-T"); strings.Contains(out, "client_max_body_size") || !strings.Contains(out, "# ours") {
		t.Errorf("BrokeForge's settings are left, or others are gone:\n%s", out)
	}
	if status := p.must(0, "status").stdout; strings.Contains(status, "nginx") {
		t.Errorf("it is still recorded:\n%s", status)
	}
	a := adoption{p, h}
	a.php()
	a.redis()
	a.rules()
}

// adoption is a program on a host on which somebody else has put something.
type adoption struct {
	program
	h *hosts.Host
}

// recorded returns what is recorded of a package.
func (a adoption) recorded(name, instance string) map[string]any {
	a.Helper()
	var servers []map[string]any
	decode(a, a.must(0, "status", "--json").stdout, &servers)
	for _, p := range servers[0]["packages"].([]any) {
		if p := p.(map[string]any); p["name"] == name && p["instance"] == instance {
			return p["configuration"].(map[string]any)
		}
	}
	a.Fatalf("%s@%s is not recorded", name, instance)
	return nil
}

// php takes over a PHP with the extensions that it has.
func (a adoption) php() {
	a.Helper()
	on(a, a.h, "sh", "-c", "echo 'memory_limit = 1g' >/etc/php/8.2/fpm/conf.d/50-ours.ini && systemctl restart php8.2-fpm")
	r := a.must(2, "adopt", "php@8.3", "--on", a.h.Name)
	contains(a, r.stderr, "php@8.3 is not on the server")
	pid := on(a, a.h, "systemctl", "show", "-P", "MainPID", "php8.2-fpm")
	a.must(0, "adopt", "php", "--on", a.h.Name)
	if on(a, a.h, "systemctl", "show", "-P", "MainPID", "php8.2-fpm") != pid {
		a.Error("adopting PHP restarted it")
	}
	was := a.recorded("php", "")
	if was["extensions"] != "xml" || was["memory-limit"] != "1G" || was["upload-max"] != "2M" || was["branch"] != "8.2" {
		a.Errorf("of PHP is recorded %v", was)
	}
	a.must(0, "install", "php", "--set", "php.extensions=xml,curl", "--on", a.h.Name, "--yes")
	contains(a, on(a, a.h, "php-fpm8.2", "-i"), "curl", "memory_limit => 1G")
	a.must(0, "remove", "php", "--on", a.h.Name, "--yes")
	contains(a, on(a, a.h, "php-fpm8.2", "-m"), "xml")
	if out := on(a, a.h, "sh", "-c", "systemctl is-active php8.2-fpm; php-fpm8.2 -m | grep -x curl; ls /etc/php/8.2/fpm/conf.d/*brokeforge* 2>/dev/null; true"); out != "active" {
		a.Errorf("after its removal PHP is %q", out)
	}
}

// redis takes over a Redis, gives it a password, and lets go of it with what it
// holds.
func (a adoption) redis() {
	a.Helper()
	a.must(0, "adopt", "redis", "--on", a.h.Name)
	contains(a, on(a, a.h, "redis-cli", "SET", "x", "kept"), "OK")
	a.must(0, "install", "redis", "--set", "redis.persistence=aof", "--on", a.h.Name, "--yes")
	contains(a, on(a, a.h, "redis-cli", "GET", "x"), "NOAUTH")
	a.must(0, "remove", "redis", "--on", a.h.Name, "--yes")
	if got := on(a, a.h, "sh", "-c", "redis-cli GET x; ls -d /etc/redis/brokeforge* /etc/systemd/system/redis-server.service.d 2>/dev/null; true"); got != "kept" {
		a.Errorf("after its removal Redis says %q", got)
	}
}

// rules takes over a firewall, and one of its rules.
func (a adoption) rules() {
	a.Helper()
	on(a, a.h, "sh", "-c", "ufw allow 22/tcp && ufw allow from 10.9.0.0/16 to any port 9000 proto tcp comment theirs && ufw --force enable")
	before := on(a, a.h, "ufw", "show", "added")
	const rule = "firewall-rule@allow-9000-tcp-from-10.9.0.0_16"
	contains(a, a.must(2, "adopt", rule, "--on", a.h.Name).stderr, "needs firewall")
	a.must(0, "adopt", "firewall", rule, "--on", a.h.Name)
	if was := a.recorded("firewall-rule", strings.TrimPrefix(rule, "firewall-rule@")); was["source"] != "10.9.0.0/16" || was["adopted"] != "yes" {
		a.Errorf("of the rule is recorded %v", was)
	}
	r := a.must(1, "adopt", "firewall-rule", "--set", "firewall-rule.port=9001", "--on", a.h.Name)
	contains(a, r.stdout+r.stderr, "ufw has no rule allow-9001-tcp")
	contains(a, a.must(0, "install", "firewall-rule", "--set", "firewall-rule.port=9000", "--set", "firewall-rule.source=10.9.0.0/16", "--on", a.h.Name, "--yes").stdout, "nothing to do")
	a.must(0, "remove", rule, "firewall", "--on", a.h.Name, "--yes")
	if now := on(a, a.h, "ufw", "show", "added"); now != before {
		a.Errorf("the rules were\n%s\nand are\n%s", before, now)
	}
}
