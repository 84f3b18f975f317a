package webserver

import (
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// kept is where files of the operator are while the packages are purged.
const kept = apt.Folder + "/kept-nginx"

func nginxFiles() keptFiles {
	return keptFiles{kept: kept, etc: "/etc/nginx", log: "/var/log/nginx"}
}

// Remove returns the commands that take nginx away. Settings that are neither
// Debian's nor ours stay, and the logs, unless they are to be purged.
func (n Nginx) Remove(ctx packages.Context) ([]packages.Command, error) {
	added, err := apt.PurgeAdded(n.Name(), "nginx", "libnginx-mod")
	if err != nil {
		return nil, err
	}
	rest, err := apt.Purge(debianNginx...)
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		apt.Stop("nginx"),
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		removeOurs("remove BrokeForge's settings and page"),
		nginxConf().restore(),
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	purge := ctx.Removal.Yes(packages.PurgeOption)
	if !purge {
		commands = append(commands, packages.Run{
			Title: "take the operator's settings and the logs aside", Script: keepFiles,
			Check: "[ ! -e /var/lib/dpkg/info/nginx-common.postrm ] || [ -e " + kept + "/complete ]",
		})
	}
	commands = append(commands, added...)
	commands = append(commands, rest[len(apt.Helper()):]...)
	if purge {
		commands = append(commands, packages.Run{
			Title:  "delete the operator's settings and the logs",
			Script: "rm -rf " + kept + " /etc/nginx /var/log/nginx",
			Check:  "[ ! -e " + kept + " ] && [ ! -e /etc/nginx ] && [ ! -e /var/log/nginx ]",
		})
	} else {
		commands = append(commands, nginxFiles().putBack())
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:     "see that nginx is gone",
			Script:    "! command -v nginx && ! systemctl is-active nginx",
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

// Release returns the commands that take BrokeForge's part out of an nginx that
// was there before.
func (n Nginx) Release(packages.Context) ([]packages.Command, error) {
	added, err := apt.PurgeAdded(n.Name(), "nginx", "libnginx-mod")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		removeOurs("remove BrokeForge's settings and page; nginx was there before, and stays"),
		nginxConf().restore(),
	}
	commands = append(commands, added...)
	return append(commands,
		packages.Run{
			Script:    "nginx -t && systemctl reload nginx",
			IfChanged: true,
			Touch:     packages.Touch{Reloads: []string{"nginx"}},
		},
		packages.Forget{},
	), nil
}

// removeOurs returns the command that removes the files that Install has put
// there.
func removeOurs(title string) packages.Run {
	files := []string{siteLink, siteFile, httpFile, namesFile, workersFile, defaultRoot + "/index.html"}
	return packages.Run{
		Title:  title,
		Script: "rm -f " + strings.Join(files, " ") + "\nrmdir --ignore-fail-on-non-empty " + defaultRoot + " 2>/dev/null\ntrue",
		Check:  absent(files...),
	}
}

// keepFiles takes the operator's files aside: purging nginx-common removes the
// whole of /etc/nginx and /var/log/nginx (its postrm).
const keepFiles = `kept=` + kept + `
mkdir -p $kept/etc $kept/log || exit 1
own=$(dpkg-query -W -f '${Conffiles}\n' 'nginx*' 'libnginx-mod*' 2>/dev/null)
if cd /etc/nginx; then
	find . -path ./modules-enabled -prune -o \( -type f -o -type l \) ! -name '*.dpkg-*' -print | while IFS= read -r file; do
		[ "$(readlink "$file")" != /etc/nginx/sites-available/default ] || continue
		sum=$(md5sum "$file" 2>/dev/null)
		case $own in
		*" /etc/nginx/${file#./} ${sum%% *}"*) continue ;;
		esac
		cp -a --parents "$file" $kept/etc/ || exit 1
		echo "keeping /etc/nginx/${file#./}"
	done || exit 1
fi
if [ -d /var/log/nginx ]; then
	cp -alf /var/log/nginx/. $kept/log/ 2>/dev/null || cp -af /var/log/nginx/. $kept/log/ || exit 1
fi
touch $kept/complete`
