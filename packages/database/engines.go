package database

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"brokeforge/packages"
)

const (
	databaseName packages.Name = "database"
	userName     packages.Name = "database-user"

	optionEngine = "engine"
	optionName   = "name"
)

// engines lists the servers that databases can be made on.
func engines() []string {
	return []string{string(mariadbName), string(mysqlName), string(postgresqlName)}
}

func engineChoice() packages.Option {
	return packages.Option{
		Name: optionEngine, Label: "Server", Kind: packages.Choice, Choices: engines(), Required: true,
		Help: "the database server that it is on",
	}
}

// engine is a database server that is installed.
type engine interface {
	makeDatabase(name, characters string) []packages.Command
	dropDatabase(name string) packages.Run
	// charactersOf returns sh that prints the characters of a database as the
	// option has them. It fails, and says why, where there is none, or it has
	// others.
	charactersOf(name string) string
	makeUser(login) []packages.Command
	dropUser(login) packages.Run
	// countUser returns sh that prints 0 where there is no such user.
	countUser(login) string
}

// engineOf returns the chosen engine.
func engineOf(ctx packages.Context) (engine, error) {
	switch packages.Name(ctx.Values[optionEngine]) {
	case mariadbName:
		return mariadb(), nil
	case mysqlName:
		return mysql(), nil
	case postgresqlName:
		record, ok := ctx.Installs(postgresqlName)
		if !ok {
			return nil, fmt.Errorf("postgresql is not installed: install it first")
		}
		return installedCluster(record.Configuration)
	}
	return nil, fmt.Errorf("there is no database server %q", ctx.Values[optionEngine])
}

// Names that every engine keeps whole, and that no encoding changes: what is
// longer or has other characters some engine or client cuts or folds. The
// longest name is that of a user of MySQL (32), and of a database with the
// ending of its owner in PostgreSQL (63).
var (
	databasePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,47}$`)
	userPattern     = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)
)

// reserved are names that the engines use themselves, in lower case.
var reserved = []string{
	"mysql", "information_schema", "performance_schema", "sys", "test", "postgres", "template0", "template1", "root", "mariadb",
	"debian-sys-maint", "public", "none", "user", "current_user", "current_role", "session_user", "replication", "all", "sameuser", "samerole",
}

func acceptDatabase(name string) error {
	if !databasePattern.MatchString(name) {
		return fmt.Errorf("is not a name for a database: it starts with a letter and goes on with letters, digits, _ and -, 48 at most")
	}
	return refuseReserved(name)
}

func acceptUser(name string) error {
	if !userPattern.MatchString(name) {
		return fmt.Errorf("is not a name for a user: it starts with a letter and goes on with letters, digits, _ and -, 32 at most")
	}
	return refuseReserved(name)
}

func refuseReserved(name string) error {
	lower := strings.ToLower(name)
	if slices.Contains(reserved, lower) || strings.HasPrefix(lower, "pg_") || strings.HasSuffix(lower, ownerEnding) {
		return fmt.Errorf("is a name that database servers use themselves")
	}
	return nil
}

// mySession begins every script for MariaDB and MySQL, so that literals mean
// the same on every server.
const mySession = "SET SESSION sql_mode = 'STRICT_ALL_TABLES';\n"

// ask returns the client of root, on the unix socket.
func (m mysqlFamily) ask() string {
	return m.client + " --default-character-set=utf8mb4" + plainly
}

// do returns sh that has the server carry out statements as root.
func (m mysqlFamily) do(sql string) string { return feed(mySession+sql, m.ask()) }

// quietly begins a script for PostgreSQL that holds a password: the server does
// not log it, and literals mean the same on every server.
const quietly = `SET log_statement = 'none';
SET log_min_error_statement = 'panic';
SET log_min_duration_statement = -1;
SET standard_conforming_strings = on;
SET client_encoding = 'UTF8';
`

// do returns sh that has the cluster carry out statements as its superuser.
func (c cluster) do(database, sql string) string { return feed(sql, c.psql(database)) }
