package database

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Database is one database on a database server. A server may have many.
type Database struct{}

const optionCharacters = "character-set"

// Dumps is the folder on a server that holds the dumps which are made before a
// database is dropped.
const Dumps = apt.Folder + "/dumps"

// ownerEnding ends the name of the role that owns a database of PostgreSQL. Who
// may do everything in the database is a member of it.
const ownerEnding = "_owner"

// Name returns "database".
func (Database) Name() packages.Name { return databaseName }

// Type returns the category of databases.
func (Database) Type() packages.Type { return packages.Database }

// Credential returns root.
func (Database) Credential() packages.Credential { return packages.Root() }

// Describe tells of the database.
func (Database) Describe() packages.Description {
	return packages.Description{
		Title:    "Database",
		Summary:  "a database on MariaDB, MySQL or PostgreSQL; removing it drops it, after a dump",
		Requires: []packages.Name{packages.Base},
		Instance: func(v packages.Values) string { return v[optionEngine] + "-" + v[optionName] },
		Options: []packages.Option{
			engineChoice(),
			{
				Name: optionName, Label: "Name", Kind: packages.Text, Required: true,
				Help: "letters, digits, _ and -", Validate: acceptDatabase,
			},
			{
				Name: optionCharacters, Label: "Characters", Kind: packages.Choice, Default: "utf8", Required: true,
				Choices: []string{"utf8", "latin1"}, Help: "utf8 holds every language; latin1 is for old programs",
			},
			packages.SiteOption(),
		},
	}
}

// Needs returns the chosen engine.
func (Database) Needs(v packages.Values) []packages.Name {
	return []packages.Name{packages.Name(v[optionEngine])}
}

// Probe is empty: the records tell which databases there are.
func (Database) Probe() string { return "" }

// refuseTwin refuses a name that differs from a recorded one in case alone.
func refuseTwin(ctx packages.Context, kind packages.Name) error {
	for _, p := range ctx.Installed {
		if p.Name == kind && p.Configuration[optionEngine] == ctx.Values[optionEngine] &&
			p.Configuration[optionName] != ctx.Values[optionName] &&
			strings.EqualFold(p.Configuration[optionName], ctx.Values[optionName]) {
			return fmt.Errorf("%s is there: a name that differs in case alone is asking for trouble", packages.Label(kind, p.Instance))
		}
	}
	return nil
}

// Install returns the commands that make the database. One that is there stays
// with all that is in it.
func (Database) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := refuseTwin(ctx, databaseName); err != nil {
		return nil, err
	}
	e, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{packages.Track{Name: "make_database", Label: "Making the database"}}
	commands = append(commands, e.makeDatabase(ctx.Values[optionName], ctx.Values[optionCharacters])...)
	return append(commands, packages.Persist{}), nil
}

func (m mysqlFamily) makeDatabase(name, characters string) []packages.Command {
	set := map[string]string{"utf8": "utf8mb4", "latin1": "latin1"}[characters]
	twin := fmt.Sprintf("SELECT schema_name FROM information_schema.schemata WHERE LOWER(schema_name) = LOWER(%[1]s) AND BINARY schema_name <> %[1]s", myLiteral(name))
	there := fmt.Sprintf("SELECT 'there' FROM information_schema.schemata WHERE BINARY schema_name = %s AND default_character_set_name = '%s'", myLiteral(name), set)
	check := fmt.Sprintf(`[ "$(%s)" = there ]`, m.do(there))
	return []packages.Command{
		packages.Run{
			Title: "refuse a name that differs from another in case alone",
			Script: fmt.Sprintf(`echo "the database $(%s) is there: a name that differs in case alone is asking for trouble" >&2
exit 1`, m.do(twin)),
			Check: fmt.Sprintf(`other=$(%s) && [ -z "$other" ]`, m.do(twin)),
		},
		packages.Run{
			Title: "make the database " + name,
			Script: m.do(fmt.Sprintf("CREATE DATABASE IF NOT EXISTS %[1]s CHARACTER SET %[2]s;\nALTER DATABASE %[1]s CHARACTER SET %[2]s;",
				myName(name), set)),
			Check: check,
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:  "see that the database is there",
			Script: check + ` || { echo "the database is not there" >&2 && exit 1; }`, IfChanged: true,
		},
	}
}

