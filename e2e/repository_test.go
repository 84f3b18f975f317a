package e2e

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
)

// codename is the suite of a release in a third-party archive.
func codename(h *hosts.Host) string { return string(h.Suite) }

// depot is an archive of the test's own, which stands for a third party's.
type depot struct {
	testing.TB
	*archive.Archive
	key  archive.Key
	url  string
	stop func() error
}

// newDepot serves an archive with packages to a host's lab.
func newDepot(t testing.TB, h *hosts.Host, debs ...archive.Deb) *depot {
	t.Helper()
	dir := t.TempDir()
	a, err := archive.New(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range debs {
		if err := a.Add(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	d := &depot{TB: t, Archive: a, key: newKey(t, false)}
	d.publish(codename(h), "tests", "tests", d.key)
	d.serve(h)
	return d
}

func newKey(t testing.TB, expired bool) archive.Key {
	t.Helper()
	dir, err := os.MkdirTemp("", "bf-key-") // the path of gpg's socket may not be long
	if err != nil {
		t.Fatal(err)
	}
	key, err := archive.NewKey(t.Context(), dir, expired)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := key.Close(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(dir)
	})
	return key
}

func (d *depot) publish(suite, label, origin string, key archive.Key) {
	d.Helper()
	if err := d.Publish(d.Context(), suite, label, origin, key); err != nil {
		d.Fatal(err)
	}
}

// copy copies Debian packages from a host into the archive, a path a line.
func (d *depot) copy(h *hosts.Host, list string) {
	d.Helper()
	for file := range strings.Lines(list) {
		file = strings.TrimSpace(file)
		data, err := h.ReadFile(d.Context(), file)
		if err != nil {
			d.Fatal(err)
		}
		if err := d.AddFile(d.Context(), filepath.Base(file), data); err != nil {
			d.Fatal(err)
		}
	}
}

// offerBookworm has the archive offer packages of Debian 12, which a host downloads.
func (d *depot) offerBookworm(h *hosts.Host, names ...string) {
	d.Helper()
	list := on(d, h, "sh", "-c", `set -e
mkdir -p /root/12/lists/partial
cd /root/12
echo 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg check-valid-until=no] http://deb.debian.org/debian bookworm main' >list
twelve() { apt-get -qq -o Dir::Etc::SourceList=/root/12/list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/root/12/lists -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=root "$@" >&2; }
twelve update
twelve download `+strings.Join(names, " ")+`
ls /root/12/*.deb`)
	d.copy(h, list)
	on(d, h, "rm", "-r", "/root/12")
}

// serve serves the archive on the address of the machine that the host sees.
func (d *depot) serve(h *hosts.Host) {
	d.Helper()
	address := h.Addr().As4()
	address[3] = 1
	url, stop, err := d.Serve(netip.AddrFrom4(address).String())
	if err != nil {
		d.Fatal(err)
	}
	d.url, d.stop = url, stop
	d.Cleanup(func() { d.close() })
}

func (d *depot) close() {
	if d.stop == nil {
		return
	}
	if err := d.stop(); err != nil {
		d.Error(err)
	}
	d.stop = nil
}

// useArchive has the program use the archive as one of its repositories.
func (p program) useArchive(name, url, fingerprint, suite string) {
	p.Helper()
	p.settings(fmt.Sprintf("[repositories.%s]\nuri = %q\nkey = %q\nfingerprint = %q\nsuite = %q\n", name, url, url+"/key.asc", fingerprint, suite))
}

// sources lists what of apt's settings is ours on a host.
func sources(t testing.TB, h *hosts.Host) string {
	t.Helper()
	return on(t, h, "sh", "-c", "ls -d /etc/apt/sources.list.d/*brokeforge* /etc/apt/keyrings/*brokeforge* /etc/apt/preferences.d/*brokeforge* /var/lib/brokeforge/repository* 2>/dev/null || true")
}

// packagesOf lists the names and versions of what dpkg knows on a host.
func packagesOf(t testing.TB, h *hosts.Host) string {
	t.Helper()
	return on(t, h, "dpkg-query", "-W", "-f", "${Package} ${Version} ${db:Status-Abbrev}\\n")
}

// isAsBefore sees that the packages of a host are what packagesOf has told, if newer. What has come along
// may stay as apt keeps it: where something else needs or recommends it.
func isAsBefore(t testing.TB, h *hosts.Host, before string) {
	t.Helper()
	was, is := namesOf(before), namesOf(packagesOf(t, h))
	for _, name := range was {
		if !slices.Contains(is, name) {
			t.Errorf("it was there before: %s", name)
		}
	}
	wanted := map[string]bool{}
	relations := on(t, h, "dpkg-query", "-W", "-f", "${Pre-Depends}, ${Depends}, ${Recommends}\\n")
	for _, word := range strings.FieldsFunc(relations, func(r rune) bool { return strings.ContainsRune(",|\n", r) }) {
		name, _, _ := strings.Cut(strings.TrimSpace(word), " ")
		name, _, _ = strings.Cut(name, ":")
		wanted[name] = true
	}
	for _, line := range is {
		if name, _, _ := strings.Cut(line, " "); !slices.Contains(was, line) && !wanted[name] {
			t.Errorf("it was not there before: %s", line)
		}
	}
}

// namesOf leaves the versions out of what packagesOf has told.
func namesOf(list string) []string {
	var names []string
	for _, line := range strings.Split(list, "\n") {
		if fields := strings.Fields(line); len(fields) == 3 {
			names = append(names, fields[0]+" "+fields[2])
		}
	}
	return names
}

// TestRepository adds a third party's archive on each release: a bad one changes nothing and is told in
// a sentence, a good one goes with the last who uses it.
func TestRepository(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "repository-" + name, Suite: suite})
			debs := append(archive.PHP("8.3"), archive.PHP("7.4")...)
			d := newDepot(t, h, debs...)
			p := newProgram(t)
			p.add(h)
			p.must(0, "install", "base", "--on", h.Name, "--yes")
			before := packagesOf(t, h)
			refusedRepositories(p, d, h)
			usedRepository(p, d, h)
			isAsBefore(t, h, before)
			foreignRepository(p, d, h)
		})
	}
}

