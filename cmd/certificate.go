package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
)

func (a *app) certCmd() *cobra.Command {
	ch := change{app: a}
	remove := false
	c := &cobra.Command{
		Use:   "cert DOMAIN",
		Short: "Have a site answered by https",
		Long: `Have a site answered by https, with a certificate from Let's Encrypt or another ACME
server, which is renewed by itself, or with one of your own. --set
certificate.OPTION=VALUE chooses, see "packages certificate". What would be done is
shown, and asked about.

With --remove the site is answered by http alone again.`,
		Example: `  brokeforge cert shop.example.org
  brokeforge cert shop.example.org --set certificate.source=own \
    --set certificate.chain=@fullchain.pem --set certificate.key=@privkey.pem`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return ch.oneOfSite(c, packages.CertificateName, args[0], remove)
		},
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`certificate.OPTION=VALUE` chooses; a key is given by @FILE")
	c.Flags().BoolVar(&remove, "remove", false, "take the certificate away again")
	c.AddCommand(a.certStatusCmd(), a.certRenewCmd())
	return c
}

// certificateView is a site's certificate as JSON shows it. Expires is null where it
// is not known.
type certificateView struct {
	Site    string     `json:"site"`
	Server  string     `json:"server"`
	From    string     `json:"from"`
	Expires *time.Time `json:"expires_at"`
	Warning string     `json:"warning"` // empty where all is well
}

func (a *app) certStatusCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show when the certificates of sites expire, as they are now",
		Long: fmt.Sprintf(`Show when the certificates of sites expire, as they are on the servers now. Of one that
can't be read, or has less than %d days, a warning is shown; on a server with the package
monitoring its option certificate says how many.

The exit status is 1 where there is a warning.`, packages.CertificateWarning),
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.askServers(c, on, a.certificates)
		},
	}
	onFlag(c, &on)
	return c
}

func (a *app) certificates(ctx context.Context, engine Engine, servers []job.ServerView) error {
	list, status := []certificateView{}, StatusDone
	for _, server := range servers {
		sites, err := engine.Sites(server.ID)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(sites, func(v job.SiteView) bool { _, ok := v.Certificate(); return ok }) {
			continue
		}
		_, err = engine.Refresh(ctx, server.ID)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.complainOf(server.Name, err)
			status = worst(status, Status(err))
		}
		if sites, err = engine.Sites(server.ID); err != nil {
			return err
		}
		for _, site := range sites {
			c, ok := site.Certificate()
			if !ok {
				continue
			}
			v := certificateView{Site: site.Domain, Server: site.Server, From: c.From}
			if problem := c.Problem(a.Now()); problem != "" {
				v.Warning = "the certificate " + problem
			}
			if !c.Expires.IsZero() {
				v.Expires = &c.Expires
			}
			if v.Warning != "" {
				status = worst(status, StatusFailed)
			}
			list = append(list, v)
		}
	}
	if a.json {
		return errors.Join(a.printJSON(list), endWith(status))
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "no site has a certificate yet; brokeforge cert DOMAIN brings one")
		return endWith(status)
	}
	t := a.table("SITE", "SERVER", "FROM", "EXPIRES", "")
	for _, v := range list {
		expires := ""
		if v.Expires != nil {
			expires = clock(*v.Expires)
		}
		t.row(v.Site, v.Server, v.From, expires, v.Warning)
	}
	return errors.Join(t.flush(), endWith(status))
}

func (a *app) certRenewCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "renew DOMAIN",
		Short: "Renew the certificate of a site before its time",
		Long: `Have certbot renew the certificate of a site now. Where there is need it does so by
itself. Where that fails, the certificate that is there stays in use.`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				site, err := findSite(c, s.Engine, args[0], on)
				if err != nil {
					return err
				}
				if err := a.runOnSite(ctx, s.Engine, site, packages.Want{Name: packages.RenewalName}); err != nil {
					return err
				}
				_, err = s.Engine.Refresh(ctx, site.ServerID)
				return err
			})
		},
	}
	onFlag(c, &on)
	return c
}
