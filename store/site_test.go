package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSites(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{Now: newClock().now})
	one, two := addServer(t, db, "one"), addServer(t, db, "two")
	b := addSite(t, db, one.ID, "b.example.org")
	a := addSite(t, db, one.ID, "A.example.org")
	addSite(t, db, two.ID, "a.example.org") // another server may have the same domain

	domains := func(server ID) string {
		return names(view(t, db, func(tx *Tx) ([]Site, error) { return tx.SitesOf(server) }), func(s Site) string { return s.Domain })
	}
	if got, want := domains(one.ID), "A.example.org b.example.org"; got != want {
		t.Errorf("sites of one are %q, want %q", got, want)
	}
	for _, id := range []ID{"", "x", db.NewID()} {
		if got := domains(id); got != "" {
			t.Errorf("sites of server %q are %q", id, got)
		}
	}
	got := view(t, db, func(tx *Tx) (Site, error) { return tx.SiteByDomain(one.ID, "a.EXAMPLE.org") })
	if diff := cmp.Diff(a, got); diff != "" {
		t.Error(diff)
	}

	b.Domain, b.PHPVersion, b.Status = "c.example.org", "8.3", Prepared
	update(t, db, func(tx *Tx) error { return tx.PutSite(&b) })
	if diff := cmp.Diff(b, view(t, db, func(tx *Tx) (Site, error) { return tx.Site(b.ID) })); diff != "" {
		t.Error(diff)
	}
	if got, want := domains(one.ID), "A.example.org c.example.org"; got != want {
		t.Errorf("sites of one are %q, want %q", got, want)
	}
	update(t, db, func(tx *Tx) error { return tx.DeleteSite(a.ID) })
	if got, want := domains(one.ID), "c.example.org"; got != want {
		t.Errorf("sites of one are %q, want %q", got, want)
	}
	if got, want := domains(two.ID), "a.example.org"; got != want {
		t.Errorf("sites of two are %q, want %q", got, want)
	}
}

func TestPutSiteRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	one, two := addServer(t, db, "one"), addServer(t, db, "two")
	site := addSite(t, db, one.ID, "example.org")
	moved := site
	moved.ServerID = two.ID
	for _, test := range []struct {
		site Site
		err  string
	}{
		{Site{ServerID: one.ID, Domain: "Example.org"}, "exists already"},
		{Site{ServerID: one.ID}, "domain is empty"},
		{Site{ServerID: db.NewID(), Domain: "x.org"}, "not found"},
		{moved, "cannot move"},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutSite(&test.site) }), test.err)
	}
	for what, fn := range map[string]func(*Tx) error{
		"Site":         func(tx *Tx) error { _, err := tx.Site("x"); return err },
		"SiteByDomain": func(tx *Tx) error { _, err := tx.SiteByDomain(two.ID, "example.org"); return err },
		"DeleteSite":   func(tx *Tx) error { return tx.DeleteSite(db.NewID()) },
	} {
		if err := db.Update(fn); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
