package database

import (
	"strings"

	"brokeforge/packages"
)

// The encodings of a password in the files that clients read.
const (
	forOptionFile packages.Encoding = "optionfile" // of MariaDB and MySQL
	forPassFile   packages.Encoding = "passfile"   // of PostgreSQL
)

// myName writes an identifier of MariaDB and MySQL.
func myName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// myLiteral writes a string of MariaDB and MySQL, in a session whose sql_mode
// has no NO_BACKSLASH_ESCAPES.
func myLiteral(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", "''").Replace(s) + "'"
}

// myPattern writes the name of a database as GRANT takes it, where _ and %
// stand for others unless they are escaped.
func myPattern(name string) string {
	return strings.NewReplacer(`\`, `\\`, "_", `\_`, "%", `\%`).Replace(name)
}

// pgName writes an identifier of PostgreSQL.
func pgName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// pgLiteral writes a string of PostgreSQL, in a session with
// standard_conforming_strings.
func pgLiteral(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// optionFileValue writes a value of an option file of MariaDB and MySQL.
func optionFileValue(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// passFileField writes a field of PostgreSQL's password file.
func passFileField(s string) string {
	return strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(s)
}

// feed returns sh, as one command, that gives a client statements on its
// standard input, so that they are nobody's argument.
func feed(sql, client string) string {
	sql, end := strings.TrimSpace(sql), "SQL"
	for strings.Contains("\n"+sql+"\n", "\n"+end+"\n") {
		end += "L"
	}
	return "{ " + client + " <<'" + end + "'\n" + sql + "\n" + end + "\n}"
}
