package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
)

// TestMySQL goes the whole way of MySQL, which Debian has in its development
// release alone.
func TestMySQL(t *testing.T) {
	t.Parallel()
	s := mysqlLike("mysql", "MySQL", "mysql", "mysqld")
	s.prepare = "echo 'deb [check-valid-until=no] http://deb.debian.org/debian sid main' >/etc/apt/sources.list.d/sid.list"
	testServer(t, s, map[string]hosts.Suite{"debian13": hosts.Trixie})
}

// TestNoMySQL asks Debian for MySQL.
func TestNoMySQL(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "no-mysql", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	r := p.must(1, "install", "mysql", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "no package source of this server has mysql-server", "mariadb")
	// One that somebody else put there is not cut off from those who use it.
	on(t, h, "sh", "-c", `DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install mariadb-server >/dev/null 2>&1 &&
printf '[mysqld]\nbind-address = 0.0.0.0\n' >/etc/mysql/mariadb.conf.d/70-mine.cnf && systemctl restart mariadb &&
mariadb -e "CREATE DATABASE mine; CREATE TABLE mine.t AS SELECT 'kept' AS x; CREATE USER 'far'@'%' IDENTIFIED BY 'far away'"`)
	r = p.must(1, "install", "mariadb", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "listens on 0.0.0.0:3306, not on 127.0.0.1:3306")
	if !answers(h, "3306") {
		t.Error("refused, it was cut off all the same")
	}
	p.must(0, "install", "mariadb", "--set=mariadb.bind=0.0.0.0", "--set=mariadb.memory=keep", "--on", h.Name, "--yes")
	if got := on(t, h, "mariadb", "-N", "-e", "SELECT x FROM mine.t; SELECT COUNT(*) FROM mysql.user WHERE user = 'far'"); got != "kept\n1" || !answers(h, "3306") {
		t.Errorf("taken over, it has %q", got)
	}
	r = p.must(2, "install", "mysql", "--on", h.Name, "--yes")
	contains(t, r.stderr, "can't be installed beside mariadb")
}

// TestMySQLVersion takes a version of MySQL from an archive that stands for its makers'. The packages are those
// of Debian's development release, with what they need of it.
func TestMySQLVersion(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "mysql-version", Suite: hosts.Trixie})
	sh := func(script string) string {
		t.Helper()
		return on(t, h, "sh", "-c", script)
	}
	// A higher version is not what was chosen.
	depot := newDepot(t, h, archive.Deb{Name: "mysql-server", Version: "99.0"})
	depot.copy(h, sh(`set -e
mkdir -p /root/sid/lists/partial /root/sid/cache/archives/partial
cd /root/sid
echo 'deb [check-valid-until=no] http://deb.debian.org/debian sid main' >sid.list
sid() { apt-get -qq -o Dir::Etc::SourceList=/root/sid/sid.list -o Dir::Etc::SourceParts=/dev/null -o Dir::State::Lists=/root/sid/lists -o Dir::Cache=/root/sid/cache -o APT::Sandbox::User=root "$@" >&2; }
sid update
sid --download-only --yes --no-install-recommends install mysql-server
ls /root/sid/cache/archives/*.deb`))
	sh("rm -r /root/sid")
	depot.Component = "mysql-9.7-lts"
	depot.publish(codename(h), "tests", "tests", depot.key)
	p := newProgram(t)
	p.add(h)
	p.useArchive("mysql", depot.url, depot.key.Fingerprint, "")
	install := func(code int, set ...string) string {
		t.Helper()
		args := []string{"install", "mysql", "--on", h.Name, "--yes"}
		for _, s := range set {
			args = append(args, "--set=mysql."+s)
		}
		r := p.must(code, args...)
		return r.stdout + r.stderr
	}
	contains(t, install(1, "version=8.4"), "does not offer mysql-server in a version 8.4.", "choose mariadb")
	if left := sources(t, h); strings.Contains(left, "/etc/apt") {
		t.Errorf("refused, it has added %s", left)
	}
	install(0, "version=9.7")
	contains(t, sources(t, h), "sources.list.d/brokeforge-mysql.sources", "keyrings/brokeforge-mysql.gpg", "preferences.d/brokeforge-mysql")
	if got := sh("mysql -BNe 'SELECT @@version'"); !strings.HasPrefix(got, "9.7.") {
		t.Errorf("it is MySQL %s", got)
	}
	contains(t, install(0), "nothing to do")
	contains(t, install(2, "version=8.4"), "MySQL 9.7 is installed, and MySQL 8.4 does not take its place", "choose mysql.version=9.7")
	contains(t, install(2, "version=distribution"), "MySQL 9.7 is installed")
	sh("mysql -e \"CREATE DATABASE d; CREATE TABLE d.t AS SELECT 'kept' AS x\"")
	p.must(0, "remove", "mysql", "--on", h.Name, "--yes")
	if left := sources(t, h); left != "" {
		t.Errorf("left of the repository: %s", left)
	}
	contains(t, install(1, "version=8.4"), "holds data of MySQL 9.7.")
	install(0, "version=9.7")
	if got := sh("mysql -BNe 'SELECT x FROM d.t'"); got != "kept" {
		t.Errorf("removed and installed again, it has %q", got)
	}
}
