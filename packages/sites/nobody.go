package sites

import (
	"strings"

	"brokeforge/packages"
)

// What answers by https for names that no site has, where no site is the default one:
// else the web server would give them to some site.
const (
	nobodyCertificate = notes + "/nobody.pem"
	nginxNobody       = "/etc/nginx/conf.d/brokeforge-nobody.conf"
	// apacheNobody is read after the default site and before all others.
	apacheNobody = "/etc/apache2/sites-enabled/000-1-brokeforge-nobody.conf"
)

// settling returns a script that has settle_https for a script of ours to call, and a
// check of what that does, behind which others may follow.
func (l layout) settling() (functions, check string, err error) {
	kind, file := "nginx", nginxNobody
	if l.server == apacheName {
		kind, file = "apache", apacheNobody
	}
	answer, err := packages.Render(templates, kind+"-nobody.conf.tmpl", map[string]string{"Nobody": nobodyCertificate})
	if err != nil {
		return "", "", err
	}
	variables := []variable{
		{"server", kind},
		{"settings", folderOf(l.settings())},
		{"notes", notes},
		{"mark", defaultMark},
		{"nobody", nobodyCertificate},
		{"catch_all", file},
		{"answer", strings.TrimSuffix(answer, "\n")},
	}
	if functions, err = compose(variables, "httpsstate", "https"); err != nil {
		return "", "", err
	}
	check, err = compose(variables, "httpsstate")
	return functions + "\n", check + "\nhttps_is_settled", err
}
