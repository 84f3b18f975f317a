package sites

import (
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// letsEncryptFolder is certbot's own.
const letsEncryptFolder = "/etc/letsencrypt"

// lineage is what certbot knows the certificate by.
func (p tls) lineage() string { return "brokeforge-" + p.domain }

// environment has certbot trust what it was told to trust when it was installed.
func (p tls) environment() string {
	if p.bundle == "" {
		return ""
	}
	return "export REQUESTS_CA_BUNDLE=" + shellescape.Quote(p.bundle) + "\n"
}

// acme returns the commands that fetch the certificate from certbot's ACME server.
func (p tls) acme() []packages.Command {
	var account string
	if p.mail == "" {
		account = " --register-unsafely-without-email"
	} else {
		account = " -m " + shellescape.Quote(p.mail) + " --no-eff-email"
	}
	var domains strings.Builder
	for _, name := range p.names {
		domains.WriteString(" -d " + shellescape.Quote(name))
	}
	return []packages.Command{
		packages.Track{Name: "fetch_certificate", Label: "Fetching the certificate"},
		packages.Run{Script: "install -d -m 0755 " + acmeRoot, Check: "[ -d " + acmeRoot + " ]"},
		packages.Run{
			Title: "have certbot fetch a certificate for " + strings.Join(p.names, ", "),
			Script: p.environment() + fmt.Sprintf(`certbot certonly --non-interactive --agree-tos%s --server %s \
	--webroot -w %s --cert-name %s --renew-with-new-domains --keep-until-expiring \
	--deploy-hook %s \
%s && exit 0
echo %s >&2
exit 1`,
				account, shellescape.Quote(p.acmeServer), acmeRoot, shellescape.Quote(p.lineage()),
				shellescape.Quote(p.test()+" && systemctl reload "+p.unit()), "\t"+strings.TrimSpace(domains.String()),
				shellescape.Quote("the ACME server gave no certificate: it must reach http://"+p.domain+"/.well-known/acme-challenge/ on this server, under each of the names; nothing was changed")),
			Check: p.valid(shellescape.Quote(p.chain())) + fmt.Sprintf(" &&\ngrep -qxF %s %s",
				shellescape.Quote("server = "+p.acmeServer), shellescape.Quote(letsEncryptFolder+"/renewal/"+p.lineage()+".conf")),
		},
	}
}

// proveRenewal returns the command that renews the certificate on trial, as certbot's
// timer will.
func (p tls) proveRenewal() packages.Run {
	// For that of Let's Encrypt it takes their server for trials by itself.
	trial := ""
	if !strings.HasPrefix(p.acmeServer, "https://acme-v02.api.letsencrypt.org/") {
		trial = " --server " + shellescape.Quote(p.acmeServer)
	}
	return packages.Run{
		Title:     "prove that it can be renewed, on trial",
		Script:    p.environment() + "certbot renew --dry-run --no-random-sleep-on-renew --cert-name " + shellescape.Quote(p.lineage()) + trial + " &&\nsystemctl is-enabled certbot.timer",
		IfChanged: true,
	}
}

// forgetACME returns the command that takes the certificate from certbot.
func (p tls) forgetACME() packages.Run {
	conf := shellescape.Quote(letsEncryptFolder + "/renewal/" + p.lineage() + ".conf")
	return packages.Run{
		Title:  "take the certificate from certbot, if it has it",
		Script: "certbot delete --non-interactive --cert-name " + shellescape.Quote(p.lineage()),
		Check:  "[ ! -e " + conf + " ]",
	}
}
