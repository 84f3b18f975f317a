package job

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// CertificateState is how it stands with a site's certificate.
type CertificateState struct {
	From       string    // where it comes from
	Expires    time.Time // zero where it is not known
	Unreadable string    // why it is not known
	Warn       int       // how many days before it expires people are warned
}

// stateOfCertificate reads a record of a certificate.
func stateOfCertificate(record store.SitePackage, warn int) CertificateState {
	out := CertificateState{From: record.Configuration["source"], Unreadable: record.Configuration[packages.UnreadableKey], Warn: warn}
	if at, err := time.Parse(time.RFC3339, record.Configuration[packages.ExpiresKey]); err == nil {
		out.Expires = at
	}
	return out
}

// Certificate tells how it stands with the site's certificate, as recorded, and
// whether it has one.
func (v SiteView) Certificate() (CertificateState, bool) {
	record, ok := v.Package(packages.CertificateName)
	if !ok || record.Status != store.Active {
		return CertificateState{}, false
	}
	return stateOfCertificate(record, v.WarnDays), true
}

// Days returns how many whole days the certificate is valid from a time on, negative
// where it has expired, and whether that is known.
func (c CertificateState) Days(now time.Time) (days int, ok bool) {
	if c.Expires.IsZero() {
		return 0, false
	}
	return int(math.Floor(c.Expires.Sub(now).Hours() / 24)), true
}

// Problem says what people are to be warned of at a time, to go behind "the
// certificate"; empty where all is well.
func (c CertificateState) Problem(now time.Time) string {
	days, known := c.Days(now)
	switch {
	case !known && c.Unreadable != "":
		return "can't be read: " + c.Unreadable
	case !known:
		return "was not read yet"
	case !now.Before(c.Expires):
		return "has expired on " + c.Expires.UTC().Format("2006-01-02")
	case days >= c.Warn:
		return ""
	case days == 0:
		return "expires within a day"
	case days == 1:
		return "expires in 1 day"
	}
	return fmt.Sprintf("expires in %d days", days)
}

// certificate is the record of a site's certificate, with where it is.
type certificate struct {
	store.SitePackage
	domain string
	file   string
}

// certificates returns the certificates of a server's sites.
func (e *Engine) certificates(server store.ID) ([]certificate, error) {
	pkg, _ := e.cfg.Catalog.Site(packages.CertificateName)
	certifier, ok := pkg.(packages.Certifier)
	if !ok {
		return nil, nil
	}
	var out []certificate
	err := e.cfg.Store.View(func(tx *store.Tx) error {
		out = nil
		sites, err := tx.SitesOf(server)
		if err != nil || len(sites) == 0 {
			return err
		}
		recorded, err := tx.SitePackagesOf(server)
		if err != nil {
			return err
		}
		installed, err := tx.ServerPackages(server)
		if err != nil {
			return err
		}
		for _, site := range sites {
			ctx := packages.SiteContext{Site: site, SiteInstalled: recorded[site.ID]}
			record, ok := ctx.SiteInstalls(packages.CertificateName)
			if !ok || record.Status != store.Active {
				continue
			}
			ctx.Installed, ctx.Values = installed, record.Configuration
			out = append(out, certificate{record, site.Domain, certifier.CertificateFile(ctx)})
		}
		return nil
	})
	return out, err
}

// keepExpiries records what a server has told of certificates.
func (e *Engine) keepExpiries(certificates []certificate, told []packages.Expiry) error {
	if len(certificates) == 0 {
		return nil
	}
	err := e.cfg.Store.Update(func(tx *store.Tx) error {
		for i, c := range certificates {
			// It may have been installed anew, or removed, meanwhile.
			now, err := tx.SitePackage(c.SiteID, c.Name, c.Instance)
			if err != nil || now.ID != c.ID || !now.UpdatedAt.Equal(c.UpdatedAt) {
				continue
			}
			x := packages.Expiry{Unreadable: "the server does not tell"}
			if i < len(told) {
				x = told[i]
			}
			if !setExpiry(&now, x) {
				continue
			}
			if err := tx.PutSitePackage(&now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record when certificates expire: %w", err)
	}
	e.hub.wake()
	return nil
}

// setExpiry writes when a certificate expires into its record, and reports whether
// that changes it.
func setExpiry(p *store.SitePackage, x packages.Expiry) bool {
	expires := ""
	if !x.At.IsZero() {
		expires = x.At.UTC().Format(time.RFC3339)
	}
	if p.Configuration[packages.ExpiresKey] == expires && p.Configuration[packages.UnreadableKey] == x.Unreadable {
		return false
	}
	if p.Configuration == nil {
		p.Configuration = map[string]string{}
	}
	p.Configuration[packages.ExpiresKey] = expires
	if x.Unreadable == "" {
		delete(p.Configuration, packages.UnreadableKey)
	} else {
		p.Configuration[packages.UnreadableKey] = x.Unreadable
	}
	return true
}

// certificateKind begins the kind of an alert of a certificate; the site's domain goes
// behind it.
const certificateKind = "certificate "

// ofCertificate reports whether an alert is one of a certificate.
func ofCertificate(a store.Alert) bool { return strings.HasPrefix(a.Kind, certificateKind) }

// warnDays returns how many days before a certificate on a server expires people are
// warned, and how else the server is watched.
func (e *Engine) warnDays(tx *store.Tx, server store.ID) (int, packages.Watch, error) {
	watch, ok, err := e.watchOf(tx, server)
	if !ok {
		return packages.CertificateWarning, packages.Watch{}, err
	}
	return watch.Certificate, watch, nil
}

// judgeCertificates raises and clears the alerts of a server's certificates, by what is
// recorded and the time.
func (e *Engine) judgeCertificates(ctx context.Context, server store.Server) error {
	all, err := e.certificates(server.ID)
	if err != nil {
		return err
	}
	w := watched{server: server}
	var warn int
	var open []store.Alert
	err = e.cfg.Store.View(func(tx *store.Tx) (err error) {
		if warn, w.watch, err = e.warnDays(tx, server.ID); err != nil {
			return err
		}
		open, err = tx.OpenAlerts(server.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("judge the certificates of %s: %w", server.Name, err)
	}
	var found []finding
	for _, c := range all {
		state := stateOfCertificate(c.SitePackage, warn)
		if state.Expires.IsZero() && state.Unreadable == "" {
			continue // a run is about to record it
		}
		if problem := state.Problem(e.cfg.Now()); warn > 0 && problem != "" {
			found = append(found, finding{kind: certificateKind + c.domain, text: "the certificate of " + c.domain + " " + problem})
		}
	}
	if unchanged(found, open) || ctx.Err() != nil {
		return ctx.Err()
	}
	return e.judge(ctx, w, found, ofCertificate)
}

// unchanged reports whether the alerts of certificates that are open say what is found.
func unchanged(found []finding, open []store.Alert) bool {
	n := 0
	for _, a := range open {
		if !ofCertificate(a) {
			continue
		}
		n++
		same := false
		for _, f := range found {
			same = same || f.kind == a.Kind && f.text == a.Text
		}
		if !same {
			return false
		}
	}
	return n == len(found)
}
