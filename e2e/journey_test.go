package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// docRoot is where the default site's pages are.
const docRoot = "/var/www/brokeforge-default"

// fpm is the service of PHP-FPM, by release.
var fpm = map[hosts.Suite]string{hosts.Bookworm: "php8.2-fpm", hosts.Trixie: "php8.4-fpm"}

// TestJourney goes the whole way with the command line, on each release.
func TestJourney(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: name, Suite: suite})
			j := journey{newProgram(t), h}
			j.firstContact()
			j.preview()
			j.install()
			j.nothingToDo()
			j.rule()
			j.remove()
		})
	}
}

type journey struct {
	program
	h *hosts.Host
}

func (j journey) firstContact() {
	j.Helper()
	r := j.must(3, "server", "add", j.h.Name, j.h.Address(), "--key", lab.Key())
	contains(j, r.stderr, "SHA256:", "--accept-new")
	r = j.must(0, "server", "list")
	if strings.Contains(r.stdout, j.h.Name) {
		j.Errorf("a server whose key nobody accepted is listed:\n%s", r.stdout)
	}
	j.add(j.h)
	contains(j, j.must(0, "server", "list").stdout, j.h.Name, j.h.Address())
	contains(j, j.must(0, "server", "show", j.h.Name).stdout, "Debian", "SHA256:")
}

func (j journey) preview() {
	j.Helper()
	r := j.must(0, "install", "nginx", "php", "firewall", "--on", j.h.Name, "--preview")
	contains(j, r.stdout, "needed by nginx", "apt", "ufw", "nginx -t")
	r = j.must(2, "install", "nginx", "--on", j.h.Name)
	contains(j, r.stderr, "--yes")
	if out := on(j, j.h, "sh", "-c", "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' nginx php-common ufw 2>/dev/null | grep -v not-installed; test ! -e /var/lib/brokeforge || echo prepared"); out != "" {
		j.Errorf("a preview changed the server: %s", out)
	}
}

func (j journey) install() {
	j.Helper()
	r := j.must(0, "install", "nginx", "php", "firewall", "--on", j.h.Name, "--yes")
	contains(j, r.stdout, j.h.Name)
	if status, body := get(j, j.h, "/"); status != 200 || body == "" {
		j.Errorf("/ answers %d:\n%s", status, body)
	}
	on(j, j.h, "sh", "-c", "echo '<?php echo \"php \", PHP_MAJOR_VERSION, \" \", php_sapi_name();' >"+docRoot+"/probe.php")
	if _, body := get(j, j.h, "/probe.php"); body != "php 8 fpm-fcgi" {
		j.Errorf("PHP answers %q", body)
	}
	ufw := on(j, j.h, "ufw", "status", "verbose")
	contains(j, ufw, "Status: active", "deny (incoming)", "allow (outgoing)", "22/tcp", "80/tcp", "443/tcp")
	contains(j, j.must(0, "status").stdout, "nginx", "php", "firewall", "base")
	var statuses []map[string]any
	decode(j, j.must(0, "status", "--json").stdout, &statuses)
}

// decode reads a JSON document, or JSON lines into a list.
func decode(t testing.TB, text string, into *[]map[string]any) {
	t.Helper()
	if json.Unmarshal([]byte(text), into) == nil {
		return
	}
	for line := range strings.Lines(text) {
		var object map[string]any
		if err := json.Unmarshal([]byte(line), &object); err != nil {
			t.Fatalf("not JSON: %v in %q", err, line)
		}
		*into = append(*into, object)
	}
}

func (j journey) nothingToDo() {
	j.Helper()
	r := j.must(0, "install", "nginx", "php", "firewall", "--on", j.h.Name, "--yes")
	contains(j, r.stdout+r.stderr, "nothing to do")
	on(j, j.h, "systemctl", "stop", "nginx")
	j.must(0, "install", "nginx", "--on", j.h.Name, "--yes")
	if got := on(j, j.h, "systemctl", "is-active", "nginx"); got != "active" {
		j.Errorf("nginx, stopped by hand and installed again, is %s", got)
	}
}

// rule opens a port and closes it again, asked from outside.
func (j journey) rule() {
	j.Helper()
	on(j, j.h, "systemd-run", "--unit=listen8080", "perl", "-MIO::Socket::INET", "-e",
		`my $s = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die $!; while (my $c = $s->accept) { close $c }`)
	eventually(j, "something listens on 8080", func() bool {
		return strings.Contains(on(j, j.h, "ss", "-Hltn"), ":8080")
	})
	if answers(j.h, "8080") {
		j.Error("8080 answers though nothing allows it")
	}
	j.must(0, "install", "firewall-rule", "--set", "firewall-rule.port=8080", "--on", j.h.Name, "--yes")
	if !answers(j.h, "8080") {
		j.Error("8080 does not answer though a rule allows it")
	}
	r := j.must(2, "remove", "firewall", "--on", j.h.Name, "--yes")
	contains(j, r.stderr, "still needed by firewall-rule@")
	status := j.must(0, "status").stdout
	i := strings.Index(status, "firewall-rule@")
	if i < 0 {
		j.Fatalf("status does not name the rule:\n%s", status)
	}
	j.must(0, "remove", strings.Fields(status[i:])[0], "--on", j.h.Name, "--yes")
	if answers(j.h, "8080") {
		j.Error("8080 still answers after its rule is removed")
	}
}

func (j journey) remove() {
	j.Helper()
	on(j, j.h, "rm", docRoot+"/probe.php") // what others have put there stays
	j.must(0, "remove", "nginx", "--on", j.h.Name, "--yes")
	if answers(j.h, "80") {
		j.Error("80 still answers after nginx is removed")
	}
	if out := on(j, j.h, "sh", "-c", "dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' 'nginx*' 2>/dev/null | grep -v ' un ' || true; ls -d /etc/nginx/*brokeforge* /etc/nginx/*/*brokeforge* "+docRoot+" 2>/dev/null || true"); out != "" && !strings.Contains(out, "un") {
		j.Errorf("left of nginx: %s", out)
	}
	if out := on(j, j.h, "systemctl", "is-active", fpm[j.h.Suite]); out != "active" {
		j.Errorf("after the removal of nginx, php-fpm is %s", out)
	}
	contains(j, on(j, j.h, "ufw", "status"), "Status: active")
	status := j.must(0, "status").stdout
	if strings.Contains(status, "nginx") {
		j.Errorf("nginx is still recorded:\n%s", status)
	}
	contains(j, status, "php", "firewall")
	contains(j, j.must(0, "run", "list").stdout, "remove nginx", "install nginx, php, firewall")
}
