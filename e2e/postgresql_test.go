package e2e

import (
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
	const psql = "runuser -u postgres -- psql -XqAt -d postgres -c "
	testServer(t, server{
		name: "postgresql", title: "PostgreSQL", port: "5432", process: "postgres", unit: postgresqlUnit,
		write:  psql + "\"CREATE TABLE t AS SELECT 'kept' AS x\"",
		read:   psql + "'SELECT x FROM t'",
		memory: psql + "'SHOW shared_buffers'", other: "96MB",
		data: "/var/lib/postgresql",
	}, suites)
}
