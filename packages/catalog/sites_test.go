package catalog_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// sitePlan plans something with the package that makes sites, on a server with the
// packages that are named.
func sitePlan(t *testing.T, action store.Action, values, removal packages.Values, change func(*packages.SiteContext)) (packages.Plan, error) {
	t.Helper()
	c := catalog.New()
	ctx := packages.SiteContext{Context: packages.Context{Server: store.Server{Name: "web1", Port: 22}, Facts: releases()["debian13"]}}
	ctx.Installed = []store.ServerPackage{{Name: packages.Base, Configuration: map[string]string{"app-user": "brokeforge"}}}
	want := packages.Want{Name: "site", Removal: removal}
	if action == store.Install {
		want.Values = maps.Clone(values)
		if want.Values["domain"] == "" {
			want.Values["domain"] = "example.org"
		}
		domain, err := packages.WantedSite(c, []packages.Want{want})
		if err != nil {
			return packages.Plan{}, err
		}
		ctx.Site.Domain = domain
	} else {
		ctx.Site = store.Site{ID: "one", Domain: "example.org"}
		ctx.SiteInstalled = []store.SitePackage{{Name: "site", Configuration: values}}
	}
	if change != nil {
		change(&ctx)
	}
	resolve := packages.ResolveSiteInstall
	if action == store.Remove {
		resolve = packages.ResolveSiteRemove
	}
	resolved, err := resolve(c, []packages.Want{want}, ctx)
	if err != nil {
		return packages.Plan{}, err
	}
	return packages.BuildSite(action, resolved, ctx)
}

// onApache puts the site on a server that has Apache.
func onApache(ctx *packages.SiteContext) {
	ctx.Installed = append(ctx.Installed, store.ServerPackage{Name: "apache", Configuration: map[string]string{"port": "80"}})
}

func sitePlans(t *testing.T) map[string]packages.Plan {
	t.Helper()
	plans := map[string]packages.Plan{}
	add := func(name string, action store.Action, values, removal packages.Values, change func(*packages.SiteContext)) {
		built, err := sitePlan(t, action, values, removal, change)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		// What it needs has plans of its own.
		built.Parts = slices.DeleteFunc(built.Parts, func(p packages.Part) bool { return p.Site == "" })
		plans[name] = built
	}
	kinds := map[string]packages.Values{
		"static":    {},
		"php":       {"kind": "php", "aliases": "www.example.org, bücher.example", "body-size": "1g", "php-processes": "3"},
		"laravel":   {"kind": "laravel", "own-user": "no"},
		"wordpress": {"kind": "wordpress", "default-site": "yes", "overwrite": "yes"},
		"proxy":     {"kind": "proxy", "target": "127.0.0.1:3000"},
		"socket":    {"kind": "proxy", "target": "/run/app/web.sock"},
	}
	for kind, values := range kinds {
		add("site-install-"+kind, store.Install, values, nil, nil)
		add("site-install-"+kind+"-apache", store.Install, values, nil, onApache)
	}
	recorded := packages.Values{"domain": "example.org", "web-server": "nginx", "user": "site_example_org", "own-user": "yes", "php-branch": "8.4", "kind": "php", "php": "auto"}
	add("site-remove", store.Remove, recorded, nil, nil)
	add("site-remove-archive", store.Remove, recorded, packages.Values{"archive": "yes"}, nil)
	add("site-remove-unmade", store.Remove, nil, nil, func(ctx *packages.SiteContext) { ctx.SiteInstalled = nil })
	return plans
}

func TestGoldenSites(t *testing.T) {
	for name, built := range sitePlans(t) {
		golden(t, name, built)
	}
}

func TestScriptsOfSitesArePOSIX(t *testing.T) {
	checked := map[string]bool{}
	plans := sitePlans(t)
	maps.Copy(plans, certificatePlans(t))
	for name, built := range plans {
		list := slices.DeleteFunc(scripts(built), func(script string) bool { return checked[script] })
		for _, script := range list {
			checked[script] = true
		}
		arePOSIX(t, name, list)
	}
}

// TestSiteBringsWhatItNeeds: the web server that is there, else nginx, and the PHP
// that is chosen, once.
func TestSiteBringsWhatItNeeds(t *testing.T) {
	php := func(instance, branch, siteDefault string) func(*packages.SiteContext) {
		return func(ctx *packages.SiteContext) {
			ctx.Installed = append(ctx.Installed, store.ServerPackage{Name: "php", Instance: instance, Configuration: map[string]string{"branch": branch, "site-default": siteDefault}})
		}
	}
	for _, test := range []struct {
		values packages.Values
		change func(*packages.SiteContext)
		want   []string
		branch string
	}{
		{packages.Values{}, nil, []string{"nginx", "example.org/site"}, ""},
		{packages.Values{}, onApache, []string{"example.org/site"}, ""},
		{packages.Values{"kind": "php"}, nil, []string{"nginx", "php", "example.org/site"}, "8.4"},
		{packages.Values{"kind": "php", "php": "8.3"}, nil, []string{"nginx", "php@8.3", "example.org/site"}, "8.3"},
		{packages.Values{"kind": "php"}, php("8.3", "8.3", "yes"), []string{"nginx", "example.org/site"}, "8.3"},
		{packages.Values{"kind": "php"}, php("8.3", "8.3", "no"), []string{"nginx", "example.org/site"}, "8.3"},
		{packages.Values{"kind": "php", "php": "distribution"}, php("8.3", "8.3", "yes"), []string{"nginx", "php", "example.org/site"}, "8.4"},
	} {
		built, err := sitePlan(t, store.Install, test.values, nil, test.change)
		if err != nil {
			t.Errorf("%v: %v", test.values, err)
			continue
		}
		var labels []string
		for _, part := range built.Parts {
			labels = append(labels, part.Label())
			for _, cmd := range part.Commands {
				if persist, ok := cmd.(packages.Persist); ok && part.Package == "site" && persist.Configuration["php-branch"] != test.branch {
					t.Errorf("%v has PHP %q, want %q", test.values, persist.Configuration["php-branch"], test.branch)
				}
			}
		}
		if !slices.Equal(labels, test.want) {
			t.Errorf("%v brings %q, want %q", test.values, labels, test.want)
		}
	}
}

