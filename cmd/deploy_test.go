package cmd

import (
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestSiteReleases(t *testing.T) {
	shown := func() *world {
		w := newWorld(t, newEngine("web1"))
		w.engine.sites = []job.SiteView{{Site: store.Site{ID: "site", ServerID: w.engine.servers[0].ID, Domain: "example.org"}, Server: "web1"}}
		w.engine.releases = []job.ReleaseView{
			{Run: "run3", Package: packages.RollbackName, State: store.RunDone, Release: "20261123093000-1a2b3c4", Message: "newest \x1b[2Jfirst", Current: true, At: time.Unix(1, 0), By: "ops"},
			{Run: "run2", Package: packages.DeploymentName, State: store.RunFailed, Error: "the script failed", By: "ops"},
		}
		return w
	}
	w := shown()
	w.run(t, 0, "site", "releases", "example.org")
	holds(t, "the list", w.out.String(), "20261123093000-1a2b3c4", "rolled back, in use", "failed: the script failed", `newest \x1b[2Jfirst`)
	w = shown()
	w.run(t, 0, "site", "releases", "example.org", "--json")
	holds(t, "JSON", w.out.String(), `"current": true`, `"package": "deployment"`, `"error": "the script failed"`)
	w = shown()
	w.engine.releases = nil
	w.run(t, 0, "site", "releases", "example.org")
	holds(t, "standard error", w.errs.String(), "nothing was deployed yet")
}
