package e2e

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
)

// TestPGDG puts another version of PostgreSQL beside the distribution's. Debian 12's own packages of
// PostgreSQL 15, with the libraries that Debian 13 has no more, stand for those that PGDG builds for Debian 13.
func TestPGDG(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "pgdg", Suite: hosts.Trixie})
	// What must not come from there, and last what must.
	depot := newDepot(t, h, archive.Deb{Name: "base-files", Version: "999"}, archive.Deb{Name: "postgresql", Version: "999"},
		archive.Deb{Name: "postgresql-17", Version: "999"}, archive.Deb{Name: "libpq-dev", Version: "999"})
	p := pgdg{newProgram(t), h, depot}
	p.add(h)
	p.fill()
	p.refused()
	p.beside()
	p.used()
	p.removed()
	p.adopted()
}

type pgdg struct {
	program
	h     *hosts.Host
	depot *depot
}

func (p pgdg) sh(script string) string {
	p.Helper()
	return on(p, p.h, "sh", "-c", script)
}

func (p pgdg) must(code int, args ...string) string {
	p.Helper()
	r := p.program.must(code, append(args, "--on", p.h.Name, "--yes")...)
	return r.stdout + r.stderr
}

func (p pgdg) install(code int, set ...string) string {
	p.Helper()
	args := []string{"install", "postgresql"}
	for _, s := range set {
		args = append(args, "--set=postgresql."+s)
	}
	return p.must(code, args...)
}

// fill has the archive offer PostgreSQL 15.
func (p pgdg) fill() {
	p.Helper()
	p.depot.offerBookworm(p.h, "postgresql-15", "postgresql-client-15", "libicu72", "libldap-2.5-0", "libllvm14")
	p.depot.publish("trixie-pgdg", "tests", "tests", p.depot.key)
	if err := p.depot.Alias("trixie", "aside"); err != nil {
		p.Fatal(err)
	}
}

// state is all that a refusal must not change.
func (p pgdg) state() string {
	p.Helper()
	return p.sh("cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null; ls /etc/apt/*; ls -d /etc/postgresql/*/* 2>/dev/null; dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n'")
}

// refused asks for what the repository can't be trusted with or does not have.
func (p pgdg) refused() {
	p.Helper()
	p.must(0, "install", "base")
	// It is installed if it is missing, before anything can be checked.
	p.sh("DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install gpg >/dev/null 2>&1")
	for _, version := range []string{"16; id", "$(touch /tmp/pwn)", "9.6", "19", "-1", "'", ""} {
		p.install(2, "version="+version)
		p.must(2, "install", "mysql", "--set=mysql.version="+version)
	}
	wrong := strings.Repeat("0123456789", 4)
	for _, c := range []struct {
		fingerprint, suite, version string
		code                        int
		said                        string
	}{
		{wrong, "", "15", 1, "in place of " + wrong},
		{p.depot.key.Fingerprint, "", "16", 1, "does not offer postgresql-16 in a version 16."},
		{p.depot.key.Fingerprint, "warty", "15", 1, "no suite warty"},
		{p.depot.key.Fingerprint, "aside", "15", 1, "says that it is trixie, so that its packages can't be told from the distribution's"},
		{p.depot.key.Fingerprint, "trixie", "15", 2, "is called like this server's own"},
	} {
		before := p.state()
		p.useArchive("pgdg", p.depot.url, c.fingerprint, c.suite)
		out := p.install(c.code, "version="+c.version)
		contains(p, out, c.said)
		if c.code == 1 {
			contains(p, out, "choose version=distribution for PostgreSQL 17")
		}
		if diff := cmp.Diff(before, p.state()); diff != "" {
			p.Errorf("refused, it changed the server (-before +after):\n%s", diff)
		}
		if strings.Contains(p.program.must(0, "status").stdout, "postgresql") {
			p.Errorf("refused, it is recorded")
		}
	}
	if got := p.sh("ls /tmp/pwn 2>/dev/null || true"); got != "" {
		p.Error("what was typed was run")
	}
	p.useArchive("pgdg", p.depot.url, p.depot.key.Fingerprint, "")
}

// read prints what is in the table of a cluster, and which version has it.
func (p pgdg) read(port string) string {
	p.Helper()
	return p.sh("runuser -u postgres -- psql -XqAt -p " + port + " -d postgres -c \"SELECT x || split_part(current_setting('server_version'), '.', 1) FROM t\"")
}

func (p pgdg) write(port string) {
	p.Helper()
	p.sh("runuser -u postgres -- psql -Xq -p " + port + " -d postgres -c \"CREATE TABLE t AS SELECT 'kept in ' AS x\"")
}

// neighbour sees that the cluster that somebody else has made is as it was.
func (p pgdg) neighbour(pid, when string) {
	p.Helper()
	if got := p.read("5432"); got != "kept in 17" {
		p.Errorf("%s, the distribution's cluster has %q", when, got)
	}
	if now := p.sh("systemctl show -P MainPID postgresql@17-main"); now != pid {
		p.Errorf("%s, the distribution's cluster was restarted: %s was %s\n%s", when, now, pid, p.sh("journalctl -n 60 --no-pager"))
	}
}

