package database

import (
	"fmt"
	"strings"

	"brokeforge/packages"
)

// named returns the values of an instance's name: the engine and, behind a
// hyphen, a name.
func named(instance string) packages.Values {
	engine, name, _ := strings.Cut(instance, "-")
	if engine == "" || name == "" {
		return nil
	}
	return packages.Values{optionEngine: engine, optionName: name}
}

// Named returns the values that choose a database by its instance's name.
func (Database) Named(instance string) packages.Values { return named(instance) }

// Adopt has a database recorded that somebody else has made.
func (Database) Adopt(ctx packages.Context) (packages.Adoption, error) {
	if err := refuseTwin(ctx, databaseName); err != nil {
		return packages.Adoption{}, &packages.RefusedError{Reason: err.Error()}
	}
	e, err := engineOf(ctx)
	if err != nil {
		return packages.Adoption{}, err
	}
	characters := e.charactersOf(ctx.Values[optionName])
	return packages.Adoption{Version: characters + " >/dev/null", Notes: []packages.Note{{Name: optionCharacters, Script: characters}}}, nil
}

// charactersThere returns sh that prints the characters of a database as the
// option has them. It fails, and says why, where there is none, or with others.
func charactersThere(title, name, ask, list, utf8, latin1 string) string {
	return fmt.Sprintf(`found=$(%[3]s) || exit 1
case $found in
%[5]s) echo utf8 ;;
%[6]s) echo latin1 ;;
'') echo "%[1]s has no database %[2]s: it has $(%[4]s | tr '\n' ' ')" >&2 && exit 1 ;;
*) echo "the database %[2]s has the characters $found, and is left alone" >&2 && exit 1 ;;
esac`, title, name, ask, list, utf8, latin1)
}

func (m mysqlFamily) charactersOf(name string) string {
	return "{ " + charactersThere(m.title, name,
		m.do(fmt.Sprintf("SELECT default_character_set_name FROM information_schema.schemata WHERE BINARY schema_name = %s", myLiteral(name))),
		m.do("SELECT schema_name FROM information_schema.schemata ORDER BY 1"), "utf8*", "latin1") + "\n}"
}

func (c cluster) charactersOf(name string) string {
	return "{ " + charactersThere("PostgreSQL", name,
		c.do("postgres", fmt.Sprintf("SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = %s", pgLiteral(name))),
		c.do("postgres", "SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1"), "UTF8", "LATIN1") + "\n}"
}

// Named returns the values that choose a user by its instance's name.
func (User) Named(instance string) packages.Values {
	name, host, elsewhere := strings.Cut(instance, "@")
	values := named(name)
	if values != nil && elsewhere {
		values[optionHost] = host
	}
	return values
}

// Adopt has a user recorded that somebody else has made. Nobody can tell its
// password; its rights are left as they are until it is installed.
func (User) Adopt(ctx packages.Context) (packages.Adoption, error) {
	if err := refuseTwin(ctx, userName); err != nil {
		return packages.Adoption{}, &packages.RefusedError{Reason: err.Error()}
	}
	e, err := engineOf(ctx)
	if err != nil {
		return packages.Adoption{}, err
	}
	l, err := loginOf(ctx)
	if err != nil {
		return packages.Adoption{}, err
	}
	if err := l.fits(ctx); err != nil {
		return packages.Adoption{}, &packages.RefusedError{Reason: err.Error()}
	}
	return packages.Adoption{Version: fmt.Sprintf(`there=$(%s) || exit 1
[ "$there" != 0 ] || { echo "%s has no user %s" >&2 && exit 1; }`, e.countUser(l), ctx.Values[optionEngine],
		strings.TrimPrefix(l.instance, ctx.Values[optionEngine]+"-"))}, nil
}
