package database

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/store"
)

// User is one login on a database server, with rights on some of its databases.
// A server may have many.
type User struct{}

const (
	optionHost      = "host"
	optionDatabases = "databases"
	optionRights    = "rights"
)

// The rights that a user may have on a database.
const (
	rightsAll   = "all"
	rightsWrite = "read-write"
	rightsRead  = "read-only"
)

// localHost is the host of a user of MariaDB or MySQL who comes from the same
// machine.
const localHost = "localhost"

// Name returns "database-user".
func (User) Name() packages.Name { return userName }

// Type returns the category of databases.
func (User) Type() packages.Type { return packages.Database }

// Credential returns root.
func (User) Credential() packages.Credential { return packages.Root() }

// Describe tells of the user.
func (User) Describe() packages.Description {
	return packages.Description{
		Title:    "Database user",
		Summary:  "a login on MariaDB, MySQL or PostgreSQL with rights on chosen databases",
		Requires: []packages.Name{packages.Base},
		Instance: userInstance,
		Options: []packages.Option{
			engineChoice(),
			{
				Name: optionName, Label: "Name", Kind: packages.Text, Required: true,
				Help: "letters, digits, _ and -", Validate: acceptUser,
			},
			{
				Name: optionHost, Label: "From", Kind: packages.Text, Default: localHost, Required: true,
				Help: "of MariaDB and MySQL: localhost, an address, or a pattern such as 10.0.0.%", Validate: acceptHost,
			},
			{
				Name: optionDatabases, Label: "Databases", Kind: packages.Text,
				Help: "by commas; made with the package database on the same server", Validate: acceptDatabases,
			},
			{
				Name: optionRights, Label: "Rights", Kind: packages.Choice, Default: rightsAll, Required: true,
				Choices: []string{rightsAll, rightsWrite, rightsRead}, Help: "on each of the databases, and what is made in them later",
			},
			{
				Name: optionPassword, Label: "Password", Kind: packages.Secret, Generate: packages.Generate{Length: 32},
				Help: "made where none is given", Validate: acceptPassword,
			},
			packages.SiteOption(),
		},
	}
}

func userInstance(v packages.Values) string {
	name := v[optionEngine] + "-" + v[optionName]
	if v[optionHost] != localHost {
		name += "@" + v[optionHost]
	}
	return name
}

// hostPattern is a network of IPv4, with % for what is left open at its end.
var hostPattern = regexp.MustCompile(`^([0-9]{1,3}\.){1,3}%$`)

func acceptHost(value string) error {
	addr, err := netip.ParseAddr(value)
	switch {
	case value == localHost || value == "%":
		return nil
	case hostPattern.MatchString(value):
		// It is right where it is with numbers in the place of what is open.
		addr, err = netip.ParseAddr(strings.TrimSuffix(value, "%") + strings.Repeat("0.", 3-strings.Count(value, ".")) + "0")
	case err == nil && addr.String() != value:
		return fmt.Errorf("is to be written %s", addr)
	}
	if err != nil || addr.Zone() != "" || addr.Is4In6() {
		return fmt.Errorf("is neither localhost, nor an address, nor a pattern such as 10.0.0.%% or %%")
	}
	return nil
}

// databaseList returns the names of a list, each once and in order.
func databaseList(value string) []string {
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	slices.Sort(list)
	return slices.Compact(list)
}

func acceptDatabases(value string) error {
	for _, name := range databaseList(value) {
		if err := acceptDatabase(name); err != nil {
			return fmt.Errorf("has %q, which %w", name, err)
		}
	}
	return nil
}

// EncodeSecret writes a password into the files that clients read.
func (User) EncodeSecret(as packages.Encoding, value string) (string, error) {
	switch as {
	case forOptionFile:
		return optionFileValue(value), nil
	case forPassFile:
		return passFileField(value), nil
	}
	return "", fmt.Errorf("there is no encoding %q", as)
}

// Needs returns the chosen engine and, so that a user goes before the database
// that it has rights on, the package of databases.
func (User) Needs(v packages.Values) []packages.Name {
	needs := []packages.Name{packages.Name(v[optionEngine])}
	if v[optionDatabases] != "" {
		needs = append(needs, databaseName)
	}
	return needs
}

// Belongs reports whether all databases that the user has rights on belong to a site.
func (User) Belongs(ctx packages.SiteContext, _ packages.SitePlace) bool {
	list := databaseList(ctx.Values[optionDatabases])
	for _, name := range list {
		if !slices.ContainsFunc(ctx.Installed, func(p store.ServerPackage) bool {
			return p.Name == databaseName && p.Configuration[optionEngine] == ctx.Values[optionEngine] &&
				p.Configuration[optionName] == name && packages.SiteOf(p.Configuration) == ctx.Site.Domain
		}) {
			return false
		}
	}
	return len(list) > 0
}

// Probe is empty: the records tell which users there are.
func (User) Probe() string { return "" }

