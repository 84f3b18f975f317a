package ui

import (
	"testing"

	"brokeforge/packages"
)

func TestStackMarksItsPackages(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Stacks = []packages.Stack{{Name: "lemp", Summary: "nginx and PHP behind a firewall", Packages: []packages.Want{{Name: "firewall"}, {Name: "nginx"}, {Name: "php"}}}}
	d.press("j", "j", "i", "g", "space")
	d.shows("STACKS", "lemp", "3 marked")
	golden(t, "pick-stack-80x24", d.screen())
	d.size(120, 40)
	golden(t, "pick-stack-120x40", d.screen())
	d.press("g", "space")
	d.hides("marked")
	d.press("g", "enter")
	asked := d.engine.Asked
	if len(asked) != 1 || len(asked[0].Packages) != 3 {
		t.Fatalf("asked for %+v", asked)
	}
}
