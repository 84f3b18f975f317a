package runtime

import (
	"fmt"
	"strconv"
	"strings"

	"brokeforge/packages"
)

// branches returns the branches of PHP that Sury's repository has, the oldest
// first. Which of them it has for a server's release is seen there.
func branches() []string {
	return []string{"7.4", "8.0", "8.1", "8.2", "8.3", "8.4", "8.5"}
}

// release names a release of Debian or Ubuntu, and the branch of PHP that it
// has. The source are the distributions' package archives.
type release struct{ id, version, branch string }

func releases() []release {
	return []release{
		{"debian", "12", "8.2"},
		{"debian", "13", "8.4"},
		{"ubuntu", "22.04", "8.1"},
		{"ubuntu", "24.04", "8.3"},
	}
}

// branchOf returns the branch of PHP that a release of Debian or Ubuntu has.
func branchOf(os packages.OS) (string, error) {
	for _, r := range releases() {
		if r.id == os.ID && r.version == os.Version {
			return r.branch, nil
		}
	}
	return "", fmt.Errorf("this server runs %s: it is not known which PHP that has. PHP can be installed on Debian 12 and 13 and Ubuntu 22.04 and 24.04", os)
}

// modules returns the extensions that can be chosen, each with a module that
// its Debian package brings, in the order of the form.
func modules() [][2]string {
	return [][2]string{
		{"apcu", "apcu"},
		{"bcmath", "bcmath"},
		{"curl", "curl"},
		{"gd", "gd"},
		{"gmp", "gmp"},
		{"imagick", "imagick"},
		{"intl", "intl"},
		{"ldap", "ldap"},
		{"mbstring", "mbstring"},
		{"memcached", "memcached"},
		{"mysql", "mysqli"},
		{"pgsql", "pgsql"},
		{"redis", "redis"},
		{"soap", "soap"},
		{"sqlite3", "sqlite3"},
		{"xml", "xml"},
		{"zip", "zip"},
	}
}

// probePHP returns the probe of all versions of PHP.
func probePHP() string {
	var own strings.Builder
	for _, r := range releases() {
		fmt.Fprintf(&own, "'%s %s') own=php%s-fpm ;;\n", r.id, r.version, r.branch)
	}
	return `found=$(dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' 'php[0-9].[0-9]-fpm' 2>/dev/null |
sed -n 's/^installed //p' | sort -V)
[ -n "$found" ] || exit 1
# shellcheck source=/dev/null
. /etc/os-release
own=none
case "$ID $VERSION_ID" in
` + own.String() + `esac
main=$(echo "$found" | grep "^$own ") || main=$(echo "$found" | tail -n 1)
state=0
if systemctl is-active --quiet "${main%% *}"; then
	echo "${main#* }"
else
	echo "${main%% *} is not running"
	state=2
fi
echo "$found" | while read -r unit version; do
	branch=${unit#php}
	if systemctl is-active --quiet "$unit"; then
		echo "@${branch%-fpm} 0 $version"
	else
		echo "@${branch%-fpm} 2 $unit is not running"
	fi
done
exit $state`
}

// repository returns the commands that have apt know the version, none for the
// distribution's own.
func (i installation) repository() ([]packages.Command, error) {
	if i.own {
		return nil, nil
	}
	own, err := branchOf(i.ctx.Facts.OS)
	if err != nil {
		return nil, err
	}
	sury, err := i.php.Sury.At(i.ctx.Facts, i.branch)
	if err != nil {
		return nil, err
	}
	sury.Avoid = append(unversioned(), "php"+own+"-*", "libapache2-mod-php"+own, "libphp"+own+"-embed")
	instead := fmt.Sprintf("choose version=%s for PHP %s of %s", distribution, own, i.ctx.Facts.OS)
	commands, err := sury.Use(i.ctx.Facts, i.owner(), instead, i.debs()...)
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{packages.Track{Name: "add_repository", Label: "Checking the repository"}}, commands...), nil
}

// unversioned returns the Debian packages that stand for the newest PHP in a
// repository. Taken from Sury's they would bring a version that nobody chose
// along with any program that is written in PHP. They are those of Debian's
// source package php-defaults, without php-common, which all versions share.
func unversioned() []string {
	names := []string{"php", "libapache2-mod-php", "libphp-embed"}
	for _, n := range strings.Fields(`bcmath bz2 cgi cli curl dba dev enchant fpm gd gmp imap interbase intl ldap
		mbstring mysql odbc pgsql phpdbg pspell readline snmp soap sqlite3 sybase tidy xml xmlrpc xsl zip`) {
		names = append(names, "php-"+n)
	}
	return names
}

// The socket of the default site, and what chooses whose socket it is: every
// PHP-FPM offers its own as it starts, with its version as the priority.
const (
	siteSocket   = "/run/php/php-fpm.sock"
	socketHelper = "/usr/lib/php/php-fpm-socket-helper"
)

func (i installation) dropInFolder() string {
	return "/etc/systemd/system/" + i.fpm() + ".service.d"
}

func (i installation) dropInFile() string { return i.dropInFolder() + "/brokeforge.conf" }

// priority is that of this version for the default site's socket: above all
// others where it is chosen; else that of Debian's packages for the
// distribution's version, and below all those for others.
func (i installation) priority() int {
	number, err := strconv.Atoi(strings.ReplaceAll(i.branch, ".", ""))
	switch {
	case i.ctx.Values.Yes(siteDefaultOption):
		return 1000
	case i.own || err != nil:
		return number
	}
	return number - 70
}

// siteDefault returns the commands that make it the default of sites, or not.
func (i installation) siteDefault() []packages.Command {
	offer := fmt.Sprintf("%s install %s /etc/php/%s/fpm/pool.d/www.conf %d", socketHelper, siteSocket, i.branch, i.priority())
	return []packages.Command{
		packages.Run{Script: "install -d -m 0755 " + i.dropInFolder(), Check: "[ -d " + i.dropInFolder() + " ]"},
		packages.Write{Path: i.dropInFile(), Content: fmt.Sprintf(`# Written by BrokeForge, which writes it again when PHP is installed again.
# Which version %s belongs to; the highest number wins.
[Service]
ExecStartPost=-%s
`, siteSocket, offer)},
		packages.Run{
			Title:  "see whose the socket of the default site is",
			Script: "systemctl daemon-reload &&\n" + offer,
			Check: fmt.Sprintf(`[ "$(systemctl show -p NeedDaemonReload --value %s)" = no ] &&
update-alternatives --query php-fpm.sock | grep -A 1 -x 'Alternative: /run/php/%s.sock' | grep -qx 'Priority: %d'`, i.fpm(), i.fpm(), i.priority()),
		},
	}
}
