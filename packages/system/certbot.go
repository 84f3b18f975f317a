package system

import (
	"fmt"
	"net/mail"
	"net/url"
	"path"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Certbot is certbot, as Debian packages it: it fetches certificates from an ACME
// server, and renews them by a timer.
type Certbot struct{}

const (
	accountMailOption = "mail"
	serverOption      = "server"
	bundleOption      = "ca-bundle"
	keepLetOption     = "keep-certificates"
)

// letsEncrypt is the directory of the ACME server that certbot itself takes when
// none is said.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

const (
	certbotFolder = "/etc/systemd/system/certbot.service.d"
	certbotFile   = certbotFolder + "/brokeforge.conf"

	// certbotAccount remembers for which server and address there is an account.
	certbotAccount = apt.Folder + "/certbot-account"

	// certbotKept is where accounts and certificates are while certbot is purged.
	certbotKept = apt.Folder + "/kept-letsencrypt"
)

// Name returns "certbot".
func (Certbot) Name() packages.Name { return "certbot" }

// Type returns the category of the system.
func (Certbot) Type() packages.Type { return packages.System }

// Credential returns root.
func (Certbot) Credential() packages.Credential { return packages.Root() }

// Describe tells of certbot.
func (Certbot) Describe() packages.Description {
	return packages.Description{
		Title:    "Certbot",
		Summary:  "fetches certificates from Let's Encrypt or another ACME server, and renews them",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: accountMailOption, Label: "Mail address", Kind: packages.Text,
				Help: "of the account, which is made with it and agrees to the server's terms; empty makes none yet", Validate: acceptAccountMail,
			},
			{
				Name: serverOption, Label: "ACME server", Kind: packages.Text, Default: letsEncrypt, Required: true,
				Help: "the URL of its directory", Validate: acceptServer,
			},
			{
				Name: bundleOption, Label: "CA bundle", Kind: packages.Text,
				Help: "a PEM file on the server, for an ACME server with a certificate of its own", Validate: acceptBundle,
			},
			{
				Name: keepLetOption, Label: "Keep certificates", Kind: packages.YesNo, Default: "yes",
				Help: "when certbot is removed, accounts and certificates stay in /etc/letsencrypt",
			},
		},
	}
}

func acceptAccountMail(value string) error {
	addr, err := mail.ParseAddress(value)
	_, domain, _ := strings.Cut(value, "@")
	switch {
	case err != nil || addr.Address != value || addr.Name != "":
		return fmt.Errorf("is not a mail address, such as ops@example.org")
	case len(value) > 254 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+_-@") != "" || strings.HasPrefix(value, "-"):
		return fmt.Errorf("has characters that ACME servers don't take in a mail address")
	case !strings.Contains(domain, "."):
		return fmt.Errorf("has no domain that mail can be sent to")
	}
	return nil
}

func acceptServer(value string) error {
	u, err := url.Parse(value)
	switch {
	case err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Errorf("is not the URL of an ACME directory, such as %s", letsEncrypt)
	case len(value) > 500 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-") != "" || strings.Contains(u.Path, ".."):
		return fmt.Errorf("has characters that are not expected in the URL of an ACME directory")
	}
	return nil
}

func acceptBundle(value string) error {
	switch {
	case !path.IsAbs(value) || path.Clean(value) != value:
		return fmt.Errorf("is not an absolute path")
	case len(value) > 1000 || strings.Trim(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./_-") != "":
		return fmt.Errorf("has other characters than letters, digits and . / _ -")
	}
	return nil
}

// Probe tells whether certbot is installed and its timer is active.
func (Certbot) Probe() string { return apt.Probe("certbot", "certbot.timer") }

// Install returns the commands that install certbot.
func (c Certbot) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	software, err := apt.Install(c.Name(), "certbot")
	if err != nil {
		return nil, err
	}
	v := ctx.Values
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	commands = append(commands, putLetsEncryptBack(), packages.Track{Name: "configure_certbot", Label: "Configuring certbot"})
	commands = append(commands, bundle(v[bundleOption])...)
	commands = append(commands,
		packages.Track{Name: "start_timer", Label: "Starting timer"},
		packages.Run{Script: "systemctl daemon-reload", IfChanged: true},
		apt.Start("certbot.timer"),
	)
	if v[accountMailOption] != "" {
		commands = append(commands,
			packages.Track{Name: "make_account", Label: "Making account"},
			account(v[accountMailOption], v[serverOption], v[bundleOption]),
		)
	}
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Script: "certbot --version && systemctl is-active certbot.timer", IfChanged: true},
		packages.Persist{Version: apt.Version("certbot")},
	), nil
}

