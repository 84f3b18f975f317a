package system

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Fail2ban shuts out addresses that fail to log in again and again.
type Fail2ban struct{}

const fail2banName packages.Name = "fail2ban"

const (
	jailsOption    = "jails"
	banTimeOption  = "ban-time"
	findTimeOption = "find-time"
	maxRetryOption = "max-retry"
	ignoreOption   = "ignore"
)

// operatorsKey is where the record holds the addresses that operators came
// from.
const operatorsKey = "operators"

// mostOperators is how many of them are kept, the latest last.
const mostOperators = 16

const (
	// jailFile is read after all of Debian's: jail.conf, jail.d/*.conf,
	// jail.local, jail.d/*.local (jail.conf(5)).
	jailFile   = "/etc/fail2ban/jail.d/brokeforge.local"
	jailBefore = apt.Folder + "/fail2ban-before"
)

const sshdJail = "sshd"

// nginxJails are those that read nginx's error log.
func nginxJails() []string { return []string{"nginx-http-auth", "nginx-botsearch", "nginx-limit-req"} }

// Name returns "fail2ban".
func (Fail2ban) Name() packages.Name { return fail2banName }

// Type returns the category of the system.
func (Fail2ban) Type() packages.Type { return packages.System }

// Credential returns root.
func (Fail2ban) Credential() packages.Credential { return packages.Root() }

// Describe tells of fail2ban.
func (Fail2ban) Describe() packages.Description {
	return packages.Description{
		Title:    "fail2ban",
		Summary:  "shuts out who fails to log in again and again, never the address that you come from",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: jailsOption, Label: "Watch", Kind: packages.Several, Default: sshdJail, Required: true,
				Choices: append([]string{sshdJail}, nginxJails()...), Help: "whose failures count; those of nginx need it installed",
			},
			{
				Name: banTimeOption, Label: "Ban for", Kind: packages.Text, Default: "10m", Required: true,
				Help: "such as 600, 10m, 1h or 1d", Validate: acceptDuration,
			},
			{
				Name: findTimeOption, Label: "Count over", Kind: packages.Text, Default: "10m", Required: true,
				Help: "failures of the last such as 10m count", Validate: acceptDuration,
			},
			{
				Name: maxRetryOption, Label: "Failures", Kind: packages.Number, Default: "5", Required: true, Min: 1, Max: 100,
				Help: "how many lead to a ban",
			},
			{
				Name: ignoreOption, Label: "Never ban", Kind: packages.Text,
				Help: "more addresses and networks, with commas between them, such as 10.0.0.0/8", Validate: acceptIgnored,
			},
		},
	}
}

// A duration as fail2ban takes it: seconds, or a number with a unit.
var durationPattern = regexp.MustCompile(`^[1-9][0-9]{0,7}[smhdw]?$`)

func acceptDuration(value string) error {
	if !durationPattern.MatchString(value) {
		return fmt.Errorf("is not a time: a number with s, m, h, d or w, such as 10m")
	}
	return nil
}

const mostIgnored = 64

func acceptIgnored(value string) error {
	list, err := ignored(value)
	if err == nil && len(list) == 0 {
		return fmt.Errorf("names no address")
	}
	return err
}

// ignored reads a list of addresses and networks.
func ignored(value string) ([]string, error) {
	list := splitList(value)
	if len(list) > mostIgnored {
		return nil, fmt.Errorf("has %d entries: %d at most will do", len(list), mostIgnored)
	}
	out := make([]string, 0, len(list))
	for _, entry := range list {
		prefix, err := netip.ParsePrefix(entry)
		if addr, addrErr := netip.ParseAddr(entry); addrErr == nil && addr.Zone() == "" {
			out = append(out, addr.Unmap().String())
			continue
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("has %q, which is neither an address nor a network such as 10.0.0.0/8", entry)
		case prefix.Bits() == 0:
			return nil, fmt.Errorf("has %q, which is everybody", entry)
		case prefix != prefix.Masked():
			return nil, fmt.Errorf("has %q, which is not the beginning of a network: say %s", entry, prefix.Masked())
		}
		out = append(out, prefix.String())
	}
	return out, nil
}

