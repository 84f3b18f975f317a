package catalog_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// deployed is a site that was deployed before.
func deployed(t *testing.T) packages.SiteContext {
	t.Helper()
	deployment, ok := catalog.New().Site(packages.DeploymentName)
	if !ok {
		t.Fatal("there is no deployment")
	}
	values, err := packages.Complete(deployment, packages.Values{"preset": "php"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := packages.SiteContext{
		Context: packages.Context{Server: store.Server{ID: "one", Name: "web1", Port: 22}, Facts: releases()["debian13"]},
		Site:    store.Site{ID: "site", Domain: "example.org"},
	}
	ctx.Installed = []store.ServerPackage{{Name: packages.Base, Configuration: map[string]string{"app-user": "brokeforge", "worker-user": "worker"}}}
	ctx.SiteInstalled = []store.SitePackage{
		{Name: "site", Configuration: map[string]string{"domain": "example.org", "web-server": "nginx", "user": "site_example_org", "own-user": "yes", "php-branch": "8.4", "kind": "php", "php": "auto"}},
		{Name: packages.RepositoryName, Configuration: map[string]string{"url": "git@git.example.org:team/site.git", "ref": "main", "key": "site", "submodules": "no"}},
		{Name: packages.DeploymentName, Configuration: values},
	}
	return ctx
}

// TestGoldenDeployments holds the plans of repositories, deployments and rollbacks.
func TestGoldenDeployments(t *testing.T) {
	for name, c := range map[string]struct {
		of     packages.Name
		values packages.Values
	}{
		"git-repository-install":        {packages.RepositoryName, packages.Values{"url": "git@github.com:team/site.git"}},
		"git-repository-install-https":  {packages.RepositoryName, packages.Values{"url": "https://git.example.org/team/site.git", "ref": "v1.2"}},
		"git-repository-install-worker": {packages.RepositoryName, packages.Values{"url": "ssh://git@git.example.org:2222/site", "key": "worker", "host-key": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU", "submodules": "yes"}},
		"deployment-install":            {packages.DeploymentName, packages.Values{"ref": ""}},
		"deployment-install-options":    {packages.DeploymentName, packages.Values{"ref": "it's", "preset": "laravel", "script": "#!/bin/bash\necho \"$RELEASE\"\n", "shared": "storage/,.env,public/up/", "keep": "2", "check": "no", "reload": "always"}},
		"rollback-install":              {packages.RollbackName, packages.Values{"to": "20260102150405-3f9c2d1"}},
	} {
		resolved, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{{Name: c.of, Values: c.values}}, deployed(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		built, err := packages.BuildSite(store.Install, resolved, deployed(t))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		golden(t, name, built)
	}
	for _, name := range []packages.Name{packages.RepositoryName, packages.DeploymentName} {
		pkg, _ := catalog.New().Site(name)
		ctx := deployed(t)
		record, _ := ctx.SiteInstalls(name)
		built, err := packages.BuildSite(store.Remove, []packages.Resolved{{Package: pkg, Site: ctx.Site.Domain, Values: record.Configuration}}, ctx)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, string(name)+"-remove", built)
	}
}

// TestGoldenWordPress holds the plans of WordPress on a server that has its database.
func TestGoldenWordPress(t *testing.T) {
	ctx := deployed(t)
	ctx.SiteInstalled = ctx.SiteInstalled[:1]
	ctx.SiteInstalled[0].Configuration["kind"] = "wordpress"
	fresh, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{{Name: packages.WordPressName}}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, r := range fresh {
		labels = append(labels, r.Label())
	}
	if want := []string{"mariadb", "database@mariadb-site_example_org", "database-user@mariadb-site_example_org", "example.org/wordpress"}; !slices.Equal(labels, want) {
		t.Errorf("on a server without a database it needs %q, want %q", labels, want)
	}
	ctx.Installed = append(ctx.Installed,
		store.ServerPackage{Name: "mariadb"},
		store.ServerPackage{Name: "database", Instance: "mariadb-site_example_org", Configuration: map[string]string{"engine": "mariadb", "name": "site_example_org", "site": "example.org"}},
		store.ServerPackage{Name: "database-user", Instance: "mariadb-site_example_org", Configuration: map[string]string{"engine": "mariadb", "name": "site_example_org", "databases": "site_example_org", "site": "example.org"}})
	want := packages.Want{Name: packages.WordPressName, Values: packages.Values{"archive": "http://files.example.org/it's.tar.gz?a=b&c=$(id)", "sha256": strings.Repeat("0f", 32)}}
	if _, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{want}, ctx); err == nil {
		t.Error("an address with quotes is accepted")
	}
	want.Values["archive"] = "http://files.example.org/it.tar.gz?a=b&c=$(id)"
	resolved, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{want}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	built, err := packages.BuildSite(store.Install, resolved, ctx)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "wordpress-install", built)
	pkg, _ := catalog.New().Site(packages.WordPressName)
	built, err = packages.BuildSite(store.Remove, []packages.Resolved{{Package: pkg, Site: ctx.Site.Domain, Values: resolved[0].Values}}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "wordpress-remove", built)

	var refused *packages.RefusedError
	resolved[0].Values["database"] = "other"
	if _, err := packages.BuildSite(store.Install, resolved, ctx); !errors.As(err, &refused) || !strings.Contains(err.Error(), "no rights on the database other") {
		t.Errorf("with a database that its user has no rights on: %v", err)
	}
	ctx.SiteInstalled = append(ctx.SiteInstalled, store.SitePackage{Name: packages.DeploymentName})
	if _, err := packages.ResolveSiteInstall(catalog.New(), []packages.Want{want}, ctx); !errors.As(err, &refused) {
		t.Errorf("beside a deployment: %v", err)
	}
}
