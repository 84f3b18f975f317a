package job

import (
	"context"
	"fmt"
	"time"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// CertificateState is how it stands with a site's certificate.
type CertificateState struct {
	From    string    // where it comes from
	Expires time.Time // zero where it is not known
}

// Certificate tells how it stands with the site's certificate, as recorded, and
// whether it has one.
func (v SiteView) Certificate() (CertificateState, bool) {
	record, ok := v.Package(packages.CertificateName)
	if !ok || record.Status != store.Active {
		return CertificateState{}, false
	}
	out := CertificateState{From: record.Configuration["source"]}
	if at, err := time.Parse(time.RFC3339, record.Configuration[packages.ExpiresKey]); err == nil {
		out.Expires = at
	}
	return out, true
}

// Warning says what people are to be warned of at a time; empty where all is well.
func (c CertificateState) Warning(now time.Time) string {
	days := int(c.Expires.Sub(now).Hours() / 24)
	switch {
	case c.Expires.IsZero():
		return "it is not known when the certificate expires"
	case !now.Before(c.Expires):
		return "the certificate has expired on " + c.Expires.Format("2006-01-02")
	case days == 0:
		return "the certificate expires within a day"
	case days < packages.CertificateWarning:
		return fmt.Sprintf("the certificate expires in %d days", days)
	}
	return ""
}

// CheckCertificates reads from a server when the certificates of its sites expire,
// and records it. A certificate that can't be read has no such time then. Its errors
// are those of Refresh.
func (e *Engine) CheckCertificates(ctx context.Context, server store.ID) error {
	s, err := e.server(server)
	if err != nil {
		return err
	}
	records, files, err := e.certificates(server)
	if err != nil || len(files) == 0 {
		return err
	}
	remote, err := e.reach(ctx, s)
	if err != nil {
		return err
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: packages.ExpiriesScript(files), Become: true})
	if err != nil {
		return &ReachError{s.Name, fmt.Errorf("ask %s when its certificates expire: %w", s.Name, err)}
	}
	found := packages.ParseExpiries(string(result.Stdout))
	err = e.cfg.Store.Update(func(tx *store.Tx) error {
		for i, r := range records {
			// It may have been installed anew, or removed, meanwhile.
			now, err := tx.SitePackage(r.SiteID, r.Name, r.Instance)
			if err != nil || now.ID != r.ID || !now.UpdatedAt.Equal(r.UpdatedAt) {
				continue
			}
			expires := ""
			if at, ok := found[i]; ok {
				expires = at.Format(time.RFC3339)
			}
			if now.Configuration[packages.ExpiresKey] == expires {
				continue
			}
			if now.Configuration == nil {
				now.Configuration = map[string]string{}
			}
			now.Configuration[packages.ExpiresKey] = expires
			if err := tx.PutSitePackage(&now); err != nil {
				return err
			}
		}
		return nil
	})
	e.hub.wake()
	return err
}

// certificates returns the records of the certificates of a server's sites, with
// where each is.
func (e *Engine) certificates(server store.ID) (records []store.SitePackage, files []string, err error) {
	pkg, _ := e.cfg.Catalog.Site(packages.CertificateName)
	certifier, ok := pkg.(packages.Certifier)
	if !ok {
		return nil, nil, nil
	}
	views, err := e.Sites(server)
	if err != nil {
		return nil, nil, err
	}
	on, err := e.Server(server)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range views {
		record, ok := v.Package(packages.CertificateName)
		if !ok {
			continue
		}
		ctx := packages.SiteContext{Site: v.Site, SiteInstalled: v.Packages}
		ctx.Installed, ctx.Values = on.Packages, record.Configuration
		records, files = append(records, record), append(files, certifier.CertificateFile(ctx))
	}
	return records, files, nil
}