// login is a user with what was chosen for it.
type login struct {
	name, host, rights string
	databases          []string
	dropped            []string // databases that it had rights on when it was last installed
	instance           string
	secret             packages.SecretName
}

func loginOf(ctx packages.Context) (login, error) {
	v := ctx.Values
	l := login{
		name: v[optionName], host: v[optionHost], rights: v[optionRights], instance: ctx.Instance,
		databases: databaseList(v[optionDatabases]), secret: packages.SecretOf(userName, ctx.Instance, optionPassword),
	}
	for _, o := range (User{}).Describe().Options {
		if o.Validate == nil || o.Kind == packages.Secret || v[o.Name] == "" {
			continue
		}
		if err := o.Validate(v[o.Name]); err != nil {
			return l, fmt.Errorf("the record of the user is damaged: %s %w", o.Name, err)
		}
	}
	for _, p := range ctx.Installed {
		if p.Name != userName || p.Instance != ctx.Instance {
			continue
		}
		for _, name := range databaseList(p.Configuration[optionDatabases]) {
			if acceptDatabase(name) == nil && !slices.Contains(l.databases, name) {
				l.dropped = append(l.dropped, name)
			}
		}
	}
	return l, nil
}

// fits refuses a user of databases that are not recorded, and of PostgreSQL one
// with a host.
func (l login) fits(ctx packages.Context) error {
	engine := ctx.Values[optionEngine]
	for _, name := range l.databases {
		if !slices.ContainsFunc(ctx.Installed, func(p store.ServerPackage) bool {
			return p.Name == databaseName && p.Configuration[optionEngine] == engine && p.Configuration[optionName] == name
		}) {
			return fmt.Errorf("there is no database %s on %s: make it first with the package %s", name, engine, databaseName)
		}
	}
	if engine == string(postgresqlName) && l.host != localHost {
		return fmt.Errorf("PostgreSQL has no host of a user: leave %s at %s, and choose postgresql.%s", optionHost, localHost, optionClients)
	}
	return nil
}

// Install returns the commands that make the user, or give one that is there
// the chosen password and rights.
func (User) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := refuseTwin(ctx, userName); err != nil {
		return nil, err
	}
	e, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	l, err := loginOf(ctx)
	if err != nil {
		return nil, err
	}
	if err := l.fits(ctx); err != nil {
		return nil, err
	}
	if ctx.Values[optionPassword] == "" {
		return nil, fmt.Errorf("the user %s has no password", l.name)
	}
	commands := []packages.Command{packages.Track{Name: "make_user", Label: "Making the user"}}
	return append(append(commands, e.makeUser(l)...), packages.Persist{}), nil
}

// Remove returns the commands that take the user away. What it has made in
// databases stays.
func (User) Remove(ctx packages.Context) ([]packages.Command, error) {
	e, err := engineOf(ctx)
	if err != nil {
		return nil, err
	}
	l, err := loginOf(ctx)
	if err != nil {
		return nil, err
	}
	drop := e.dropUser(l)
	return []packages.Command{
		packages.Track{Name: "drop_user", Label: "Dropping the user"},
		drop,
		packages.Run{Title: "forget the mark of its password", Script: "rm -f '" + l.mark() + "'", Check: "[ ! -e '" + l.mark() + "' ]"},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:  "see that the user is gone",
			Script: "{ " + drop.Check + `; } || { echo "the user is still there" >&2 && exit 1; }`, IfChanged: true,
		},
		packages.Forget{},
	}, nil
}

// marks is the folder of marks.
const marks = apt.Folder + "/database-users"

// mark is the file that tells whether a user has the chosen password: a sum of
// that and of what the server keeps of it. The servers keep no more than a
// salted sum, and a user who may come from another machine only can't be tried.
func (l login) mark() string { return marks + "/" + l.instance }

// setPassword returns the command that gives the user its password, made by
// statements that hold a reference to it. kept is sh that prints what the server
// keeps of the password, and nothing where there is no such user.
func (l login) setPassword(title, kept, client, sql string) packages.Run {
	sum := fmt.Sprintf(`kept=$(%s) || exit 1
sum=$({ echo "$kept"; cat "$SECRETS/sql"; } | sha256sum)`, kept)
	return packages.Run{
		Title: title,
		Script: fmt.Sprintf(`%[4]s <"$SECRETS/sql" || exit 1
%[1]s
[ -n "$kept" ] || { echo "the server keeps no password" >&2 && exit 1; }
umask 077
mkdir -p %[2]s && echo "$sum" >'%[3]s'`, sum, marks, l.mark(), client),
		Check:   sum + fmt.Sprintf("\n[ -n \"$kept\" ] && [ \"$(cat '%s')\" = \"$sum\" ]", l.mark()),
		Secrets: map[string]string{"sql": sql},
	}
}

// verify returns the verification: a login with the password.
func (l login) verify(script string, secrets map[string]string) []packages.Command {
	return []packages.Command{
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "log in as " + l.name + " with the password", Script: script, Secrets: secrets, IfChanged: true},
	}
}
