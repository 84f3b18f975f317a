package ui

import (
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
)

func TestRemovalAsksWhatIsLost(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "x", "G", "k", "enter")
	d.shows("Delete data too", "other sites' settings and the logs")
	d.press("ctrl+o")
	if r := d.engine.Asked[0]; r.Action != store.Remove || r.Packages[0].Removal[packages.PurgeOption] == "yes" {
		t.Errorf("without a choice it asked for %+v", r.Packages)
	}
	d.press("e", "space", "ctrl+o")
	if r := d.engine.Asked[1]; r.Packages[0].Removal[packages.PurgeOption] != "yes" || len(r.Packages[0].Values) != 0 {
		t.Errorf("asked for %+v", r.Packages)
	}
	d.shows("purge yes")
}
