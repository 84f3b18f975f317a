package sites

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// onNginx is a site on nginx, with what was chosen for its certificate.
func onNginx(v packages.Values) packages.SiteContext {
	ctx := packages.SiteContext{
		Site: store.Site{ID: "1", Domain: "example.org"},
		SiteInstalled: []store.SitePackage{{Name: siteName, Configuration: map[string]string{
			webServerKey: string(nginxName), userKey: "site_example_org", aliasesOption: "www.example.org", ownUserOption: "yes",
		}}},
	}
	ctx.Installed = []store.ServerPackage{
		{Name: nginxName, Version: "1.26.3-3"},
		{Name: certbotName, Configuration: map[string]string{"server": "https://acme-v02.api.letsencrypt.org/directory"}},
	}
	ctx.Facts.Systemd, ctx.Values = true, v
	return ctx
}

func chosen(t *testing.T, v packages.Values) packages.Values {
	t.Helper()
	values, err := packages.Complete(Certificate{}, v)
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// text is all that the commands would do.
func text(t *testing.T, commands []packages.Command, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, cmd := range commands {
		switch c := cmd.(type) {
		case packages.Run:
			b.WriteString(c.Script + "\n")
		case packages.Write:
			b.WriteString(c.Path + "\n" + c.Content + "\n")
		}
	}
	return b.String()
}

func TestCertificatePlans(t *testing.T) {
	commands, err := Certificate{}.Install(onNginx(chosen(t, packages.Values{})))
	got := text(t, commands, err)
	for _, part := range []string{
		"--cert-name brokeforge-example.org", "-d example.org -d www.example.org", "--webroot -w /var/www/brokeforge-acme",
		"'nginx -t && systemctl reload nginx'", "certbot renew --dry-run", "listen 443 ssl;", "http2 on;", "return 301 https://$host$request_uri;",
		"ssl_certificate /etc/letsencrypt/live/brokeforge-example.org/fullchain.pem;",
	} {
		if !strings.Contains(got, part) {
			t.Errorf("there is no %q in\n%s", part, got)
		}
	}
	if strings.Contains(got, "Strict-Transport") || strings.Contains(got, "--server https://acme-v02.api.letsencrypt.org/directory\n") {
		t.Errorf("too much in\n%s", got)
	}
	commands, err = Certificate{}.Install(onNginx(chosen(t, packages.Values{sourceOption: fromSelf, redirectOption: "no", hstsOption: "2"})))
	got = text(t, commands, err)
	if !strings.Contains(got, "max-age=172800") || strings.Contains(got, "return 301") || strings.Contains(got, "certonly") {
		t.Errorf("self-signed:\n%s", got)
	}
	if _, err := (Certificate{}).Install(onNginx(chosen(t, packages.Values{sourceOption: fromOwn}))); err == nil {
		t.Error("an own certificate without one is taken")
	}
}

func TestCertificateOptions(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pair := func(until time.Time) (string, string) {
		template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until, DNSNames: []string{"example.org"}}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			t.Fatal(err)
		}
		encode := func(kind string, b []byte) string {
			return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
		}
		return encode("CERTIFICATE", der), encode("PRIVATE KEY", private)
	}
	chain, private := pair(time.Now().Add(time.Hour))
	old, _ := pair(time.Now().Add(-time.Minute))
	for _, test := range []struct{ option, value, says string }{
		{chainOption, chain, ""},
		{chainOption, chain + chain, ""},
		{keyOption, private, ""},
		{chainOption, old, "has expired"},
		{chainOption, private, "something else than certificates"},
		{chainOption, "hunter2", "no certificate in PEM"},
		{chainOption, chain + "\nhunter2", "behind its certificates"},
		{keyOption, chain, "no private key"},
		{keyOption, private + private, "something behind"},
		{keyOption, strings.ReplaceAll(private, "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "passphrase"},
		{keyOption, private + "\x00", "can't be printed"},
	} {
		_, err := packages.Complete(Certificate{}, packages.Values{test.option: test.value})
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s is refused: %v", test.option, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "hunter2")):
			t.Errorf("%s with %.30q gives %v, wanted %q", test.option, test.value, err, test.says)
		}
	}
}

func TestCommandPlan(t *testing.T) {
	ctx := onNginx(nil)
	for _, command := range []string{"ls; exit 3", "'; touch /tmp/pwn", "$(x) `y` \"z\""} {
		values, err := packages.Complete(Command{}, packages.Values{packages.CommandOption: command})
		if err != nil {
			t.Fatal(err)
		}
		ctx.Values = values
		commands, err := Command{}.Install(ctx)
		if err != nil {
			t.Fatal(err)
		}
		run, ok := commands[1].(packages.Run)
		if !ok || run.Timeout != 2*time.Minute || !strings.HasPrefix(run.Script, "cd /srv/sites/example.org/current || exit\nexec sh -c '") {
			t.Errorf("%q gives %+v", command, commands[1])
		}
	}
	if got := (Command{}).CredentialOn(ctx).User; got != "site_example_org" {
		t.Errorf("it runs as %s", got)
	}
	for _, command := range []string{"", "  ", "a\nb", "a\x00b", strings.Repeat("x", maxCommand+1)} {
		if _, err := packages.Complete(Command{}, packages.Values{packages.CommandOption: command}); err == nil {
			t.Errorf("%.20q is taken", command)
		}
	}
}
