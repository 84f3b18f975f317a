package webserver

import (
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// apacheFiles is where the operator's files are while the packages are purged.
func apacheFiles() keptFiles {
	return keptFiles{kept: apt.Folder + "/kept-apache", etc: "/etc/apache2", log: "/var/log/apache2"}
}

// purges passes where Apache is here because of us, so that it goes with us.
const purges = `grep -qsx apache2 ` + apt.Folder + `/added/apache`

// Remove returns the commands that take Apache away. Settings that are neither
// Debian's nor ours stay, and the logs. An Apache that was on the server before
// goes on as it was.
func (a Apache) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(a.Name(), "apache2")
	if err != nil {
		return nil, err
	}
	files := []string{apacheSiteLink, apacheSite, apacheConfLink, apacheConf, apacheRoot + "/index.html"}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Title:  "remove BrokeForge's settings and page",
			Script: "rm -f " + strings.Join(files, " ") + "\nrmdir --ignore-fail-on-non-empty " + apacheRoot + " 2>/dev/null\ntrue",
			Check:  absent(files...),
		},
		portsFile().restore(),
		packages.Run{
			Title: "put back what was taken off or switched on",
			Script: `if [ -e ` + apacheStock + ` ] && [ ! -e ` + stockApacheLink + ` ]; then
	ln -s ../sites-available/000-default.conf ` + stockApacheLink + ` || exit 1
fi
if [ -e ` + apacheModules + ` ]; then
	for module in $(sed -n '1!G;h;$p' ` + apacheModules + `); do a2dismod -q -p "$module" || echo "the module $module stays, as something needs it"; done
fi
rm -rf ` + apacheStaged,
			Check: "[ ! -e " + apacheStaged + " ]",
		},
		packages.Run{
			Title: "reload an Apache that was there before",
			Script: `if ! ` + purges + ` && systemctl is-active --quiet apache2; then
	echo "Apache was on the server before BrokeForge installed it: it stays"
	apache2ctl configtest && systemctl reload apache2
fi`,
			IfChanged: true,
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
		packages.Run{
			Title:  "stop an Apache that goes",
			Script: "systemctl disable --now apache2",
			Check:  "! " + purges + " || { ! systemctl is-active --quiet apache2 && ! systemctl is-enabled --quiet apache2 2>/dev/null; }",
		},
		packages.Run{
			Title:  "take the operator's settings and the logs aside",
			Script: keepApacheFiles,
			Check:  "! " + purges + " || [ ! -e /var/lib/dpkg/info/apache2.postrm ] || [ -e " + apacheFiles().kept + "/complete ]",
		},
	}
	commands = append(commands, software...)
	return append(commands,
		apacheFiles().putBack(),
		packages.Forget{},
	), nil
}

// keepApacheFiles takes the operator's files aside: purging apache2 removes what
// was changed of Debian's files, all links that switch something on, and the
// logs (its postrm).
const keepApacheFiles = `kept=` + apt.Folder + `/kept-apache
mkdir -p $kept/etc $kept/log || exit 1
own=$(dpkg-query -W -f '${Conffiles}\n' | grep '^ /etc/apache2/')
if cd /etc/apache2; then
	find . \( -type f -o -type l \) ! -name '*.dpkg-*' -print | while IFS= read -r file; do
		sum=$(md5sum "$file" 2>/dev/null)
		case $own in
		*" $(readlink -f "$file") ${sum%% *}"*) continue ;;
		esac
		cp -a --parents "$file" $kept/etc/ || exit 1
		echo "keeping /etc/apache2/${file#./}"
	done || exit 1
fi
if [ -d /var/log/apache2 ]; then
	cp -alf /var/log/apache2/. $kept/log/ 2>/dev/null || cp -af /var/log/apache2/. $kept/log/ || exit 1
fi
touch $kept/complete`

// Release returns the commands that take away what BrokeForge has brought to
// an Apache that was there before: Remove leaves all else.
func (a Apache) Release(ctx packages.Context) ([]packages.Command, error) { return a.Remove(ctx) }
