package database

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// PostgreSQL is the database server PostgreSQL, in the major version of the
// server's distribution or another one from the repository of its makers. It
// works on the cluster "main" of that version; other clusters and versions are
// left alone.
type PostgreSQL struct {
	PGDG apt.Repository
}

const (
	postgresqlName packages.Name = "postgresql"

	optionLocale  = "locale"
	optionClients = "clients"

	// majorKey is what the installed major version, such as "15", is recorded
	// as.
	majorKey = "major"
)

// cluster is one cluster of PostgreSQL as Debian's postgresql-common has it.
type cluster struct{ major, name string }

func (c cluster) String() string { return c.major + "/" + c.name }
func (c cluster) folder() string { return "/etc/postgresql/" + c.major + "/" + c.name }
func (c cluster) unit() string   { return "postgresql@" + c.major + "-" + c.name }
func (c cluster) deb() string    { return "postgresql-" + c.major }
func (c cluster) client() string { return "postgresql-client-" + c.major }
func (c cluster) file() string   { return c.folder() + "/conf.d/zz-brokeforge.conf" }
func (c cluster) hba() string    { return c.folder() + "/pg_hba.conf" }

// psql returns the client, as the superuser by the cluster's unix socket. It
// stops at the first error and prints rows alone.
func (c cluster) psql(database string) string {
	return fmt.Sprintf("runuser -u postgres -- psql -X -q -A -t -v ON_ERROR_STOP=1 --cluster %s -d %s", c, database)
}

// Name returns "postgresql".
func (PostgreSQL) Name() packages.Name { return postgresqlName }

// Type returns the category of databases.
func (PostgreSQL) Type() packages.Type { return packages.Database }

// Credential returns root.
func (PostgreSQL) Credential() packages.Credential { return packages.Root() }

// Describe tells of PostgreSQL.
func (PostgreSQL) Describe() packages.Description {
	return packages.Description{
		Title:    "PostgreSQL",
		Summary:  "database server, in the distribution's version or another one",
		Requires: []packages.Name{packages.Base},

		RemoveOptions: []packages.Option{packages.Purge("the cluster main with its databases and settings, after a dump")},

		Options: []packages.Option{
			versionChoice("the distribution's own, or a major version from apt.postgresql.org; it can't be changed in place", postgresqlMajors()...),
			portChoice(5432),
			bindChoice(),
			{
				Name: optionClients, Label: "Clients", Kind: packages.Text,
				Help: "networks that may log in with a password, by commas, such as 10.0.0.0/8; this machine always may", Validate: acceptNetworks,
			},
			memoryChoice("for the cache of tables (shared_buffers), such as 512M; auto is a quarter of the server's, keep leaves it alone"),
			{
				Name: optionLocale, Label: "Locale", Kind: packages.Text, Default: "C.UTF-8", Required: true,
				Help: "sorting and letters of new databases; fixed once the cluster is made", Validate: acceptLocale,
			},
		},
	}
}

// The names of locales of glibc, with UTF-8 as the encoding.
var localePattern = regexp.MustCompile(`^[A-Za-z]{1,8}(_[A-Z]{2})?\.(UTF-8|utf8)(@[a-z]+)?$`)

func acceptLocale(value string) error {
	if !localePattern.MatchString(value) {
		return fmt.Errorf("is not a locale with UTF-8, such as C.UTF-8 or de_DE.UTF-8")
	}
	return nil
}

// networks returns the networks of a list, each in its one written form.
func networks(value string) ([]string, error) {
	var list []string
	for _, field := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		prefix, err := netip.ParsePrefix(field)
		if addr, addrErr := netip.ParseAddr(field); addrErr == nil && addr.Zone() == "" {
			prefix, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err != nil || prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("has %q, which is not a network such as 10.0.0.0/8", field)
		}
		list = append(list, prefix.Masked().String())
	}
	return list, nil
}

