package database

import (
	"crypto/sha256"
	"fmt"
	"path"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// settings is a file of ours that a server reads after its own, so that what it
// says counts. The file that was there before it is kept until the server has
// started with the new one.
type settings struct {
	file    packages.Write
	title   string   // of the server, for people
	unit    string   // that reads it
	test    string   // sh that reads the settings without starting; empty where there is no way
	answers string   // sh that exits with 0 once the server answers
	opens   []string // ports that others reach
	blank   string   // what stands for no file, where there was none; empty where the server does without
}

// backup is where the file from before is kept, without a suffix: with none
// where there was no file, with .new for one that was refused.
func (s settings) backup() string { return apt.Folder + "/kept/" + path.Base(s.file.Path) }

// stands returns sh that exits with 0 where the file has the new content.
func (s settings) stands() string {
	return fmt.Sprintf(`[ "$(sha256sum <%s)" = '%x  -' ]`, s.file.Path, sha256.Sum256([]byte(s.file.Content)))
}

// place returns the commands that keep the file that is there, and put the new
// one in its place. The folder of the file must be there.
func (s settings) place() []packages.Command {
	return []packages.Command{
		packages.Run{
			Title: "keep the settings that are there, to put them back if the new ones fail",
			Script: fmt.Sprintf(`mkdir -p %[1]s || exit 1
if [ -e %[2]s ]; then
	cp -p %[2]s %[3]s
else
	touch %[3]s.none
fi`, path.Dir(s.backup()), s.file.Path, s.backup()),
			Check: fmt.Sprintf("[ -e %[1]s ] || [ -e %[1]s.none ] || %[2]s", s.backup(), s.stands()),
		},
		s.file,
	}
}

// apply returns the command that has the server take the new settings, and puts
// those from before back where it does not.
func (s settings) apply() packages.Run {
	test := ""
	if s.test != "" {
		test = fmt.Sprintf(`if ! { %s; }; then
	back
	echo "%s refuses the new settings: those from before are back, and it was not restarted" >&2
	exit 1
fi
`, s.test, s.title)
	}
	none := `rm -f "$file"`
	if s.blank != "" {
		none = fmt.Sprintf(`echo '%s' >"$file"`, s.blank)
	}
	return packages.Run{
		Title: "restart " + s.title + " with the new settings, and put those from before back if it does not start",
		Script: fmt.Sprintf(`file=%[1]s kept=%[2]s
sum() { sha256sum <"$1" 2>/dev/null; }
if [ "$(sum "$file")" != '%[7]x  -' ] && [ "$(sum "$kept.new")" = '%[7]x  -' ]; then
	mv -f "$kept.new" "$file" || exit 1
fi
back() {
	[ -e "$kept" ] || [ -e "$kept.none" ] || return 1
	cp -p "$file" "$kept.new" || return 1
	if [ -e "$kept" ]; then
		cp -p "$kept" "$file"
	else
		%[8]s
	fi
}
%[3]sif systemctl restart %[4]s && %[5]s; then
	rm -f "$kept" "$kept.none" "$kept.new"
	exit 0
fi
journalctl -u %[4]s -n 20 --no-pager -o cat
# What failed to start over and over is not started again at once.
if back && { systemctl stop %[4]s; systemctl reset-failed %[4]s; systemctl restart %[4]s; }; then
	echo "%[6]s does not start with the new settings: those from before are back, and it runs with them" >&2
else
	echo "%[6]s does not start: what it wrote is above" >&2
fi
exit 1`, s.file.Path, s.backup(), test, s.unit, s.answers, s.title, sha256.Sum256([]byte(s.file.Content)), none),
		IfChanged: true,
		Touch:     packages.Touch{Restarts: []string{s.unit}, Opens: s.opens},
	}
}

// withdraw returns the command that takes the file, and others, away from a server
// which was there before them, and puts them back where it does not start without.
func (s settings) withdraw(others ...string) packages.Run {
	files := append([]string{s.file.Path}, others...)
	return packages.Run{
		Title: "take BrokeForge's settings away, and restart " + s.title + ", which was there before, without them",
		Script: fmt.Sprintf(`aside=%[1]s/withdrawn
rm -rf "$aside" && mkdir -p "$aside" || exit 1
set -- %[2]s
for file; do
	[ ! -e "$file" ] || cp -p --parents "$file" "$aside" && rm -f "$file" || exit 1
done
rm -f %[3]s %[3]s.none %[3]s.new
if systemctl daemon-reload && systemctl restart %[4]s && %[5]s; then
	rm -rf "$aside"
	rmdir --ignore-fail-on-non-empty /etc/systemd/system/%[4]s.service.d 2>/dev/null
	exit 0
fi
journalctl -u %[4]s -n 20 --no-pager -o cat
cp -a "$aside/." / && rm -rf "$aside"
systemctl daemon-reload
systemctl reset-failed %[4]s
systemctl restart %[4]s
echo "%[6]s does not start without BrokeForge's settings: they are back; what it wrote is above" >&2
exit 1`, path.Dir(s.backup()), strings.Join(files, " "), s.backup(), s.unit, s.answers, s.title),
		Check: "[ ! -e " + strings.Join(files, " ] && [ ! -e ") + " ]",
		Touch: packages.Touch{Restarts: []string{s.unit}},
	}
}
