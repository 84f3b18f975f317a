package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"brokeforge/e2e/hosts"
)

// postgresqlUnit is the cluster that is managed, by release.
func postgresqlUnit(suite hosts.Suite) string {
	if suite == hosts.Bookworm {
		return "postgresql@15-main"
	}
	return "postgresql@17-main"
}

// TestPostgreSQL goes the whole way of PostgreSQL.
func TestPostgreSQL(t *testing.T) {
	t.Parallel()
	const psql = "runuser -u postgres -- psql -XqAt -d postgres -c "
	testServer(t, server{
		name: "postgresql", title: "PostgreSQL", port: "5432", process: "postgres", unit: postgresqlUnit,
		write:  psql + "\"CREATE TABLE t AS SELECT 'kept' AS x\"",
		read:   psql + "'SELECT x FROM t'",
		memory: psql + "'SHOW shared_buffers'", other: "96MB",
		data: "/var/lib/postgresql", gone: "/var/lib/postgresql/*/main /etc/postgresql/*/main",
	}, suites)
}

// TestPostgreSQLNeighbours has clients on the network, and another cluster that
// is none of the program's business.
func TestPostgreSQLNeighbours(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "pg-more", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	install := func(code int, more ...string) string {
		t.Helper()
		r := p.must(code, append([]string{"install", "postgresql", "--on", h.Name, "--yes"}, more...)...)
		return r.stdout + r.stderr
	}
	install(0)
	hba := on(t, h, "sh", "-c", "sha256sum </etc/postgresql/15/main/pg_hba.conf")
	on(t, h, "sh", "-c", "pg_createcluster 15 other --port 5499 --start && runuser -u postgres -- psql -p 5499 -qc 'CREATE TABLE others AS SELECT 1'")
	contains(t, install(1, "--set=postgresql.port=5499"), "port 5499 belongs to the cluster 15/other")
	on(t, h, "pg_ctlcluster", "15", "other", "stop")
	contains(t, install(1, "--set=postgresql.port=5499"), "belongs to the cluster 15/other")
	contains(t, install(1, "--set=postgresql.locale=de_DE.UTF-8"), "can't be changed")
	on(t, h, "systemctl", "start", "postgresql@15-other")
	file := filepath.Join(p.home, "pw")
	if err := os.WriteFile(file, []byte("a long password"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.must(0, "install", "database-user", "--set=database-user.engine=postgresql", "--set=database-user.name=app",
		"--set=database-user.password=@"+file, "--on", h.Name, "--yes")
	login := "PGPASSWORD='a long password' psql -XqAt -w -h " + h.Address() + " -U app -d postgres -c 'SELECT 1' 2>&1 || true"
	install(0, "--set=postgresql.bind="+h.Address())
	contains(t, on(t, h, "sh", "-c", login), "no pg_hba.conf entry")
	install(0, "--set=postgresql.clients="+h.Address()+", 192.0.2.0/24")
	if got := on(t, h, "sh", "-c", login); got != "1" {
		t.Errorf("a client that was let in gets %q", got)
	}
	contains(t, install(0), "nothing to do")
	install(0, "--set=postgresql.clients=", "--set=postgresql.bind=127.0.0.1")
	if got := on(t, h, "sh", "-c", "sha256sum </etc/postgresql/15/main/pg_hba.conf"); got != hba {
		t.Error("with no clients pg_hba.conf is not as it was")
	}
	if got := on(t, h, "sh", "-c", "runuser -u postgres -- psql -p 5499 -XqAtc 'TABLE others'"); got != "1" {
		t.Errorf("the other cluster has %q", got)
	}
}