func acceptNetworks(value string) error {
	_, err := networks(value)
	return err
}

// Probe tells whether a PostgreSQL server is installed and a cluster of it runs,
// in any version. The unit "postgresql" is active even where none does.
func (PostgreSQL) Probe() string {
	return `found=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 'postgresql-[0-9]*' 2>/dev/null |
sed -n 's/^installed postgresql-\([0-9]*\) /\1 /p' | sort -n | tail -n 1)
[ -n "$found" ] || exit 1
pg_lsclusters -h 2>/dev/null | awk -v major="${found%% *}" '$1 == major && $4 ~ /^online/ { up = 1 } END { exit !up }' ||
	{ echo "PostgreSQL ${found%% *} has no running cluster" && exit 2; }
echo "${found#* }"`
}

func (c cluster) settings(ctx packages.Context) (settings, error) {
	buffers := share(ctx.Values[optionMemory], ctx.Facts.MemoryBytes, 32*mebi)
	cache := int64(0)
	if buffers > 0 && ctx.Facts.MemoryBytes > 0 {
		cache = max(ctx.Facts.MemoryBytes/2, buffers)
	}
	listen := "localhost"
	switch bind := ctx.Values[optionBind]; bind {
	case localAddress:
	case "0.0.0.0":
		listen = bind
	case "::":
		listen = "*"
	default:
		listen += ", " + bind
	}
	content, err := packages.Render(templates, "postgresql.conf.tmpl", map[string]any{
		"Port": ctx.Values[optionPort], "Listen": listen,
		"Tuned": buffers > 0, "Buffers": megabytes(buffers, "MB"), "Cached": cache > 0, "Cache": megabytes(cache, "MB"),
	})
	if err != nil {
		return settings{}, err
	}
	return settings{
		file:  packages.Write{Path: c.file(), Content: content},
		opens: opens(ctx.Values), title: "PostgreSQL", unit: c.unit(),
		test: fmt.Sprintf("runuser -u postgres -- /usr/lib/postgresql/%s/bin/postgres -C listen_addresses -c config_file=%s/postgresql.conf", c.major, c.folder()),
		// One address of several that can't be had is only a warning to it.
		answers: fmt.Sprintf(`[ "$(echo 'SELECT 1' | %s)" = 1 ] && %s`, c.psql("postgres"), listens(ctx.Values)),
	}, nil
}

// Units returns the systemd unit of the cluster that was installed.
func (PostgreSQL) Units(ctx packages.Context) []string {
	c, err := installedCluster(ctx.Values)
	if err != nil {
		return nil
	}
	return []string{c.unit()}
}

