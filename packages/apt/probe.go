package apt

import "fmt"

// Probe returns a probe that tells whether a Debian package is installed, in
// which version, and whether its systemd unit is active. An empty unit is not
// looked at.
func Probe(name, unit string) string {
	text := fmt.Sprintf(`found=$(dpkg-query -W -f '${db:Status-Status} ${Version}' -- %s 2>/dev/null)
case $found in
'installed '*) ;;
'' | 'not-installed '* | 'config-files '*) exit 1 ;;
*) echo "dpkg has it as ${found%%%% *}" && exit 2 ;;
esac
`, name)
	if unit != "" {
		text += fmt.Sprintf("systemctl is-active --quiet %s || { echo 'its service is not running' && exit 2; }\n", unit)
	}
	return text + `echo "${found#* }"`
}

// Version returns a script that prints the version of a Debian package.
func Version(name string) string {
	return fmt.Sprintf(`dpkg-query -W -f '${Version}\n' -- %s`, name)
}