// TestSiteRefuses: what can't be is refused with a reason, before any command.
func TestSiteRefuses(t *testing.T) {
	beside := func(domain string, c map[string]string) func(*packages.SiteContext) {
		return func(ctx *packages.SiteContext) {
			ctx.Neighbours = []packages.SiteRecord{{Site: store.Site{Domain: domain}, Packages: []store.SitePackage{{Name: "site", Configuration: c}}}}
		}
	}
	for _, test := range []struct {
		values packages.Values
		change func(*packages.SiteContext)
		says   string
	}{
		{packages.Values{"domain": "*.example.org"}, nil, "wildcard"},
		{packages.Values{"domain": "a.com;}"}, nil, "which no domain can have"},
		{packages.Values{"domain": "a.com\n server_name b"}, nil, "can't be printed"},
		{packages.Values{"domain": strings.Repeat(strings.Repeat("a", 60)+".", 4) + "org"}, nil, "220 are allowed"},
		{packages.Values{"aliases": "a.com}"}, nil, "which no domain can have"},
		{packages.Values{"aliases": strings.Repeat("a.com ", 51)}, nil, "50 are allowed"},
		{packages.Values{"kind": "proxy"}, nil, "needs a target"},
		{packages.Values{"target": "80"}, nil, "only a site of the kind proxy"},
		{packages.Values{"kind": "proxy", "target": "0"}, nil, "neither a port"},
		{packages.Values{"kind": "proxy", "target": "a b:80"}, nil, "no host"},
		{packages.Values{"kind": "proxy", "target": "22;id"}, nil, "neither a port"},
		{packages.Values{"kind": "proxy", "target": "/run/../etc/x;y"}, nil, "plain path"},
		{packages.Values{"web-directory": "../../etc"}, nil, "dot or a dash"},
		{packages.Values{"web-directory": "/etc"}, nil, "plain path"},
		{packages.Values{"web-directory": "a/.git"}, nil, "dot or a dash"},
		{packages.Values{"web-directory": "-rf"}, nil, "dot or a dash"},
		{packages.Values{"web-directory": "$(id)"}, nil, "other characters"},
		{packages.Values{"body-size": "64"}, nil, "not a size"},
		{packages.Values{"kind": "php", "php": "8.4"}, nil, "version=distribution"},
		{packages.Values{}, beside("other.org", map[string]string{"aliases": "Example.ORG"}), "is a name of the site other.org"},
		{packages.Values{"aliases": "other.org"}, beside("other.org", nil), "is a name of the site other.org"},
		{packages.Values{"default-site": "yes"}, beside("other.org", map[string]string{"default-site": "yes"}), "other.org is the default site"},
	} {
		_, err := sitePlan(t, store.Install, test.values, nil, test.change)
		if err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want %q", test.values, err, test.says)
		}
		var option *packages.OptionError
		var refused *packages.RefusedError
		if !errors.As(err, &option) && !errors.As(err, &refused) && test.says != "version=distribution" {
			t.Errorf("%v: the error is a %T", test.values, err)
		}
	}
}

// TestSitesDiffer: no two sites share a user, a socket, a folder or a file.
func TestSitesDiffer(t *testing.T) {
	seen := map[string]string{}
	for _, domain := range []string{
		"a-b.c.org", "a.b-c.org", "a.b.c.org", "www.a-b.c.org", strings.Repeat("long-", 8) + "a.org", strings.Repeat("long-", 8) + "b.org",
	} {
		built, err := sitePlan(t, store.Install, packages.Values{"domain": domain}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, cmd := range built.Parts[len(built.Parts)-1].Commands {
			persist, ok := cmd.(packages.Persist)
			if !ok {
				continue
			}
			for _, key := range []string{"user", "document-root"} {
				value := persist.Configuration[key]
				if seen[value] != "" || value == "" {
					t.Errorf("%s and %s share the %s %q", domain, seen[value], key, value)
				}
				seen[value] = domain
			}
			if user := persist.Configuration["user"]; len(user) > 32 {
				t.Errorf("the user %s has %d characters", user, len(user))
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%s", fmt.Sprint(seen))
	}
}
