package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// sitePackage is the package that makes a site.
const sitePackage packages.Name = "site"

func (a *app) siteCmd() *cobra.Command {
	return a.group("site", "Add, list, show and remove sites",
		a.siteAddCmd(), a.siteListCmd(), a.siteShowCmd(), a.siteReleasesCmd(), a.siteRemoveCmd())
}

func (a *app) siteAddCmd() *cobra.Command {
	ch := change{app: a, action: store.Install}
	c := &cobra.Command{
		Use:   "add DOMAIN --on SERVER",
		Short: "Add a site to a server, or change one",
		Long: `Add a site to a server, with the web server and the PHP that it needs where they are not
there. Of a site that is there, the options that are given are changed and the others
stay. What would be done is shown first, and you are asked; without a terminal --yes
must be given. "brokeforge packages" lists the options of the package site.

The site is served from /srv/sites/DOMAIN/current, with its web directory below. Settings
of your own for its virtual host go into /etc/nginx/brokeforge/DOMAIN/custom.d (with
Apache: /etc/apache2/brokeforge/DOMAIN/custom.d), which is never written. Where somebody
has changed the other files by hand, nothing is done until overwrite=yes is chosen.`,
		Example: `  brokeforge site add example.org --on web1 --set kind=php --set aliases=www.example.org
  brokeforge site add app.example.org --on web1 --set kind=proxy --set target=3000 --yes`,
		Args: exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error { return ch.addSite(c, args[0]) },
	}
	ch.flags(c)
	c.Flags().StringArrayVar(&ch.set, "set", nil, "`OPTION=VALUE`; may be repeated")
	return c
}

func (ch *change) addSite(c *cobra.Command, domain string) error {
	domain, err := packages.CleanDomain(domain)
	if err != nil {
		return misuse(c, fmt.Errorf("%q %w", c.Flags().Arg(0), err))
	}
	list := []packages.Want{{Name: sitePackage, Values: packages.Values{packages.DomainOption: domain}}}
	set := ofSite(ch.set)
	if err := setValues(ch.Catalog, list, set, ch.secretReader(c.Context(), set)); err != nil {
		return misuse(c, err)
	}
	one := misuse(c, errors.New("say with --on on which server: a site is on one"))
	if len(ch.on) == 0 {
		return one
	}
	if err := ch.mayGoOn(c, ch.yes || ch.preview); err != nil {
		return err
	}
	return ch.with(c.Context(), func(ctx context.Context, s *Session) error {
		servers, err := findServers(c, s.Engine, ch.on)
		if err != nil {
			return err
		}
		if len(servers) != 1 {
			return one
		}
		return ch.carryOut(ctx, s.Engine, list, servers)
	})
}

// ofSite lets options of the site be given without the name of its package.
func ofSite(set []string) []string {
	var out []string
	for _, s := range set {
		key, _, _ := strings.Cut(s, "=")
		if !strings.Contains(key, ".") {
			s = string(sitePackage) + "." + s
		}
		out = append(out, s)
	}
	return out
}

func (a *app) siteListCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the sites of all servers",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				var ids []store.ID
				if len(on) > 0 {
					servers, err := findServers(c, s.Engine, on)
					if err != nil {
						return err
					}
					for _, server := range servers {
						ids = append(ids, server.ID)
					}
				}
				sites, err := s.Engine.Sites(ids...)
				if err != nil {
					return err
				}
				return a.printSites(sites)
			})
		},
	}
	onFlag(c, &on)
	return c
}

func (a *app) printSites(sites []job.SiteView) error {
	if a.json {
		list := []siteView{}
		for _, v := range sites {
			list = append(list, viewSite(v))
		}
		return a.printJSON(list)
	}
	if len(sites) == 0 {
		fmt.Fprintln(a.Stderr, "there are no sites; add one with: brokeforge site add DOMAIN --on SERVER")
		return nil
	}
	t := a.table("DOMAIN", "SERVER", "KIND", "PHP", "RELEASE", "CERTIFICATE", "STATE")
	for _, v := range sites {
		site, _ := v.Package(sitePackage)
		t.row(packages.ShownDomain(v.Domain), v.Server, site.Configuration["kind"], string(v.PHPVersion), v.Release(), a.certificateOf(v), siteStateOf(v))
	}
	return t.flush()
}

