package system

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Mail has what programs on the server send taken by Postfix, which hands it to a
// smarthost or, for local delivery only, to mailboxes on the server. It takes mail
// from nobody else.
type Mail struct{}

const (
	mailName packages.Name = "mail"

	modeOption      = "delivery"
	smarthostOption = "smarthost"
	mailPortOption  = "port"
	tlsOption       = "tls"
	mailUserOption  = "user"
	mailPassOption  = "password"
	mailDomain      = "domain"
	rootMailOption  = "root-mail"

	relayMode = "relay"
)

// Postfix reads one file, which Debian makes by questions. Those are answered with
// "No configuration", so that the file is ours from the start and nothing listens
// before it is there (postconf(5), postfix.config of Debian).
const (
	postfixMain  = "/etc/postfix/main.cf"
	postfixLogin = "/etc/postfix/brokeforge-login"
	postfixRoot  = "/etc/postfix/brokeforge-root"
	postfixMark  = "# Written by BrokeForge"

	// aliasesMade remembers that there was no table of aliases before.
	aliasesMade = apt.Folder + "/mail-made-aliases"
)

// Name returns "mail".
func (Mail) Name() packages.Name { return mailName }

// Type returns the category of the system.
func (Mail) Type() packages.Type { return packages.System }

// Credential returns root.
func (Mail) Credential() packages.Credential { return packages.Root() }

// Describe tells of mail.
func (Mail) Describe() packages.Description {
	return packages.Description{
		Title:    "Mail (Postfix)",
		Summary:  "sends what the server's programs mail, over a smarthost; takes mail from nobody else",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: modeOption, Label: "Delivery", Kind: packages.Choice, Default: relayMode, Required: true,
				Choices: []string{relayMode, "local"}, Help: "relay hands everything to the smarthost; local keeps it in mailboxes on the server",
			},
			{
				Name: smarthostOption, Label: "Smarthost", Kind: packages.Text,
				Help: "the mail server that takes it, needed for relay", Validate: acceptHost,
			},
			{
				Name: mailPortOption, Label: "Port", Kind: packages.Number, Default: "587", Required: true, Min: 1, Max: 65535,
				Help: "of the smarthost: 587, 465 or 25",
			},
			{
				Name: tlsOption, Label: "TLS", Kind: packages.Choice, Default: "verified", Required: true,
				Choices: []string{"verified", "encrypted", "none"},
				Help:    "verified needs a certificate of the smarthost's name; encrypted takes any",
			},
			{
				Name: mailUserOption, Label: "User", Kind: packages.Text,
				Help: "of the login at the smarthost; empty means none is needed", Validate: acceptMailUser,
			},
			{
				Name: mailPassOption, Label: "Password", Kind: packages.Secret,
				Help: "of that login; it is never sent without TLS", Validate: acceptMailPassword,
			},
			{
				Name: mailDomain, Label: "Domain", Kind: packages.Text,
				Help: "what senders without a domain get; empty means the server's name", Validate: acceptHost,
			},
			{
				Name: rootMailOption, Label: "Root's mail to", Kind: packages.Text,
				Help: "an address that gets what the system mails to root; empty leaves it as it is", Validate: acceptAccountMail,
			},
		},
	}
}

func acceptHost(value string) error {
	if len(value) > 253 || !hostPattern.MatchString(value) {
		return fmt.Errorf("is not a host name, such as mail.example.org")
	}
	return nil
}

// The table of logins has a colon between user and password, and blanks before both.
var mailUserPattern = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+/=?^_{|}~.@-]{1,254}$`)

func acceptMailUser(value string) error {
	if !mailUserPattern.MatchString(value) {
		return fmt.Errorf("is not a login, such as ops@example.org: no blanks, quotes, colons or backslashes")
	}
	return nil
}

// acceptMailPassword refuses what the table of logins can't hold: it drops blanks at
// the end of a line (postconf(5), texthash).
func acceptMailPassword(value string) error {
	if strings.TrimRight(value, " ") != value {
		return fmt.Errorf("ends with a space, which Postfix can't hold")
	}
	return nil
}

// Probe tells whether Postfix is installed and runs with a file of ours.
func (Mail) Probe() string {
	return `found=$(dpkg-query -W -f '${db:Status-Status} ${Version}' -- postfix 2>/dev/null)
