// Package apt makes the commands with which packages install and remove
// Debian packages.
//
// The work is done by a script that the commands put on the server, see
// Helper: it asks nothing, waits for whoever holds a lock of apt or dpkg and
// says who that is, repairs an interrupted dpkg first, never removes a package
// to install another, and ends with one line that says what is wrong.
package apt

import (
	_ "embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"brokeforge/packages"
)

// Folder is where BrokeForge keeps its own on a server.
const Folder = "/var/lib/brokeforge"

// Path is where the script is on a server.
const Path = Folder + "/apt"

//go:embed apt.sh
var script string

// Debian policy 5.6.7. apt-get takes a trailing - or + as an order to remove or
// to install, and a name with other characters for a pattern.
var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*[a-z0-9.]$`)

var prefixPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*$`)

var ownerPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]*$`)

// NameError refuses the name of a Debian package.
type NameError struct{ Name string }

// Error names the name.
func (e *NameError) Error() string {
	return fmt.Sprintf("%q is not the name of a Debian package", e.Name)
}

func check(names []string) error {
	if len(names) == 0 {
		return fmt.Errorf("no Debian packages are named")
	}
	for _, n := range names {
		if !namePattern.MatchString(n) {
			return &NameError{n}
		}
	}
	return nil
}

// Helper returns the commands that put the script in its place.
func Helper() []packages.Command {
	return []packages.Command{
		packages.Run{
			Script: "install -d -m 0700 " + Folder,
			Check:  "[ -d " + Folder + " ]",
		},
		packages.Write{Path: Path, Content: script, Mode: 0o755},
	}
}

// Install returns the commands that install Debian packages, without those
// that they only recommend, after reading apt's lists where those are old.
// What comes new on the server is noted under the owner, for PurgeAdded. It
// returns a *NameError for a name that is none.
func Install(owner packages.Name, names ...string) ([]packages.Command, error) {
	if err := check(names); err != nil {
		return nil, err
	}
	if !ownerPattern.MatchString(string(owner)) {
		return nil, fmt.Errorf("%q is no name to note packages under", owner)
	}
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	installed := Installed(names...)
	return append(Helper(),
		packages.Run{
			Script: Path + " update",
			Check:  installed + " ||\n" + Path + " fresh",
			Debs:   packages.Debs{Update: true},
		},
		packages.Run{
			Script:  fmt.Sprintf("%s install --for=%s %s", Path, owner, strings.Join(names, " ")),
			Check:   installed,
			Debs:    packages.Debs{Install: names},
			Percent: true,
		},
	), nil
}

// Installed returns a check that all the named Debian packages are installed.
// The names must be ones that Install takes.
func Installed(names ...string) string {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	return fmt.Sprintf(`[ "$(dpkg-query -W -f '${db:Status-Status} ' -- %s 2>/dev/null)" = '%s' ]`,
		strings.Join(names, " "), strings.Repeat("installed ", len(names)))
}

// Purge returns the commands that remove Debian packages with their settings.
// They fail where packages that are not named would go too. What is not there
// is left out. It returns a *NameError for a name that is none.
func Purge(names ...string) ([]packages.Command, error) {
	if err := check(names); err != nil {
		return nil, err
	}
	list := strings.Join(names, " ")
	return append(Helper(), packages.Run{
		Script: fmt.Sprintf("%s purge %s", Path, list),
		Check: fmt.Sprintf(`! dpkg-query -W -f '${db:Status-Status}\n' -- %s 2>/dev/null |
grep -qv '^not-installed$'`, list),
		Debs: packages.Debs{Purge: names},
	}), nil
}

// PurgeAdded returns the commands that remove what Install brought for the
// owner, as far as its name begins with one of the prefixes, and forget what
// was noted. What was on the server before stays.
func PurgeAdded(owner packages.Name, prefixes ...string) ([]packages.Command, error) {
	return purgeAdded("purge-added", owner, prefixes)
}

// PurgeBrought is PurgeAdded, and removes what else came along for the owner
// and nothing needs, recommends or suggests any more (apt-get(8), autoremove).
func PurgeBrought(owner packages.Name, prefixes ...string) ([]packages.Command, error) {
	return purgeAdded("purge-added --orphans", owner, prefixes)
}

func purgeAdded(action string, owner packages.Name, prefixes []string) ([]packages.Command, error) {
	if !ownerPattern.MatchString(string(owner)) {
		return nil, fmt.Errorf("%q is no name that packages are noted under", owner)
	}
	var patterns strings.Builder
	for _, p := range prefixes {
		if !prefixPattern.MatchString(p) {
			return nil, &NameError{p}
		}
		fmt.Fprintf(&patterns, " '%s*'", p)
	}
	return append(Helper(), packages.Run{
		Script: fmt.Sprintf("%s %s --for=%s%s", Path, action, owner, patterns.String()),
		Check:  fmt.Sprintf("[ ! -e %s/added/%s ]", Folder, owner),
		Debs:   packages.Debs{Noted: fmt.Sprintf("%s/added/%s", Folder, owner), Prefixes: prefixes, Orphans: strings.HasSuffix(action, "--orphans")},
	}), nil
}
