package job

import (
	"slices"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// fakeCertificate brings certificates to sites.
type fakeCertificate struct{ fakeSite }

func (fakeCertificate) CertificateFile(ctx packages.SiteContext) string {
	return "/tls/" + ctx.Site.Domain + ".pem"
}

// certifying is a catalog with sites and their certificates, where servers can be
// watched.
type certifying struct{ siteCatalog }

func (c certifying) Server(name packages.Name) (packages.ServerPackage, bool) {
	return watchedCatalog{c.fakeCatalog}.Server(name)
}

// certified is a bench with a site that has a certificate.
func certified(t *testing.T, n Notifier) (b *bench, host *fakeHost, site store.Site, clock *clock) {
	t.Helper()
	host = newFakeHost()
	catalog := certifying{hosting()}
	catalog.fakeCatalog = append(catalog.fakeCatalog, simple("monitoring", "base"))
	catalog.sites = append(catalog.sites, fakeCertificate{fakeSite{name: packages.CertificateName, needs: []packages.Want{{Name: "site"}}}})
	b = newBench(t, catalog, map[string]*fakeHost{"10.0.0.1": host})
	clock = newClock()
	b.cfg.Notifier, b.cfg.Now = n, clock.now
	b.restart()
	server := b.add("web1", "10.0.0.1")
	on := []store.ID{server.ID}
	_, made := b.do(Request{Action: store.Install, Servers: on, Packages: []packages.Want{wantSite("a.org")}})
	host.expiring(in(clock, 20)) // facts are read after each run
	b.do(Request{Action: store.Install, Servers: on, Site: made.Run.SiteID, Packages: []packages.Want{{Name: packages.CertificateName}}})
	view, err := b.Site(made.Run.SiteID)
	if err != nil {
		t.Fatal(err)
	}
	return b, host, view.Site, clock
}

// expiring has the host tell of its only certificate.
func (h *fakeHost) expiring(said string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.facts = "hostname=fake\ncertificate=0 " + said + "\nend=facts\n"
}

func in(c *clock, days int) string {
	return c.now().Add(time.Duration(days)*24*time.Hour + time.Minute).Format(time.RFC3339)
}

// alertOf refreshes and returns the text of the only alert, if there is one.
func alertOf(b *bench, site store.Site) string {
	b.Helper()
	view, err := b.Refresh(b.Context(), site.ServerID)
	if err != nil {
		b.Fatal(err)
	}
	if len(view.Alerts) > 1 {
		b.Errorf("alerts: %+v", view.Alerts)
	}
	if len(view.Alerts) == 0 {
		return ""
	}
	return view.Alerts[0].Text
}

func stateOf(b *bench, site store.Site) CertificateState {
	b.Helper()
	view, err := b.Site(site.ID)
	if err != nil {
		b.Fatal(err)
	}
	c, ok := view.Certificate()
	if !ok {
		b.Error("the site has no certificate")
	}
	return c
}

func TestCertificatesAreReadAndWarnedOf(t *testing.T) {
	n := &told{}
	b, host, site, clock := certified(t, n)
	if got := alertOf(b, site); got != "" {
		t.Errorf("20 days before: %q", got)
	}
	host.mu.Lock()
	if last := host.scripts[len(host.scripts)-1]; !strings.Contains(last, "certificate 0 /tls/a.org.pem") || !strings.HasSuffix(last, "echo end=facts\n") {
		t.Errorf("the script with the facts does not ask for it:\n%s", last)
	}
	host.mu.Unlock()
	if days, known := stateOf(b, site).Days(clock.now()); days != 20 || !known {
		t.Errorf("%d days, %t", days, known)
	}
	clock.add(7 * 24 * time.Hour)
	if got := alertOf(b, site); got != "the certificate of a.org expires in 13 days" {
		t.Errorf("13 days before: %q", got)
	}
	if got := stateOf(b, site).Problem(clock.now()); got != "expires in 13 days" {
		t.Errorf("the site says %q", got)
	}
	// It was renewed.
	host.expiring(in(clock, 90))
	if got := alertOf(b, site); got != "" {
		t.Errorf("after the renewal: %q", got)
	}
	for said, want := range map[string]string{
		in(clock, 0):          "the certificate of a.org expires within a day",
		in(clock, 1):          "the certificate of a.org expires in 1 day",
		in(clock, -2):         "the certificate of a.org has expired on 2026-03-06",
		"!there is no file x": "the certificate of a.org can't be read: there is no file x",
	} {
		host.expiring(said)
		if got := alertOf(b, site); got != want {
			t.Errorf("%q gives %q, want %q", said, got, want)
		}
	}
	err := b.cfg.Store.Update(func(tx *store.Tx) error { return tx.DeleteSitePackage(site.ID, packages.CertificateName, "") })
	if err != nil {
		t.Fatal(err)
	}
	if got := alertOf(b, site); got != "" {
		t.Errorf("of a certificate that is gone it says %q", got)
	}
	want := []string{"raised certificate a.org", "cleared certificate a.org", "raised certificate a.org", "cleared certificate a.org"}
	if !slices.Equal(n.alerts, want) {
		t.Errorf("told %q, want %q", n.alerts, want)
	}
}

// TestMonitoringReadsCertificates: what is watched is told of in time, by its own
// limit, and samples leave that alert alone.
func TestMonitoringReadsCertificates(t *testing.T) {
	b, host, site, clock := certified(t, nil)
	b.end(b.start(store.Install, []store.Server{{ID: site.ServerID}}, "monitoring")[0])
	host.expiring(in(clock, 12))
	host.mu.Lock()
	host.sample = sampleText(1, "active")
	host.mu.Unlock()
	m := newMonitor(b.Engine)
	sample := func() string {
		t.Helper()
		all, err := b.watchedServers()
		if err != nil || len(all) != 1 {
			t.Fatalf("watched: %v, %v", all, err)
		}
		if err := m.sample(t.Context(), all[0]); err != nil {
			t.Fatal(err)
		}
		view, err := b.Server(site.ServerID)
		if err != nil || len(view.Alerts) > 1 {
			t.Fatalf("alerts %+v, %v", view.Alerts, err)
		}
		if len(view.Alerts) == 0 {
			return ""
		}
		return view.Alerts[0].Text
	}
	if got := sample(); got != "" {
		t.Errorf("12 days before, of 10: %q", got)
	}
	if got := stateOf(b, site); got.Warn != 10 || got.Problem(clock.now()) != "" {
		t.Errorf("the site says %+v", got)
	}
	renewed := in(clock, 90)
	clock.add(72 * time.Hour) // without a word from the server
	host.expiring("!gone")
	m.read[site.ServerID] = clock.now().Add(time.Hour)
	for range 2 {
		if got := sample(); got != "the certificate of a.org expires in 9 days" {
			t.Errorf("3 days later: %q", got)
		}
	}
	host.expiring(renewed)
	clock.add(certificateInterval)
	if got := sample(); got != "" {
		t.Errorf("a timer has renewed it: %q", got)
	}
}