case $found in
'installed '*) ;;
*) exit 1 ;;
esac
systemctl is-active --quiet postfix || { echo 'its service is not running' && exit 2; }
echo "${found#* }"`
}

// Units returns the systemd unit of Postfix.
func (Mail) Units(packages.Context) []string { return []string{"postfix"} }

// Install returns the commands that install and configure Postfix.
func (m Mail) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	v := ctx.Values
	relay := v[modeOption] == relayMode
	switch {
	case relay && v[smarthostOption] == "":
		return nil, &packages.OptionError{Package: m.Name(), Option: smarthostOption, Reason: "is needed to relay mail; or choose delivery=local"}
	case relay && v[mailUserOption] != "" && v[mailPassOption] == "":
		return nil, &packages.OptionError{Package: m.Name(), Option: mailPassOption, Reason: "is needed with a user"}
	case relay && v[mailUserOption] != "" && v[tlsOption] == "none":
		return nil, &packages.OptionError{Package: m.Name(), Option: tlsOption, Value: "none", Reason: "would send the password in the clear: choose verified or encrypted"}
	}
	software, err := apt.Install(m.Name(), "postfix", "libsasl2-modules")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{
		packages.Track{Name: "prepare_system", Label: "Preparing system"},
		packages.Run{
			Title: "refuse if another mail server is installed",
			Script: `echo "another mail server is on this server ($(dpkg-query -W -f '${Package} ${db:Status-Status} ${Provides}\n' | sed -n 's/^\([^ ]*\) installed .*mail-transport-agent.*/\1/p' | tr '\n' ' ')): installing Postfix would remove it; remove it first" >&2
exit 1`,
			Check: `! dpkg-query -W -f '${Package} ${db:Status-Status} ${Provides}\n' | grep -v '^postfix ' | grep -q '^[^ ]* installed .*mail-transport-agent'`,
		},
		packages.Run{
			Title: "refuse if Postfix has settings that are not BrokeForge's",
			Script: `echo "` + postfixMain + ` was not written by BrokeForge, so it is not overwritten; move it away to have Postfix configured anew" >&2
exit 1`,
			Check: `[ ! -e ` + postfixMain + ` ] || grep -q '^` + postfixMark + `' ` + postfixMain,
		},
		packages.Run{
			Title:  "answer Postfix's question: no configuration of Debian's",
			Script: `echo 'postfix postfix/main_mailer_type select No configuration' | debconf-set-selections`,
			Check:  "dpkg-query -W -f '${db:Status-Status}' -- postfix 2>/dev/null | grep -qx installed",
		},
		packages.Run{
			Title:  "note whether there is a table of aliases",
			Script: "install -d -m 0700 " + apt.Folder + " && touch " + aliasesMade,
			Check:  "[ -e /etc/aliases ] || [ -e " + aliasesMade + " ]",
		},
		packages.Track{Name: "install_software", Label: "Installing software"},
	}, software...)
	commands = append(commands, packages.Track{Name: "configure_mail", Label: "Configuring Postfix"})
	commands = append(commands, m.tables(relay, v)...)
	return append(commands,
		packages.Write{Path: postfixMain, Content: mainCF(relay, v)},
		packages.Run{
			Title:  "make the table of aliases",
			Script: "[ -e /etc/aliases ] || : >/etc/aliases\nnewaliases",
			Check:  "! grep -q '^alias_database' " + postfixMain + " || [ -n \"$(find /etc/aliases.db -newer /etc/aliases 2>/dev/null)\" ]",
		},
		packages.Run{Title: "postfix check", Script: `postfix check && postconf -c /etc/postfix >/dev/null`, IfChanged: true},
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start("postfix"),
		packages.Run{
			Script: "systemctl reload-or-restart postfix", IfChanged: true, Touch: packages.Touch{Reloads: []string{"postfix"}},
		},
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title: "see that Postfix takes mail from this server, and from nobody else",
			Script: `tries=0
until postfix status 2>/dev/null; do
	tries=$((tries + 1))
	[ "$tries" -lt 20 ] || { echo "Postfix does not run" >&2 && exit 1; }
	sleep 0.2
done
if ss -Hltn 'sport = :25' | grep -qv -e '127\.0\.0\.1:25 ' -e '\[::1\]:25 '; then
	echo "something listens on port 25 for others than this server" >&2
	exit 1
