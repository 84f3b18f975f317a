package system

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages/apt"
)

const (
	// sshdFile is read by sshd before all others: Debian's sshd_config begins
	// with an Include of its folder, and glob(3) sorts.
	sshdFile = "/etc/ssh/sshd_config.d/00-brokeforge.conf"
	// socketFile is for where systemd listens in sshd's place, as on Ubuntu
	// since 22.10: sshd's own ports are then ignored. It comes after the file
	// that Ubuntu's sshd-socket-generator makes.
	socketFile = "/etc/systemd/system/ssh.socket.d/zz-brokeforge.conf"
	// sshUndo is the folder that holds what sshd's files were before a change.
	sshUndo = apt.Folder + "/ssh-undo"
)

// reloadSSH defines reload, which has new logins follow the files. Logins that
// are there stay: sshd's unit has KillMode=process.
const reloadSSH = `reload() {
	if systemctl is-active --quiet ssh.socket; then
		systemctl daemon-reload || return 1
		! systemctl is-active --quiet ssh.service || systemctl stop ssh.service || return 1
		systemctl restart ssh.socket
	else
		systemctl reload ssh.service
	fi
}
`

// applySSH returns the script that puts the settings in force. With a port it
// also lets that in through ufw, where that is enabled.
func applySSH(s sshSettings, port int) string {
	var b strings.Builder
	fmt.Fprintf(&b, `file=%s
socket=%s
undo=%s
`, sshdFile, socketFile, sshUndo)
	b.WriteString(reloadSSH)
	b.WriteString(`install -d -m 0755 /run/sshd &&
rm -rf "$undo" && install -d -m 0700 "$undo" || exit 1
for old in "$file" "$socket"; do
	[ ! -e "$old" ] || cp -p "$old" "$undo/" || exit 1
done
touch "$undo/complete" || exit 1
`)
	if text := s.file(); text != "" {
		fmt.Fprintf(&b, `cat >"$file.new" <<'END' || exit 1
%sEND
chmod 0644 "$file.new" && mv -f "$file.new" "$file" || exit 1
`, text)
	} else {
		b.WriteString("rm -f \"$file\" || exit 1\n")
	}
	b.WriteString("sshd -t || exit 1\n")
	for _, setting := range s.effective() {
		keyword, _, _ := strings.Cut(setting, " ")
		fmt.Fprintf(&b, `if ! %s; then
	echo "another setting of sshd comes before BrokeForge's:" >&2
	grep -rniE '^[[:space:]]*(Match|%s)' /etc/ssh/sshd_config /etc/ssh/sshd_config.d | grep -vF "$file:" >&2
	exit 1
fi
`, sshdSays(setting), keyword)
	}
	if len(s.ports) > 0 {
		fmt.Fprintf(&b, `if ! %s; then
	echo "sshd would not listen on port %s alone, but on $(%s)" >&2
	exit 1
fi
`, sshdPortsAre(s.ports), joinPorts(s.ports, " and "), sshdPorts)
		b.WriteString(writeSocket)
	} else {
		b.WriteString("rm -f \"$socket\" || exit 1\n")
	}
	if port != 0 {
		fmt.Fprintf(&b, `if %s && ! %s; then
	touch "$undo/opened" && ufw allow %d/tcp comment %s || exit 1
fi
`, ufwIsEnabled, ufwOpens(port), port, ufwMark)
	}
	b.WriteString("touch \"$undo/reloaded\" && reload")
	return b.String()
}

// writeSocket has systemd listen where sshd is told to, where it does so in
// sshd's place.
const writeSocket = `if systemctl is-active --quiet ssh.socket; then
	install -d -m 0755 "${socket%/*}" &&
	{
		echo '# BrokeForge: where sshd_config has sshd listen, as this socket does in its place.'
		printf '[Socket]\nListenStream=\nBindIPv6Only=ipv6-only\n'
		sshd -T | sed -n 's/^listenaddress /ListenStream=/p' | if [ -e /proc/net/if_inet6 ]; then cat; else grep -v '\['; fi
	} >"$socket.new" &&
	chmod 0644 "$socket.new" && mv -f "$socket.new" "$socket" || exit 1
else
	rm -f "$socket" || exit 1
fi
`

// undoSSH returns the script that takes back what applySSH did, as far as it
// came.
func undoSSH(port int) string {
	script := fmt.Sprintf(`undo=%s
[ -e "$undo/complete" ] || exit 0
`, sshUndo) + reloadSSH + fmt.Sprintf(`for file in %s %s; do
	if [ -e "$undo/${file##*/}" ]; then
		cp -p "$undo/${file##*/}" "$file" || exit 1
	else
		rm -f "$file"
	fi
done
`, sshdFile, socketFile)
	if port != 0 {
		script += fmt.Sprintf("[ ! -e \"$undo/opened\" ] || ufw delete allow %d/tcp\n", port)
	}
	return script + `[ ! -e "$undo/reloaded" ] || reload || exit 1
rm -rf "$undo"`
}

// sshIsSo returns the check that the settings are in force.
func sshIsSo(s sshSettings) string {
	if s.file() == "" {
		return fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ]", sshdFile, socketFile)
	}
	// A command substitution takes the last newline off.
	checks := []string{fmt.Sprintf(`[ "$(cat %s)" = %s ]`, sshdFile, shellescape.Quote(strings.TrimSuffix(s.file(), "\n")))}
	for _, setting := range s.effective() {
		checks = append(checks, sshdSays(setting))
	}
	if len(s.ports) > 0 {
		checks = append(checks, sshdPortsAre(s.ports))
	}
	for _, port := range s.ports {
		checks = append(checks, fmt.Sprintf("ss -Hltn 'sport = :%d' | grep -q .", port))
	}
	return strings.Join(checks, " &&\n")
}

// sshdSays returns a check that a setting is in force, as the files have it, for
// everybody and for root, whom a Match may except.
func sshdSays(setting string) string {
	return fmt.Sprintf(`{ sshd -T | grep -qix %[1]s && sshd -T -C user=root,host=localhost,addr=127.0.0.1,laddr=127.0.0.1,lport=22 | grep -qix %[1]s; }`,
		shellescape.Quote(setting))
}

// sshdPorts prints on which ports sshd is told to listen.
const sshdPorts = `sshd -T | sed -n 's/^listenaddress .*:\([0-9]*\)$/\1/p' | sort -un | paste -sd' ' -`

func sshdPortsAre(ports []int) string {
	sorted := slices.Compact(slices.Sorted(slices.Values(ports)))
	return fmt.Sprintf(`[ "$(%s)" = '%s' ]`, sshdPorts, joinPorts(sorted, " "))
}

// What is known here of ufw, which package firewall manages: the comment of its
// own rules, and the files that have the rules.
const (
	ufwMark      = "brokeforge"
	ufwIsEnabled = `grep -qsx 'ENABLED=yes' /etc/ufw/ufw.conf`
	ufwFiles     = "/etc/ufw/user.rules /etc/ufw/user6.rules"
)

func ufwOpens(port int) string {
	return fmt.Sprintf(`grep -qs '^### tuple ### \(allow\|limit\) \(tcp\|any\) %d 0\.0\.0\.0/0 any 0\.0\.0\.0/0 in' %s`, port, ufwFiles)
}

func ufwHasNoneOfOurs(port int) string {
	return fmt.Sprintf("! grep -qsx '### tuple ### allow tcp %d .* comment=%s' %s", port, hex.EncodeToString([]byte(ufwMark)), ufwFiles)
}