// Probe tells whether fail2ban is installed and answers.
func (Fail2ban) Probe() string {
	return apt.Probe("fail2ban", "fail2ban")
}

// operators returns the addresses that operators came from, with that of this
// login.
func operators(ctx packages.Context) []string {
	var list []string
	if record, ok := ctx.Installs(fail2banName); ok {
		// What is not an address has been damaged.
		if recorded, err := ignored(record.Configuration[operatorsKey]); err == nil {
			list = recorded
		}
	}
	if from := ctx.Facts.LoginFrom; from != "" && !slices.Contains(list, from) {
		list = append(list, from)
	}
	return list[max(0, len(list)-mostOperators):]
}

// Install returns the commands that install fail2ban.
func (f Fail2ban) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	jails := ctx.Values.List(jailsOption)
	if err := f.needsNginx(ctx, jails); err != nil {
		return nil, err
	}
	from := operators(ctx)
	if len(from) == 0 {
		return nil, fmt.Errorf("it is not known from which address you log in to this server: fail2ban could shut you out")
	}
	more, err := ignored(ctx.Values[ignoreOption])
	if err != nil {
		return nil, fmt.Errorf("%s: %q %w", ignoreOption, ctx.Values[ignoreOption], err)
	}
	software, err := apt.Install(f.Name(), "fail2ban", "python3-systemd", "nftables")
	if err != nil {
		return nil, err
	}
	text := jailText(ctx.Values, jails, append(from, more...))
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	commands = append(commands,
		packages.Track{Name: "configure_jails", Label: "Configuring jails"},
		packages.Run{Title: "keep the former jails, in case these are refused", Script: keepJails, Check: jailsAre(text)},
		packages.Write{Path: jailFile, Content: text},
		packages.Run{Title: "fail2ban-client -t, and put the former jails back if these are refused", Script: testJails, IfChanged: true},
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start("fail2ban"),
		packages.Run{Title: "have fail2ban read its jails", Script: restartJails, IfChanged: true},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that the jails are watched", Script: watched(jails), IfChanged: true},
	)
	return append(commands, packages.Persist{
		Version:       apt.Version("fail2ban"),
		Configuration: map[string]string{operatorsKey: strings.Join(from, ",")},
	}), nil
}

// needsNginx refuses jails whose log is not there: fail2ban does not start with
// such.
func (Fail2ban) needsNginx(ctx packages.Context, jails []string) error {
	_, recorded := ctx.Installs("nginx")
	if recorded || ctx.Facts.Found["nginx"].State == packages.Present {
		return nil
	}
	for _, jail := range jails {
		if slices.Contains(nginxJails(), jail) {
			return fmt.Errorf("the jail %s reads nginx's log, and this server has no nginx: install that first", jail)
		}
	}
	return nil
}

// jailText is what BrokeForge's file holds. A ban shuts all ports, so that it
// holds wherever sshd listens. Debian 12's own sshd jail wants a log file that
// its systemd does not write.
func jailText(values packages.Values, jails, ignore []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# BrokeForge: what the options of fail2ban choose.
[DEFAULT]
ignoreip = 127.0.0.1/8 ::1 %s
bantime = %s
findtime = %s
maxretry = %s
banaction = nftables-allports

[%s]
enabled = %t
backend = systemd
journalmatch = _SYSTEMD_UNIT=ssh.service + _COMM=sshd + _COMM=sshd-session
`, strings.Join(ignore, " "), values[banTimeOption], values[findTimeOption], values[maxRetryOption],
		sshdJail, slices.Contains(jails, sshdJail))
	for _, jail := range jails {
		if jail != sshdJail {
			fmt.Fprintf(&b, "\n[%s]\nenabled = true\nbanaction = nftables-allports\n", jail)
		}
	}
	return b.String()
}
