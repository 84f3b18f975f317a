package database

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// MySQL is the database server MySQL, as Ubuntu packages it or from the
// repository of its makers. Debian 12 and 13 have none: unless a version is
// chosen, it is taken from whichever package source of the server has it.
type MySQL struct {
	Repository apt.Repository
}

// mysql tells MySQL from MariaDB. The version in names of packages is that of
// Ubuntu 22.04 and 24.04; those of its makers are called "community".
func mysql() mysqlFamily {
	const available = `apt-cache policy mysql-server | grep -q '^  Candidate: [0-9]'`
	return mysqlFamily{
		pkg: MySQL{}, title: "MySQL", deb: "mysql-server",
		debs: []string{
			"mysql-server", "mysql-server-core", "mysql-server-8.0", "mysql-server-core-8.0",
			"mysql-community-server", "mysql-community-server-core",
		},
		others: []string{"mysql-community"},
		unit:   "mysql", program: "mysqld", client: "mysql", dump: "mysqldump",
		folder: "/etc/mysql/mysql.conf.d", file: "/etc/mysql/mysql.conf.d/zz-brokeforge.cnf",
		test: "mysqld --validate-config", least: 448 * mebi, free: 400 * mebi,
		other: "MariaDB", foreign: "aria_log_control",
		needs: []packages.Command{packages.Run{
			Title: "refuse if no package source has MySQL",
			Script: `echo "no package source of this server has mysql-server (Debian has MariaDB in its place): choose mariadb, or a version such as mysql.version=8.4, which is taken from repo.mysql.com, or add a package source that has it" >&2
exit 1`,
			Check: apt.Installed("mysql-server") + " ||\n" + available,
		}},
	}
}

// Name returns "mysql".
func (MySQL) Name() packages.Name { return mysqlName }

// Type returns the category of databases.
func (MySQL) Type() packages.Type { return packages.Database }

// Credential returns root.
func (MySQL) Credential() packages.Credential { return packages.Root() }

// Describe tells of MySQL.
func (MySQL) Describe() packages.Description {
	return packages.Description{
		Title:     "MySQL",
		Summary:   "database server, Ubuntu's or its makers' own; Debian has MariaDB in its place",
		Requires:  []packages.Name{packages.Base},
		Conflicts: []packages.Name{mariadbName},
		Options: append([]packages.Option{
			versionChoice("the distribution's own, which Debian has not, or one from repo.mysql.com; it can't be changed in place", mysqlVersions()...),
		}, mysql().options()...),

		RemoveOptions: []packages.Option{packages.Purge("databases and settings, after a dump")},
	}
}

// Probe tells whether MySQL is installed and runs.
func (MySQL) Probe() string { return apt.Probe("mysql-server", "mysql") }

// Units returns the systemd unit of MySQL.
func (MySQL) Units(packages.Context) []string { return []string{mysql().unit} }

// Install returns the commands that install MySQL. Its databases and root's
// login over the unix socket stay as they are.
func (m MySQL) Install(ctx packages.Context) ([]packages.Command, error) {
	family, err := m.chosen(ctx)
	if err != nil {
		return nil, err
	}
	return family.install(ctx)
}

// Remove returns the commands that remove MySQL's software. Its databases and
// settings stay unless they are to be purged.
func (m MySQL) Remove(ctx packages.Context) ([]packages.Command, error) {
	family, err := m.leaving(ctx)
	if err != nil {
		return nil, err
	}
	return family.remove(ctx)
}

// Release returns the commands that take BrokeForge's settings and repository
// away from a MySQL that was there before.
func (m MySQL) Release(ctx packages.Context) ([]packages.Command, error) {
	family, err := m.leaving(ctx)
	if err != nil {
		return nil, err
	}
	return family.release()
}

// leaving returns MySQL with the commands that take its repository away.
func (m MySQL) leaving(ctx packages.Context) (family mysqlFamily, err error) {
	family = mysql()
	family.leave, err = leave(m.Repository, m.Name(), ctx.Values)
	return family, err
}
