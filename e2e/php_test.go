package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
	"brokeforge/packages"
	"brokeforge/packages/catalog"
)

// ownPHP is the branch of PHP that each release has.
var ownPHP = map[hosts.Suite]string{hosts.Bookworm: "8.2", hosts.Trixie: "8.4"}

// TestPHP puts versions of PHP side by side on each release: the distribution's, which is real, and two of
// the test's own archive, which say what they are.
func TestPHP(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "php-" + name, Suite: suite})
			depot := newDepot(t, h, append(archive.PHP("8.3", "mysql", "xml"), archive.PHP("7.4")...)...)
			p := newProgram(t)
			p.useArchive("sury", depot.url, depot.key.Fingerprint, "")
			p.add(h)
			v := versions{p, h, ownPHP[suite]}
			v.distribution()
			v.beside()
			v.chosen()
			if err := h.Reboot(t.Context()); err != nil {
				t.Fatal(err)
			}
			eventually(t, "nginx answers after the reboot", func() bool {
				return answers(h, "80") && strings.HasPrefix(v.page("80"), "php 8.3 ")
			})
			v.isChosen("8.3")
			v.third()
			v.remove()
		})
	}
}

type versions struct {
	program
	h   *hosts.Host
	own string
}

// page returns what the PHP behind a port of the host answers.
func (v versions) page(port string) string {
	v.Helper()
	_, _, body := page(v, v.h, port, "/probe.php")
	return body
}

// isChosen sees that sites and the command line have a version.
func (v versions) isChosen(branch string) {
	v.Helper()
	if got := v.page("80"); !strings.HasPrefix(got, "php "+branch+" fpm-fcgi") {
		v.Errorf("the default site has not %s: %q", branch, got)
	}
	if got := on(v, v.h, "php", "-v"); !strings.HasPrefix(got, "PHP "+branch+".") {
		v.Errorf("the command line has not %s: %q", branch, got)
	}
}

// found reads what the probe says, as the program does.
func (v versions) found() map[packages.Name]packages.PresenceState {
	v.Helper()
	facts, err := packages.ParseFacts([]byte(on(v, v.h, "sh", "-c", packages.FactsScript(catalog.New()))+"\n"), time.Now())
	if err != nil {
		v.Fatal(err)
	}
	out := map[packages.Name]packages.PresenceState{}
	for name, presence := range facts.Found {
		if strings.HasPrefix(string(name), "php") {
			out[name] = presence.State
		}
	}
	return out
}

func (v versions) nothingToDo(args ...string) {
	v.Helper()
	r := v.must(0, args...)
	contains(v, r.stdout+r.stderr, "nothing to do")
}

func (v versions) distribution() {
	v.Helper()
	if diff := cmp.Diff(map[packages.Name]packages.PresenceState{"php": packages.Absent}, v.found()); diff != "" {
		v.Errorf("before (-want +got):\n%s", diff)
	}
	v.must(0, "install", "nginx", "php", "--set", "php.ini=max_input_time=61; date.timezone = Europe/Berlin", "--on", v.h.Name, "--yes")
	on(v, v.h, "sh", "-c", "echo '<?php echo \"php \", PHP_MAJOR_VERSION, \".\", PHP_MINOR_VERSION, \" \", php_sapi_name(), \" \", ini_get(\"max_input_time\"), ini_get(\"date.timezone\"), ini_get(\"memory_limit\");' >"+docRoot+"/probe.php")
	v.isChosen(v.own)
	if got, want := v.page("80"), "php "+v.own+" fpm-fcgi 61Europe/Berlin256M"; got != want {
		v.Errorf("the page is %q, not %q", got, want)
	}
	if left := sources(v, v.h); left != "" {
		v.Errorf("the distribution's PHP brought a repository: %s", left)
	}
	v.nothingToDo("install", "php", "--on", v.h.Name, "--yes")
	r := v.must(2, "install", "php", "--set", "php.version="+v.own, "--on", v.h.Name, "--yes")
	contains(v, r.stdout+r.stderr, "choose version=distribution")
}

// beside puts another version beside the distribution's, which stays the default.
func (v versions) beside() {
	v.Helper()
	v.must(0, "install", "php", "--set", "php.version=8.3", "--set", "php.extensions=mysql,xml", "--set", "php.ini=max_execution_time=62", "--on", v.h.Name, "--yes")
	v.isChosen(v.own)
	on(v, v.h, "sh", "-c", `cat >/etc/nginx/sites-enabled/beside <<'end'
server {
	listen 8083;
	location / {
		include fastcgi_params;
		fastcgi_pass unix:/run/php/php8.3-fpm.sock;
	}
}
end
systemctl reload nginx`)
	eventually(v, "nginx listens on 8083", func() bool { return answers(v.h, "8083") })
	contains(v, v.page("8083"), "php 8.3 fpm-fcgi", "max_execution_time = 62", "memory_limit = 256M")
	contains(v, on(v, v.h, "php8.3", "-v"), "PHP 8.3.99")
	contains(v, on(v, v.h, "php-fpm8.3", "-m"), "mysqli", "xml")
	v.nothingToDo("install", "php", "--set", "php.version=8.3", "--on", v.h.Name, "--yes")
	v.nothingToDo("install", "php", "--on", v.h.Name, "--yes")
	want := map[packages.Name]packages.PresenceState{
		"php": packages.Present, "php@8.3": packages.Present, packages.Name("php@" + v.own): packages.Present,
	}
	if diff := cmp.Diff(want, v.found()); diff != "" {
		v.Errorf("the probe (-want +got):\n%s", diff)
	}
	on(v, v.h, "systemctl", "stop", "php8.3-fpm")
	want["php@8.3"] = packages.Partial
	if diff := cmp.Diff(want, v.found()); diff != "" {
		v.Errorf("the probe, with 8.3 stopped (-want +got):\n%s", diff)
	}
	v.must(0, "install", "php", "--set", "php.version=8.3", "--on", v.h.Name, "--yes")
	contains(v, v.must(0, "status").stdout, "php ", "php@8.3")
	v.adopted()
}