// beside installs version 15 on a server that has a cluster of 17 already.
func (p pgdg) beside() {
	p.Helper()
	p.sh("DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install postgresql-17 >/dev/null 2>&1 && systemctl start postgresql@17-main")
	p.write("5432")
	pid := p.sh("systemctl show -P MainPID postgresql@17-main")
	contains(p, p.install(1, "version=15"), "port 5432 belongs to the cluster 17/main")
	if left := sources(p, p.h); strings.Contains(left, "/etc/apt") {
		p.Errorf("refused because of the port, it has added %s", left)
	}
	p.install(0, "version=15", "port=5433")
	p.write("5433")
	if got := p.read("5433"); got != "kept in 15" {
		p.Errorf("the new cluster has %q", got)
	}
	p.neighbour(pid, "with 15 beside it")
	contains(p, sources(p, p.h), "sources.list.d/brokeforge-pgdg.sources", "keyrings/brokeforge-pgdg.gpg", "preferences.d/brokeforge-pgdg")
	contains(p, p.install(0), "nothing to do")
	p.neighbour(pid, "with 15 installed again")
	if got := p.sh("ls /etc/postgresql/*/ -d; pg_lsclusters -h | awk '{ print $1 \"/\" $2, $3, $4 }'"); got != "/etc/postgresql/15/\n/etc/postgresql/17/\n15/main 5433 online\n17/main 5432 online" {
		p.Errorf("the clusters are\n%s", got)
	}
}

// used sees what apt takes from there, and that databases are made on the version that was chosen.
func (p pgdg) used() {
	p.Helper()
	candidate := func(name string) string {
		return p.sh("apt-cache policy " + name + " | sed -n 's/^  Candidate: //p'")
	}
	for _, name := range []string{"base-files", "postgresql", "postgresql-17"} {
		if got := candidate(name); got == "999" || got == "" {
			p.Errorf("apt would take %s %q", name, got)
		}
	}
	if got := candidate("libpq-dev"); got != "999" {
		p.Errorf("apt would take libpq-dev %s, which does not go with the library", got)
	}
	if got := candidate("postgresql-15"); !strings.HasPrefix(got, "15.") {
		p.Errorf("apt would take postgresql-15 %s", got)
	}
	contains(p, p.install(2, "version=16"), "PostgreSQL 15 is installed, and PostgreSQL 16 does not take its place", "choose postgresql.version=15")
	contains(p, p.install(2, "version=distribution"), "PostgreSQL 15 is installed, and PostgreSQL 17 does not take its place")
	p.must(0, "install", "database", "--set=database.engine=postgresql", "--set=database.name=shop")
	if got := p.sh("for port in 5432 5433; do runuser -u postgres -- psql -XqAt -p $port -d postgres -c \"SELECT count(*) FROM pg_database WHERE datname = 'shop'\"; done"); got != "0\n1" {
		p.Errorf("the database is there %q times", got)
	}
	p.must(0, "remove", "database@postgresql-shop")
	if err := p.h.Reboot(p.Context()); err != nil {
		p.Fatal(err)
	}
	eventually(p, "both run after the reboot", func() bool {
		_, err := p.h.Exec(p.Context(), "sh", "-c", "systemctl is-active postgresql@15-main && systemctl is-active postgresql@17-main")
		return err == nil && p.sh("pg_lsclusters -h | grep -c online") == "2"
	})
}

// removed takes it away, brings it back to its data, and takes it away with that.
func (p pgdg) removed() {
	p.Helper()
	pid := p.sh("systemctl show -P MainPID postgresql@17-main")
	p.must(0, "remove", "postgresql")
	if left := sources(p, p.h); left != "" {
		p.Errorf("left of the repository: %s", left)
	}
	p.sh("apt-get -q update -o APT::Update::Error-Mode=any")
	p.neighbour(pid, "with 15 removed")
	p.install(0, "version=15", "port=5433")
	if got := p.read("5433"); got != "kept in 15" {
		p.Errorf("removed and installed again, it has %q", got)
	}
	p.must(0, "remove", "postgresql", "--purge")
	if left := p.sh("ls -d /var/lib/postgresql/15/main /etc/postgresql/15/main /usr/lib/postgresql/15/bin/postgres 2>/dev/null || true") + sources(p, p.h); left != "" {
		p.Errorf("purged, it has left %s", left)
	}
	if got := p.sh("grep -c 'kept in' /var/lib/brokeforge/dumps/postgresql-everything-*"); got == "0" {
		p.Error("the dump of everything does not have the table")
	}
	p.neighbour(pid, "with 15 purged")
}

// adopted takes over what somebody else has made, changes a setting, and lets go of it.
func (p pgdg) adopted() {
	p.Helper()
	memory := func() string {
		p.Helper()
		return p.sh("runuser -u postgres -- psql -XqAt -d postgres -c 'SHOW shared_buffers'")
	}
	was, pid := memory(), p.sh("systemctl show -P MainPID postgresql@17-main")
	p.program.must(0, "adopt", "postgresql", "--on", p.h.Name)
	p.neighbour(pid, "adopted")
	p.install(0, "memory=96M")
	p.install(0, "bind="+p.h.Address(), "clients=192.0.2.0/24")
	if got := memory(); got != "96MB" {
		p.Errorf("with 96M chosen it has %s", got)
	}
	p.must(0, "remove", "postgresql")
	if got := memory(); got != was || p.read("5432") != "kept in 17" || answers(p.h, "5432") {
		p.Errorf("let go of, it has %s in place of %s, or answers from outside", got, was)
	}
	if left := p.sh("grep brokeforge /etc/postgresql/17/main/pg_hba.conf; ls -A /etc/postgresql/17/main/conf.d; ls /etc/postgresql/17/main/*brokeforge* /var/lib/brokeforge/kept/* 2>/dev/null; true"); left != "" {
		p.Errorf("let go of, it has %s", left)
	}
}