func (c cluster) makeDatabase(name, characters string) []packages.Command {
	encoding, locale := "UTF8", ""
	if characters == "latin1" {
		encoding, locale = "LATIN1", " LC_COLLATE 'C' LC_CTYPE 'C'"
	}
	owner := name + ownerEnding
	there := fmt.Sprintf("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", pgLiteral(name))
	twin := fmt.Sprintf("SELECT datname FROM pg_database WHERE lower(datname) = lower(%[1]s) AND datname <> %[1]s", pgLiteral(name))
	ready := fmt.Sprintf("SELECT 'ready' WHERE has_schema_privilege(%[1]s, 'public', 'CREATE') AND has_database_privilege(%[1]s, %[2]s, 'CREATE')",
		pgLiteral(owner), pgLiteral(name))
	check := fmt.Sprintf(`[ "$(%s)" = %s ] && [ "$(%s 2>/dev/null)" = ready ]`, c.do("postgres", there), encoding, c.do(name, ready))
	return []packages.Command{
		packages.Run{
			Title: "refuse a name that differs from another in case alone",
			Script: fmt.Sprintf(`echo "the database $(%s) is there: a name that differs in case alone is asking for trouble" >&2
exit 1`, c.do("postgres", twin)),
			Check: fmt.Sprintf(`other=$(%s) && [ -z "$other" ]`, c.do("postgres", twin)),
		},
		packages.Run{
			Title: "refuse to change the characters of a database that is there",
			Script: fmt.Sprintf(`echo "the database %s is there with the encoding $(%s), which can't be changed; nothing was changed" >&2
exit 1`, name, c.do("postgres", there)),
			Check: fmt.Sprintf(`has=$(%s) && { [ -z "$has" ] || [ "$has" = %s ]; }`, c.do("postgres", there), encoding),
		},
		packages.Run{
			Title: "make the database " + name + " and the role that owns it",
			// A database that was made otherwise keeps its owner, and who may
			// connect to it.
			Script: strings.Join([]string{
				c.do("postgres", fmt.Sprintf(`SELECT 'CREATE ROLE %[1]s NOLOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = %[2]s) \gexec
SELECT 'CREATE DATABASE %[3]s OWNER %[1]s TEMPLATE template0 ENCODING ''%[4]s''%[5]s' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = %[6]s) \gexec
SELECT 'REVOKE ALL ON DATABASE %[3]s FROM PUBLIC' FROM pg_database WHERE datname = %[6]s AND pg_get_userbyid(datdba) = %[2]s \gexec
GRANT ALL ON DATABASE %[3]s TO %[1]s;`,
					pgName(owner), pgLiteral(owner), pgName(name), encoding, strings.ReplaceAll(locale, "'", "''"), pgLiteral(name))),
				c.do(name, fmt.Sprintf(`SELECT 'REVOKE CREATE ON SCHEMA public FROM PUBLIC' FROM pg_database WHERE datname = %[1]s AND pg_get_userbyid(datdba) = %[2]s \gexec
%[3]s`, pgLiteral(name), pgLiteral(owner), c.grant(owner, owner, rightsAll))),
			}, " &&\n"),
			Check: check,
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:  "see that the database is there",
			Script: "{ " + check + `; } || { echo "the database is not there" >&2 && exit 1; }`, IfChanged: true,
		},
	}
}

// usersOf returns the recorded users that have rights on a database.
func usersOf(ctx packages.Context, engine, name string) []string {
	var users []string
	for _, p := range ctx.Installed {
		v := packages.Values(p.Configuration)
		if p.Name == userName && v[optionEngine] == engine && slices.Contains(v.List(optionDatabases), name) {
			users = append(users, packages.Label(userName, p.Instance))
		}
	}
	return users
}

// Remove returns the commands that dump the database, look at the dump, and then
// drop the database.
func (d Database) Remove(ctx packages.Context) ([]packages.Command, error) {
	name, engine := ctx.Values[optionName], ctx.Values[optionEngine]
	if err := acceptDatabase(name); err != nil {
		return nil, fmt.Errorf("the record of the database is damaged: its name %w", err)
	}
	if users := usersOf(ctx, engine, name); len(users) > 0 {
		return nil, fmt.Errorf("%s has rights on it: remove that first, or with it", strings.Join(users, ", "))
	}
	e, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	drop := e.dropDatabase(name)
	return []packages.Command{
		packages.Track{Name: "drop_database", Label: "Dumping and dropping the database"},
		drop,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:  "see that the database is gone",
			Script: "{ " + drop.Check + `; } || { echo "the database is still there" >&2 && exit 1; }`, IfChanged: true,
		},
		packages.Forget{},
	}, nil
}

