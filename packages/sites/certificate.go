package sites

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Certificate is the certificate of a site, with which it is answered by https: one
// of an ACME server's, which certbot fetches and renews, one that is given, or one
// that is signed by nobody, for tests.
type Certificate struct{}

const (
	sourceOption   = "source"
	chainOption    = "chain"
	redirectOption = "redirect"
	hstsOption     = "hsts-days"
)

// Where a certificate comes from.
const (
	fromACME = "letsencrypt"
	fromOwn  = "own"
	fromSelf = "self-signed"
)

const certbotName packages.Name = "certbot"

// Name returns "certificate".
func (Certificate) Name() packages.Name { return packages.CertificateName }

// Type returns the category of sites.
func (Certificate) Type() packages.Type { return packages.SiteType }

// Credential returns root.
func (Certificate) Credential() packages.Credential { return packages.Root() }

// Describe tells of the certificate.
func (Certificate) Describe() packages.Description {
	return packages.Description{
		Title:    "Certificate",
		Summary:  "has the site answered by https; from Let's Encrypt or another ACME server it is renewed by itself",
		Requires: []packages.Name{siteName},
		Options: []packages.Option{
			{
				Name: sourceOption, Label: "From", Kind: packages.Choice, Default: fromACME, Required: true,
				Choices: []string{fromACME, fromOwn, fromSelf},
				Help:    "letsencrypt asks certbot's ACME server, whose terms are agreed to; own takes chain and key; self-signed is for tests",
			},
			{
				Name: chainOption, Label: "Chain", Kind: packages.Secret, Lines: true,
				Help: "of an own one: the certificate and those that signed it, in PEM", Validate: acceptChain,
			},
			{
				Name: keyOption, Label: "Private key", Kind: packages.Secret, Lines: true,
				Help: "of an own one: in PEM, without a passphrase", Validate: acceptKey,
			},
			{
				Name: redirectOption, Label: "Redirect to https", Kind: packages.YesNo, Default: "yes",
				Help: "what is asked for by http is answered with its address by https; the ACME server's questions never are",
			},
			{
				Name: hstsOption, Label: "HSTS days", Kind: packages.Number, Default: "0", Required: true, Max: 730,
				Help: "how long browsers refuse to use http for this name, whatever comes; 0 leaves them free",
			},
		},
	}
}

// Needs returns certbot where the certificate comes from an ACME server.
func (Certificate) Needs(ctx packages.SiteContext) []packages.Want {
	if ctx.Values[sourceOption] == fromACME {
		return []packages.Want{{Name: certbotName}}
	}
	return nil
}

// CertificateFile is the file with the certificate of a site.
func (Certificate) CertificateFile(ctx packages.SiteContext) string { return tlsFrom(ctx).chain() }

// acceptChain refuses what can't be a certificate for anybody.
func acceptChain(value string) error {
	rest, n := []byte(value), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			return fmt.Errorf("has something else than certificates in it, %s", shortened(block.Type, 40))
		}
		c, err := x509.ParseCertificate(block.Bytes)
		switch {
		case err != nil:
			return fmt.Errorf("has a certificate that can't be read")
		case n == 0 && time.Now().After(c.NotAfter):
			return fmt.Errorf("begins with a certificate that has expired on %s", c.NotAfter.UTC().Format("2006-01-02"))
		case n == 0 && c.IsCA && len(c.DNSNames) == 0:
			return fmt.Errorf("begins with the certificate of an authority: the site's own goes first")
		}
		n++
	}
	switch {
	case n == 0:
		return fmt.Errorf("has no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")
	case strings.TrimSpace(string(rest)) != "":
		return fmt.Errorf("has something that is not PEM behind its certificates")
	}
	return nil
}

// acceptKey refuses what is no private key that a web server can use.
func acceptKey(value string) error {
	block, rest := pem.Decode([]byte(value))
	// A key on a curve may have its parameters in front.
	if block != nil && block.Type == "EC PARAMETERS" {
		block, rest = pem.Decode(rest)
	}
	switch {
	case block == nil || !strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return fmt.Errorf("has no private key in PEM, which begins with -----BEGIN PRIVATE KEY-----")
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return fmt.Errorf("has a passphrase, which the web server could not be told: take it off first, with openssl pkey")
	case strings.TrimSpace(string(rest)) != "":
		return fmt.Errorf("has something behind the private key")
	}
	for _, parse := range []func([]byte) error{
		func(b []byte) error { _, err := x509.ParsePKCS8PrivateKey(b); return err },
		func(b []byte) error { _, err := x509.ParsePKCS1PrivateKey(b); return err },
		func(b []byte) error { _, err := x509.ParseECPrivateKey(b); return err },
	} {
		if parse(block.Bytes) == nil {
			return nil
		}
	}
	return fmt.Errorf("has a private key that can't be read")
}

// Install returns the commands that have the site answered by https.
func (c Certificate) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx.Context); err != nil {
		return nil, err
	}
	p, err := tlsOf(ctx)
	if err != nil {
		return nil, err
	}
	var commands []packages.Command
	switch ctx.Values[sourceOption] {
	case fromOwn:
		commands, err = p.own()
	case fromSelf:
		commands = p.selfSigned()
	default:
		commands = p.acme()
	}
	if err != nil {
		return nil, err
	}
	settings, err := p.configure()
	if err != nil {
		return nil, err
	}
	commands = append(commands, packages.Track{Name: "configure_https", Label: "Configuring https"})
	commands = append(commands, settings...)
	commands = append(commands,
		p.reload(),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that " + p.domain + " is answered by https", Script: p.verify(), IfChanged: true},
	)
	if ctx.Values[sourceOption] == fromACME {
		commands = append(commands, p.proveRenewal())
	}
	return append(commands,
		p.unused(),
		packages.Persist{},
		packages.Note{Name: packages.ExpiresKey, Script: p.expires()},
	), nil
}

// Remove returns the commands that have the site answered by http alone again.
func (c Certificate) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := tlsOf(ctx)
	if err != nil {
		return nil, err
	}
	commands, err := p.withoutSettings()
	if err != nil {
		return nil, err
	}
	return append(commands,
		packages.Track{Name: "remove_certificate", Label: "Removing the certificate"},
		p.forgetACME(),
		p.forgetFiles(),
		packages.Forget{},
	), nil
}
