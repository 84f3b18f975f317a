package catalog_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"math/big"
	"slices"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// certified is a site of which these values of its certificate are recorded, on a
// server with nginx and certbot.
func certified(t *testing.T, values packages.Values) packages.SiteContext {
	t.Helper()
	ctx := deployed(t)
	ctx.Installed = append(ctx.Installed,
		store.ServerPackage{Name: "nginx", Version: "1.26.3-3"},
		store.ServerPackage{Name: "certbot", Configuration: map[string]string{"server": "https://acme-v02.api.letsencrypt.org/directory", "mail": "ops@example.org"}},
	)
	ctx.SiteInstalled = ctx.SiteInstalled[:1]
	ctx.SiteInstalled[0].Configuration = maps.Clone(ctx.SiteInstalled[0].Configuration)
	ctx.SiteInstalled[0].Configuration["aliases"] = "www.example.org"
	if values != nil {
		ctx.SiteInstalled = append(ctx.SiteInstalled, store.SitePackage{Name: packages.CertificateName, Configuration: values})
	}
	return ctx
}

// apacheInstead has Apache serve the site.
func apacheInstead(ctx packages.SiteContext) packages.SiteContext {
	onApache(&ctx)
	ctx.Installed = slices.DeleteFunc(ctx.Installed, func(p store.ServerPackage) bool { return p.Name == "nginx" })
	ctx.SiteInstalled[0].Configuration["web-server"] = "apache"
	return ctx
}

// ownCertificate makes a certificate and its key, as people give them.
func ownCertificate(t *testing.T) (chain, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"example.org"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	encode := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return encode("CERTIFICATE", der), encode("PRIVATE KEY", keyDER)
}

// certificatePlans are those of certificates, renewals and commands.
func certificatePlans(t *testing.T) map[string]packages.Plan {
	t.Helper()
	acme := packages.Values{"source": "letsencrypt", "redirect": "yes", "hsts-days": "0"}
	chain, key := ownCertificate(t)
	plans := map[string]packages.Plan{}
	for name, c := range map[string]struct {
		of     packages.Name
		values packages.Values
		on     packages.SiteContext
	}{
		"certificate-install":             {packages.CertificateName, nil, certified(t, nil)},
		"certificate-install-apache":      {packages.CertificateName, packages.Values{"hsts-days": "180"}, apacheInstead(certified(t, nil))},
		"certificate-install-own":         {packages.CertificateName, packages.Values{"source": "own", "chain": chain, "key": key, "redirect": "no"}, certified(t, nil)},
		"certificate-install-self-signed": {packages.CertificateName, packages.Values{"source": "self-signed"}, certified(t, acme)},
		"certificate-renewal-install":     {packages.RenewalName, nil, certified(t, acme)},
		"command-install":                 {packages.CommandName, packages.Values{"command": `echo "it's $HOME"; exit 3`}, certified(t, nil)},
	} {
		resolved, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{{Name: c.of, Values: c.values}}, c.on)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		built, err := packages.BuildSite(store.Install, resolved, c.on)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		plans[name] = built
	}
	for name, on := range map[string]packages.SiteContext{
		"certificate-remove":        certified(t, acme),
		"certificate-remove-apache": apacheInstead(certified(t, acme)),
	} {
		plans[name] = certificateRemoval(t, packages.CertificateName, on)
	}
	for _, name := range []packages.Name{packages.RenewalName, packages.CommandName} {
		on := certified(t, acme)
		on.SiteInstalled = append(on.SiteInstalled, store.SitePackage{Name: name})
		plans[string(name)+"-remove"] = certificateRemoval(t, name, on)
	}
	return plans
}

func certificateRemoval(t *testing.T, name packages.Name, on packages.SiteContext) packages.Plan {
	t.Helper()
	resolved, err := packages.ResolveSiteRemove(catalog.New(), []packages.Want{{Name: name}}, on)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	built, err := packages.BuildSite(store.Remove, resolved, on)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return built
}

func TestGoldenCertificates(t *testing.T) {
	for name, built := range certificatePlans(t) {
		golden(t, name, built)
	}
}
