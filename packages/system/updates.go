package system

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

const updatesOption = "security-updates"

// updatesOwner is under which apt notes what came with the updates.
const updatesOwner packages.Name = "base-updates"

// updatesFile comes after Debian's own 20auto-upgrades and 50unattended-upgrades:
// apt.conf(5) reads its folder in order, and the last value counts.
const updatesFile = "/etc/apt/apt.conf.d/90brokeforge-updates"

const updatesText = `// BrokeForge: base's option security-updates. What is taken is chosen in 50unattended-upgrades.
APT::Periodic::Enable "1";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
`

func updatesOptions() []packages.Option {
	return []packages.Option{{
		Name: updatesOption, Label: "Security updates", Kind: packages.YesNo, Default: "no",
		Help: "installs them every day, as Debian's unattended-upgrades does",
	}}
}

// updates returns the commands that have security updates installed every day,
// or end that.
func updates(ctx packages.Context) ([]packages.Command, error) {
	if !ctx.Values.Yes(updatesOption) {
		off, err := noUpdates()
		return ifRecorded(ctx, off), err
	}
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	software, err := apt.Install(updatesOwner, "unattended-upgrades")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "set_up_updates", Label: "Setting up security updates"}}, software[len(apt.Helper()):]...)
	return append(commands,
		packages.Write{Path: updatesFile, Content: updatesText},
		packages.Run{
			Title: "see that apt follows",
			Script: `for setting in Enable Update-Package-Lists Unattended-Upgrade; do
	value=$(apt-config dump | sed -n "s/^APT::Periodic::$setting \"\(.*\)\";$/\1/p" | tail -n 1)
	if [ "$value" != 1 ]; then
		echo "apt says APT::Periodic::$setting is $value: look into /etc/apt/apt.conf.d" >&2
		exit 1
	fi
done
systemctl enable --now apt-daily.timer apt-daily-upgrade.timer`,
			Check: `[ "$(apt-config dump | grep -cE '^APT::Periodic::(Enable|Update-Package-Lists|Unattended-Upgrade) "1";')" = 3 ] &&
systemctl is-active --quiet apt-daily.timer && systemctl is-active --quiet apt-daily-upgrade.timer`,
		},
	), nil
}

// noUpdates returns the commands that end the daily updates, as far as base has
// them made.
func noUpdates() ([]packages.Command, error) {
	software, err := apt.PurgeAdded(updatesOwner, "unattended-upgrades")
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{packages.Run{
		Script: "rm -f " + updatesFile,
		Check:  "[ ! -e " + updatesFile + " ]",
	}}, software[len(apt.Helper()):]...), nil
}
