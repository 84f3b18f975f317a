package sites

import (
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// tlsFolder holds the certificates that don't come from certbot.
const tlsFolder = "/etc/brokeforge/tls"

// The files of a certificate, as certbot names them too.
const (
	chainFile = "fullchain.pem"
	keyFile   = "privkey.pem"
)

// folder is where the certificate and its key are.
func (p tls) folder() string {
	if p.source == fromACME {
		return letsEncryptFolder + "/live/" + p.lineage()
	}
	return tlsFolder + "/" + p.domain
}

func (p tls) chain() string { return p.folder() + "/" + chainFile }
func (p tls) key() string   { return p.folder() + "/" + keyFile }

// valid returns a check that a certificate, in a file whose path is quoted, covers
// all names and has not expired.
func (p tls) valid(chain string) string {
	check := fmt.Sprintf("openssl x509 -in %s -noout -checkend 0 >/dev/null 2>&1", chain)
	for _, name := range p.names {
		check += fmt.Sprintf(" &&\nopenssl x509 -in %s -noout -checkhost %s 2>/dev/null | grep -q ' does match certificate'", chain, shellescape.Quote(name))
	}
	return check
}

// own returns the commands that put a certificate that was given in place, once the
// server has seen that it and its key belong together and to the site.
func (p tls) own() ([]packages.Command, error) {
	chain, key := p.ctx.Values[chainOption], p.ctx.Values[keyOption]
	if chain == "" || key == "" {
		return nil, fmt.Errorf("an own certificate needs its chain and its private key; on the command line: certificate.chain=@FILE and certificate.key=@FILE")
	}
	var names strings.Builder
	for _, name := range p.names {
		names.WriteString(" " + shellescape.Quote(name))
	}
	fits := fmt.Sprintf(`[ "$(openssl x509 -in "$SECRETS/chain" -noout -pubkey 2>/dev/null)" = "$(openssl pkey -in "$SECRETS/key" -pubout 2>/dev/null)" ] &&
%s`, p.valid(`"$SECRETS/chain"`))
	commands := []packages.Command{
		packages.Track{Name: "check_certificate", Label: "Checking the certificate"},
		packages.Run{
			Title: "refuse a certificate that its key, the site's names or the date don't fit",
			Script: fmt.Sprintf(`cd "$SECRETS" || exit 1
openssl x509 -in chain -noout >/dev/null 2>&1 || { echo 'the certificate cannot be read' >&2; exit 1; }
[ "$(openssl x509 -in chain -noout -pubkey)" = "$(openssl pkey -in key -pubout 2>/dev/null)" ] ||
	{ echo 'the private key is not that of the certificate: nothing was changed' >&2; exit 1; }
openssl x509 -in chain -noout -checkend 0 >/dev/null ||
	{ echo "the certificate has expired ($(openssl x509 -in chain -noout -enddate | cut -d = -f 2)): nothing was changed" >&2; exit 1; }
for name in%s; do
	openssl x509 -in chain -noout -checkhost "$name" | grep -q ' does match certificate' ||
		{ echo "the certificate does not cover $name: nothing was changed" >&2; exit 1; }
done`, names.String()),
			Check:   fits,
			Secrets: map[string]string{"chain": chain, "key": key},
		},
		packages.Track{Name: "write_certificate", Label: "Writing the certificate"},
	}
	commands = append(commands, p.makeFolder()...)
	return append(commands,
		packages.Write{Path: p.chain(), Content: chain + "\n"},
		packages.Write{Path: p.key(), Content: key + "\n", Mode: 0o600},
	), nil
}

// makeFolder returns the command that makes the folder of a certificate that does not
// come from certbot, for root alone.
func (p tls) makeFolder() []packages.Command {
	folder := shellescape.Quote(p.folder())
	return []packages.Command{packages.Run{
		Script: "install -d -m 0755 /etc/brokeforge && install -d -m 0700 " + tlsFolder + " " + folder,
		Check:  "[ \"$(stat -c '%U %a' " + folder + " 2>/dev/null)\" = 'root 700' ]",
	}}
}

// selfSigned returns the commands that make a certificate that nobody trusts.
func (p tls) selfSigned() []packages.Command {
	var names []string
	for _, name := range p.names {
		names = append(names, "DNS:"+name)
	}
	commands := append([]packages.Command{packages.Track{Name: "make_certificate", Label: "Making the certificate"}}, p.makeFolder()...)
	return append(commands, packages.Run{
		Title: "make a key, and a certificate for a year that it signs itself",
		Script: fmt.Sprintf(`umask 077
cd %s || exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 -subj /CN=brokeforge-test \
	-addext %s -keyout %[3]s.new -out %[4]s.new && mv -fT %[3]s.new %[3]s && mv -fT %[4]s.new %[4]s`,
			shellescape.Quote(p.folder()), shellescape.Quote("subjectAltName="+strings.Join(names, ",")), keyFile, chainFile),
		Check: p.valid(shellescape.Quote(p.chain())) + fmt.Sprintf(" &&\n[ -f %s ] && openssl x509 -in %s -noout -issuer 2>/dev/null | grep -q brokeforge-test", shellescape.Quote(p.key()), shellescape.Quote(p.chain())),
	})
}

// expires returns a script that prints when the certificate expires.
func (p tls) expires() string { return packages.ExpiryScript(shellescape.Quote(p.chain())) }

// unused returns the command that takes away what an earlier choice of where the
// certificate comes from has left.
func (p tls) unused() packages.Run {
	if p.source == fromACME {
		return p.forgetFiles()
	}
	return p.forgetACME()
}

// forgetFiles returns the command that deletes a certificate that does not come from
// certbot.
func (p tls) forgetFiles() packages.Run {
	folder := shellescape.Quote(tlsFolder + "/" + p.domain)
	return packages.Run{
		Title:  "delete the certificate and its key",
		Script: "rm -rf -- " + folder + "\nrmdir --ignore-fail-on-non-empty " + tlsFolder + " /etc/brokeforge 2>/dev/null\ntrue",
		Check:  "[ ! -e " + folder + " ]",
	}
}
