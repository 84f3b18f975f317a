package system

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// What the options that harden sshd are called.
const (
	noPasswordOption = "no-password-login"
	noRootOption     = "no-root-login"
	sshPortOption    = "ssh-port"
)

// portNote is the file that remembers where sshd listened before base moved it;
// the facts have it as SSHPortBefore.
const portNote = apt.Folder + "/ssh-port-before"

func hardeningOptions() []packages.Option {
	return []packages.Option{
		{
			Name: noPasswordOption, Label: "No password logins", Kind: packages.YesNo, Default: "no",
			Help: "sshd takes keys alone; kept only when a new login succeeds",
		},
		{
			Name: noRootOption, Label: "No root login", Kind: packages.YesNo, Default: "no",
			Help: "nobody logs in as root any more; refused where you do yourself",
		},
		{
			Name: sshPortOption, Label: "SSH port", Kind: packages.Number, Min: 1, Max: 65535,
			Help: "moves sshd there, once a login on the new port succeeds; empty leaves it, or moves it back",
		},
	}
}

// sshSettings is what base has sshd do. The zero value leaves sshd alone.
type sshSettings struct {
	noPasswords, noRoot bool
	ports               []int // empty leaves the server's own
}

// file is what BrokeForge's file of settings holds; empty where there is to be
// none.
func (s sshSettings) file() string {
	lines := []string{"# BrokeForge: what the options of base choose. It is read first, as the first value counts."}
	if s.noPasswords {
		lines = append(lines, "PasswordAuthentication no", "KbdInteractiveAuthentication no")
	}
	if s.noRoot {
		lines = append(lines, "PermitRootLogin no")
	}
	for _, port := range s.ports {
		lines = append(lines, "Port "+strconv.Itoa(port))
	}
	if len(lines) == 1 {
		return ""
	}
	return strings.Join(lines, "\n") + "\n"
}

// effective lists the settings but for ports as sshd -T prints them.
func (s sshSettings) effective() []string {
	var lines []string
	if s.noPasswords {
		lines = append(lines, "passwordauthentication no", "kbdinteractiveauthentication no")
	}
	if s.noRoot {
		lines = append(lines, "permitrootlogin no")
	}
	return lines
}

func (s sshSettings) title() string {
	var parts []string
	switch len(s.ports) {
	case 0:
	case 1:
		parts = append(parts, "listen on port "+strconv.Itoa(s.ports[0]))
	default:
		parts = append(parts, "listen on ports "+joinPorts(s.ports, " and "))
	}
	if s.noPasswords {
		parts = append(parts, "take no passwords")
	}
	if s.noRoot {
		parts = append(parts, "refuse root")
	}
	if len(parts) == 0 {
		return "give sshd its own settings back"
	}
	return "have sshd " + strings.Join(parts, ", ")
}

func joinPorts(ports []int, sep string) string {
	out := make([]string, len(ports))
	for i, p := range ports {
		out[i] = strconv.Itoa(p)
	}
	return strings.Join(out, sep)
}

// harden returns the commands that give sshd the chosen settings, each change
// proven by a new login. Where nothing is chosen they give sshd back its own,
// if base is recorded: a base that somebody else has put on the server is not
// undone by the way.
func harden(ctx packages.Context) ([]packages.Command, error) {
	want := sshSettings{
		noPasswords: ctx.Values.Yes(noPasswordOption),
		noRoot:      ctx.Values.Yes(noRootOption),
	}
	port := 0
	if value := ctx.Values[sshPortOption]; value != "" {
		var err error
		if port, err = strconv.Atoi(value); err != nil {
			return nil, fmt.Errorf("the SSH port %q is not a number", value)
		}
		want.ports = []int{port}
	}
	_, recorded := ctx.Installs(packages.Base)
	if want.file() == "" && !recorded {
		return nil, nil
	}
	if want.file() != "" && !ctx.Facts.Systemd {
		return nil, fmt.Errorf("this server does not run systemd, which sshd is reloaded by: its settings can't be changed")
	}
	if want.noRoot && (ctx.Facts.LoginUID == 0 || ctx.Server.User == "root") {
		return nil, fmt.Errorf("%s: you log in as root yourself: make a user with a key who may use sudo, and have BrokeForge log in as that one first", noRootOption)
	}
	return configureSSH(ctx, want, cmp.Or(port, ctx.Facts.SSHPortBefore))
}

// unharden returns the commands that give sshd back its own settings.
func unharden(ctx packages.Context) ([]packages.Command, error) {
	return configureSSH(ctx, sshSettings{}, ctx.Facts.SSHPortBefore)
}

