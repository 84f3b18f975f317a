// Package firewall holds the firewall and its rules.
package firewall

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// UFW is the firewall of a server: ufw, which lets nothing in but what rules
// allow, and always SSH.
type UFW struct{}

// Name of the package that rules require.
const ufwName packages.Name = "firewall"

const (
	httpOption  = "http"
	httpsOption = "https"
)

// mark is the comment of the rules that the package itself makes.
const mark = "brokeforge"

// before is the file that remembers how the firewall was: whether it was
// enabled, and its policies for what comes in and goes out, as ufw(8) has them.
const before = apt.Folder + "/firewall-before"

// Name returns "firewall".
func (UFW) Name() packages.Name { return ufwName }

// Type returns the category of firewalls.
func (UFW) Type() packages.Type { return packages.Firewall }

// Credential returns root.
func (UFW) Credential() packages.Credential { return packages.Root() }

// Describe tells of the firewall.
func (UFW) Describe() packages.Description {
	return packages.Description{
		Title:    "Firewall (ufw)",
		Summary:  "lets nothing in but SSH, and web traffic as wanted; what goes out is free",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{Name: httpOption, Label: "Allow HTTP", Kind: packages.YesNo, Default: "yes", Help: "opens port 80 to everybody"},
			{Name: httpsOption, Label: "Allow HTTPS", Kind: packages.YesNo, Default: "yes", Help: "opens port 443 to everybody"},
		},
	}
}

// Probe tells whether ufw is installed and in force.
func (UFW) Probe() string {
	return `found=$(dpkg-query -W -f '${db:Status-Status} ${Version}' -- ufw 2>/dev/null)
case $found in
'installed '*) ;;
*) exit 1 ;;
esac
` + inForce + ` || { echo 'ufw is installed, but not active' && exit 2; }
echo "${found#* }"`
}

// inForce passes where ufw is enabled and the kernel has its rules. ufw's own
// status takes a tenth of a second.
const inForce = `{ grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf && iptables -S INPUT | grep -q -- '-j ufw-before-input'; } 2>/dev/null`

const denies = inForce + ` &&
iptables -S INPUT | grep -qx -- '-P INPUT DROP' &&
iptables -S OUTPUT | grep -qx -- '-P OUTPUT ACCEPT' &&
{ ` + noIPv6 + ` || { ip6tables -S INPUT | grep -qx -- '-P INPUT DROP' && ip6tables -S INPUT | grep -q -- '-j ufw6-before-input'; }; }`

// start puts ufw in force. ufw makes the jumps to its chains only together with
// the chains, so where somebody flushed INPUT and its chains are left, it would
// drop everything (ufw_start in ufw-init-functions).
const start = `ufw default deny incoming &&
ufw default allow outgoing &&
ufw --force disable || exit 1
for tool in iptables ip6tables; do
	! $tool -S INPUT | grep -q -e '-j ufw6*-before-input' || continue
	$tool -S | sed -n 's/^-A \([A-Z]* -j ufw6*-.*\)/-D \1/p;' | while read -r jump; do $tool $jump; done
	chains=$($tool -S | sed -n 's/^-N \(ufw6*-.*\)/\1/p')
	for chain in $chains; do $tool -F "$chain"; done
	for chain in $chains; do $tool -X "$chain"; done
done
ufw --force enable &&
` + denies