// Install returns the commands that install PostgreSQL. A cluster that is there
// stays, with its databases and roles.
func (p PostgreSQL) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if err := needMemory("PostgreSQL", ctx.Facts, ctx.Values[optionMemory], 128*mebi); err != nil {
		return nil, err
	}
	chosen, err := p.chosen(ctx)
	if err != nil {
		return nil, err
	}
	clients, err := networks(ctx.Values[optionClients])
	if err != nil {
		return nil, err
	}
	if len(clients) > 0 && isLocal(ctx.Values[optionBind]) {
		return nil, fmt.Errorf("no client reaches PostgreSQL on %s: choose another postgresql.%s, or no postgresql.%s", ctx.Values[optionBind], optionBind, optionClients)
	}
	repository, err := p.repository(ctx, chosen)
	if err != nil {
		return nil, err
	}
	c := cluster{chosen.major, "main"}
	set, err := c.settings(ctx)
	if err != nil {
		return nil, err
	}
	common, err := apt.Install(p.Name(), "postgresql-common")
	if err != nil {
		return nil, err
	}
	software, err := apt.Install(p.Name(), c.deb(), c.client())
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		refuseTakenPort(ctx.Values[optionPort], "postgres"),
		c.refuseNeighbour(ctx.Values[optionPort]),
		c.refuseOtherAddress(p, ctx.Values),
		c.refuseOtherLocale(ctx.Values[optionLocale]),
	}
	commands = append(commands, repository...)
	commands = append(commands, packages.Track{Name: "install_software", Label: "Installing software"})
	commands = append(commands, common...)
	commands = append(commands,
		packages.Run{
			Title:  "see to it that the cluster is made with the chosen locale, and not with whatever apt runs with",
			Script: "install -d -m 0755 " + createFolder + " && echo 'create_main_cluster = false' >" + createFile,
			Check:  "[ -e " + c.folder() + "/postgresql.conf ]",
		})
	commands = append(commands, software[len(apt.Helper()):]...)
	commands = append(commands,
		packages.Track{Name: "make_cluster", Label: "Making the cluster"},
		c.create(ctx.Values),
		packages.Run{Script: "rm -f " + createFile, Check: "[ ! -e " + createFile + " ]"},
		packages.Track{Name: "configure", Label: "Configuring PostgreSQL"},
		packages.Run{Script: "install -d -m 0755 -o postgres -g postgres " + c.folder() + "/conf.d", Check: "[ -d " + c.folder() + "/conf.d ]"},
	)
	commands = append(commands, set.place()...)
	return append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		set.apply(),
		packages.Run{
			Script: fmt.Sprintf("echo auto >%[1]s/start.conf\nsystemctl daemon-reload && systemctl enable postgresql && systemctl start %[2]s", c.folder(), c.unit()),
			Check:  fmt.Sprintf("grep -qx auto %s/start.conf && systemctl is-enabled --quiet postgresql && systemctl is-active --quiet %s", c.folder(), c.unit()),
		},
		c.allow(clients),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "log in, and see that it runs as chosen", Script: c.verify(ctx.Values), IfChanged: true},
		packages.Persist{Version: apt.Version(c.deb()), Configuration: p.recorded(chosen)},
	), nil
}

// What postgresql-common reads before it makes a cluster, see
// pg_createcluster(1).
const (
	createFolder = "/etc/postgresql-common/createcluster.d"
	createFile   = createFolder + "/zz-brokeforge.conf"
)

// create returns the command that makes the cluster, where there is none and no
// data of one either.
func (c cluster) create(v packages.Values) packages.Run {
	return packages.Run{
		Title: "make the cluster " + c.String(),
		Script: fmt.Sprintf(`data=/var/lib/postgresql/%[1]s/%[2]s
if [ -e "$data/PG_VERSION" ]; then
	echo "$data holds a cluster whose settings in %[3]s are gone: bring those back, or move the data to another place; nothing was overwritten" >&2
	exit 1
fi
locale -a | tr 'A-Z' 'a-z' | sed 's/utf-8/utf8/' | grep -qxF "$(echo '%[4]s' | tr 'A-Z' 'a-z' | sed 's/utf-8/utf8/')" ||
	{ echo "this server has no locale %[4]s: it has $(locale -a | tr '\n' ' ')" >&2 && exit 1; }
LC_ALL='%[4]s' pg_createcluster --locale '%[4]s' --encoding UTF8 --port %[5]s --start-conf auto %[1]s %[2]s -- --auth-host=scram-sha-256 --auth-local=peer`,
			c.major, c.name, c.folder(), v[optionLocale], v[optionPort]),
		Check: "[ -e " + c.folder() + "/postgresql.conf ]",
	}
}

// refuseNeighbour returns the command that ends the run where another cluster
// has the port, running or not.
func (c cluster) refuseNeighbour(port string) packages.Run {
	find := fmt.Sprintf(`pg_lsclusters -h 2>/dev/null | awk '$3 == %s && $1 "/" $2 != "%s" { print $1 "/" $2 }'`, port, c)
	return packages.Run{
		Title: "refuse if another cluster has port " + port,
		Script: fmt.Sprintf(`echo "port %s belongs to the cluster $(%s): choose another port; nothing was changed" >&2
exit 1`, port, find),
		Check: fmt.Sprintf(`[ -z "$(%s)" ]`, find),
	}
}

