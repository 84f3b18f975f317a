package ui

import "testing"

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