// configureSSH returns the commands that give sshd the settings. port is where
// sshd will listen then; 0 means where it does. To move it, sshd listens on both
// ports until a login has found the new one and the record has it.
func configureSSH(ctx packages.Context, want sshSettings, port int) ([]packages.Command, error) {
	if port != 0 && len(ctx.Facts.SSHPorts) == 0 {
		return nil, fmt.Errorf("%s: it is not known on which port sshd listens on this server", sshPortOption)
	}
	commands := []packages.Command{packages.Track{Name: "configure_ssh", Label: "Configuring SSH"}}
	if want.file() != "" {
		commands = append(commands, refuseSSH(port, want))
	}
	proof := 0
	if port != 0 && port != ctx.Facts.SSHPorts[0] {
		current := ctx.Facts.SSHPorts[0]
		if ctx.Server.Port != current {
			return nil, fmt.Errorf("%s: you reach port %d of this server by way of port %d: its port can't be moved from there", sshPortOption, current, ctx.Server.Port)
		}
		if len(want.ports) > 0 && ctx.Facts.SSHPortBefore == 0 {
			commands = append(commands, packages.Run{
				Title:  "note where sshd listens",
				Script: fmt.Sprintf("echo %d >%s", current, portNote),
				Check:  "[ -e " + portNote + " ]",
			})
		}
		both := want
		both.ports = []int{current, port}
		// What is proven by skipping it is not: the record must follow.
		commands = append(commands, proveSSH(both, port, "false"))
		proof = port
	}
	commands = append(commands, proveSSH(want, proof, ""))
	for _, old := range leftPorts(ctx.Facts, port) {
		commands = append(commands, packages.Run{
			Script: fmt.Sprintf("ufw delete allow %d/tcp", old),
			Check:  ufwHasNoneOfOurs(old),
		})
	}
	if len(want.ports) == 0 && ctx.Facts.SSHPortBefore != 0 {
		commands = append(commands, packages.Run{Script: "rm -f " + portNote, Check: "[ ! -e " + portNote + " ]"})
	}
	return commands, nil
}

// leftPorts lists where sshd has listened and won't any more, but for the ports
// that the firewall opens for the web.
func leftPorts(facts packages.Facts, port int) []int {
	if port == 0 {
		return nil
	}
	var left []int
	for _, old := range append(slices.Clone(facts.SSHPorts), facts.SSHPortBefore) {
		if old != 0 && old != port && old != 80 && old != 443 && !slices.Contains(left, old) {
			left = append(left, old)
		}
	}
	return left
}

// proveSSH returns the command that gives sshd the settings and keeps them only
// after a new login, on the port if that is not 0. It is skipped where the
// settings are in force, or by the check if there is one.
func proveSSH(s sshSettings, port int, check string) packages.Prove {
	return packages.Prove{
		Title:  s.title(),
		Script: applySSH(s, port),
		Check:  cmp.Or(check, sshIsSo(s)),
		Undo:   undoSSH(port),
		Within: time.Minute,
		Port:   port,
	}
}

// refuseSSH returns the command that fails, before anything is changed, where
// sshd would not do as it is told.
func refuseSSH(port int, want sshSettings) packages.Run {
	script := `config=/etc/ssh/sshd_config
if ! grep -vE '^[[:space:]]*(#|$)' $config | sed -n 1p | grep -qiE '^[[:space:]]*Include[[:space:]=]+"?/etc/ssh/sshd_config\.d/\*\.conf'; then
	echo "$config does not begin with: Include /etc/ssh/sshd_config.d/*.conf - so BrokeForge's settings would not count; put that line first. Nothing was changed" >&2
	exit 1
fi`
	if len(want.ports) > 0 {
		script += fmt.Sprintf(`
own=$(grep -inE '^[[:space:]]*Port[[:space:]=]' $config /etc/ssh/sshd_config.d/*.conf /dev/null | grep -vF %[1]s: | sed -n 1p)
[ -n "$own" ] || own=$(grep -n '^SSHD_OPTS=.*-p' /etc/default/ssh /dev/null)
if [ -n "$own" ]; then
	echo "sshd is told its port elsewhere too, and would listen on both: take that out first ($own). Nothing was changed" >&2
	exit 1
fi
who=$(ss -Hltnp 'sport = :%[2]d' | grep -vE '"(sshd|systemd)"' | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/\1 (pid \2)/p' | sed -n 1p)
if [ -n "$who" ]; then
	echo "port %[2]d is taken by $who. Nothing was changed" >&2
	exit 1
fi`, shellescape.Quote(sshdFile), port)
	}
	return packages.Run{Title: "refuse if sshd would not take the settings", Script: script, Check: script}
}
