package job

import (
	"encoding/json"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

func TestReleases(t *testing.T) {
	b := newBench(t, hosting(), nil)
	var site store.Site
	var runs []store.ID
	add := func(tx *store.Tx, of packages.Name, state store.RunState, release string) error {
		plan, err := json.Marshal(packages.Plan{Action: store.Install, Parts: []packages.Part{{Package: of, Site: site.Domain, Commands: packages.Commands{}}}})
		if err != nil {
			return err
		}
		run := store.Run{
			ID: b.db.NewID(), ServerID: site.ServerID, SiteID: site.ID, Action: store.Install, Plan: plan, State: state, By: "ops",
			QueuedAt: time.Unix(100, 0), StartedAt: time.Unix(101, 0), EndedAt: time.Unix(104, 0),
		}
		if state == store.RunFailed {
			run.Error = &store.RunError{Summary: "the script failed"}
		}
		runs = append(runs, run.ID)
		if err := tx.PutRun(&run); err != nil || release == "" {
			return err
		}
		return tx.AddSitePackage(&store.SitePackage{
			SiteID: site.ID, Type: packages.SiteType, Name: of, Status: store.Active, RunID: run.ID, By: "ops",
			Configuration: map[string]string{packages.ReleaseKey: release, packages.CommitKey: "abc", packages.SecondsKey: "7", packages.MessageKey: "x"},
		})
	}
	err := b.db.Update(func(tx *store.Tx) error {
		server := store.Server{Name: "web1", Address: "10.0.0.1"}
		if err := tx.PutServer(&server); err != nil {
			return err
		}
		site = store.Site{ServerID: server.ID, Domain: "a.org"}
		if err := tx.PutSite(&site); err != nil {
			return err
		}
		for _, one := range []struct {
			of      packages.Name
			state   store.RunState
			release string
		}{
			{packages.DeploymentName, store.RunDone, "one"},
			{packages.DeploymentName, store.RunFailed, ""},
			{packages.DeploymentName, store.RunDone, "two"},
			{packages.RollbackName, store.RunDone, "one"},
			{packages.RepositoryName, store.RunFailed, ""},
			{packages.DeploymentName, store.RunFailed, ""},
		} {
			if err := add(tx, one.of, one.state, one.release); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := b.Releases(site.ID, 0)
	if err != nil || len(list) != 5 {
		t.Fatalf("got %+v, %v", list, err)
	}
	for i, want := range []ReleaseView{
		{Run: runs[5], Package: packages.DeploymentName, State: store.RunFailed, Error: "the script failed", Took: 3 * time.Second},
		{Run: runs[3], Package: packages.RollbackName, State: store.RunDone, Release: "one", Current: true, Took: 7 * time.Second},
		{Run: runs[2], Package: packages.DeploymentName, State: store.RunDone, Release: "two", Took: 7 * time.Second},
		{Run: runs[1], Package: packages.DeploymentName, State: store.RunFailed, Error: "the script failed", Took: 3 * time.Second},
		{Run: runs[0], Package: packages.DeploymentName, State: store.RunDone, Release: "one", Took: 7 * time.Second},
	} {
		got := list[i]
		if got.By != "ops" || got.At.IsZero() {
			t.Errorf("%d is without who and when: %+v", i, got)
		}
		got.By, got.At, got.Commit, got.Message = "", time.Time{}, "", ""
		if got != want {
			t.Errorf("%d is %+v, wanted %+v", i, got, want)
		}
	}
	if some, err := b.Releases(site.ID, 2); err != nil || len(some) != 2 {
		t.Errorf("of two there are %d, %v", len(some), err)
	}
	if view, err := b.Site(site.ID); err != nil || view.Release() != "one" {
		t.Errorf("the release in use is %q, %v", view.Release(), err)
	}
}
