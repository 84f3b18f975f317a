package system

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// TimeSync keeps a server's clock right, with systemd-timesyncd or chrony.
type TimeSync struct{}

const timesyncName packages.Name = "timesync"

const (
	implementationOption = "implementation"
	serversOption        = "servers"
	replaceOption        = "replace"
)

// clockService is one program that keeps the clock right.
type clockService struct {
	choice  string // as the option has it
	debian  string // Debian's package
	unit    string
	folder  string // of the settings
	setting string // the file with BrokeForge's
	removal string // what the removal purges, as far as it came with us
}

func timesyncd() clockService {
	return clockService{
		choice: "timesyncd", debian: "systemd-timesyncd", unit: "systemd-timesyncd.service",
		folder: "/etc/systemd/timesyncd.conf.d", setting: "/etc/systemd/timesyncd.conf.d/brokeforge.conf",
		removal: "systemd-timesyncd",
	}
}

func chrony() clockService {
	return clockService{
		choice: "chrony", debian: "chrony", unit: "chrony.service",
		folder: "/etc/chrony/sources.d", setting: "/etc/chrony/sources.d/brokeforge.sources",
		removal: "chrony",
	}
}

// chosenClock returns the program that was chosen, and the other one.
func chosenClock(values packages.Values) (chosen, other clockService) {
	if values[implementationOption] == "chrony" {
		return chrony(), timesyncd()
	}
	return timesyncd(), chrony()
}

// clockBefore is the file that names the Debian package that kept the clock
// before, where it was replaced.
const clockBefore = apt.Folder + "/timesync-before"

// Name returns "timesync".
func (TimeSync) Name() packages.Name { return timesyncName }

// Type returns the category of the system.
func (TimeSync) Type() packages.Type { return packages.System }

// Credential returns root.
func (TimeSync) Credential() packages.Credential { return packages.Root() }

// Describe tells of the time synchronisation.
func (TimeSync) Describe() packages.Description {
	return packages.Description{
		Title:    "Time synchronisation",
		Summary:  "keeps the clock right, with systemd-timesyncd or chrony",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: implementationOption, Label: "Program", Kind: packages.Choice, Default: "timesyncd", Required: true,
				Choices: []string{"timesyncd", "chrony"}, Help: "timesyncd is small; chrony is exact, and can serve others",
			},
			{
				Name: serversOption, Label: "Time servers", Kind: packages.Text,
				Help: "names or addresses, with commas between them, asked before Debian's own; empty means only those", Validate: acceptServers,
			},
			{
				Name: replaceOption, Label: "Replace the other", Kind: packages.YesNo, Default: "no",
				Help: "takes off the other program where BrokeForge did not bring it; removing this package brings it back",
			},
		},
	}
}

