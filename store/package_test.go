package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServerPackages(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{Now: newClock().now})
	one, two := addServer(t, db, "one"), addServer(t, db, "two")
	put := func(server ID, typ PackageType, name PackageName, instance, port string) ServerPackage {
		p := ServerPackage{
			ServerID: server, Type: typ, Name: name, Instance: instance, Status: Active,
			Configuration: map[string]string{"port": port},
		}
		update(t, db, func(tx *Tx) error { return tx.PutServerPackage(&p) })
		return p
	}
	put(one.ID, "firewall", "rule", "443/tcp", "443")
	put(one.ID, "webserver", "nginx", "", "80")
	put(one.ID, "firewall", "rule", "22/tcp", "22")
	put(one.ID, "firewall", "rules-extra", "443/tcp", "443") // its name begins like another's
	put(two.ID, "firewall", "rule", "443/tcp", "443")

	key := func(p ServerPackage) string { return string(p.Name) + ":" + p.Instance }
	for _, test := range []struct {
		what string
		list func(*Tx) ([]ServerPackage, error)
		want string
	}{
		{
			"of one", func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackages(one.ID) },
			"nginx: rule:22/tcp rule:443/tcp rules-extra:443/tcp",
		},
		{"of two", func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackages(two.ID) }, "rule:443/tcp"},
		{"of none", func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackages("") }, ""},
		{
			"by type", func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackagesByType(one.ID, "firewall") },
			"rule:22/tcp rule:443/tcp rules-extra:443/tcp",
		},
		{"by another type", func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackagesByType(one.ID, "fire") }, ""},
		{
			"everywhere", func(tx *Tx) ([]ServerPackage, error) { return tx.ServersWith("rule", nil) },
			"rule:22/tcp rule:443/tcp rule:443/tcp",
		},
		{"by configuration", func(tx *Tx) ([]ServerPackage, error) {
			return tx.ServersWith("rule", func(p ServerPackage) bool { return p.Configuration["port"] == "22" })
		}, "rule:22/tcp"},
		{"unknown everywhere", func(tx *Tx) ([]ServerPackage, error) { return tx.ServersWith("rul", nil) }, ""},
	} {
		if got := names(view(t, db, test.list), key); got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}

	first := view(t, db, func(tx *Tx) (ServerPackage, error) { return tx.ServerPackage(one.ID, "nginx", "") })
	again := put(one.ID, "webserver", "nginx", "", "8080")
	if again.ID != first.ID || !again.CreatedAt.Equal(first.CreatedAt) || !again.UpdatedAt.After(first.UpdatedAt) {
		t.Errorf("recorded again, %+v became %+v", first, again)
	}
	got := view(t, db, func(tx *Tx) (ServerPackage, error) { return tx.ServerPackage(one.ID, "nginx", "") })
	if diff := cmp.Diff(again, got); diff != "" {
		t.Error(diff)
	}

	for range 2 { // the second finds nothing, which is no error
		update(t, db, func(tx *Tx) error { return tx.DeleteServerPackage(one.ID, "rule", "443/tcp") })
	}
	err := db.View(func(tx *Tx) error { _, err := tx.ServerPackage(one.ID, "rule", "443/tcp"); return err })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("a deleted package gives %v", err)
	}
	everywhere := view(t, db, func(tx *Tx) ([]ServerPackage, error) { return tx.ServersWith("rule", nil) })
	if got, want := names(everywhere, key), "rule:22/tcp rule:443/tcp"; got != want {
		t.Errorf("left are %q, want %q", got, want)
	}
}

func TestPutServerPackageRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	s := addServer(t, db, "one")
	for _, test := range []struct {
		p   ServerPackage
		err string
	}{
		{ServerPackage{ServerID: s.ID}, "name is empty"},
		{ServerPackage{ServerID: s.ID, Name: "a\x00b"}, "zero byte"},
		{ServerPackage{ServerID: db.NewID(), Name: "nginx"}, "record package nginx: server"},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutServerPackage(&test.p) }), test.err)
	}
}

