package system

import (
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/store"
)

// keyOf is the SSH key of a user: a pair of this server alone, whose private half
// is kept encrypted.
type keyOf struct {
	user    string
	secret  packages.SecretName
	comment string
	tag     string // the end of the comment, which tells our key from others
}

func newKey(server store.Server, user string) keyOf {
	tag := "brokeforge-" + strings.ToLower(string(server.ID))
	return keyOf{
		user: user, secret: packages.SecretOf(packages.Base, "", "ssh-key-"+user),
		comment: fmt.Sprintf("%s@%s %s", user, server.Name, tag), tag: tag,
	}
}

// prelude sets $home and $key; ours says whether the public key there is one that
// BrokeForge made for this server, there whether there is any key. It is for
// scripts of whichever user.
func (k keyOf) prelude() string {
	return fmt.Sprintf(`home=$(getent passwd %s | cut -d: -f6) && [ -n "$home" ] || exit 1
key=$home/.ssh/id_ed25519
ours() {
	[ -f "$key.pub" ] && grep -q ' '%s'$' "$key.pub"
}
there() {
	[ -e "$key" ] || [ -L "$key" ]
}
`, shellescape.Quote(k.user), k.tag)
}

// install puts the key into the user's folder, as that user: whoever owns the
// folder decides what its links lead to. A key that is there and not ours stays.
func (k keyOf) install() packages.Run {
	return packages.Run{
		Title: "put the SSH key of " + k.user + " in place",
		As:    packages.Credential{Name: k.user, User: k.user},
		Secrets: map[string]string{
			"key":     packages.SecretRef(k.secret, packages.AsIs),
			"key.pub": packages.SecretRef(k.secret, packages.ForAuthorizedKeys) + " " + k.comment + "\n",
		},
		Script: k.prelude() + `umask 077
if there && ! ours; then
	echo "$key is there and not made by BrokeForge: it stays, and is the one that is recorded"
	exit 0
fi
mkdir -p "$home/.ssh" && chmod u+rwx,go-w "$home/.ssh" || exit 1
` + cleanUp + `list=$home/.ssh/authorized_keys
` + dropLine(`"$(cat "$key.pub")"`, `ours && ! cmp -s "$key.pub" "$SECRETS/key.pub" && [ -f "$list" ]`) + `
for half in .pub ""; do
	new=$(mktemp "$key.XXXXXX") && cat "$SECRETS/key$half" >"$new" && mv -f "$new" "$key$half" || exit 1
done
chmod 0644 "$key.pub" || exit 1
if ! grep -qxFf "$SECRETS/key.pub" "$list" 2>/dev/null; then
	if [ -s "$list" ] && [ -n "$(tail -c 1 "$list")" ]; then
		echo >>"$list" || exit 1
	fi
	cat "$SECRETS/key.pub" >>"$list" || exit 1
fi`,
		Check: k.prelude() + `if there && ! ours; then
	exit 0
fi
list=$home/.ssh/authorized_keys
[ -f "$key" ] && [ -f "$list" ] && [ "$(stat -c %a "$key")" = 600 ] &&
	cmp -s "$SECRETS/key.pub" "$key.pub" &&
	[ "$(ssh-keygen -y -P '' -f "$key" 2>/dev/null | cut -d' ' -f1,2)" = "$(cut -d' ' -f1,2 "$SECRETS/key.pub")" ] &&
	grep -qxFf "$SECRETS/key.pub" "$list"`,
	}
}

// cleanUp leaves no half of a key behind where a script fails or is ended.
const cleanUp = `new=''
rest=''
trap 'rm -f "$new" "$rest"' EXIT
trap 'exit 143' HUP INT TERM
`

// dropLine takes a line out of $list where a condition holds. It keeps the file
// itself, with its owner and mode. It goes after cleanUp.
func dropLine(line, where string) string {
	return fmt.Sprintf(`if %[2]s && grep -qxF -- %[1]s "$list"; then
	rest=$(mktemp "$home/.ssh/.brokeforge-XXXXXX") || exit 1
	grep -vxF -- %[1]s "$list" >"$rest" || [ $? = 1 ] || exit 1
	cat "$rest" >"$list" && rm -f "$rest" || exit 1
fi`, line, where)
}

// record reads the public key back, be it ours or one that was there.
func (k keyOf) record() packages.Note {
	return packages.Note{
		Name: publicKeyOf(k.user), As: packages.Credential{Name: k.user, User: k.user},
		Script: k.prelude() + `if [ -s "$key.pub" ]; then
	head -n 1 "$key.pub"
elif there; then
	ssh-keygen -y -P '' -f "$key" 2>/dev/null || echo "unreadable"
fi`,
	}
}

// publicKeyOf is the name under which the public key of a user is recorded.
func publicKeyOf(user string) string { return packages.PublicKeyPrefix + user }

// remove takes our key and its line of authorized_keys away, as the user; one that
// is not ours stays.
func (k keyOf) remove() packages.Run {
	script := k.prelude() + `list=$home/.ssh/authorized_keys
ours || exit 0
` + cleanUp + dropLine(`"$(cat "$key.pub")"`, `[ -f "$list" ]`) + `
rm -f "$key" "$key.pub"`
	user := shellescape.Quote(k.user)
	return packages.Run{
		Title:  "take the SSH key of " + k.user + " away",
		Script: fmt.Sprintf("cd / && runuser -u %s -- sh -c %s", user, shellescape.Quote(script)),
		Check:  fmt.Sprintf("! getent passwd %s >/dev/null && exit 0\n%s! ours", user, k.prelude()),
	}
}
