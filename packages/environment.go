package packages

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages/dotenv"
)

// KeptEnvironments is how many versions of a site's .env are kept in the vault.
const KeptEnvironments = 20

// EnvironmentsOf is what the names of the kept versions of a site's .env begin with;
// an ID of the store follows, by which they sort by age. They go with the other
// secrets of the site.
func EnvironmentsOf(domain string) string { return SecretsOfSite(domain) + environmentSecret }

const environmentSecret = "environment."

// IsEnvironment reports whether a secret is a kept .env, of which only some values
// are secret; see dotenv.SecretValues.
func IsEnvironment(name SecretName) bool {
	_, of, ok := strings.Cut(string(name), "/")
	return ok && strings.HasPrefix(of, environmentSecret)
}

// NoFile is the hash of a file that is not there.
const NoFile = "none"

// HashOf is the hash by which it is known whether a file has changed.
func HashOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// The statuses with which the scripts of a site's .env end, besides 0.
const (
	EnvironmentAbsent  = 64 // there is no file
	EnvironmentRefused = 65 // something that is no file, or a symbolic link, is in its place
	EnvironmentNoPlace = 66 // the folder is not there
	EnvironmentChanged = 67 // the file is not the one that was expected
	EnvironmentTooBig  = 68 // the file has more than dotenv.MaxSize bytes
)

// asUser runs a POSIX sh script as a user, so that links of that user's lead
// nowhere that it could not go, with arguments.
func asUser(user, script string, arguments ...string) string {
	return "runuser -u " + shellescape.Quote(user) + " -- sh -c " + shellescape.Quote(script) + " sh " + shellescape.QuoteCommand(arguments)
}

// ReadEnvironment returns POSIX sh, to be run by root, that prints a user's file as
// it is. It changes nothing.
func ReadEnvironment(user, file string) string {
	return asUser(user, fmt.Sprintf(`[ -e "$1" ] || [ -L "$1" ] || exit %d
[ ! -L "$1" ] && [ -f "$1" ] || exit %d
[ "$(stat -c %%s -- "$1")" -le %d ] || exit %d
exec cat -- "$1"`, EnvironmentAbsent, EnvironmentRefused, dotenv.MaxSize, EnvironmentTooBig), file)
}

// WriteEnvironment returns POSIX sh, to be run by root, that puts a file of a user's
// in place by a rename, with mode 0600, if the one that is there has the hash; no
// hash takes whatever is there. The text reaches the file by standard input, so no
// process has it among its arguments.
func WriteEnvironment(user, file, text, hash string) string {
	script := fmt.Sprintf(`umask 077
[ -d "${1%%/*}/" ] || exit %[1]d
now=%[2]s
if [ -e "$1" ] || [ -L "$1" ]; then
	[ ! -L "$1" ] && [ -f "$1" ] || exit %[3]d
	now=$(sha256sum <"$1") || exit 1
	now=${now%%%% *}
fi
[ -z "$2" ] || [ "$now" = "$2" ] || exit %[4]d
new=$(mktemp "${1%%/*}/.env.XXXXXXXX") || exit 1
trap 'rm -f -- "$new"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$new" && sync "$new" && chmod 0600 "$new" && mv -fT -- "$new" "$1"`,
		EnvironmentNoPlace, NoFile, EnvironmentRefused, EnvironmentChanged)
	return "printf %s " + shellescape.Quote(text) + " |\n" + asUser(user, script, file, hash)
}