// A host name in the sense of RFC 1123 section 2.1.
var hostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*$`)

const mostServers = 8

func acceptServers(value string) error {
	list := splitList(value)
	if len(list) == 0 || len(list) > mostServers {
		return fmt.Errorf("has %d servers: one to %d will do", len(list), mostServers)
	}
	for _, server := range list {
		addr, err := netip.ParseAddr(server)
		switch {
		case err == nil && addr.Zone() == "" && !addr.IsUnspecified():
		case len(server) > 253 || !hostPattern.MatchString(server) || allDigits.MatchString(server):
			return fmt.Errorf("has %q, which is neither a host name nor an address", server)
		}
	}
	return nil
}

// What looks like an address, but is none, is no name either: its last part
// would be a number (RFC 1123 section 2.1).
var allDigits = regexp.MustCompile(`(^|\.)[0-9]+$`)

// splitList returns the parts of a list with commas or blanks between them.
func splitList(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// settings are what the service reads; empty where no servers are chosen.
func (c clockService) settings(servers []string) string {
	if len(servers) == 0 {
		return ""
	}
	if c.choice == "timesyncd" {
		return "# BrokeForge: the servers that package timesync chooses.\n[Time]\nNTP=" + strings.Join(servers, " ") + "\n"
	}
	var b strings.Builder
	b.WriteString("# BrokeForge: the servers that package timesync chooses.\n")
	for _, s := range servers {
		fmt.Fprintf(&b, "server %s iburst prefer\n", s)
	}
	return b.String()
}

// Probe tells which program is there, and whether it runs.
func (TimeSync) Probe() string {
	return `for pair in systemd-timesyncd:systemd-timesyncd chrony:chrony; do
	found=$(dpkg-query -W -f '${db:Status-Status} ${Version}' -- "${pair%:*}" 2>/dev/null)
	case $found in
	'installed '*) ;;
	*) continue ;;
	esac
	if systemctl is-active --quiet "${pair#*:}"; then
		echo "${pair%:*} ${found#* }"
		exit 0
	fi
	if [ "$(systemctl show -p ConditionResult --value "${pair#*:}")" = no ] && container=$(systemd-detect-virt --container); then
		echo "${pair%:*} is installed, but does not run: the clock of a container ($container) is its machine's"
	else
		echo "${pair%:*} is installed, but its service is not running"
	fi
	exit 2
done
exit 1`
}

// Install returns the commands that install the chosen program.
func (t TimeSync) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	clock, other := chosenClock(ctx.Values)
	software, err := apt.Install(t.Name(), clock.debian)
	if err != nil {
		return nil, err
	}
	takeOff, err := apt.Purge(other.debian)
	if err != nil {
		return nil, err
	}
	refusal := refuseOtherClock(clock, other, ctx.Values.Yes(replaceOption))
	commands := []packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{Title: "refuse if another program keeps the clock", Script: refusal, Check: refusal},
		packages.Run{
			Title: "note that " + other.debian + " kept the clock, if BrokeForge did not bring it",
			Script: fmt.Sprintf(`[ -e %[1]s ] || grep -qsx %[2]s %[3]s || echo %[2]s >%[1]s
rm -f %[4]s`, clockBefore, other.debian, added(t.Name()), other.setting),
			Check: "! " + apt.Installed(other.debian),
		},
	}
	commands = append(commands, takeOff...)
	commands = append(commands, packages.Track{Name: "install_software", Label: "Installing software"})
	commands = append(commands, software[len(apt.Helper()):]...)
	commands = append(commands, packages.Track{Name: "configure_clock", Label: "Configuring the clock service"})
	commands = append(commands, clock.configure(splitList(ctx.Values[serversOption]))...)
	return append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		packages.Run{Script: "systemctl enable " + clock.unit, Check: "systemctl is-enabled --quiet " + clock.unit},
		packages.Run{Title: "start " + clock.unit + ", where the machine lets it run", Script: clock.start(), Check: clock.started()},
		packages.Run{Title: "have " + clock.unit + " read its settings", Script: clock.start(), IfChanged: true},
		packages.Persist{Version: apt.Version(clock.debian)},
	), nil
}

func added(owner packages.Name) string { return apt.Folder + "/added/" + string(owner) }

// refuseOtherClock fails where something else keeps the clock that is not to be
// taken off.
func refuseOtherClock(clock, other clockService, replace bool) string {
	script := `for name in ntp ntpsec openntpd; do
	if [ "$(dpkg-query -W -f '${db:Status-Status}' -- $name 2>/dev/null)" = installed ] && systemctl is-active --quiet $name; then
		echo "$name keeps this server's clock: remove that first, or leave it. Nothing was changed" >&2
		exit 1
	fi
done`
	if replace {
		return script
	}
	return script + fmt.Sprintf(`
if %s && ! grep -qsx %s %s; then
	echo "%s keeps this server's clock, and BrokeForge did not bring it: choose %s=%s, or %s=yes. Nothing was changed" >&2
	exit 1
fi`, apt.Installed(other.debian), other.debian, added(timesyncName), other.debian, implementationOption, other.choice, replaceOption)
}

func (c clockService) configure(servers []string) []packages.Command {
	text := c.settings(servers)
	if text == "" {
		return []packages.Command{packages.Run{Script: "rm -f " + c.setting, Check: "[ ! -e " + c.setting + " ]"}}
	}
	return []packages.Command{
		packages.Run{Script: "install -d -m 0755 " + c.folder, Check: "[ -d " + c.folder + " ]"},
		packages.Write{Path: c.setting, Content: text},
	}
}

// start starts the service anew. A container's clock is its machine's: there
// the unit's own condition keeps the service from running, which is said.
func (c clockService) start() string {
	return fmt.Sprintf(`systemctl restart %[1]s || exit 1
if systemctl is-active --quiet %[1]s; then
	exit 0
fi
if [ "$(systemctl show -p ConditionResult --value %[1]s)" = no ]; then
	echo "%[1]s is enabled, but does not run: this machine may not set its clock ($(systemd-detect-virt)); it keeps that of the machine that it is on"
	exit 0
fi
echo "%[1]s does not run" >&2
exit 1`, c.unit)
}

func (c clockService) started() string {
	return fmt.Sprintf(`systemctl is-active --quiet %[1]s || { [ "$(systemctl show -p ConditionResult --value %[1]s)" = no ] &&
[ "$(systemctl show -p ConditionTimestampMonotonic --value %[1]s)" != 0 ]; }`, c.unit)
}

// Remove returns the commands that take the program away as far as it came with
// BrokeForge, and bring back the one that it replaced.
func (t TimeSync) Remove(ctx packages.Context) ([]packages.Command, error) {
	clock, other := chosenClock(ctx.Values)
	software, err := apt.PurgeAdded(t.Name(), clock.removal, other.removal)
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Title:  "remove BrokeForge's settings",
			Script: "rm -f " + clock.setting + " " + other.setting + "\nrmdir --ignore-fail-on-non-empty " + timesyncd().folder + " 2>/dev/null\ntrue",
			Check:  fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ]", clock.setting, other.setting),
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}, append(software,
		packages.Run{
			Title: "bring back what kept the clock before",
			Script: fmt.Sprintf(`read -r name <%[1]s || exit 1
case $name in
systemd-timesyncd | chrony) ;;
*) echo "%[1]s does not name a program" >&2 && exit 1 ;;
esac
%[2]s install --for=%[3]s "$name" && rm -f %[4]s %[1]s`, clockBefore, apt.Path, "timesync-former", added("timesync-former")),
			Check: "[ ! -e " + clockBefore + " ]",
		},
		packages.Run{
			Title:     "have the clock kept as before",
			Script:    "for unit in " + timesyncd().unit + " " + chrony().unit + "; do\n\t! systemctl is-enabled --quiet $unit 2>/dev/null || systemctl restart $unit || exit 1\ndone",
			IfChanged: true,
		},
		packages.Forget{},
	)...), nil
}

// Release returns the commands that take away what BrokeForge has brought to
// what kept the clock before: Remove leaves all else.
func (t TimeSync) Release(ctx packages.Context) ([]packages.Command, error) { return t.Remove(ctx) }
