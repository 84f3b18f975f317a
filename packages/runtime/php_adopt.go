package runtime

import (
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Named returns the values that choose a version by its branch.
func (PHP) Named(instance string) packages.Values {
	if instance == "" {
		return packages.Values{versionOption: distribution}
	}
	return packages.Values{versionOption: instance}
}

// Adopt has a version of PHP that somebody else has put on the server recorded
// with its extensions and limits as they are.
func (p PHP) Adopt(ctx packages.Context) (packages.Adoption, error) {
	i, err := p.installation(ctx)
	if err != nil {
		return packages.Adoption{}, err
	}
	if ctx.Facts.Found[packages.Name(packages.Label(p.Name(), i.branch))].State != packages.Present {
		return packages.Adoption{}, &packages.RefusedError{Reason: fmt.Sprintf("PHP %s, which this server's own distribution has, is not on it: say which version is meant, as in %s@8.3", i.branch, p.Name())}
	}
	return packages.Adoption{
		Version:       apt.Version(i.fpm()),
		Configuration: map[string]string{branchKey: i.branch},
		Notes: []packages.Note{
			{Name: extensionsOption, Script: i.extensionsThere()},
			{Name: memoryLimitOption, Script: i.limitThere("memory_limit", "-1|[1-9][0-9]{0,8}[KMG]", ctx.Values[memoryLimitOption])},
			{Name: uploadMaxOption, Script: i.limitThere("upload_max_filesize", "[1-9][0-9]{0,8}[KMG]", ctx.Values[uploadMaxOption])},
		},
	}, nil
}

// extensionsThere returns a script that prints which of the extensions that can
// be chosen are installed, as the option has them.
func (i installation) extensionsThere() string {
	var names []string
	for _, m := range modules() {
		names = append(names, m[0])
	}
	return fmt.Sprintf(`there=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'php%[1]s-*' 2>/dev/null)
list=''
for name in %[2]s; do
	! echo "$there" | grep -qx "installed php%[1]s-$name" || list=$list,$name
done
echo "${list#,}"`, i.branch, strings.Join(names, " "))
}

// limitThere returns a script that prints a limit that sites have, where it is in
// the form that the option takes, else what was chosen.
func (i installation) limitThere(setting, form, chosen string) string {
	return fmt.Sprintf(`timeout 20 php-fpm%s -i 2>/dev/null </dev/null | sed -n 's/^%s => [^ ]* => //p' | tr kmg KMG | grep -xE -e '%s' || echo '%s'`, i.branch, setting, form, chosen)
}

// Release returns the commands that take away what BrokeForge has brought to a
// version that was there before: Remove leaves all else.
func (p PHP) Release(ctx packages.Context) ([]packages.Command, error) { return p.Remove(ctx) }
