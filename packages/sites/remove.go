package sites

import (
	"fmt"

	"brokeforge/packages"
)

// Files returns what goes with the site.
func (Site) Files(ctx packages.SiteContext) []string {
	l := layoutOf(ctx)
	if l.server == "" {
		l.server = webServer(ctx)
	}
	files := []string{l.folder(), l.host(), l.settings(), l.accessLog(), l.errorLog()}
	if l.branch != "" {
		files = append(files, l.pool())
	}
	if l.own {
		files = append(files, l.crontab())
	}
	return files
}

// Remove returns the commands that take the site away, without a trace but for the
// archive that was wanted. They also take away one that was made in part.
func (Site) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	l := recordedLayout(ctx.Site.Domain, ctx.Values)
	if l.server == "" { // it was never recorded
		l.server, l.own = webServer(ctx), true
	}
	unset, err := l.unsetDefault()
	if err != nil {
		return nil, err
	}
	functions, settled, err := l.settling()
	if err != nil {
		return nil, err
	}
	var commands []packages.Command
	if ctx.Removal.Yes(archiveOption) {
		commands = append(commands, packages.Track{Name: "archive_files", Label: "Archiving its files"}, l.archive())
	}
	commands = append(commands,
		packages.Track{Name: "disable_site", Label: "Switching the site off"},
		unset,
		packages.Run{
			Title: "take the virtual host away",
			Script: functions + fmt.Sprintf(`rm -f %[1]s %[2]s && rm -rf %[3]s && settle_https || exit 1
rmdir --ignore-fail-on-non-empty %[4]s 2>/dev/null
if systemctl is-active --quiet %[5]s; then
	%[6]s && systemctl reload %[5]s
fi`, l.link(), l.host(), l.settings(), folderOf(l.settings()), l.unit(), l.test()),
			Check: settled + fmt.Sprintf(" &&\n[ ! -e %[1]s ] && [ ! -L %[1]s ] && [ ! -e %[2]s ] && [ ! -e %[3]s ]", l.link(), l.host(), l.settings()),
			Touch: packages.Touch{Reloads: []string{l.unit()}},
		},
	)
	gone := l
	gone.branch = ""
	commands = append(commands, gone.dropPools(), packages.Track{Name: "delete_files", Label: "Deleting its files"})
	if l.own {
		commands = append(commands, l.removeUser())
	}
	return append(commands,
		packages.Run{
			Title: "delete its files and logs",
			Script: fmt.Sprintf(`rm -rf --one-file-system %[1]s && rm -f %[2]s* %[3]s* || exit 1
rmdir --ignore-fail-on-non-empty %[4]s 2>/dev/null
rm -rf %[5]s`, l.folder(), l.accessLog(), l.errorLog(), sitesFolder, notes+"/"+l.domain),
			Check: fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ] && ! ls %s* >/dev/null 2>&1", l.folder(), notes+"/"+l.domain, l.accessLog()),
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:     "see that nothing of it is left",
			Script:    fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ] && ! grep -rqsF -- %s/ /etc/nginx/sites-enabled /etc/apache2/sites-enabled /etc/php/*/fpm/pool.d", l.folder(), l.host(), l.folder()),
			IfChanged: true,
		},
		packages.Forget{},
	), nil
}

func folderOf(settings string) string {
	for i := len(settings) - 1; i >= 0; i-- {
		if settings[i] == '/' {
			return settings[:i]
		}
	}
	return settings
}

// archive returns the command that keeps the files and settings of the site, and
// fails where what it has kept can't be read.
func (l layout) archive() packages.Run {
	return packages.Run{
		Title: "keep its files and settings in " + archives,
		Script: fmt.Sprintf(`umask 077
install -d -m 0700 %[1]s || exit 1
set --
for path in %[2]s %[3]s %[4]s /etc/php/*/fpm/pool.d/brokeforge-%[5]s.conf; do
	[ ! -e "$path" ] || set -- "$@" "${path#/}"
done
[ $# -gt 0 ] || { echo "there is nothing to archive"; exit 0; }
need=$(cd / && du -sck -- "$@" | tail -n 1 | cut -f1)
free=$(df -Pk %[1]s | awk 'END { print $4 }')
[ "$need" -lt "$free" ] || { echo "the archive may need $need KiB, and $free KiB are free in %[1]s: nothing was deleted" >&2; exit 1; }
archive=%[1]s/%[5]s-$(date -u +%%Y%%m%%d-%%H%%M%%S).tar.gz
trap 'rm -f "$archive.part"' EXIT
tar -C / -czf "$archive.part" -- "$@" && [ -s "$archive.part" ] && [ -n "$(tar -tzf "$archive.part" | head -n 1)" ] && tar -tzf "$archive.part" >/dev/null ||
	{ echo "the archive can't be made or read: nothing was deleted" >&2; exit 1; }
mv "$archive.part" "$archive" && echo "the files of %[5]s are kept in $archive"`, archives, l.folder(), l.settings(), l.host(), l.domain),
	}
}

// removeUser returns the command that removes the site's user, and ends what it runs.
func (l layout) removeUser() packages.Run {
	user := siteUser(l.domain)
	return packages.Run{
		Title: "remove the user " + user,
		Script: fmt.Sprintf(`getent passwd %[1]s >/dev/null || { rm -f %[2]s; exit 0; }
for signal in TERM TERM TERM KILL KILL; do
	pgrep -u %[1]s >/dev/null || break
	pkill -$signal -u %[1]s
	sleep 1
done
rm -f %[3]s
userdel %[1]s && rm -f %[2]s`, user, l.staged("user"), l.crontab()),
		Check: fmt.Sprintf("[ ! -e %s ]", l.staged("user")),
	}
}
