package database

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
)

// privileges returns what a user of MariaDB or MySQL is granted on a database.
// Those of all are the ones that both servers, in all their versions, have for
// databases.
func privileges(rights string) []string {
	switch rights {
	case rightsRead:
		return []string{"SELECT", "SHOW VIEW"}
	case rightsWrite:
		return []string{"CREATE TEMPORARY TABLES", "DELETE", "EXECUTE", "INSERT", "LOCK TABLES", "SELECT", "SHOW VIEW", "UPDATE"}
	}
	return []string{
		"ALTER", "ALTER ROUTINE", "CREATE", "CREATE ROUTINE", "CREATE TEMPORARY TABLES", "CREATE VIEW", "DELETE", "DROP", "EVENT",
		"EXECUTE", "INDEX", "INSERT", "LOCK TABLES", "REFERENCES", "SELECT", "SHOW VIEW", "TRIGGER", "UPDATE",
	}
}

// account is the user as statements name it.
func (l login) account() string { return myLiteral(l.name) + "@" + myLiteral(l.host) }

// rightsNow is the statement that lists what a user has been granted, on
// databases and within them.
func (l login) rightsNow() string {
	grantee := myLiteral(l.account())
	return fmt.Sprintf(`SELECT CONCAT(table_schema, '.', privilege_type, IF(is_grantable = 'YES', ' with grant option', '')) AS g FROM information_schema.schema_privileges WHERE grantee = %[1]s
UNION ALL SELECT CONCAT(table_schema, '.', table_name, '.', privilege_type) FROM information_schema.table_privileges WHERE grantee = %[1]s
UNION ALL SELECT CONCAT(table_schema, '.', table_name, '.', column_name, '.', privilege_type) FROM information_schema.column_privileges WHERE grantee = %[1]s`, grantee)
}

// rightsWanted is what rightsNow is to list, sorted as LC_ALL=C does.
func (l login) rightsWanted() string {
	var lines []string
	for _, database := range l.databases {
		for _, p := range privileges(l.rights) {
			lines = append(lines, myPattern(database)+"."+p)
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func (m mysqlFamily) makeUser(l login) []packages.Command {
	global := m.do(fmt.Sprintf("SELECT privilege_type FROM information_schema.user_privileges WHERE grantee = %s AND privilege_type <> 'USAGE'", myLiteral(l.account())))
	twin := m.do(fmt.Sprintf("SELECT user FROM mysql.user WHERE LOWER(user) = LOWER(%[1]s) AND BINARY user <> %[1]s", myLiteral(l.name)))
	password := packages.SecretRef(l.secret, packages.ForMy)
	var grants strings.Builder
	fmt.Fprintf(&grants, "REVOKE ALL PRIVILEGES, GRANT OPTION FROM %s;\n", l.account())
	for _, database := range l.databases {
		fmt.Fprintf(&grants, "GRANT %s ON %s.* TO %s;\n", strings.Join(privileges(l.rights), ", "), myName(myPattern(database)), l.account())
	}
	held := fmt.Sprintf("now=$(%s) && [ \"$(echo \"$now\" | LC_ALL=C sort)\" = '%s' ]", m.do(l.rightsNow()), l.rightsWanted())
	commands := []packages.Command{
		packages.Run{
			Title: "refuse a user that has rights on the whole server, or another's name in another case",
			Script: fmt.Sprintf(`echo "the user %s has rights on the whole server, or differs from $(%s) in case alone: it is left as it is" >&2
exit 1`, l.name, twin),
			Check: fmt.Sprintf(`global=$(%s) && other=$(%s) && [ -z "$global$other" ]`, global, twin),
		},
		l.setPassword("make the user "+l.name+" and give it its password",
			m.do(fmt.Sprintf("SELECT authentication_string FROM mysql.user WHERE user = %s AND host = %s AND authentication_string <> ''", myLiteral(l.name), myLiteral(l.host))),
			m.ask(),
			mySession+fmt.Sprintf("CREATE USER IF NOT EXISTS %[1]s IDENTIFIED BY %[2]s;\nALTER USER %[1]s IDENTIFIED BY %[2]s;\n", l.account(), password)),
		packages.Track{Name: "grant_rights", Label: "Granting rights"},
		packages.Run{
			Title:  "grant " + l.name + " the chosen rights, and no others",
			Script: m.do(grants.String()) + " &&\n" + held + ` || { echo "the server has other rights for the user:" && echo "$now" && exit 1; }`,
			Check:  held,
		},
	}
	if l.host != localHost && l.host != "%" {
		return append(commands, l.seen(m)...)
	}
	database := ""
	if len(l.databases) > 0 {
		database = " -D " + l.databases[0]
	}
	return append(commands, l.verify(
		fmt.Sprintf(`[ "$(echo 'SELECT 1' | %s --defaults-extra-file="$SECRETS/client.cnf" --no-auto-rehash%s%s)" = 1 ]`, m.client, plainly, database),
		map[string]string{"client.cnf": fmt.Sprintf("[client]\nuser=%s\npassword=%s\n", l.name, packages.SecretRef(l.secret, forOptionFile))})...)
}

// seen is the verification of a user who may come from another machine only.
func (l login) seen(m mysqlFamily) []packages.Command {
	return []packages.Command{
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that the server has the user",
			Script: fmt.Sprintf(`[ "$(%s)" = 1 ] || { echo "the server does not have the user" >&2 && exit 1; }`,
				m.countUser(l)),
			IfChanged: true,
		},
	}
}

func (m mysqlFamily) dropUser(l login) packages.Run {
	return packages.Run{
		Title:  "drop the user " + l.name,
		Script: m.do("DROP USER " + l.account()),
		Check:  fmt.Sprintf(`[ "$(%s)" = 0 ]`, m.countUser(l)),
	}
}

func (m mysqlFamily) countUser(l login) string {
	return m.do(fmt.Sprintf("SELECT COUNT(*) FROM mysql.user WHERE user = %s AND host = %s", myLiteral(l.name), myLiteral(l.host)))
}