func TestSitePackages(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{Now: newClock().now})
	server := addServer(t, db, "one")
	a, b := addSite(t, db, server.ID, "a.org"), addSite(t, db, server.ID, "b.org")
	other := addSite(t, db, addServer(t, db, "two").ID, "c.org")
	put := func(site ID, typ PackageType, name PackageName, status PackageStatus) SitePackage {
		p := SitePackage{SiteID: site, Type: typ, Name: name, Status: status}
		update(t, db, func(tx *Tx) error { return tx.PutSitePackage(&p) })
		return p
	}
	git := put(a.ID, "git", "repository", Active)
	put(b.ID, "git", "repository", Failed)
	put(other.ID, "git", "repository", Active)
	for _, version := range []PackageVersion{"1", "2", "3"} {
		p := SitePackage{SiteID: a.ID, Type: "command", Name: "command", Version: version, Status: Active}
		update(t, db, func(tx *Tx) error { return tx.AddSitePackage(&p) })
	}

	key := func(p SitePackage) string { return string(p.Name) + string(p.Version) }
	for _, test := range []struct {
		what string
		list func(*Tx) ([]SitePackage, error)
		want string
	}{
		{"of a site", func(tx *Tx) ([]SitePackage, error) { return tx.SitePackages(a.ID) }, "repository command1 command2 command3"},
		{"of no site", func(tx *Tx) ([]SitePackage, error) { return tx.SitePackages(db.NewID()) }, ""},
		{"history", func(tx *Tx) ([]SitePackage, error) { return tx.SitePackageHistory(a.ID, "command", 0) }, "command3 command2 command1"},
		{"short history", func(tx *Tx) ([]SitePackage, error) { return tx.SitePackageHistory(a.ID, "command", 2) }, "command3 command2"},
		{"history of another", func(tx *Tx) ([]SitePackage, error) { return tx.SitePackageHistory(b.ID, "command", 2) }, ""},
	} {
		if got := names(view(t, db, test.list), key); got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
	has := func(site ID, typ PackageType) bool {
		return view(t, db, func(tx *Tx) (bool, error) { return tx.HasSitePackage(site, typ) })
	}
	with := func(typ PackageType) string {
		return names(view(t, db, func(tx *Tx) ([]Site, error) { return tx.SitesWith(typ) }), func(s Site) string { return s.Domain })
	}
	if !has(a.ID, "git") || has(b.ID, "git") || has(a.ID, "certificate") || has("x", "git") {
		t.Error("git is to be active on a alone")
	}
	if got := with("git"); got != "a.org c.org" {
		t.Errorf("sites with git are %q", got)
	}
	if got := with("command"); got != "a.org" {
		t.Errorf("sites with commands are %q", got)
	}
	bySite := view(t, db, func(tx *Tx) (map[ID][]SitePackage, error) { return tx.SitePackagesOf(server.ID) })
	if len(bySite) != 2 || len(bySite[a.ID]) != 4 || len(bySite[b.ID]) != 1 {
		t.Errorf("by site: %v", bySite)
	}

	again := git
	again.ID, again.UninstalledAt = "", newClock().now()
	update(t, db, func(tx *Tx) error { return tx.PutSitePackage(&again) })
	if again.ID != git.ID || has(a.ID, "git") || with("git") != "c.org" {
		t.Errorf("uninstalled, record %s became %s, with it are %q", git.ID, again.ID, with("git"))
	}
	again.Type = "vcs"
	update(t, db, func(tx *Tx) error { return tx.PutSitePackage(&again) })
	for range 2 {
		update(t, db, func(tx *Tx) error { return tx.DeleteSitePackage(a.ID, "command", "") })
	}
	left := view(t, db, func(tx *Tx) ([]SitePackage, error) { return tx.SitePackages(a.ID) })
	if diff := cmp.Diff([]SitePackage{again}, left); diff != "" {
		t.Error(diff)
	}
	if got := with("command"); got != "" {
		t.Errorf("sites with deleted commands are %q", got)
	}
}

func TestPutSitePackageRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	site := addSite(t, db, addServer(t, db, "one").ID, "a.org")
	for _, test := range []struct {
		p   SitePackage
		err string
	}{
		{SitePackage{SiteID: site.ID, Type: "git"}, "name is empty"},
		{SitePackage{SiteID: site.ID, Name: "git"}, "type is empty"},
		{SitePackage{SiteID: db.NewID(), Name: "git", Type: "git"}, "not found"},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutSitePackage(&test.p) }), test.err)
	}
}
