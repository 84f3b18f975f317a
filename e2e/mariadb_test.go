package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

func named(unit string) func(hosts.Suite) string { return func(hosts.Suite) string { return unit } }

func mysqlLike(name, title, client, process string) server {
	return server{
		name: name, title: title, port: "3306", process: process, unit: named(name),
		write: client + " -e \"CREATE DATABASE e2e; CREATE TABLE e2e.t (x VARCHAR(9)); INSERT INTO e2e.t VALUES ('kept')\"",
		read:  client + " -N -e 'SELECT x FROM e2e.t'",
		// The chunks of the cache are of 128 MB, or it has one chunk.
		memory: client + " -N -e 'SELECT @@innodb_buffer_pool_size'", other: "100663296",
		data: "/var/lib/mysql", gone: "/var/lib/mysql /etc/mysql/*/*brokeforge*",
	}
}

// TestMariaDB goes the whole way of MariaDB.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	testServer(t, mysqlLike("mariadb", "MariaDB", "mariadb", "mariadbd"), suites)
}
