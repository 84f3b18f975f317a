package database

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// purge is what is deleted of a server when its data and settings are to go too.
type purge struct {
	name    packages.Name
	title   string
	unit    string
	program string   // the path of the software that a dump needs
	ending  string   // of the dump's file name
	dump    string   // sh that prints a dump of everything
	look    string   // sh that calls fail where "$file.part" is not whole
	debs    []string // whose settings go; none where that would harm what is not ours
	folders []string // its data first, and other things of its own; the names may have wildcards
}

// proof is the file that names the dump which was made before.
func (p purge) proof() string { return Dumps + "/whole-" + string(p.name) }

// before returns the command that dumps everything, while the software is there.
func (p purge) before() packages.Run {
	script := fmt.Sprintf(`systemctl start %[1]s || { echo "%[2]s does not start, so that its data can't be dumped: nothing was removed" >&2 && exit 1; }
`, p.unit, p.title) + dumped(p.name, "everything", p.ending, p.dump, p.look) + fmt.Sprintf("echo \"$file\" >%s", p.proof())
	return packages.Run{
		Title:  "dump everything to " + Dumps + ", and look at the dump",
		Script: strings.ReplaceAll(script, "the database was not dropped", "nothing was removed"),
		Check:  fmt.Sprintf("[ ! -x %s ]", p.program),
	}
}

// after returns the commands that delete data and settings, once the software is
// gone.
func (p purge) after() ([]packages.Command, error) {
	list := strings.Join(p.folders, " ")
	commands := []packages.Command{
		packages.Track{Name: "delete_data", Label: "Deleting data and settings"},
		packages.Run{
			Title: "refuse to delete data of which there is no dump",
			Script: fmt.Sprintf(`echo "%s holds data of which no dump was made: install %s again to have it dumped, or delete it yourself" >&2
exit 1`, p.folders[0], p.name),
			Check: fmt.Sprintf(`[ -e %s ] || [ -z "$(ls -A %s 2>/dev/null)" ]`, p.proof(), p.folders[0]),
		},
	}
	if len(p.debs) > 0 {
		rest, err := apt.Purge(p.debs...)
		if err != nil {
			return nil, err
		}
		commands = append(commands, rest[len(apt.Helper()):]...)
	}
	return append(commands, packages.Run{
		Title: "delete its data and settings",
		Script: fmt.Sprintf(`rm -rf %s || exit 1
[ ! -e %[2]s ] || echo "what was in it is in $(cat %[2]s)"
rm -f %[2]s
systemctl daemon-reload`, list, p.proof()),
		Check: fmt.Sprintf(`[ -z "$(ls -d %s %s 2>/dev/null)" ]`, list, p.proof()),
	}), nil
}
