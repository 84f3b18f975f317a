package ui

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/uitest"
)

// TestInstancesAreListedUnderTheirPackage: each of several is a row of its own, and
// is removed alone.
func TestInstancesAreListedUnderTheirPackage(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "enter") // web1, which has a firewall rule
	d.shows("firewall-rule", "  @8080/tcp")
	d.press("j", "j", "j")
	d.press("enter")
	d.shows("firewall-rule@8080/tcp")
	d.press("esc", "x")
	d.shows("Remove from web1")
	d.press("enter")
	d.shows("remove firewall-rule@8080/tcp")
}

// rules is a package of several that can be adopted by their names.
type rules struct{ uitest.Package }

func (rules) Adopt(packages.Context) (packages.Adoption, error) { return packages.Adoption{}, nil }

func (rules) Named(instance string) packages.Values {
	port, protocol, _ := strings.Cut(instance, "/")
	return packages.Values{"port": port, "protocol": protocol}
}

// TestInstancesAreAdoptedAlone: one that is found and not managed is a row too, if
// it can be adopted.
func TestInstancesAreAdoptedAlone(t *testing.T) {
	d := start(t, nil, nil)
	for i, p := range d.engine.Pkgs {
		if p.Name() == ruleName {
			d.engine.Pkgs[i] = rules{p.(uitest.Package)}
		}
	}
	for i, s := range d.engine.Servers {
		if s.Name == "web1" {
			d.engine.Servers[i].Facts.Found = map[packages.Name]packages.Presence{
				"firewall-rule@9000/tcp":  {State: packages.Present},
				"firewall-rule@8080/tcp":  {State: packages.Present}, // recorded
				"firewall-rule@9001/icmp": {State: packages.Present}, // no options choose it
			}
		}
	}
	d.changed()
	d.press("j", "j", "j", "enter")
	d.shows("  @9000/tcp", "found, not managed")
	d.hides("@9001/icmp")
	if n := strings.Count(d.screen(), "@8080/tcp"); n != 1 {
		t.Errorf("one that is recorded is listed %d times", n)
	}
	d.press("j", "j", "j", "j", "A")
	r := d.engine.Asked[0]
	if r.Action != store.Adopt || r.Packages[0].Name != ruleName || r.Packages[0].Instance != "9000/tcp" {
		t.Errorf("asked for %+v", r)
	}
}
