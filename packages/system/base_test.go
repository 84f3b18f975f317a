package system_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/system"
)

func TestBaseRefusesUserNames(t *testing.T) {
	for _, name := range []string{
		"root", "Deploy", "a b", "-rf", "1up", "a;id", "$(id)", "ä", "a:b", "../x", "a.b", strings.Repeat("x", 33), "",
	} {
		if _, err := packages.Complete(system.Base{}, packages.Values{"app-user": name}); err == nil {
			t.Errorf("%q is taken as a user name", name)
		}
	}
	for _, name := range []string{"deploy", "www-data", "a", "x_1"} {
		if _, err := packages.Complete(system.Base{}, packages.Values{"app-user": name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestBaseRefusesServers(t *testing.T) {
	values, err := packages.Complete(system.Base{}, packages.Values{"worker-user": packages.DefaultAppUser})
	if err != nil {
		t.Fatal(err)
	}
	debian := packages.Facts{OS: packages.OS{ID: "debian", Version: "12"}}
	if _, err := (system.Base{}).Install(packages.Context{Values: values, Facts: debian}); err == nil || !strings.Contains(err.Error(), "may not be the same") {
		t.Errorf("one user for both: got %v", err)
	}
	values["worker-user"] = packages.DefaultWorkerUser
	fedora := packages.Facts{OS: packages.OS{ID: "fedora", Pretty: "Fedora Linux 42"}}
	if _, err := (system.Base{}).Install(packages.Context{Values: values, Facts: fedora}); err == nil || !strings.Contains(err.Error(), "Fedora Linux 42") {
		t.Errorf("another system: got %v", err)
	}
}
