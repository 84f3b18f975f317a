package sites

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// place is what a deployment needs to know of its site.
type place struct {
	domain string
	root   string // its folder, with releases, shared and current
	user   string // who owns it
	php    string // the branch of its PHP, such as "8.4"; empty where it has none
	port   string // that its web server listens on
	server string // the package of its web server
}

// placeOf tells of the site of which the package is recorded.
func placeOf(ctx packages.SiteContext) (place, error) {
	l := layoutOf(ctx)
	if l.user == "" {
		return place{}, &packages.RefusedError{Reason: fmt.Sprintf("%s is not recorded as a site that BrokeForge has made", ctx.Site.Domain)}
	}
	return place{domain: l.domain, root: l.folder(), user: l.user, php: l.branch, port: port(ctx), server: string(l.server)}, nil
}

func (p place) variables() []variable {
	return []variable{{"site", p.root}, {"domain", p.domain}, {"user", p.user}, {"php", p.php}, {"port", p.port}, {"server", p.server}}
}

// credential is that of who owns the site.
func (p place) credential() packages.Credential { return packages.User(p.user) }

func quote(text string) string { return shellescape.Quote(text) }
