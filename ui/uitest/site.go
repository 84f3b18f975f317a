package uitest

import (
	"brokeforge/packages"
	"brokeforge/store"
)

// SitePackage is a made-up package that makes sites.
type SitePackage struct{}

// Name returns "site".
func (SitePackage) Name() packages.Name { return "site" }

// Type is the category of sites.
func (SitePackage) Type() packages.Type { return packages.SiteType }

// Credential is root.
func (SitePackage) Credential() packages.Credential { return packages.Root() }

// Describe tells of it.
func (SitePackage) Describe() packages.Description {
	return packages.Description{
		Title: "Site", Summary: "a domain that the server answers for", Requires: []packages.Name{"nginx"},
		Options: []packages.Option{
			{Name: packages.DomainOption, Label: "Domain", Required: true, Help: "the name that the site answers to, such as example.org", Validate: func(v string) error {
				_, err := packages.CleanDomain(v)
				return err
			}},
			{Name: "aliases", Label: "Aliases", Help: "other names that it answers to"},
			{Name: "kind", Label: "Kind", Kind: packages.Choice, Choices: []string{"static", "php", "proxy"}, Default: "static", Help: "files alone, PHP, or a program behind a port"},
		},
		RemoveOptions: []packages.Option{
			{Name: "archive", Label: "Archive first", Kind: packages.YesNo, Default: "no", Help: "yes keeps its files and settings on the server"},
			{Name: packages.DropDatabasesOption, Label: "Drop its databases", Kind: packages.YesNo, Default: "no", Help: "yes drops each after a dump; no leaves them"},
		},
	}
}

// Domain is the domain that is chosen.
func (SitePackage) Domain(v packages.Values) string { return v[packages.DomainOption] }

// Fill does nothing.
func (SitePackage) Fill(*store.Site, map[string]string) {}

// Files returns none.
func (SitePackage) Files(packages.SiteContext) []string { return nil }

// Install returns commands that sound like making a site.
func (SitePackage) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	host := "/etc/nginx/sites-available/brokeforge-" + ctx.Site.Domain + ".conf"
	return []packages.Command{
		packages.Track{Name: "prepare_site", Label: "Preparing the site"},
		packages.Run{Script: "install -d /srv/sites/" + ctx.Site.Domain},
		packages.Track{Name: "configure_web_server", Label: "Configuring the web server"},
		packages.Write{Path: host, Content: "server {\n\tlisten 80;\n\tserver_name " + ctx.Site.Domain + ";\n}\n"},
		packages.Run{Script: "nginx -t && systemctl reload nginx", IfChanged: true, Touch: packages.Touch{Reloads: []string{"nginx"}}},
		packages.Persist{},
	}, nil
}

// Remove returns commands that sound like removing it.
func (SitePackage) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "disable_site", Label: "Switching the site off"},
		packages.Run{Script: "rm -f /etc/nginx/sites-enabled/brokeforge-" + ctx.Site.Domain + ".conf"},
		packages.Track{Name: "delete_files", Label: "Deleting its files"},
		packages.Run{Script: "rm -rf /srv/sites/" + ctx.Site.Domain},
		packages.Forget{},
	}, nil
}