// adopted has another state, which knows nothing of the server, take over both versions.
func (v versions) adopted() {
	v.Helper()
	other := newProgram(v.TB)
	other.add(v.h)
	contains(v, other.must(2, "adopt", "php@"+v.own, "--on", v.h.Name).stderr, "choose version=distribution")
	contains(v, other.must(2, "adopt", "php@7.4", "--on", v.h.Name).stderr, "php@7.4 is not on the server")
	other.must(0, "adopt", "php", "php@8.3", "--on", v.h.Name)
	of := adoption{other, v.h}
	if was := of.recorded("php", "8.3"); was["extensions"] != "mysql,xml" || was["branch"] != "8.3" || was["upload-max"] != "64M" {
		v.Errorf("of PHP 8.3 is recorded %v", was)
	}
	if was := of.recorded("php", ""); was["branch"] != v.own || was["memory-limit"] != "256M" {
		v.Errorf("of PHP is recorded %v", was)
	}
}

// chosen makes it the default of both, and drops an extension by the way.
func (v versions) chosen() {
	v.Helper()
	v.must(0, "install", "php", "--set", "php.version=8.3", "--set", "php.extensions=xml",
		"--set", "php.cli-default=yes", "--set", "php.site-default=yes", "--on", v.h.Name, "--yes")
	v.isChosen("8.3")
	contains(v, v.page("8083"), "max_execution_time = 62") // what was chosen before still holds
	if got := on(v, v.h, "sh", "-c", "dpkg-query -W -f '${db:Status-Status}' php8.3-mysql 2>/dev/null || echo gone"); strings.Contains(got, "installed") && got != "not-installed" {
		v.Errorf("the extension that is no longer chosen is %s", got)
	}
	for _, option := range []string{"cli-default", "site-default"} {
		r := v.must(2, "install", "php", "--set", "php."+option+"=yes", "--on", v.h.Name, "--yes")
		contains(v, r.stdout+r.stderr, "php@8.3 has "+option+"=yes")
	}
	v.nothingToDo("install", "php", "--set", "php.version=8.3", "--on", v.h.Name, "--yes")
}

// third comes beside both, and changes no default.
func (v versions) third() {
	v.Helper()
	v.must(0, phpOf(v.h, "7.4")...)
	v.isChosen("8.3")
	v.must(0, "install", "php", "--set", "php.version=8.3", "--set", "php.cli-default=no", "--set", "php.site-default=no", "--on", v.h.Name, "--yes")
	v.isChosen(v.own)
	v.must(0, "install", "php", "--set", "php.version=8.3", "--set", "php.cli-default=yes", "--set", "php.site-default=yes", "--on", v.h.Name, "--yes")
	v.isChosen("8.3")
}

func (v versions) remove() {
	v.Helper()
	v.nothingToDo("remove", "php@5.6", "--on", v.h.Name, "--yes")
	v.must(0, "remove", "php@8.3", "--on", v.h.Name, "--yes")
	v.isChosen(v.own)
	if mode := on(v, v.h, "sh", "-c", "update-alternatives --query php | sed -n 's/^Status: //p'"); mode != "auto" {
		v.Errorf("the alternative of php is %s", mode)
	}
	if left := on(v, v.h, "sh", "-c", "ls -d /etc/php/8.3 /etc/systemd/system/php8.3* /usr/bin/php8.3 2>/dev/null || true"); left != "" {
		v.Errorf("left of 8.3: %s", left)
	}
	contains(v, on(v, v.h, "php7.4", "-v"), "PHP 7.4.99")
	v.must(0, "remove", "php", "--on", v.h.Name, "--yes")
	contains(v, on(v, v.h, "php", "-v"), "PHP 7.4.99")
	if got := v.page("80"); !strings.HasPrefix(got, "php 7.4 fpm-fcgi") {
		v.Errorf("the last PHP does not serve the default site: %q", got)
	}
	status := v.must(0, "status").stdout
	if contains(v, status, "php@7.4"); strings.Contains(status, "php@8.3") {
		v.Errorf("php@8.3 is still recorded:\n%s", status)
	}
	v.must(0, "remove", "php@7.4", "--on", v.h.Name, "--yes")
	on(v, v.h, "rm", docRoot+"/probe.php")
	if left := on(v, v.h, "sh", "-c", "dpkg-query -W -f '${Package} ${db:Status-Abbrev}\\n' | grep '^php' | grep -v 'un $' || true; ls -d /etc/php /usr/bin/php /etc/systemd/system/php* /var/lib/brokeforge/php 2>/dev/null || true"); left != "" {
		v.Errorf("left of PHP: %s", left)
	}
	if left := sources(v, v.h); left != "" {
		v.Errorf("left of the repository: %s", left)
	}
	if status, _ := get(v, v.h, "/"); status != 200 {
		v.Errorf("without PHP, / answers %d", status)
	}
	// Debian's timer cleans sessions up twice an hour, which fails where PHP goes at that moment.
	if got := on(v, v.h, "sh", "-c", "systemctl --failed --plain --no-legend | grep -v '^phpsessionclean.service' || true"); strings.Contains(got, "php") || strings.Contains(got, "nginx") {
		v.Errorf("failed units: %s", got)
	}
}