// php83 installs PHP 8.3 without extensions.
func php83(h *hosts.Host) []string { return phpOf(h, "8.3") }

func phpOf(h *hosts.Host, version string, set ...string) []string {
	args := []string{"install", "php", "--set", "php.version=" + version, "--set", "php.extensions=", "--on", h.Name, "--yes"}
	for _, s := range set {
		args = append(args, "--set", "php."+s)
	}
	return args
}

func refusedRepositories(p program, d *depot, h *hosts.Host) {
	p.Helper()
	expired := newKey(p, true)
	wrong := strings.Repeat("0123456789", 4)
	down := "http://" + strings.TrimPrefix(d.url[:strings.LastIndex(d.url, ":")], "http://") + ":9"
	for _, c := range []struct {
		what             string
		prepare          func()
		url, fingerprint string
		suite, version   string
		said             string
	}{
		{"archive down", nil, down, d.key.Fingerprint, "", "8.3", "does not answer"},
		{"wrong fingerprint", nil, d.url, wrong, "", "8.3", "in place of " + wrong},
		{"missing suite", nil, d.url, d.key.Fingerprint, "warty", "8.3", "no suite warty"},
		{"version not offered", nil, d.url, d.key.Fingerprint, "", "8.1", "does not offer php8.1-fpm"},
		{"no key there", nil, d.url + "/pool", d.key.Fingerprint, "", "8.3", "no such file"},
		{"signed by another", func() {
			d.publish("other", "tests", "tests", newKey(p, false))
			d.publish(codename(h), "tests", "tests", d.key)
		}, d.url, d.key.Fingerprint, "other", "8.3", "is not signed by the key"},
		{"expired key", func() { d.publish(codename(h), "tests", "tests", expired) }, d.url, expired.Fingerprint, "", "8.3", "expired on 2020-01-02"},
	} {
		if c.prepare != nil {
			c.prepare()
		}
		before := on(p, h, "sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; ls /etc/apt/*")
		p.useArchive("sury", c.url, c.fingerprint, c.suite)
		r := p.run(phpOf(h, c.version)...)
		if r.code != 1 {
			p.Fatalf("%s: exit status %d\n%s%s", c.what, r.code, r.stdout, r.stderr)
		}
		if !strings.Contains(r.stderr, c.said) || !strings.Contains(r.stderr, "choose version=distribution for PHP") {
			p.Errorf("%s: not told:\n%s", c.what, r.stderr)
		}
		after := on(p, h, "sh", "-c", "cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; ls /etc/apt/*")
		if before != after {
			p.Errorf("%s: apt's settings were changed:\n%s", c.what, after)
		}
		if strings.Contains(p.must(0, "status").stdout, "php") {
			p.Errorf("%s: php is recorded", c.what)
		}
	}
	d.publish(codename(h), "tests", "tests", d.key)
}

