package apt

import (
	"fmt"
	"strings"

	"brokeforge/packages"
)

// Remove returns the commands that remove Debian packages, but not their
// settings and data. They fail where packages that are not named, and that
// somebody installed, would go too. What is not there is left out. It returns a
// *NameError for a name that is none.
func Remove(names ...string) ([]packages.Command, error) {
	if err := check(names); err != nil {
		return nil, err
	}
	list := strings.Join(names, " ")
	return append(Helper(), packages.Run{
		Script: fmt.Sprintf("%s remove %s", Path, list),
		Check: fmt.Sprintf(`! dpkg-query -W -f '${db:Status-Status}\n' -- %s 2>/dev/null |
grep -qvE '^(not-installed|config-files)$'`, list),
		Debs: packages.Debs{Purge: names, Keep: true},
	}), nil
}

// RemoveAdded is PurgeAdded for what has settings and data that are to stay.
func RemoveAdded(owner packages.Name, prefixes ...string) ([]packages.Command, error) {
	commands, err := PurgeAdded(owner, prefixes...)
	if err != nil {
		return nil, err
	}
	run := commands[len(commands)-1].(packages.Run)
	run.Script = strings.Replace(run.Script, "purge-added", "remove-added", 1)
	run.Debs.Keep = true
	commands[len(commands)-1] = run
	return commands, nil
}
