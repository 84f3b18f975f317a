package ui

import (
	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// adoptBinding is the key that records a package, or one of several, which is on a
// server already.
func adoptBinding(e env, v job.ServerView, label string) binding {
	none, want := "there is no package here", packages.Parse(label)
	if _, ok := e.engine.Catalog().Server(want.Name); ok {
		_, err := packages.BuildAdopt(e.engine.Catalog(), []packages.Want{want}, contextOf(v))
		if none = ""; err != nil {
			none = err.Error()
		}
	}
	return binding{keys: []string{"A"}, help: "adopt", more: "manage what is there already, as it is; changes nothing on the server", quiet: none != "", off: none, run: func() effect {
		return prepareOne(e, store.Adopt, want, []store.ID{v.ID})
	}}
}

// contextOf is what is known of a server, to make plans from.
func contextOf(v job.ServerView) packages.Context {
	return packages.Context{Server: v.Server, Facts: v.Facts, Installed: v.Packages}
}