// dumped begins the script that drops a database: it dumps it into a file that
// only root can read, and leaves at the first thing that is wrong.
func dumped(engine packages.Name, name, ending, dump, look string) string {
	return fmt.Sprintf(`set -e
umask 077
mkdir -p %[1]s
chmod 700 %[1]s
file=%[1]s/%[2]s-%[3]s-$(date -u +%%Y%%m%%dT%%H%%M%%SZ).%[4]s
trap 'rm -f "$file.part"' EXIT
fail() {
	echo "$1: the database was not dropped" >&2
	exit 1
}
%[5]s >"$file.part" || fail "the dump failed"
[ -s "$file.part" ] || fail "the dump is empty"
%[6]s
mv "$file.part" "$file"
sync "$file"
echo "the dump is $file ($(du -h "$file" | cut -f1)), for root alone"
`, Dumps, engine, name, ending, dump, look)
}

func (m mysqlFamily) dropDatabase(name string) packages.Run {
	count := m.do(fmt.Sprintf("SELECT COUNT(*) FROM information_schema.tables WHERE BINARY table_schema = %s AND table_type = 'BASE TABLE'", myLiteral(name)))
	there := m.do(fmt.Sprintf("SELECT COUNT(*) FROM information_schema.schemata WHERE BINARY schema_name = %s", myLiteral(name)))
	gtid := ""
	if m.pkg.Name() == mysqlName {
		gtid = " --set-gtid-purged=OFF"
	}
	return packages.Run{
		Title: "dump the database " + name + " to " + Dumps + ", look at the dump, and drop the database",
		Script: dumped(m.pkg.Name(), name, "sql",
			fmt.Sprintf("%s%s --single-transaction --routines --events --triggers --hex-blob --default-character-set=utf8mb4 --databases -- %s", m.dump, gtid, name),
			fmt.Sprintf(`tail -n 1 "$file.part" | grep -q '^-- Dump completed' || fail "the dump ends in the middle"
tables=$(%s)
[ "$(grep -c '^CREATE TABLE ' "$file.part")" = "$tables" ] || [ "$tables" = 0 ] || fail "the dump does not have all $tables tables"`, count)) +
			m.do("DROP DATABASE "+myName(name)),
		Check: fmt.Sprintf(`[ "$(%s)" = 0 ]`, there),
	}
}

func (c cluster) dropDatabase(name string) packages.Run {
	count := c.do(name, "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relkind = 'r' AND nspname !~ '^pg_' AND nspname <> 'information_schema'")
	there := c.do("postgres", fmt.Sprintf("SELECT count(*) FROM pg_database WHERE datname = %s", pgLiteral(name)))
	busy := c.do("postgres", fmt.Sprintf("SELECT string_agg(DISTINCT usename, ', ') FROM pg_stat_activity WHERE datname = %s", pgLiteral(name)))
	return packages.Run{
		Title: "dump the database " + name + " to " + Dumps + ", look at the dump, and drop the database",
		Script: fmt.Sprintf(`busy=$(%s)
if [ -n "$busy" ]; then
	echo "the database %s is in use by $busy: end that first; it was not dropped" >&2
	exit 1
fi
`, busy, name) + dumped(postgresqlName, name, "dump",
			fmt.Sprintf("runuser -u postgres -- pg_dump --cluster %s -Fc -d %s", c, name),
			fmt.Sprintf(`list=$(pg_restore -l "$file.part") || fail "the dump can't be read"
tables=$(%s)
[ "$(echo "$list" | grep -c ' TABLE DATA ')" = "$tables" ] || [ "$tables" = 0 ] || fail "the dump does not have all $tables tables"`, count)) +
			c.do("postgres", fmt.Sprintf("DROP DATABASE %s;\nDROP ROLE IF EXISTS %s;", pgName(name), pgName(name+ownerEnding))),
		Check: fmt.Sprintf(`[ "$(%s)" = 0 ]`, there),
	}
}
