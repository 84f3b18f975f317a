package database

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// MariaDB is the database server MariaDB, as Debian packages it.
type MariaDB struct{}

const (
	mariadbName packages.Name = "mariadb"
	mysqlName   packages.Name = "mysql"
)

// mariadb tells MariaDB from MySQL. The versions in names of packages are those
// of Ubuntu 22.04.
func mariadb() mysqlFamily {
	return mysqlFamily{
		pkg: MariaDB{}, title: "MariaDB", deb: "mariadb-server",
		debs: []string{
			"mariadb-server", "mariadb-server-core", "mariadb-server-10.6", "mariadb-server-core-10.6",
		},
		unit: "mariadb", program: "mariadbd", client: "mariadb", dump: "mariadb-dump",
		folder: "/etc/mysql/mariadb.conf.d", file: "/etc/mysql/mariadb.conf.d/zz-brokeforge.cnf",
		test: "mariadbd --help --verbose >/dev/null", least: 192 * mebi, free: 128 * mebi,
		other: "MySQL", foreign: "mysql.ibd",
	}
}

// Name returns "mariadb".
func (MariaDB) Name() packages.Name { return mariadbName }

// Type returns the category of databases.
func (MariaDB) Type() packages.Type { return packages.Database }

// Credential returns root.
func (MariaDB) Credential() packages.Credential { return packages.Root() }

// Describe tells of MariaDB.
func (MariaDB) Describe() packages.Description {
	return packages.Description{
		Title:     "MariaDB",
		Summary:   "database server, in the distribution's version; speaks MySQL's protocol",
		Requires:  []packages.Name{packages.Base},
		Conflicts: []packages.Name{mysqlName},
		Options:   mariadb().options(),

		RemoveOptions: []packages.Option{packages.Purge("databases and settings, after a dump")},
	}
}

// Probe tells whether MariaDB is installed and runs.
func (MariaDB) Probe() string { return apt.Probe("mariadb-server", "mariadb") }

// Units returns the systemd unit of MariaDB.
func (MariaDB) Units(packages.Context) []string { return []string{mariadb().unit} }

// Install returns the commands that install MariaDB. Its databases and root's
// login over the unix socket stay as they are.
func (MariaDB) Install(ctx packages.Context) ([]packages.Command, error) {
	return mariadb().install(ctx)
}

// Remove returns the commands that remove MariaDB's software. Its databases and
// settings stay unless they are to be purged.
func (MariaDB) Remove(ctx packages.Context) ([]packages.Command, error) {
	return mariadb().remove(ctx)
}

// Release returns the commands that take BrokeForge's settings away from a
// MariaDB that was there before.
func (MariaDB) Release(packages.Context) ([]packages.Command, error) { return mariadb().release() }
