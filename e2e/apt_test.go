package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
)

// TestAptTrouble has apt fail in the usual ways, which must be told in a sentence, on the release whose apt
// says the least of what it said before.
func TestAptTrouble(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "apt", Suite: hosts.Trixie})
	p := newProgram(t)
	p.add(h)
	p.must(0, "install", "base", "--on", h.Name, "--yes")
	on(t, h, "/var/lib/brokeforge/apt", "update")
	sh := func(script string) { t.Helper(); on(t, h, "sh", "-c", script) }
	expired := newKey(t, true)
	depot := newDepot(t, h,
		archive.Deb{Name: "bf-first", Version: "1", Files: map[string]string{"usr/share/bf/file": "first"}},
		archive.Deb{Name: "bf-second", Version: "1", Files: map[string]string{"usr/share/bf/file": "second"}},
		archive.Deb{Name: "memcached", Version: "999", Control: []string{"Conflicts: procps"}},
	)
	source := "curl -sSf -o /etc/apt/keyrings/bf.asc " + depot.url + "/key.asc && echo 'deb [signed-by=/etc/apt/keyrings/bf.asc] " + depot.url + "/ bf main' >/etc/apt/sources.list.d/bf.list"
	down := depot.url[:strings.LastIndex(depot.url, ":")] + ":9"
	memcached := []string{"install", "memcached", "--on", h.Name, "--yes"}
	for _, c := range []struct {
		what, spoil, mend string
		said              []string
	}{
		{
			"held", "apt-mark hold memcached", "apt-mark unhold memcached",
			[]string{"it would change packages that are held: memcached; apt-mark unhold lets them go"},
		},
		{
			"read-only", "mkdir -p /root/archives && mount --bind /root/archives /var/cache/apt/archives && mount -o remount,ro,bind /var/cache/apt/archives",
			"umount /var/cache/apt/archives",
			[]string{"a file system of the server is read-only: look at dmesg there"},
		},
		{
			"name not resolved", "mv /etc/apt/sources.list /root/ && mv /etc/apt/sources.list.d /root/list.d; mkdir -p /etc/apt/sources.list.d && echo 'Acquire::http::Proxy::no-such-name.invalid \"DIRECT\";' >/etc/apt/apt.conf.d/99bf && echo 'deb http://no-such-name.invalid/debian trixie main' >/etc/apt/sources.list",
			"rm -r /etc/apt/apt.conf.d/99bf /etc/apt/sources.list.d && mv /root/list.d /etc/apt/sources.list.d; mv /root/sources.list /etc/apt/",
			[]string{"the name of the package mirror no-such-name.invalid is not resolved: look at /etc/resolv.conf"},
		},
		{
			"mirror down", "echo 'deb [trusted=yes] " + down + "/ bf main' >/etc/apt/sources.list.d/bf.list", "rm /etc/apt/sources.list.d/bf.list",
			[]string{"the package mirror does not answer: " + down},
		},
		{
			"key expired", source, "rm /etc/apt/sources.list.d/bf.list",
			[]string{"the signing key of a package repository has expired, " + depot.url},
		},
		{
			"key not known", strings.Replace(source, "signed-by=/etc/apt/keyrings/bf.asc", "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg", 1), "rm /etc/apt/sources.list.d/bf.list",
			[]string{"the signing key of a package repository is not known here, " + depot.url},
		},
		{
			"removes others", source, "",
			[]string{"it would have to remove other packages: ", "procps"},
		},
	} {
		switch c.what {
		case "key expired":
			depot.publish("bf", "tests", "tests", expired)
		case "key not known":
			depot.publish("bf", "tests", "tests", depot.key)
		}
		sh(c.spoil)
		r := p.run(memcached...)
		if r.code != 1 {
			t.Errorf("%s: exit status %d", c.what, r.code)
		}
		contains(t, r.stdout+r.stderr, append(c.said, "can't")...)
		if c.mend != "" {
			sh(c.mend)
		}
	}
	// The archive has packages that are in each other's way.
	sh("/var/lib/brokeforge/apt update && /var/lib/brokeforge/apt install --for=test bf-first")
	contains(t, on(t, h, "sh", "-c", "! /var/lib/brokeforge/apt install --for=test bf-second 2>&1"),
		"two packages have the same file, /usr/share/bf/file, which belongs to bf-first (1): remove that package first")
	sh("rm /etc/apt/sources.list.d/bf.list && dpkg --purge bf-first && rm /var/lib/brokeforge/added/test")
	p.must(0, memcached...)
	if left := on(t, h, "sh", "-c", "ls -d /run/brokeforge-apt* 2>/dev/null || true"); left != "" {
		t.Errorf("left of what failed: %s", left)
	}
}
