package database

import (
	"fmt"
	"strings"

	"brokeforge/packages"
)

// pgRights are what a role is granted on tables and sequences, in the order of
// the alphabet, as the checks list them.
func pgRights(rights string) (database, schemas, tables, sequences []string) {
	switch rights {
	case rightsRead:
		return []string{"CONNECT"}, []string{"USAGE"}, []string{"SELECT"}, []string{"SELECT"}
	case rightsWrite:
		return []string{"CONNECT", "TEMPORARY"}, []string{"USAGE"}, []string{"DELETE", "INSERT", "SELECT", "UPDATE"}, []string{"SELECT", "UPDATE", "USAGE"}
	}
	return []string{"ALL"}, []string{"ALL"}, []string{"ALL"}, []string{"ALL"}
}

// makers is the query of the roles whose tables others get rights on: the role
// that owns the database, who owned it before, and who has made something in it.
func makers(owner string) string {
	return fmt.Sprintf(`SELECT rolname FROM pg_roles WHERE rolname IN (%s, 'postgres')
	OR oid = (SELECT datdba FROM pg_database WHERE datname = current_database())
	OR oid IN (SELECT relowner FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')`,
		pgLiteral(owner))
}

// ownSchemas is the query of the schemas that are not PostgreSQL's.
const ownSchemas = `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'`

// grant returns the statements that give a role rights in the current database
// and take away others that it has there, now and for what is made later.
func (c cluster) grant(owner, role, rights string) string {
	database, schemas, tables, sequences := pgRights(rights)
	list := func(privileges []string) string { return strings.Join(privileges, ", ") }
	// both is a statement that takes away and, with rights, one that gives.
	both := func(indent, revoke, grant, arguments string) string {
		text := fmt.Sprintf("%sEXECUTE format('%s', %s);\n", indent, revoke, arguments)
		if rights != "" {
			text += fmt.Sprintf("%sEXECUTE format('%s', %s);\n", indent, grant, arguments)
		}
		return text
	}
	now := func(indent, on string, privileges []string, what string) string {
		return both(indent, "REVOKE ALL ON "+on+" FROM %I", "GRANT "+list(privileges)+" ON "+on+" TO %I", what+", role")
	}
	later := func(kind string, privileges []string) string {
		const forMaker = "ALTER DEFAULT PRIVILEGES FOR ROLE %I "
		return both("\t\t", forMaker+"REVOKE ALL ON "+kind+" FROM %I", forMaker+"GRANT "+list(privileges)+" ON "+kind+" TO %I", "maker, role")
	}
	return "DO $brokeforge$\nDECLARE\n\trole name := " + pgLiteral(role) + ";\n\town name;\n\tmaker name;\nBEGIN\n" +
		now("\t", "DATABASE %I", database, "current_database()") +
		"\tFOR own IN " + ownSchemas + " LOOP\n" +
		now("\t\t", "SCHEMA %I", schemas, "own") +
		now("\t\t", "ALL TABLES IN SCHEMA %I", tables, "own") +
		now("\t\t", "ALL SEQUENCES IN SCHEMA %I", sequences, "own") +
		"\tEND LOOP;\n\tFOR maker IN " + makers(owner) + " LOOP\n\t\tCONTINUE WHEN maker = role;\n" +
		later("TABLES", tables) + later("SEQUENCES", sequences) + later("SCHEMAS", schemas) +
		"\tEND LOOP;\nEND\n$brokeforge$;\n"
}

