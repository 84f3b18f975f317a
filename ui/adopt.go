package ui

import (
	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// adoptBinding is the key that records a package which is on a server already.
func adoptBinding(e env, v job.ServerView, name packages.Name) binding {
	none := "there is no package here"
	if pkg, ok := e.engine.Catalog().Server(name); ok {
		_, err := packages.BuildAdopt(e.engine.Catalog(), []packages.Want{{Name: pkg.Name()}}, packages.Context{Server: v.Server, Facts: v.Facts, Installed: v.Packages})
		if none = ""; err != nil {
			none = err.Error()
		}
	}
	return binding{keys: []string{"A"}, help: "adopt", more: "manage what is there already, as it is; changes nothing on the server", quiet: none != "", off: none, run: func() effect {
		return prepareOne(e, store.Adopt, packages.Want{Name: name}, []store.ID{v.ID})
	}}
}