// bundle returns the commands that have renewals trust a bundle of certificates,
// or no other than the system's.
func bundle(file string) []packages.Command {
	if file == "" {
		return []packages.Command{removeBundle()}
	}
	return []packages.Command{
		packages.Run{
			Title:  "refuse if there is no " + file,
			Script: "echo 'there is no file with certificates at " + file + " on this server' >&2\nexit 1",
			Check:  "grep -qs -e '-----BEGIN CERTIFICATE-----' " + file,
		},
		packages.Run{Script: "install -d -m 0755 " + certbotFolder, Check: "[ -d " + certbotFolder + " ]"},
		packages.Write{Path: certbotFile, Content: `# Written by BrokeForge, which writes it again when certbot is installed again.
[Service]
Environment=REQUESTS_CA_BUNDLE=` + file + "\n"},
	}
}

func removeBundle() packages.Run {
	return packages.Run{
		Script: "rm -f " + certbotFile + "\nrmdir --ignore-fail-on-non-empty " + certbotFolder + " 2>/dev/null\ntrue",
		Check:  "[ ! -e " + certbotFile + " ]",
	}
}

// account returns the command that makes an account, or changes its address.
// Where certbot keeps an account is the server's name and path, see "Where are my
// certificates?" and account.py of certbot.
func account(address, server, bundle string) packages.Run {
	folder := "/etc/letsencrypt/accounts/" + strings.TrimPrefix(server, "https://")
	environment := ""
	if bundle != "" {
		environment = "export REQUESTS_CA_BUNDLE=" + bundle + "\n"
	}
	return packages.Run{
		Title: "make an account for " + address + ", or give it that address",
		Script: fmt.Sprintf(`%[1]sif ls %[2]s/*/regr.json >/dev/null 2>&1; then
	certbot update_account --non-interactive --no-eff-email -m %[3]s --server %[4]s || exit 1
else
	certbot register --non-interactive --agree-tos --no-eff-email -m %[3]s --server %[4]s || exit 1
fi
echo '%[3]s %[4]s' >%[5]s`, environment, folder, shellescape.Quote(address), shellescape.Quote(server), certbotAccount),
		Check: fmt.Sprintf(`[ "$(cat %[1]s 2>/dev/null)" = '%[2]s %[3]s' ] && ls %[4]s/*/regr.json >/dev/null 2>&1`,
			certbotAccount, address, server, folder),
	}
}

// Remove returns the commands that take certbot away. Accounts and certificates
// stay where they were chosen to, and where certbot was there before.
func (c Certbot) Remove(ctx packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeAdded(c.Name(), "certbot", "python3-certbot", "python3-acme", "python3-josepy")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "remove_settings", Label: "Removing settings"},
		removeBundle(),
		packages.Run{Script: "rm -f " + certbotAccount, Check: "[ ! -e " + certbotAccount + " ]"},
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	if ctx.Values[keepLetOption] != "no" {
		commands = append(commands, packages.Run{
			Title: "take accounts and certificates aside, which the removal would delete",
			Script: fmt.Sprintf(`[ ! -e %[1]s.new ] || rm -rf %[1]s.new
cp -a /etc/letsencrypt %[1]s.new && mv -T %[1]s.new %[1]s`, certbotKept),
			Check: fmt.Sprintf("! grep -qsx certbot %s/added/certbot || [ ! -d /etc/letsencrypt ] || [ -e %s ]", apt.Folder, certbotKept),
		})
	}
	commands = append(commands, software...)
	if ctx.Values[keepLetOption] != "no" {
		commands = append(commands, putLetsEncryptBack())
	}
	return append(commands,
		packages.Run{Script: "systemctl daemon-reload", IfChanged: true},
		packages.Forget{},
	), nil
}

// putLetsEncryptBack returns the command that brings back what a removal has
// taken aside, also one that was ended in the middle. Debian's own cli.ini goes,
// as certbot brings it.
func putLetsEncryptBack() packages.Run {
	return packages.Run{
		Title: "put accounts and certificates back",
		Script: fmt.Sprintf(`mkdir -p /etc/letsencrypt && chmod 0755 /etc/letsencrypt &&
cp -an %[1]s/. /etc/letsencrypt/ && rm -rf %[1]s && echo "accounts and certificates stay in /etc/letsencrypt"`, certbotKept),
		Check: "[ ! -e " + certbotKept + " ]",
	}
}

// Release returns the commands that take away what BrokeForge has brought to
// a certbot that was there before: Remove leaves all else.
func (c Certbot) Release(ctx packages.Context) ([]packages.Command, error) { return c.Remove(ctx) }
