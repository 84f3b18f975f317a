package sites

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Renewal renews a site's certificate before its time. certbot's timer does so by
// itself when there is need.
type Renewal struct{}

// Name returns "certificate-renewal".
func (Renewal) Name() packages.Name { return packages.RenewalName }

// Type returns the category of sites.
func (Renewal) Type() packages.Type { return packages.SiteType }

// Credential returns root.
func (Renewal) Credential() packages.Credential { return packages.Root() }

// Describe tells of the renewal.
func (Renewal) Describe() packages.Description {
	return packages.Description{
		Title:    "Renewal of the certificate",
		Summary:  "has certbot renew the certificate now; what came of each is kept",
		Requires: []packages.Name{siteName},
		Does:     "renew certificate",
	}
}

// Install returns the commands that renew the certificate once. Where that fails the
// one that is there stays in use.
func (Renewal) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx.Context); err != nil {
		return nil, err
	}
	record, ok := ctx.SiteInstalls(packages.CertificateName)
	if !ok {
		return nil, fmt.Errorf("the site has no certificate")
	}
	if from := record.Configuration[sourceOption]; from != fromACME {
		return nil, fmt.Errorf("the certificate of %s is %s, which nothing renews: give another one with brokeforge cert", ctx.Site.Domain, from)
	}
	ctx.Values = record.Configuration
	p, err := tlsOf(ctx)
	if err != nil {
		return nil, err
	}
	return []packages.Command{
		packages.Track{Name: "renew_certificate", Label: "Renewing the certificate"},
		packages.Run{
			Title: "have certbot renew the certificate of " + p.domain,
			Script: p.environment() + "certbot renew --force-renewal --no-random-sleep-on-renew --cert-name " + shellescape.Quote(p.lineage()) + ` && exit 0
echo 'the certificate was not renewed; the one that is there stays in use' >&2
exit 1`,
			Touch: packages.Touch{Reloads: []string{p.unit()}},
		},
		packages.Persist{History: true, Failures: true},
		packages.Note{Name: packages.ExpiresKey, Script: p.expires()},
	}, nil
}

// Remove returns the command that forgets the history.
func (Renewal) Remove(packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "forget_renewals", Label: "Forgetting its renewals"},
		packages.Forget{},
	}, nil
}