// certificateOf says how long a site's certificate is valid.
func (a *app) certificateOf(v job.SiteView) string {
	c, ok := v.Certificate()
	if !ok {
		return ""
	}
	days, known := c.Days(a.Now())
	switch {
	case !known:
		return "unreadable"
	case days < 0:
		return "expired"
	case days < c.Warn:
		return "expires in " + count(days, "day", "days")
	}
	return count(days, "day", "days")
}

// siteStateOf says in short how a site is: what goes on there, else what went wrong,
// else how far it is made.
func siteStateOf(v job.SiteView) string {
	last := v.Last
	switch {
	case last != nil && last.State.Live():
		return fmt.Sprintf("%s: %s %d/%d", stateWord(last.State), last.Title, last.Finished, last.Total)
	case last != nil && last.State == store.RunFailed:
		return "failed: " + last.Title
	case v.Status == store.Prepared:
		return "active"
	}
	return "not made"
}

func (a *app) siteShowCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "show DOMAIN",
		Short: "Show what is known of a site",
		Args:  exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				v, err := findSite(c, s.Engine, args[0], on)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(viewSite(v))
				}
				return a.printSite(v)
			})
		},
	}
	onFlag(c, &on)
	return c
}

// findSite returns the site of a domain: the only one, or that on the server.
func findSite(c *cobra.Command, engine Engine, domain string, on []string) (job.SiteView, error) {
	clean, err := packages.CleanDomain(domain)
	if err != nil {
		return job.SiteView{}, misuse(c, fmt.Errorf("%q %w", domain, err))
	}
	var ids []store.ID
	if len(on) > 0 {
		servers, err := findServers(c, engine, on)
		if err != nil {
			return job.SiteView{}, err
		}
		for _, s := range servers {
			ids = append(ids, s.ID)
		}
	}
	sites, err := engine.Sites(ids...)
	if err != nil {
		return job.SiteView{}, err
	}
	var found []job.SiteView
	var servers []string
	for _, v := range sites {
		if v.Domain == clean {
			found, servers = append(found, v), append(servers, v.Server)
		}
	}
	switch {
	case len(found) == 0:
		return job.SiteView{}, fmt.Errorf("there is no site %s; brokeforge site list shows those that there are", clean)
	case len(found) > 1:
		return job.SiteView{}, misuse(c, fmt.Errorf("%s is a site on %s: say with --on which one", clean, strings.Join(servers, " and ")))
	}
	return found[0], nil
}

func (a *app) printSite(v job.SiteView) error {
	t := newTable(a.Stdout)
	t.row("Domain", packages.ShownDomain(v.Domain))
	t.row("Server", v.Server)
	t.row("State", siteStateOf(v))
	t.row("Served from", v.DocumentRoot)
	site, _ := v.Package(sitePackage)
	for _, line := range [][2]string{
		{"Aliases", "aliases"},
		{"Kind", "kind"},
		{"Target", "target"},
		{"Web server", "web-server"},
		{"PHP", "php-branch"},
		{"User", "user"},
		{"Largest upload", "body-size"},
		{"Default site", "default-site"},
	} {
		if value := site.Configuration[line[1]]; value != "" {
			t.row(line[0], value)
		}
	}
	if release := v.Release(); release != "" {
		t.row("Release", release)
	}
	if certificate := a.certificateOf(v); certificate != "" {
		t.row("Certificate", certificate)
		if c, _ := v.Certificate(); c.Unreadable != "" {
			t.row("", oneLine(c.Unreadable))
		}
	}
	for _, p := range v.Packages {
		t.row("Package", strings.TrimSpace(packages.Label(p.Name, p.Instance)+" "+string(p.Version)))
	}
	return t.flush()
}

