package store

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestServerIsKeptAsItIs(t *testing.T) {
	dir, c := t.TempDir()+"/state", newClock()
	db := openTest(t, dir, Options{Now: c.now})
	want := Server{
		Name: "web1", Address: "192.0.2.1", PrivateAddress: "10.0.0.1", Port: 2222, User: "admin", KeyFile: "/k",
		Tags: []string{"prod", "eu"}, HostKeys: []HostKey{{Key: "ssh-ed25519 AAAA", PinnedAt: c.now(), PinnedBy: "ann"}},
		Status: Prepared, Connection: Refused, ConnectionError: "host key changed",
		Facts: json.RawMessage(`{"cpus":2}`), FactsAt: c.now(),
	}
	update(t, db, func(tx *Tx) error { return tx.PutServer(&want) })
	if want.ID.check() != nil || want.CreatedAt.IsZero() || !want.UpdatedAt.Equal(want.CreatedAt) {
		t.Errorf("not filled in: %+v", want)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, Options{Now: c.now})
	byID := view(t, db, func(tx *Tx) (Server, error) { return tx.Server(want.ID) })
	byName := view(t, db, func(tx *Tx) (Server, error) { return tx.ServerByName("web1") })
	for _, got := range []Server{byID, byName} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestPutServerChangesTheServer(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{Now: newClock().now})
	s := addServer(t, db, "web1")
	made := s.CreatedAt
	s.Name, s.Port = "web2", 2022
	update(t, db, func(tx *Tx) error { return tx.PutServer(&s) })
	got := view(t, db, func(tx *Tx) (Server, error) { return tx.ServerByName("web2") })
	if diff := cmp.Diff(s, got); diff != "" {
		t.Error(diff)
	}
	if !got.CreatedAt.Equal(made) || !got.UpdatedAt.After(made) {
		t.Errorf("made %v: created %v, updated %v", made, got.CreatedAt, got.UpdatedAt)
	}
	if err := db.View(func(tx *Tx) error { _, err := tx.ServerByName("web1"); return err }); !errors.Is(err, ErrNotFound) {
		t.Errorf("the old name gives %v", err)
	}
	addServer(t, db, "web1") // its name is free again
}

func TestPutServerRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	addServer(t, db, "web1")
	second := addServer(t, db, "web2")
	renamed := second
	renamed.Name = "web1"
	for _, test := range []struct {
		server Server
		err    []string
	}{
		{Server{Name: "web1"}, []string{`"web1" exists already`, "choose another name"}},
		{renamed, []string{`"web1" exists already`}},
		{Server{}, []string{"name is empty"}},
		{Server{Name: "a\x00b"}, []string{"zero byte"}},
		{Server{ID: "../x", Name: "web3"}, []string{"has 26 characters"}},
		{Server{Name: "web3", Facts: json.RawMessage("{")}, []string{"write to servers"}},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutServer(&test.server) }), test.err...)
	}
	var exists *ExistsError
	if err := db.Update(func(tx *Tx) error { return tx.PutServer(&renamed) }); !errors.As(err, &exists) || exists.Name != "web1" {
		t.Errorf("error %v is no ExistsError", err)
	}
	servers := view(t, db, (*Tx).Servers)
	if got := names(servers, func(s Server) string { return s.Name }); got != "web1 web2" {
		t.Errorf("servers are %q", got)
	}
}

func TestServersAreSortedByName(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	if got := view(t, db, (*Tx).Servers); len(got) != 0 {
		t.Errorf("a new database has %v", got)
	}
	for _, name := range []string{"m", "z", "a b", "ü", "B"} {
		addServer(t, db, name)
	}
	got := names(view(t, db, (*Tx).Servers), func(s Server) string { return s.Name })
	if want := "B a b m z ü"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestDeleteServerLeavesHistoryAlone(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	gone, kept := addServer(t, db, "gone"), addServer(t, db, "kept")
	for _, s := range []Server{gone, kept} {
		site := addSite(t, db, s.ID, "example.org")
		run := addRun(t, db, s.ID, RunDone)
		update(t, db, func(tx *Tx) error {
			return errors.Join(
				tx.PutServerPackage(&ServerPackage{ServerID: s.ID, Name: "nginx", Type: "webserver"}),
				tx.PutSitePackage(&SitePackage{SiteID: site.ID, Name: "git", Type: "git", Status: Active}),
				tx.PutEvent(&Event{RunID: run.ID, ServerID: s.ID, Name: "nginx", Action: Install}),
			)
		})
	}
	update(t, db, func(tx *Tx) error { return tx.DeleteServer(gone.ID) })

	counts := func(id ID) (got [6]int) {
		update(t, db, func(tx *Tx) error {
			sites, err1 := tx.SitesOf(id)
			packages, err2 := tx.ServerPackages(id)
			bySite, err3 := tx.SitePackagesOf(id)
			runs, err4 := tx.RunsOf(id, 0)
			_, err5 := tx.LatestEvent(id, "nginx", Install)
			got = [6]int{len(sites), len(packages), len(bySite), len(runs)}
			return errors.Join(err1, err2, err3, err4, err5)
		})
		with := view(t, db, func(tx *Tx) ([]ServerPackage, error) { return tx.ServersWith("nginx", nil) })
		sites := view(t, db, func(tx *Tx) ([]Site, error) { return tx.SitesWith("git") })
		got[4], got[5] = len(with), len(sites)
		return got
	}
	if got, want := counts(gone.ID), [6]int{0, 0, 0, 1, 1, 1}; got != want {
		t.Errorf("the deleted server has %v, want %v", got, want)
	}
	if got, want := counts(kept.ID), [6]int{1, 1, 1, 1, 1, 1}; got != want {
		t.Errorf("the other server has %v, want %v", got, want)
	}
	for _, id := range []ID{gone.ID, "nonsense", ""} {
		if err := db.Update(func(tx *Tx) error { return tx.DeleteServer(id) }); !errors.Is(err, ErrNotFound) {
			t.Errorf("deleting %q: %v", id, err)
		}
	}
	addServer(t, db, "gone")
}
