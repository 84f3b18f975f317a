package catalog_test

import (
	"errors"
	"slices"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// withBelongings has databases, programs and tasks of example.org on its server, and
// some of another site.
func withBelongings(ctx *packages.SiteContext) {
	ctx.Neighbours = []packages.SiteRecord{{Site: store.Site{ID: "two", Domain: "other.org"}}}
	add := func(kind packages.Type, name packages.Name, instance string, configuration map[string]string) {
		ctx.Installed = append(ctx.Installed, store.ServerPackage{Type: kind, Name: name, Instance: instance, Configuration: configuration, Status: store.Active})
	}
	for _, name := range []packages.Name{"supervisor", "scheduler", "mariadb"} {
		add("", name, "", nil)
	}
	add(packages.Database, "database", "mariadb-shop", map[string]string{"engine": "mariadb", "name": "shop", "site": "Example.org."})
	add(packages.Database, "database", "mariadb-theirs", map[string]string{"engine": "mariadb", "name": "theirs", "site": "other.org"})
	add(packages.Database, "database-user", "mariadb-shop", map[string]string{"engine": "mariadb", "name": "shop", "host": "localhost", "databases": "shop"})
	add(packages.Database, "database-user", "mariadb-theirs", map[string]string{"engine": "mariadb", "name": "theirs", "host": "localhost", "databases": "theirs"})
	add(packages.System, "program", "as-it", map[string]string{"name": "as-it", "user": "site_example_org"})
	add(packages.System, "program", "in-it", map[string]string{"name": "in-it", "user": "", "directory": "/srv/sites/example.org/current/"})
	add(packages.System, "program", "near-it", map[string]string{"name": "near-it", "user": "", "directory": "/srv/sites/example.org.uk"})
	add(packages.System, "program", "theirs", map[string]string{"name": "theirs", "user": "site_other_org", "site": "other.org"})
	add(packages.System, "scheduled-task", "of-it", map[string]string{"name": "of-it", "site": "example.org"})
	add(packages.System, "scheduled-task", "backup", map[string]string{"name": "backup", "user": "root"})
}

// TestSiteGoesWithItsBelongings: programs and tasks before it, databases after it and
// only where that was chosen; nothing of others.
func TestSiteGoesWithItsBelongings(t *testing.T) {
	recorded := packages.Values{"domain": "example.org", "web-server": "nginx", "user": "site_example_org", "own-user": "yes", "kind": "static"}
	running := []string{"program@as-it", "program@in-it", "scheduled-task@of-it"}
	databases := []string{"database-user@mariadb-shop", "database@mariadb-shop"}
	for drop, want := range map[string][]string{
		"no":  append(slices.Clone(running), "example.org/site"),
		"yes": slices.Concat(running, []string{"example.org/site"}, databases),
	} {
		var ctx packages.SiteContext
		built, err := sitePlan(t, store.Remove, recorded, packages.Values{packages.DropDatabasesOption: drop}, func(c *packages.SiteContext) {
			withBelongings(c)
			ctx = *c
		})
		if err != nil {
			t.Fatal(err)
		}
		var labels []string
		for _, part := range built.Parts {
			labels = append(labels, part.Label())
			if part.Package != "site" && part.Because != "goes with the site example.org" {
				t.Errorf("%s goes because %q", part.Label(), part.Because)
			}
		}
		if !slices.Equal(labels, want) {
			t.Errorf("databases=%s: goes %q, want %q", drop, labels, want)
		}
		stays := ctx.Staying(catalog.New(), built)
		slices.Sort(stays)
		if wanted := databases; drop == "yes" && len(stays) > 0 || drop == "no" && !slices.Equal(stays, wanted) {
			t.Errorf("databases=%s: stays %q", drop, stays)
		}
	}
	// The app user is not of one site alone.
	recorded["own-user"], recorded["user"] = "no", "brokeforge"
	built, err := sitePlan(t, store.Remove, recorded, nil, func(c *packages.SiteContext) {
		withBelongings(c)
		c.Installed = append(c.Installed, store.ServerPackage{Type: packages.System, Name: "program", Instance: "app", Configuration: map[string]string{"name": "app", "user": "brokeforge"}})
	})
	if err != nil || len(built.Parts) != 3 {
		t.Errorf("%d parts, %v", len(built.Parts), err)
	}
}

// TestDatabaseOfASite: what belongs to a site says so in its record, and only to one
// that there is.
func TestDatabaseOfASite(t *testing.T) {
	ctx := packages.SiteContext{Context: packages.Context{Server: store.Server{Name: "web1"}, Facts: releases()["debian13"]}}
	ctx.Installed = []store.ServerPackage{{Name: packages.Base}, {Name: "mariadb", Configuration: map[string]string{"port": "3306"}}}
	ctx.Neighbours = []packages.SiteRecord{{Site: store.Site{ID: "one", Domain: "example.org"}}}
	want := func(site string) []packages.Want {
		return []packages.Want{{Name: "database", Values: packages.Values{"engine": "mariadb", "name": "shop", "site": site}}}
	}
	resolved, err := packages.ResolveSiteInstall(catalog.New(), want(" Example.ORG. "), ctx)
	if err != nil || len(resolved) != 1 || resolved[0].Values["site"] != "example.org" {
		t.Fatalf("%+v, %v", resolved, err)
	}
	for _, site := range []string{"none.org", "*.org", "$(reboot)", "example.org x"} {
		var option *packages.OptionError
		if _, err := packages.ResolveSiteInstall(catalog.New(), want(site), ctx); !errors.As(err, &option) || option.Option != "site" {
			t.Errorf("%q: %v", site, err)
		}
	}
	// Changed without a word about the site, it stays that one's, also where that is gone.
	ctx.Neighbours = nil
	ctx.Installed = append(ctx.Installed, store.ServerPackage{Name: "database", Instance: "mariadb-shop", Configuration: resolved[0].Values})
	for given, wanted := range map[string]string{"": "example.org", "none": ""} {
		values := packages.Values{"engine": "mariadb", "name": "shop"}
		if given == "none" {
			values["site"] = ""
		}
		again, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{{Name: "database", Values: values}}, ctx)
		if err != nil || again[0].Values["site"] != wanted {
			t.Errorf("%q: %+v, %v", given, again, err)
		}
	}
}
