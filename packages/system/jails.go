package system

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// jailsAre returns a check that BrokeForge's file has that text.
func jailsAre(text string) string {
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("[ \"$(sha256sum <%s)\" = '%s  -' ]", jailFile, hex.EncodeToString(sum[:]))
}

const keepJails = `rm -rf ` + jailBefore + ` && install -d -m 0700 ` + jailBefore + ` || exit 1
[ ! -e ` + jailFile + ` ] || cp -p ` + jailFile + ` ` + jailBefore + `/`

const testJails = `fail2ban-client -t && exit 0
if [ -e ` + jailBefore + `/brokeforge.local ]; then
	mv -f ` + jailBefore + `/brokeforge.local ` + jailFile + `
	echo "fail2ban refuses the new jails; the former ones are put back" >&2
else
	rm -f ` + jailFile + `
	echo "fail2ban refuses the jails; they are taken out again" >&2
fi
fail2ban-client -t >/dev/null 2>&1 || echo "it refuses its configuration without them too: correct what it names above" >&2
exit 1`

// restartJails has fail2ban read its jails. It takes its bans up again from its
// database, where its own reload takes them off and calls them banned still, so
// that they never come back (1.1.0 with the actions of nftables).
const restartJails = `rm -rf ` + jailBefore + ` && systemctl restart fail2ban`

// watched returns the script that waits until fail2ban answers and fails where
// it watches less than it should.
func watched(jails []string) string {
	script := `tries=0
until fail2ban-client ping >/dev/null 2>&1; do
	tries=$((tries + 1))
	if [ "$tries" = 100 ]; then
		echo "fail2ban does not answer" >&2
		exit 1
	fi
	sleep 0.1
done`
	for _, jail := range jails {
		script += "\nfail2ban-client status " + jail + " || exit 1"
	}
	return script
}

// Remove returns the commands that take fail2ban away, with its bans.
func (f Fail2ban) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(f.Name(), "fail2ban", "python3-systemd", "nftables")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Title:  "remove BrokeForge's jails",
			Script: "rm -f " + jailFile + " && rm -rf " + jailBefore,
			Check:  fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ]", jailFile, jailBefore),
		},
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		packages.Run{
			Title: "stop fail2ban if it came with BrokeForge, else have it forget the jails",
			Script: fmt.Sprintf(`if grep -qsx fail2ban %s; then
	systemctl disable --now fail2ban || exit 1
	# A ban of a service that was killed stays in the kernel.
	! nft list table inet f2b-table >/dev/null 2>&1 || nft delete table inet f2b-table
else
	! systemctl is-active --quiet fail2ban || systemctl restart fail2ban
fi`, added(f.Name())),
			Check: fmt.Sprintf("! systemctl is-active --quiet fail2ban && [ ! -e %s ]", added(f.Name())),
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	return append(append(commands, software...), packages.Forget{}), nil
}

// Release returns the commands that take away what BrokeForge has brought to
// a fail2ban that was there before: Remove leaves all else.
func (f Fail2ban) Release(ctx packages.Context) ([]packages.Command, error) { return f.Remove(ctx) }