// wrong returns the query of what is not as the rights of a role in the current
// database are to be. It gives no row where all is.
func wrong(owner, role, rights string) string {
	database, schemas, tables, sequences := pgRights(rights)
	if rights == "" {
		database, schemas, tables, sequences = nil, nil, nil, nil
	}
	want := func(list []string) string { return pgLiteral(strings.Join(list, ",")) }
	return fmt.Sprintf(`WITH r AS (SELECT oid FROM pg_roles WHERE rolname = %s),
own AS (SELECT * FROM pg_namespace WHERE nspname IN (%s)),
things (kind, thing, acl) AS (
	SELECT 'database', datname::text, datacl FROM pg_database WHERE datname = current_database()
	UNION ALL SELECT 'schema', nspname, nspacl FROM own, r WHERE nspowner <> r.oid
	UNION ALL SELECT CASE relkind WHEN 'S' THEN 'sequence' ELSE 'table' END, relname, relacl
		FROM pg_class JOIN own ON own.oid = relnamespace, r WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relowner <> r.oid
	UNION ALL SELECT kinds.kind, 'made by ' || rolname,
		(SELECT defaclacl FROM pg_default_acl WHERE defaclrole = m.oid AND defaclnamespace = 0 AND defaclobjtype = letter)
		FROM r, (VALUES ('table', 'r'::"char"), ('sequence', 'S'), ('schema', 'n')) kinds (kind, letter),
		pg_roles m
		WHERE m.rolname IN (%s) AND m.oid <> r.oid
)
SELECT kind || ' ' || thing FROM things, r
WHERE coalesce((SELECT string_agg(privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END, ',' ORDER BY privilege_type)
	FROM aclexplode(acl) a WHERE a.grantee = r.oid), '')
	<> CASE kind WHEN 'database' THEN %s WHEN 'schema' THEN %s WHEN 'table' THEN %s ELSE %s END
UNION ALL SELECT 'no such role' WHERE NOT EXISTS (SELECT FROM r)`,
		pgLiteral(role), ownSchemas, makers(owner), want(database), want(schemas), want(tables), want(sequences))
}

// member returns the query that gives a row where a role's membership in the
// owner of a database, which it takes on when it logs in, is not as wanted.
func member(database, role string, wanted bool) string {
	not := "NOT"
	if !wanted {
		not = ""
	}
	return fmt.Sprintf(`SELECT 'member' WHERE %[1]s (EXISTS (SELECT FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid JOIN pg_roles r ON r.oid = m.member WHERE o.rolname = %[2]s AND r.rolname = %[3]s)
	%[4]s EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_roles r ON r.oid = setrole JOIN pg_database d ON d.oid = setdatabase WHERE r.rolname = %[3]s AND d.datname = %[5]s AND 'role=' || %[2]s = ANY (setconfig)))`,
		not, pgLiteral(database+ownerEnding), pgLiteral(role), map[bool]string{true: "AND", false: "OR"}[wanted], pgLiteral(database))
}

// rightsIn returns the command that gives a role its rights in a database, or
// takes them all away where rights is empty.
func (c cluster) rightsIn(database, role, rights string) packages.Run {
	owner, direct := database+ownerEnding, rights
	join := fmt.Sprintf("SELECT 'REVOKE %[1]s FROM %[2]s' FROM pg_roles WHERE rolname = %[3]s \\gexec\nALTER ROLE %[2]s IN DATABASE %[4]s RESET role;\n",
		pgName(owner), pgName(role), pgLiteral(owner), pgName(database))
	title := "grant " + role + " the chosen rights in " + database + ", and no others"
	switch rights {
	case rightsAll:
		direct = ""
		join = fmt.Sprintf("GRANT %[1]s TO %[2]s;\nALTER ROLE %[2]s IN DATABASE %[3]s SET role = %[4]s;\n", pgName(owner), pgName(role), pgName(database), pgLiteral(owner))
	case "":
		title = "take away the rights of " + role + " in " + database
	}
	look := c.do(database, wrong(owner, role, direct)+";\n"+member(database, role, rights == rightsAll))
	check := fmt.Sprintf(`wrong=$(%s) && [ -z "$wrong" ]`, look)
	if rights == "" {
		// A database that is gone has no rights.
		check = fmt.Sprintf(`[ -z "$(%s)" ] || { %s; }`, c.do("postgres", "SELECT 1 FROM pg_database WHERE datname = "+pgLiteral(database)), check)
	}
	return packages.Run{
		Title: title,
		Script: c.do(database, "BEGIN;\n"+c.grant(owner, role, direct)+join+"COMMIT;") + " &&\n" +
			check + ` || { echo "the rights are not as chosen: $wrong" >&2 && exit 1; }`,
		Check: check,
	}
}

