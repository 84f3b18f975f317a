package cmd

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// sitePackages is a catalog with the package that makes sites.
type sitePackages struct{ fakeCatalog }

type fakeSite struct{ fakePackage }

func (fakeSite) Install(packages.SiteContext) ([]packages.Command, error) { return nil, nil }
func (fakeSite) Remove(packages.SiteContext) ([]packages.Command, error)  { return nil, nil }

func (sitePackages) SiteNames() []packages.Name { return []packages.Name{"site"} }
func (sitePackages) Site(name packages.Name) (packages.SitePackage, bool) {
	return fakeSite{fakePackage{"site", packages.Description{
		Title: "Site", Options: []packages.Option{
			{Name: packages.DomainOption, Required: true},
			{Name: "kind", Kind: packages.Choice, Choices: []string{"static", "php"}, Default: "static"},
		},
		RemoveOptions: []packages.Option{{Name: "archive", Kind: packages.YesNo, Default: "no"}},
	}}}, name == "site"
}

func withSites(t *testing.T, servers ...string) (*fakeEngine, *world) {
	e := newEngine(servers...)
	w := newWorld(t, e)
	w.Env.Catalog = sitePackages{catalog()}
	for i, domain := range []string{"a.org", "xn--bcher-kva.org"} {
		e.sites = append(e.sites, job.SiteView{
			Site:   store.Site{ID: store.ID(domain), ServerID: e.servers[0].ID, Domain: domain, Status: store.Prepared, DocumentRoot: "/srv/sites/" + domain, PHPVersion: "8.4", CreatedAt: noon},
			Server: servers[0],
		})
		if i == 0 {
			e.sites[0].Packages = []store.SitePackage{
				{Name: "site", Configuration: map[string]string{"kind": "php", "user": "site_a_org", "token": packages.SecretRef("a.org/site.token", packages.AsIs)}},
				{Name: "deployment", Configuration: map[string]string{"release": "20260228"}},
				{Name: "certificate", Status: store.Active, Configuration: map[string]string{"expires": "2026-03-11T12:00:00Z"}},
			}
		}
	}
	return e, w
}

func TestSiteAdd(t *testing.T) {
	e, w := withSites(t, "web1")
	e.frames["web1"] = goodRun("web1")
	w.run(t, StatusDone, "site", "add", "BÜCHER.example.", "--on", "web1", "--set", "kind=php", "--yes")
	want := []job.Request{{
		Action: store.Install, Servers: []store.ID{"server0"},
		Packages: []packages.Want{{Name: "site", Values: packages.Values{"domain": "xn--bcher-kva.example", "kind": "php"}}},
	}}
	if diff := cmp.Diff(want, e.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestSiteRefusals(t *testing.T) {
	for _, args := range [][]string{
		{"site", "add", "a b.org", "--on", "web1", "--yes"},
		{"site", "add", "*.a.org", "--on", "web1", "--yes"},
		{"site", "add", "127.0.0.1", "--on", "web1", "--yes"},
		{"site", "add", "b.org", "--yes"},
		{"site", "add", "b.org", "--on", "web1,web2", "--yes"},
		{"site", "add", "b.org", "--on", "web1"},
		{"site", "add", "b.org", "--on", "web1", "--yes", "--set", "kind=rails"},
		{"site", "add", "b.org", "--on", "web1", "--yes", "--set", "nginx.size=3"},
		{"site", "add", "b.org", "--on", "nope", "--yes"},
		{"site", "remove", "a.org"},
		{"site", "remove", "none.org", "--yes"},
		{"site", "show", "none.org"},
		{"site", "show", "a.org;b"},
		{"site"},
	} {
		e, w := withSites(t, "web1", "web2")
		w.run(t, StatusRefused, args...)
		if len(e.started) > 0 {
			t.Errorf("%v started runs", args)
		}
	}
}

func TestSiteListAndShow(t *testing.T) {
	_, w := withSites(t, "web1")
	w.run(t, StatusDone, "site", "list")
	holds(t, "stdout", w.out.String(), "a.org", "php", "20260228", "10 days", "active", "xn--bcher-kva.org (bücher.org)")
	_, w = withSites(t, "web1")
	w.run(t, StatusDone, "site", "show", "A.ORG")
	holds(t, "stdout", w.out.String(), "/srv/sites/a.org", "site_a_org", "10 days")
	_, w = withSites(t, "web1")
	w.run(t, StatusDone, "site", "list", "--json")
	var views []siteView
	if err := json.Unmarshal(w.out.Bytes(), &views); err != nil || len(views) != 2 || views[0].Release != "20260228" || views[0].Options["token"] != "(set)" {
		t.Errorf("%v in %s", err, &w.out)
	}
}

func TestSiteRemove(t *testing.T) {
	e, w := withSites(t, "web1")
	e.frames["web1"] = goodRun("web1")
	w.run(t, StatusDone, "site", "remove", "a.org", "--archive", "--yes")
	holds(t, "stdout", w.out.String(), "goes: /srv/sites/a.org (3.0 MiB)")
	want := []job.Request{{
		Action: store.Remove, Servers: []store.ID{"server0"}, Site: "a.org",
		Packages: []packages.Want{{Name: "site", Removal: packages.Values{"archive": "yes"}}},
	}}
	if diff := cmp.Diff(want, e.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// What belongs to a site and stays is named, and its databases go where that is wanted.
func TestSiteRemovalTellsWhatStays(t *testing.T) {
	for _, how := range []string{"", "--json"} {
		e, w := withSites(t, "web1")
		built, already := plan(store.Remove)
		e.prepared["web1"] = job.Prepared{Plan: built, Already: already, Stays: []string{"database@mariadb-shop\x1b[2J"}}
		args := []string{"site", "remove", "a.org", "--databases", "--preview"}
		if how != "" {
			args = append(args, how)
		}
		w.run(t, StatusDone, args...)
		wanted := "  stays: database@mariadb-shop"
		if how != "" {
			wanted = `"stays":["database@mariadb-shop`
		}
		if got := w.out.String(); !strings.Contains(got, wanted) || strings.Contains(got, "\x1b") {
			t.Errorf("%q prints %q", how, got)
		}
		if diff := cmp.Diff(packages.Values{packages.DropDatabasesOption: "yes"}, e.requests[0].Packages[0].Removal); diff != "" {
			t.Errorf("asks for (-want +got):\n%s", diff)
		}
	}
}

// A removal goes ahead when the domain is typed, and not for a yes.
func TestAgreeToARemoval(t *testing.T) {
	_, w := withSites(t, "web1")
	for typed, want := range map[string]bool{"a.org\n": true, " a.org \n": true, "y\n": false, "yes\n": false, "\n": false, "b.org\n": false, "": false} {
		env := w.Env
		env.Stdin = strings.NewReader(typed)
		ch := change{app: &app{Env: env}, typed: "a.org"}
		if got, err := ch.agree(t.Context(), "Run this?"); err != nil || got != want {
			t.Errorf("%q is %t, %v", typed, got, err)
		}
	}
}