fi`,
			IfChanged: true,
		},
		packages.Persist{Version: apt.Version("postfix")},
	), nil
}

// tables returns the commands that put the login and root's address in place, or
// take them away.
func (m Mail) tables(relay bool, v packages.Values) []packages.Command {
	var commands []packages.Command
	gone := func(path string) packages.Run {
		return packages.Run{Script: "rm -f " + path, Check: "[ ! -e " + path + " ]"}
	}
	if relay && v[mailUserOption] != "" {
		login := postfixMark + ".\n" + relayHost(v) + " " + v[mailUserOption] + ":" +
			packages.SecretRef(packages.SecretOf(mailName, "", mailPassOption), packages.AsIs) + "\n"
		commands = append(commands, packages.Write{Path: postfixLogin, Content: login, Mode: 0o600})
	} else {
		commands = append(commands, gone(postfixLogin))
	}
	if to := v[rootMailOption]; to != "" {
		commands = append(commands, packages.Write{Path: postfixRoot, Content: postfixMark + ".\nroot " + to + "\n"})
	} else {
		commands = append(commands, gone(postfixRoot))
	}
	return commands
}

// relayHost is the smarthost as Postfix wants it: brackets keep it from asking for
// other servers of that domain.
func relayHost(v packages.Values) string {
	return "[" + v[smarthostOption] + "]:" + v[mailPortOption]
}

// mainCF is Postfix's settings, see postconf(5).
func mainCF(relay bool, v packages.Values) string {
	var b strings.Builder
	set := func(name, value string) { fmt.Fprintf(&b, "%s = %s\n", name, value) }
	b.WriteString(postfixMark + ", which writes it again when mail is installed again.\n")
	set("compatibility_level", "3.6")
	set("inet_interfaces", "loopback-only")
	set("mynetworks_style", "host")
	set("smtpd_relay_restrictions", "permit_mynetworks, reject")
	set("biff", "no")
	set("smtputf8_enable", "no")
	set("disable_vrfy_command", "yes")
	if v[mailDomain] != "" {
		set("myorigin", v[mailDomain])
	} else {
		set("myorigin", "$myhostname")
	}
	if v[rootMailOption] != "" {
		set("virtual_alias_maps", "texthash:"+postfixRoot)
	}
	if !relay {
		set("alias_maps", "hash:/etc/aliases")
		set("alias_database", "hash:/etc/aliases")
		set("mydestination", "$myhostname, localhost, localhost.localdomain")
		set("default_transport", "error:this server delivers mail to its own users only")
		set("relayhost", "")
		return b.String()
	}
	set("alias_maps", "")
	set("mydestination", "")
	set("local_transport", "error:this server keeps no mail")
	set("relayhost", relayHost(v))
	levels := map[string]string{"verified": "secure", "encrypted": "encrypt", "none": "none"}
	set("smtp_tls_security_level", levels[v[tlsOption]])
	if v[tlsOption] == "verified" {
		set("smtp_tls_secure_cert_match", "hostname")
	}
	if v[tlsOption] != "none" && v[mailPortOption] == strconv.Itoa(465) {
		set("smtp_tls_wrappermode", "yes")
	}
	set("smtp_tls_CAfile", "/etc/ssl/certs/ca-certificates.crt")
	set("smtp_host_lookup", "dns, native")
	set("smtp_tls_session_cache_database", "btree:${data_directory}/smtp_scache")
	if v[mailUserOption] != "" {
		set("smtp_sasl_auth_enable", "yes")
		set("smtp_sasl_password_maps", "texthash:"+postfixLogin)
		set("smtp_sasl_security_options", "noanonymous")
	}
	return b.String()
}

// Remove returns the commands that take Postfix away. Mail that was delivered on the
// server stays; what waits to be sent is told first.
func (m Mail) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeBrought(m.Name(), "postfix", "libsasl2-modules", "ssl-cert")
	if err != nil {
		return nil, err
	}
	files := strings.Join([]string{postfixLogin, postfixRoot}, " ")
	commands := []packages.Command{
		packages.Track{Name: "stop_service", Label: "Stopping service"},
		packages.Run{
			Title: "refuse while mail waits to be sent",
			Script: `echo "mail waits to be sent, and would be lost: see mailq on the server, then postsuper -d ALL there to give it up" >&2
exit 1`,
			Check: `! command -v mailq >/dev/null || ! systemctl is-active --quiet postfix || mailq | grep -q 'queue is empty'`,
		},
		packages.Run{
			// What answers belongs to an instance on Debian 12, which postfix.service does not wait for.
			Title:  "end Postfix, and wait until it has ended",
			Script: "systemctl stop postfix@-.service",
			Check:  "! systemctl is-active --quiet postfix@-.service",
		},
		apt.Stop("postfix"),
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		packages.Run{
			Title:  "remove BrokeForge's settings",
			Script: "rm -f " + files + "\n! grep -qs '^" + postfixMark + "' " + postfixMain + " || rm -f " + postfixMain,
			Check:  "! ls -d " + files + " >/dev/null 2>&1 && ! grep -qs '^" + postfixMark + "' " + postfixMain,
		},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	commands = append(commands, software...)
	return append(commands,
		packages.Run{
			Title: "remove the table of aliases that came along, if nobody has changed it",
			Script: `if grep -qsv -e '^#' -e '^ *$' -e '^postmaster: *root$' /etc/aliases; then
	echo "/etc/aliases stays: it has entries of yours"
else
	rm -f /etc/aliases /etc/aliases.db
fi
rm -f ` + aliasesMade,
			Check: "[ ! -e " + aliasesMade + " ]",
		},
		packages.Forget{},
	), nil
}