// Install returns the commands that install ufw and put it in force.
func (u UFW) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	if len(ctx.Facts.SSHPorts) == 0 {
		return nil, fmt.Errorf("it is not known on which port sshd listens on this server: the firewall could lock you out")
	}
	software, err := apt.Install(u.Name(), "ufw")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{
			Title: "refuse if another firewall is active",
			Script: `echo "another firewall is active on this server, firewalld or nftables: disable it first; ufw and it would undo each other" >&2
exit 1`,
			Check: "! systemctl is-active --quiet firewalld && ! systemctl is-active --quiet nftables",
		},
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	commands = append(commands,
		packages.Track{Name: "configure_firewall", Label: "Configuring firewall"},
		packages.Run{Title: "note how the firewall was", Script: remember, Check: "[ -e " + before + " ]"},
	)
	for _, port := range ctx.Facts.SSHPorts {
		commands = append(commands, keepOpen(port))
	}
	commands = append(commands, web(80, ctx.Values.Yes(httpOption)), web(443, ctx.Values.Yes(httpsOption)))
	if old := ctx.Facts.SSHPortBefore; old != 0 && old != 80 && old != 443 && !slices.Contains(ctx.Facts.SSHPorts, old) {
		commands = append(commands, web(old, false)) // sshd has left it
	}
	return append(commands,
		packages.Track{Name: "start_firewall", Label: "Starting firewall"},
		packages.Prove{
			Title:  "deny what comes in, allow what goes out, enable the firewall",
			Script: start,
			Check:  denies,
			Undo:   restore,
			Within: time.Minute,
			Touch:  packages.Touch{Starts: []string{"the firewall"}},
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that the firewall is in force", Script: "ufw status verbose\n" + denies, IfChanged: true},
		packages.Persist{Version: apt.Version("ufw")},
	), nil
}

const remember = `enabled=no
grep -qx 'ENABLED=yes' /etc/ufw/ufw.conf && enabled=yes
policy() {
	case $(sed -n "s/^DEFAULT_$1_POLICY=\"\(.*\)\"/\1/p" /etc/default/ufw) in
	ACCEPT) echo allow ;;
	REJECT) echo reject ;;
	*) echo deny ;;
	esac
}
echo "$enabled $(policy INPUT) $(policy OUTPUT)" >` + before

const restore = `read -r enabled incoming outgoing <` + before + ` || enabled=no incoming=deny outgoing=allow
ufw default "$incoming" incoming
ufw default "$outgoing" outgoing
[ "$enabled" = yes ] || ufw --force disable`

// keepOpen lets SSH in. A rule that limits its rate, and one of the operator's
// own, stays as it is.
func keepOpen(port int) packages.Run {
	return packages.Run{
		Script: fmt.Sprintf("ufw allow %d/tcp comment %s", port, mark),
		Check:  inFiles(fmt.Sprintf("%s %s %d", anyOf("allow", "limit"), anyOf("tcp", "any"), port), everybody, ""),
	}
}

// web opens a port to everybody, or takes away the rule that did.
func web(port int, open bool) packages.Run {
	if open {
		return packages.Run{
			Script: fmt.Sprintf("ufw allow %d/tcp comment %s", port, mark),
			Check:  inFiles(fmt.Sprintf("allow %s %d", anyOf("tcp", "any"), port), everybody, ""),
			Touch:  packages.Touch{Opens: []string{strconv.Itoa(port)}},
		}
	}
	return packages.Run{
		Script: fmt.Sprintf("ufw delete allow %d/tcp", port),
		Check:  notOurs(port),
		Touch:  packages.Touch{Closes: []string{strconv.Itoa(port)}},
	}
}

func indent(script string) string { return "\t" + strings.ReplaceAll(script, "\n", "\n\t") }

// Remove returns the commands that put the firewall back to how it was.
func (u UFW) Remove(ctx packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(u.Name(), "ufw")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "stop_firewall", Label: "Stopping firewall"},
		packages.Run{
			Title:  "put the firewall back to how it was",
			Script: "if command -v ufw; then\n\tufw show added\n" + indent(restore) + " || exit 1\nfi\nrm -f " + before,
			Check:  "[ ! -e " + before + " ]",
		},
	}
	ports := append([]int{80, 443}, ctx.Facts.SSHPorts...)
	if old := ctx.Facts.SSHPortBefore; old != 0 {
		ports = append(ports, old)
	}
	for _, port := range slices.Compact(slices.Sorted(slices.Values(ports))) {
		commands = append(commands, packages.Run{
			Script: "ufw delete allow " + strconv.Itoa(port) + "/tcp",
			Check:  notOurs(port),
		})
	}
	commands = append(commands, packages.Track{Name: "remove_software", Label: "Removing software"})
	commands = append(commands, software...)
	return append(commands, packages.Forget{}), nil
}
