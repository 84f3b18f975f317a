package ui

import (
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/uitest"
)

// deployments shows those of the scene's site.
func deployments(t *testing.T, releases ...job.ReleaseView) *driver {
	t.Helper()
	engine := uitest.Scene(func() time.Time { return begin })
	engine.Released = releases
	d := start(t, engine, nil)
	for _, key := range []string{"2", "enter", "tab"} {
		d.press(key)
	}
	return d
}

func someReleases() []job.ReleaseView {
	at := func(hours int) time.Time { return begin.Add(-time.Duration(hours) * time.Hour) }
	return []job.ReleaseView{
		{Run: "run5", Package: packages.RollbackName, State: store.RunDone, Release: "20261123093000-1a2b3c4", Commit: "1a2b3c4d", Message: "Show the newest posts first", Current: true, At: at(1), Took: 900 * time.Millisecond, By: "ops"},
		{Run: "run4", Package: packages.DeploymentName, State: store.RunFailed, At: at(2), Took: 31 * time.Second, By: "ops", Error: "run the script in the release failed: the script failed with status 1; the site is as it was"},
		{Run: "run3", Package: packages.DeploymentName, State: store.RunDone, Release: "20261124083000-9f8e7d6", Commit: "9f8e7d6c", Message: "Let visitors search, also for a whole sentence", At: at(3), Took: 48 * time.Second, By: "alex"},
		{Run: "run2", Package: packages.DeploymentName, State: store.RunDone, Release: "20261123093000-1a2b3c4", Commit: "1a2b3c4d", Message: "Show the newest posts first", At: at(24), Took: 52 * time.Second, By: "ops"},
	}
}

func TestDeployments(t *testing.T) {
	d := deployments(t, someReleases()...)
	golden(t, "deployments-80x24", d.screen())
	d.size(120, 40)
	golden(t, "deployments-120x40", d.screen())
	golden(t, "deployments-none-80x24", deployments(t).screen())
}

func TestRollbackSaysWhatStays(t *testing.T) {
	d := deployments(t, someReleases()...)
	d.press("R")
	if !strings.Contains(d.screen(), "this release is in use") {
		t.Errorf("the release in use can be rolled back to:\n%s", d.screen())
	}
	d.press("j")
	d.press("R")
	if !strings.Contains(d.screen(), "has left no release") {
		t.Errorf("one that failed can be rolled back to:\n%s", d.screen())
	}
	d.press("j")
	d.press("R")
	golden(t, "rollback-80x24", d.screen())
	d.press("y")
	asked := d.engine.Asked
	if len(asked) == 0 {
		t.Fatal("nothing is previewed")
	}
	last := asked[len(asked)-1]
	if last.Site == "" || last.Packages[0].Name != packages.RollbackName || last.Packages[0].Values[packages.ReleaseOption] != "20261124083000-9f8e7d6" {
		t.Errorf("asked for %+v", last)
	}
}
