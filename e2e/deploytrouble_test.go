package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// file writes a file on this machine, such as a script, and returns its path.
func (p program) file(text string) string {
	p.Helper()
	file := filepath.Join(p.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
	return file
}

// state tells which release is in use and which there are.
func (d deployment) state() string {
	d.Helper()
	return d.onWeb("cd /srv/sites/" + d.domain + " && readlink current && ls releases")
}

// recorded is the release that the records say is in use.
func (d deployment) recorded() string {
	d.Helper()
	var list []map[string]any
	decode(d, d.must(0, "site", "releases", d.domain, "--limit", "0", "--json").stdout, &list)
	for _, r := range list {
		if r["current"] == true {
			return fmt.Sprint("releases/", r["release"])
		}
	}
	return ""
}

// unchanged demands that all is as it was, by the server, its site and the records.
func (d deployment) unchanged(what, version, before string) {
	d.Helper()
	d.shows(version)
	if now := d.state(); now != before {
		d.Errorf("%s: it was\n%s\nand is\n%s", what, before, now)
	}
	if got := d.recorded(); got != strings.Fields(before)[0] {
		d.Errorf("%s: by the records the site uses %s", what, got)
	}
}

// cancelled: wherever a deployment is cancelled, the site uses a whole release, and the
// one that the records tell of.
func (d deployment) cancelled() {
	d.Helper()
	d.push("cancelled-before")
	d.deploy(0)
	before := d.state()
	d.push("cancelled")
	// Of its processes one ignores that it is ended, and one has left its group.
	endless := d.file("touch ../../shared/storage/reached\n(trap '' TERM; sleep 1234) & setsid sleep 1234 &\nwait\nsleep 1234\n")
	d.onWeb(`cat >/srv/sites/blog.example.org/shared/storage/slow.php <<'END'
<?php
touch(__DIR__ . '/../storage/reached');
sleep(20);
END`)
	for what, args := range map[string][]string{
		"in the script":                  {"--script", endless},
		"in the script after the switch": {"--after-script", endless},
		"while the site is asked":        {"--script", d.file("cp ../../shared/storage/slow.php public/slow.php\n"), "--set", "deployment.check-path=/slow.php"},
	} {
		deploying := d.start(append([]string{"deploy", d.domain, "--yes"}, args...)...)
		eventually(d, what+": it comes that far", func() bool {
			return d.onWeb("ls /srv/sites/blog.example.org/shared/storage/reached 2>/dev/null || true") != ""
		})
		deploying.interrupt()
		var runs []map[string]any
		decode(d, d.must(0, "run", "list", "--limit", "1", "--json").stdout, &runs)
		contains(d, d.must(0, "run", "cancel", fmt.Sprint(runs[0]["id"])).stdout, "is cancelled")
		d.unchanged(what, "cancelled-before", before)
		if left := d.onWeb("pgrep -xf 'sleep 1234' || true"); left != "" {
			d.Errorf("%s: there is still a process %s", what, left)
		}
		d.onWeb("rm /srv/sites/blog.example.org/shared/storage/reached")
	}
	d.deploy(0)
	d.shows("cancelled")
	if got, now := d.recorded(), strings.Fields(d.state())[0]; got != now {
		d.Errorf("by the records the site uses %s, and it uses %s", got, now)
	}
}

// fullDisk: wherever a deployment runs out of space, the site goes on with what it has.
func (d deployment) fullDisk() {
	d.Helper()
	before := d.state()
	const fill = "rm -f /srv/sites/fill; dd if=/dev/zero of=/srv/sites/fill bs=4k 2>/dev/null || true; "
	fails := func(what, prepare string, args ...string) {
		d.Helper()
		d.onWeb(prepare)
		contains(d, d.deploy(1, args...), "the server's disk is full")
		d.unchanged(what, "cancelled", before)
		d.onWeb("rm -f /srv/sites/fill /srv/sites/blog.example.org/home/fill")
		if left := d.onWeb("find /srv/sites/blog.example.org/repo.git -name 'tmp_*' -o -name '*.lock'"); left != "" {
			d.Errorf("%s: git has left %s", what, left)
		}
	}
	fails("before it begins", fill)
	d.onGit("head -c 3000000 /dev/urandom >/root/work/noise")
	d.push("full")
	fails("while it fetches", fill+"truncate -s -1M /srv/sites/fill")
	fails("while it makes the release", fill+"truncate -s -5M /srv/sites/fill")
	fails("in the script", "true", "--script", d.file("cat /dev/zero >noise\n"))
	fails("at the switch", "true", "--script", d.file("cat /dev/zero >../../home/fill\nexit 0\n"))
	d.onGit("rm /root/work/noise")
	d.push("space")
	d.deploy(0)
	d.shows("space")
}

// secrets: what a script prints is cleared of secrets wherever it is kept, be they of
// the vault, of a saved .env or of one that somebody wrote on the server.
func (d deployment) secrets() {
	d.Helper()
	secrets := map[string]string{
		"saved": "hunter2 $(id) \"quoted\"", "by hand": "swordfish-by-hand",
		"of the vault": strings.Split(d.must(0, "secret", "show", d.web.Name+"/"+d.domain+"/git-repository.deploy-key", "--yes").stdout, "\n")[1],
	}
	d.must(0, "env", "set", d.domain, "API_TOKEN=@"+d.file(secrets["saved"]), "--yes")
	d.onWeb("cd /srv/sites/blog.example.org/shared && echo MAIL_PASSWORD=" + secrets["by hand"] + " >>.env && cat >storage/key <<'END'\n" + secrets["of the vault"] + "\nEND")
	d.push("told")
	const tells = "cat .env storage/key\n. ./.env\necho \"it is $API_TOKEN\" >&2\necho \"$MAIL_PASSWORD\" | base64\nset -x\n: \"$MAIL_PASSWORD\"\n"
	var all strings.Builder
	all.WriteString(d.deploy(0, "--output", "--script", d.file(tells+"php artisan key:generate\n")))
	contains(d, all.String(), "API_TOKEN=", "MAIL_PASSWORD=[hidden]", "it is [hidden]")
	all.WriteString(d.deploy(1, "--json", "--script", d.file(tells+"echo \"$MAIL_PASSWORD $API_TOKEN\"\nexit 1\n")))
	r := d.must(1, "exec", d.domain, "--", "cat .env storage/key; . ./.env; echo \"$MAIL_PASSWORD\" >&2; exit 3")
	contains(d, r.stdout, "MAIL_PASSWORD=[hidden]")
	all.WriteString(r.stdout + r.stderr)
	for _, args := range [][]string{{"run", "list", "--json"}, {"exec", "--history", "--json", d.domain}, {"site", "releases", "--json", d.domain}} {
		r := d.must(0, args...)
		all.WriteString(r.stdout + r.stderr)
	}
	for kind, secret := range secrets {
		if strings.Contains(all.String(), secret) {
			d.Errorf("the secret %s is shown", kind)
		}
		d.nowhereHere(secret)
	}
	d.onWeb("sed -i /MAIL_PASSWORD/d /srv/sites/blog.example.org/shared/.env")
}

// endless: what a script has left goes with it, also what has left its group.
func (d deployment) endless() {
	d.Helper()
	before := d.state()
	contains(d, d.deploy(1, "--script", d.file("setsid sleep 4321 & sleep 4321\n"), "--set", "deployment.timeout=1"), "took longer than 1 seconds")
	if left := d.onWeb("pgrep -xf 'sleep 4321' || true"); left != "" {
		d.Errorf("the script that was ended has left a process %s", left)
	}
	d.unchanged("it never ends", "space", before)
}

// composer: the preset installs what composer.json asks for, as the site's user and
// with the site's PHP.
func (d deployment) composer() {
	d.Helper()
	d.write("composer.json", `{"require": {"shop/greeting": "*"}, "repositories": [{"type": "path", "url": "greeting"}, {"packagist.org": false}]}
`)
	d.write("greeting/composer.json", `{"name": "shop/greeting", "version": "1.0.0", "autoload": {"files": ["greeting.php"]}}
`)
	d.write("greeting/greeting.php", "<?php\nfunction greeting() { return 'hello'; }\n")
	d.push("composed")
	contains(d, d.deploy(1, "--script", ""), "composer is not on this server: install composer there first")
	d.shows("told")
	d.must(0, "install", "composer", "--on", d.web.Name, "--yes")
	d.deploy(0, "--script", "")
	d.shows("composed")
	contains(d, d.onWeb(`cd /srv/sites/blog.example.org/current && stat -c %U vendor/autoload.php && php -r 'require "vendor/autoload.php"; echo greeting();'`), "site_blog_example_org", "hello")
	d.onGit("cd /root/work && git rm -q composer.json")
}
