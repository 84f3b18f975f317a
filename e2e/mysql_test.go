package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

// TestMySQL goes the whole way of MySQL, which Debian has in its development
// release alone.
func TestMySQL(t *testing.T) {
	s := mysqlLike("mysql", "MySQL", "mysql", "mysqld")
	s.prepare = "echo 'deb [check-valid-until=no] http://deb.debian.org/debian sid main' >/etc/apt/sources.list.d/sid.list"
	testServer(t, s, map[string]hosts.Suite{"debian13": hosts.Trixie})
}

// TestNoMySQL asks Debian for MySQL.
func TestNoMySQL(t *testing.T) {
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
