package database

import (
	"fmt"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// innovation is what the version of MySQL is called that is followed by another
// one every few months.
const innovation = "innovation"

// mysqlVersions returns the versions that can be chosen. Which of them the
// repository has for a server's release and architecture is seen there.
func mysqlVersions() []string { return []string{"8.0", "8.4", "9.7", innovation} }

// mysqlComponent returns the component of repo.mysql.com that has a version.
func mysqlComponent(version string) string {
	switch version {
	case "8.0", innovation:
		return "mysql-" + version
	}
	return "mysql-" + version + "-lts"
}

// ownMySQL returns the version that a release of Debian or Ubuntu has; it is
// empty where it has none, or is not known.
func ownMySQL(os packages.OS) string {
	return map[string]string{"ubuntu 22.04": "8.0", "ubuntu 24.04": "8.0"}[os.ID+" "+os.Version]
}

// fromMakers returns the version of a choice that is from the repository of
// MySQL's makers; it is empty for the distribution's.
func fromMakers(os packages.OS, v packages.Values) string {
	if version := v[optionVersion]; version != distribution && version != ownMySQL(os) {
		return version
	}
	return ""
}

// chosen returns MySQL as it is in the chosen version. It refuses another one
// than the one that is recorded: MySQL would convert the databases as it starts,
// and there is no way back.
func (m MySQL) chosen(ctx packages.Context) (mysqlFamily, error) {
	family := mysql()
	version := fromMakers(ctx.Facts.OS, ctx.Values)
	if record, ok := ctx.Installs(m.Name()); ok {
		if is := fromMakers(ctx.Facts.OS, record.Configuration); is != version {
			name := func(version string) installed {
				if version == "" {
					return installed{"MySQL of a package source of the server's own", distribution}
				}
				return installed{"MySQL " + version, version}
			}
			return mysqlFamily{}, otherVersion(m, name(is), name(version))
		}
	}
	if version == "" {
		return family, nil
	}
	source, err := m.Repository.At(ctx.Facts, "")
	if err != nil {
		return mysqlFamily{}, err
	}
	source.Component = mysqlComponent(version)
	// The distribution's programs go on with its own library.
	source.Avoid = []string{"libmysqlclient*"}
	wanted := family.deb
	if version != innovation {
		wanted += "=" + version + "."
		source.Prefer = []string{wanted}
	}
	use, err := source.Use(ctx.Facts, m.Name(), m.instead(ctx.Facts.OS), wanted)
	if err != nil {
		return mysqlFamily{}, err
	}
	family.before = append([]packages.Command{
		refuseOtherMySQL(version), refuseDataOfOtherMySQL(version),
		packages.Track{Name: "add_repository", Label: "Checking the repository"},
	}, use...)
	family.needs = []packages.Command{packages.Run{
		Title: "refuse if apt would take another version of MySQL",
		Script: fmt.Sprintf(`echo "apt would install MySQL $(%[1]s) and not %[2]s: something in /etc/apt/preferences.d or another package source has it do so; nothing was installed" >&2
exit 1`, candidate, version),
		Check: fmt.Sprintf("%s ||\n%s", apt.Installed(family.deb), isMySQL(version, candidate)),
	}}
	family.record = map[string]string{repositoryKey: source.Name}
	return family, nil
}

func (m MySQL) instead(os packages.OS) string {
	if own := ownMySQL(os); own != "" {
		return fmt.Sprintf("choose %s=%s for MySQL %s of %s", optionVersion, distribution, own, os)
	}
	return "choose mariadb, which this server's distribution has"
}

const (
	// candidate prints the version that apt would install, installedMySQL the
	// one that is installed.
	candidate      = `apt-cache policy mysql-server | sed -n 's/^  Candidate: //p'`
	installedMySQL = `dpkg-query -W -f '${db:Status-Status} ${Version}' -- mysql-server 2>/dev/null | sed -n 's/^installed //p'`
	// lastMySQL prints the version that has last worked on the data. Since 8.4
	// it is noted in mysql_upgrade_history, before in mysql_upgrade_info (MySQL
	// Reference Manual, "The mysql_upgrade_history File").
	lastMySQL = `cat ` + dataFolder + `/mysql_upgrade_info ` + dataFolder + `/mysql_upgrade_history 2>/dev/null | tr ',{}"' '\n' | grep -oE '^[0-9]+\.[0-9]+\.[0-9]+' | tail -n 1`
)

// isMySQL returns sh that exits with 0 where what is printed is a version.
func isMySQL(version, print string) string {
	if version == innovation {
		// The first one was 9.0.
		return fmt.Sprintf(`case $(%s) in '' | '(none)' | [5-8].*) false ;; *) true ;; esac`, print)
	}
	return fmt.Sprintf(`case $(%s) in %s.*) true ;; *) false ;; esac`, print, version)
}

// refuseOtherMySQL returns the command that ends the run where another version
// is installed, which nobody has recorded.
func refuseOtherMySQL(version string) packages.Run {
	return packages.Run{
		Title: "refuse to put a version of MySQL in the place of another one",
		Script: fmt.Sprintf(`echo "MySQL $(%s) is on this server: choose mysql.%s=%s to take it over as it is; nothing was changed" >&2
exit 1`, installedMySQL, optionVersion, distribution),
		Check: fmt.Sprintf("! %s ||\n%s", apt.Installed("mysql-server"), isMySQL(version, installedMySQL)),
	}
}

// refuseDataOfOtherMySQL returns the command that ends the run where there is
// data that another version has worked on last.
func refuseDataOfOtherMySQL(version string) packages.Run {
	return packages.Run{
		Title: "refuse if " + dataFolder + " holds data of another version of MySQL",
		Script: fmt.Sprintf(`echo "%[1]s holds data of MySQL $(%[2]s), which %[3]s would convert or can't read: choose that version, or dump the data with it and move it to another place; nothing was changed" >&2
exit 1`, dataFolder, lastMySQL, version),
		Check: fmt.Sprintf("[ -z \"$(%s)\" ] ||\n%s", lastMySQL, isMySQL(version, lastMySQL)),
	}
}