func (a *app) siteRemoveCmd() *cobra.Command {
	ch := change{app: a, action: store.Remove}
	archive, databases := false, false
	c := &cobra.Command{
		Use:   "remove DOMAIN",
		Short: "Remove a site from its server, with its files",
		Long: `Remove a site from its server: its files, virtual host, PHP pool, user and logs, and the
programs and scheduled tasks that belong to it: by their option site, as its own user runs
them, or as they run in its folder. What would be done is shown first, and you are asked
to type the domain; without a terminal --yes must be given. Other sites stay as they are.

Databases and their users that belong to it stay and are named, unless --databases is
given. Each is dumped first, into /var/lib/brokeforge/dumps.

With --archive its files and settings are kept first, on the server in
/var/lib/brokeforge/archives, readable by root alone. Nothing is deleted where that can't
be made or read.`,
		Example: `  brokeforge site remove example.org --archive`,
		Args:    exactly("DOMAIN"),
		RunE:    func(c *cobra.Command, args []string) error { return ch.removeSite(c, args[0], archive, databases) },
	}
	ch.flags(c)
	c.Flags().BoolVar(&archive, "archive", false, "keep its files and settings first")
	c.Flags().BoolVar(&databases, "databases", false, "drop its databases too, each after a dump")
	return c
}

func (ch *change) removeSite(c *cobra.Command, domain string, archive, databases bool) error {
	want := packages.Want{Name: sitePackage, Removal: packages.Values{}}
	if archive {
		want.Removal["archive"] = "yes"
	}
	if databases {
		want.Removal[packages.DropDatabasesOption] = "yes"
	}
	return ch.onSite(c, domain, []packages.Want{want}, func(ctx context.Context, engine Engine, v job.SiteView) error {
		ch.typed = v.Domain
		if ch.json {
			return nil
		}
		files, err := engine.SiteFiles(ctx, v.ID)
		if err != nil {
			return err
		}
		for _, f := range files {
			fmt.Fprintf(ch.Stdout, "goes: %s (%s)\n", oneLine(f.Path), sizeOf(f.Bytes))
		}
		return nil
	})
}

// sizeOf is a number of bytes for people.
func sizeOf(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	}
	return fmt.Sprintf("%d KiB", bytes>>10)
}

// oneOfSite puts a package on the site of a domain, with the options that --set gives,
// or takes it away.
func (ch *change) oneOfSite(c *cobra.Command, name packages.Name, domain string, remove bool) error {
	ch.action = store.Install
	if remove {
		if len(ch.set) > 0 {
			return misuse(c, errors.New("--remove and --set exclude each other"))
		}
		ch.action = store.Remove
	}
	// Nobody is asked to read secrets for what is then refused.
	if err := ch.mayGoOn(c, ch.yes || ch.preview); err != nil {
		return err
	}
	list := []packages.Want{{Name: name}}
	if err := setValues(ch.Catalog, list, ch.set, ch.secretReader(c.Context(), ch.set)); err != nil {
		return misuse(c, err)
	}
	return ch.onSite(c, domain, list, nil)
}

// onSite carries out what is wanted on the site of a domain. Before it is shown, first
// is called with the site, if there is one.
func (ch *change) onSite(c *cobra.Command, domain string, list []packages.Want, first func(context.Context, Engine, job.SiteView) error) error {
	if err := ch.mayGoOn(c, ch.yes || ch.preview); err != nil {
		return err
	}
	return ch.with(c.Context(), func(ctx context.Context, s *Session) error {
		v, err := findSite(c, s.Engine, domain, ch.on)
		if err != nil {
			return err
		}
		ch.site = v.ID
		if first != nil {
			if err := first(ctx, s.Engine, v); err != nil {
				return err
			}
		}
		return ch.carryOut(ctx, s.Engine, list, []store.Server{{ID: v.ServerID, Name: v.Server}})
	})
}