// refuseOtherAddress is the refusal of that name, where the cluster is there:
// those of other versions may listen where they do.
func (c cluster) refuseOtherAddress(p PostgreSQL, v packages.Values) packages.Run {
	run := refuseOtherAddress(p, "postgres", c.file(), v)
	run.Check = fmt.Sprintf("[ ! -e %s/postgresql.conf ] ||\n%s", c.folder(), run.Check)
	return run
}

// refuseOtherLocale returns the command that ends the run where the cluster is
// there with another locale, which can't be changed.
func (c cluster) refuseOtherLocale(locale string) packages.Run {
	made := fmt.Sprintf(`sed -n "s/^lc_messages *= *'\([^']*\)'.*/\1/p" %s/postgresql.conf`, c.folder())
	return packages.Run{
		Title: "refuse to change the locale of a cluster that is there",
		Script: fmt.Sprintf(`echo "the cluster %s is there, and was made with the locale $(%s), which can't be changed: choose that as postgresql.%s; nothing was changed" >&2
exit 1`, c, made, optionLocale),
		Check: fmt.Sprintf(`[ ! -e %[1]s/postgresql.conf ] || [ "$(%[2]s)" = '%[3]s' ] ||
[ "$(%[2]s | sed 's/utf8/UTF-8/')" = "$(echo '%[3]s' | sed 's/utf8/UTF-8/')" ]`, c.folder(), made, locale),
	}
}

// hbaMark ends the lines of pg_hba.conf that are ours.
const hbaMark = "# brokeforge"

// allow returns the command that has networks log in with a password: a line
// each at the end of pg_hba.conf, so that what stands there before counts first.
// pg_hba.conf can include another file from PostgreSQL 16 on only.
func (c cluster) allow(clients []string) packages.Run {
	var lines strings.Builder
	for _, network := range clients {
		fmt.Fprintf(&lines, "host all all %s scram-sha-256 %s\n", network, hbaMark)
	}
	list := strings.TrimSuffix(lines.String(), "\n")
	return packages.Run{
		Title: "let the chosen networks log in with a password, and nobody else",
		Script: fmt.Sprintf(`set -e
hba=%[1]s new=%[1]s.brokeforge-new
cp -p $hba $new
sed '/%[2]s$/d' $hba >$new
printf '%%s' '%[3]s' >>$new
cp -p $hba $hba.brokeforge-old
mv $new $hba
wrong=$(echo 'SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL' | %[4]s)
if [ -n "$wrong" ]; then
	mv $hba.brokeforge-old $hba
	echo "PostgreSQL refuses pg_hba.conf, which is as before again: $wrong" >&2
	exit 1
fi
rm $hba.brokeforge-old
echo 'SELECT pg_reload_conf()' | %[4]s`, c.hba(), hbaMark, lines.String(), c.psql("postgres")),
		Check: fmt.Sprintf(`[ "$(grep '%s$' %s)" = '%s' ]`, hbaMark, c.hba(), list),
	}
}

func (c cluster) verify(v packages.Values) string {
	return fmt.Sprintf(`said=$(echo "SELECT current_setting('port'), current_setting('password_encryption'), datcollate, pg_encoding_to_char(encoding) FROM pg_database WHERE datname = 'postgres'" | %s) || exit 1
echo "$said"
case $said in
'%s|'*) ;;
*) echo "PostgreSQL does not listen on port %s: another file of %s sets it" >&2 && exit 1 ;;
esac
%s || { echo "PostgreSQL does not listen on %s" >&2 && exit 1; }`,
		c.psql("postgres"), v[optionPort], v[optionPort], c.folder(), listens(v), v[optionBind])
}