func usedRepository(p program, d *depot, h *hosts.Host) {
	p.Helper()
	p.useArchive("sury", d.url, d.key.Fingerprint, "")
	p.must(0, php83(h)...)
	contains(p, sources(p, h), "sources.list.d/brokeforge-sury.sources", "keyrings/brokeforge-sury.gpg", "preferences.d/brokeforge-sury")
	contains(p, on(p, h, "php8.3", "-v"), "PHP 8.3.99")
	r := p.must(0, php83(h)...)
	contains(p, r.stdout+r.stderr, "nothing to do")
	label(p, d, h)

	// What is lost by half is put back.
	on(p, h, "rm", "/etc/apt/keyrings/brokeforge-sury.gpg")
	p.must(0, php83(h)...)
	on(p, h, "apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any")

	p.must(0, phpOf(h, "7.4")...)
	p.must(0, "remove", "php@8.3", "--on", h.Name, "--yes")
	contains(p, sources(p, h), "sources.list.d/brokeforge-sury.sources", "keyrings/brokeforge-sury.gpg")
	contains(p, on(p, h, "php7.4", "-v"), "PHP 7.4.99")
	p.must(0, "remove", "php@7.4", "--on", h.Name, "--yes")
	if left := sources(p, h); left != "" {
		p.Errorf("left of the repository: %s", left)
	}
	on(p, h, "apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any")
}

// label gives the archive another label, which apt refuses until it is accepted, and then another origin,
// which nobody accepts.
func label(p program, d *depot, h *hosts.Host) {
	p.Helper()
	d.publish(codename(h), "use something else instead", "tests", d.key)
	if out, err := h.Exec(p.Context(), "apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any"); err == nil {
		p.Errorf("apt accepts another label by itself:\n%s", out)
	}
	on(p, h, "/var/lib/brokeforge/apt", "update")
	on(p, h, "apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any")
	d.publish(codename(h), "use something else instead", "another maker", d.key)
	if out, err := h.Exec(p.Context(), "/var/lib/brokeforge/apt", "update"); err == nil {
		p.Errorf("another origin is accepted:\n%s", out)
	}
	d.publish(codename(h), "use something else instead", "tests", d.key)
}

// foreignRepository finds the repository among the operator's own package sources.
func foreignRepository(p program, d *depot, h *hosts.Host) {
	p.Helper()
	on(p, h, "sh", "-c", fmt.Sprintf("mkdir -p /etc/apt/keyrings && curl -sSf -o /etc/apt/keyrings/mine.asc %[1]s/key.asc && echo 'deb [signed-by=/etc/apt/keyrings/mine.asc] %[1]s/ %[2]s main' >/etc/apt/sources.list.d/mine.list", d.url, codename(h)))
	p.must(0, php83(h)...)
	if ours := sources(p, h); strings.Contains(ours, "/etc/apt") {
		p.Errorf("it is there twice: %s", ours)
	}
	r := p.must(0, php83(h)...)
	contains(p, r.stdout+r.stderr, "nothing to do")
	p.must(0, "remove", "php@8.3", "--on", h.Name, "--yes")
	contains(p, on(p, h, "ls", "/etc/apt/sources.list.d", "/etc/apt/keyrings"), "mine.list", "mine.asc")
	on(p, h, "apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any")
}