func (c cluster) makeUser(l login) []packages.Command {
	mighty := c.do("postgres", fmt.Sprintf("SELECT 1 FROM pg_roles WHERE rolname = %s AND (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls OR NOT rolcanlogin)", pgLiteral(l.name)))
	twin := c.do("postgres", fmt.Sprintf("SELECT rolname FROM pg_roles WHERE lower(rolname) = lower(%[1]s) AND rolname <> %[1]s", pgLiteral(l.name)))
	commands := []packages.Command{
		packages.Run{
			Title: "refuse a role that has rights on the whole server, or another's name in another case",
			Script: fmt.Sprintf(`echo "the role %s has rights on the whole server, or is no login, or differs from $(%s) in case alone: it is left as it is" >&2
exit 1`, l.name, twin),
			Check: fmt.Sprintf(`mighty=$(%s) && other=$(%s) && [ -z "$mighty$other" ]`, mighty, twin),
		},
		l.setPassword("make the user "+l.name+" and give it its password",
			c.do("postgres", fmt.Sprintf("SELECT rolpassword FROM pg_authid WHERE rolname = %s AND rolcanlogin", pgLiteral(l.name))),
			c.psql("postgres"),
			quietly+fmt.Sprintf("SELECT 'CREATE ROLE %s LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %s) \\gexec\nALTER ROLE %s PASSWORD %s;\n",
				pgName(l.name), pgLiteral(l.name), pgName(l.name), packages.SecretRef(l.secret, packages.ForSQL))),
	}
	if len(l.databases)+len(l.dropped) > 0 {
		commands = append(commands, packages.Track{Name: "grant_rights", Label: "Granting rights"})
	}
	for _, database := range l.dropped {
		commands = append(commands, c.rightsIn(database, l.name, ""))
	}
	for _, database := range l.databases {
		commands = append(commands, c.rightsIn(database, l.name, l.rights))
	}
	database := "postgres"
	if len(l.databases) > 0 {
		database = l.databases[0]
	}
	return append(commands, l.verify(
		fmt.Sprintf(`port=$(pg_lsclusters -h | awk '$1 "/" $2 == "%[1]s" { print $3 }')
[ "$(PGPASSFILE="$SECRETS/pgpass" psql -X -A -t -w -h localhost -p "$port" -U %[2]s -d %[3]s -c 'SELECT 1')" = 1 ]`, c, l.name, database),
		map[string]string{"pgpass": "*:*:*:*:" + packages.SecretRef(l.secret, forPassFile) + "\n"})...)
}

func (c cluster) dropUser(l login) packages.Run {
	// What it has made goes to the owner of the database that it is in.
	hand := fmt.Sprintf(`SELECT format('REASSIGN OWNED BY %%I TO %%I', %[1]s, pg_get_userbyid(datdba)) FROM pg_database WHERE datname = current_database() AND pg_get_userbyid(datdba) <> %[1]s \gexec
SELECT format('DROP OWNED BY %%I', %[1]s) FROM pg_database WHERE datname = current_database() AND pg_get_userbyid(datdba) <> %[1]s \gexec`, pgLiteral(l.name))
	return packages.Run{
		Title: "drop the user " + l.name + "; what it has made stays, with the owner of its database",
		Script: fmt.Sprintf(`list=$(%s) || exit 1
for database in $list; do
	%s || exit 1
done
%s`, c.do("postgres", "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname ~ '^[A-Za-z0-9_-]+$'"),
			strings.ReplaceAll(c.do("DATABASE", hand), "-d DATABASE", `-d "$database"`),
			c.do("postgres", "DROP ROLE "+pgName(l.name))),
		Check: fmt.Sprintf(`[ "$(%s)" = 0 ]`, c.countUser(l)),
	}
}

func (c cluster) countUser(l login) string {
	return c.do("postgres", fmt.Sprintf("SELECT count(*) FROM pg_roles WHERE rolname = %s", pgLiteral(l.name)))
}
