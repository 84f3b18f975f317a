package database

import (
	"fmt"
	"regexp"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

var majorPattern = regexp.MustCompile(`^[1-9][0-9]$`)

// installedCluster returns the cluster of a record.
func installedCluster(configuration map[string]string) (cluster, error) {
	major := configuration[majorKey]
	if !majorPattern.MatchString(major) {
		return cluster{}, fmt.Errorf("the record of postgresql does not tell which version was installed")
	}
	return cluster{major, "main"}, nil
}

// Adopt returns the major version of a PostgreSQL that was on the server before.
func (PostgreSQL) Adopt(ctx packages.Context) (packages.Adoption, error) {
	version := string(ctx.Facts.Found[postgresqlName].Version)
	major, _, _ := strings.Cut(version, ".")
	if major, _, _ = strings.Cut(major, "-"); !majorPattern.MatchString(major) {
		return packages.Adoption{}, fmt.Errorf("%q is no version of PostgreSQL", version)
	}
	return packages.Adoption{Configuration: map[string]string{majorKey: major, optionVersion: adopted(ctx.Facts.OS, major)}}, nil
}

// Remove returns the commands that remove the software of the version that was
// installed. Its databases and settings stay unless they are to be
// purged; other versions and clusters stay always.
func (p PostgreSQL) Remove(ctx packages.Context) ([]packages.Command, error) {
	c, added, gone, err := p.brought(ctx)
	if err != nil {
		return nil, err
	}
	rest, err := apt.Remove(c.deb())
	if err != nil {
		return nil, err
	}
	purging := ctx.Removal.Yes(packages.PurgeOption)
	commands := []packages.Command{packages.Track{Name: "prepare_system", Label: "Preparing system"}, c.refuseOthers()}
	if purging {
		commands = append(commands, packages.Track{Name: "dump_data", Label: "Dumping the data"}, c.purge().before())
	}
	commands = append(commands,
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		packages.Run{
			Script: "systemctl stop " + c.unit(), Check: "! systemctl is-active --quiet " + c.unit(),
			Touch: packages.Touch{Stops: []string{c.unit()}},
		},
	)
	if purging {
		// While there is the software that knows all that belongs to it.
		commands = append(commands, packages.Run{
			Title: "drop the cluster " + c.String(), Script: fmt.Sprintf("pg_dropcluster --stop %s %s", c.major, c.name),
			Check: "[ ! -e " + c.folder() + "/postgresql.conf ] || [ ! -e " + c.purge().proof() + " ]",
		})
	}
	commands = append(commands, packages.Track{Name: "remove_software", Label: "Removing software"})
	commands = append(commands, rest...)
	commands = append(commands, added[len(apt.Helper()):]...)
	commands = append(commands, gone...)
	if purging {
		deletion, err := c.purge().after()
		if err != nil {
			return nil, err
		}
		commands = append(commands, deletion...)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that the server is gone, and say what stays",
			Script: fmt.Sprintf(`[ ! -e /usr/lib/postgresql/%[1]s/bin/postgres ] && ! systemctl is-active --quiet %[2]s || { echo "PostgreSQL %[1]s is still there" >&2 && exit 1; }
[ ! -d /var/lib/postgresql/%[1]s ] || echo "the databases stay in /var/lib/postgresql/%[1]s, the settings in %[3]s"`, c.major, c.unit(), c.folder()),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

func (c cluster) purge() purge {
	return purge{
		name: postgresqlName, title: "PostgreSQL", unit: c.unit(), program: "/usr/lib/postgresql/" + c.major + "/bin/postgres", ending: "sql",
		dump: fmt.Sprintf("runuser -u postgres -- pg_dumpall --cluster %s", c),
		look: `tail -n 5 "$file.part" | grep -q '^-- PostgreSQL database cluster dump complete' || fail "the dump ends in the middle"`,
		// Purging the package would drop the other clusters of its version.
		folders: []string{
			"/var/lib/postgresql/" + c.major + "/" + c.name, c.folder(), "/var/log/postgresql/postgresql-" + c.major + "-" + c.name + ".log",
			settings{file: packages.Write{Path: c.file()}}.backup() + "*",
		},
	}
}

// refuseOthers returns the command that ends the run where another cluster needs
// the software that is to be removed.
func (c cluster) refuseOthers() packages.Run {
	find := fmt.Sprintf(`pg_lsclusters -h 2>/dev/null | awk '$1 == %s && $2 != "%s" { print $1 "/" $2 }'`, c.major, c.name)
	return packages.Run{
		Title: "refuse if another cluster needs PostgreSQL " + c.major,
		Script: fmt.Sprintf(`echo "PostgreSQL %s is needed by the cluster $(%s), which BrokeForge did not make: nothing was removed" >&2
exit 1`, c.major, find),
		Check: fmt.Sprintf(`[ -z "$(%s)" ]`, find),
	}
}

// brought returns the cluster that is recorded, and the commands that take away what
// BrokeForge has brought to the server for it: Debian packages, and the repository.
func (p PostgreSQL) brought(ctx packages.Context) (c cluster, added, gone []packages.Command, err error) {
	if c, err = installedCluster(ctx.Values); err != nil {
		return c, nil, nil, err
	}
	if added, err = apt.RemoveAdded(p.Name(), c.deb(), c.client()); err != nil {
		return c, nil, nil, err
	}
	gone, err = leave(p.PGDG, p.Name(), ctx.Values)
	return c, added, gone, err
}

// Release returns the commands that take BrokeForge's settings, lines of
// pg_hba.conf and repository away from a PostgreSQL that was there before.
func (p PostgreSQL) Release(ctx packages.Context) ([]packages.Command, error) {
	c, added, gone, err := p.brought(ctx)
	if err != nil {
		return nil, err
	}
	set := settings{
		file: packages.Write{Path: c.file()}, title: "PostgreSQL", unit: c.unit(),
		answers: fmt.Sprintf(`[ "$(echo 'SELECT 1' | %s)" = 1 ]`, c.psql("postgres")),
	}
	commands := []packages.Command{packages.Track{Name: "remove_settings", Label: "Removing settings"}, c.allow(nil), set.withdraw()}
	return append(append(append(commands, added...), gone...), packages.Forget{}), nil
}
