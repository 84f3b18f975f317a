package packages_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

// serviced is a package with services.
type serviced struct{ fake }

func (s serviced) Units(ctx packages.Context) []string {
	if ctx.Values["unit"] == "" {
		return nil
	}
	return strings.Split(ctx.Values["unit"], ",")
}

// mixed is a catalog of packages of any kind.
type mixed []packages.ServerPackage

func (m mixed) Server(name packages.Name) (packages.ServerPackage, bool) {
	for _, p := range m {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

func (m mixed) Names() (names []packages.Name) {
	for _, p := range m {
		names = append(names, p.Name())
	}
	return names
}

func TestBuildService(t *testing.T) {
	c := mixed{serviced{fake{name: "web"}}, fake{name: "plain"}}
	record := store.ServerPackage{Name: "web", Configuration: map[string]string{"unit": "web,it's"}}
	ctx := packages.Context{Facts: packages.Facts{Systemd: true}, Installed: []store.ServerPackage{record}}
	for _, action := range packages.ServiceActions() {
		plan, err := packages.BuildService(c, action, []packages.Want{{Name: "web"}}, ctx)
		if err != nil {
			t.Fatal(err)
		}
		commands := plan.Parts[0].Commands
		if len(commands) != 3 || plan.Action != action {
			t.Fatalf("%s has %d commands", action, len(commands))
		}
		if got, want := packages.Brief(commands[1]), "systemctl "+string(action)+" web"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		if got := commands[2].(packages.Run).Script; !strings.Contains(got, `'it'"'"'s'`) {
			t.Errorf("%s does not quote: %s", action, got)
		}
	}
	for name, change := range map[string]func(*packages.Context, *packages.Want){
		"no systemd":     func(c *packages.Context, _ *packages.Want) { c.Facts.Systemd = false },
		"has no service": func(_ *packages.Context, w *packages.Want) { w.Name = "plain" },
		"not installed":  func(c *packages.Context, _ *packages.Want) { c.Installed = nil },
		"does not tell":  func(c *packages.Context, _ *packages.Want) { c.Installed = []store.ServerPackage{{Name: "web"}} },
		"only one web":   func(_ *packages.Context, w *packages.Want) { w.Instance = "x" },
		"adopt it first": func(c *packages.Context, _ *packages.Want) {
			c.Installed = nil
			c.Facts.Found = map[packages.Name]packages.Presence{"web": {State: packages.Present}}
		},
		"no package \"zz\"": func(_ *packages.Context, w *packages.Want) { w.Name = "zz" },
	} {
		changed, want := ctx, packages.Want{Name: "web"}
		change(&changed, &want)
		_, err := packages.BuildService(c, store.StopService, []packages.Want{want}, changed)
		var refused *packages.RefusedError
		var unknown *packages.UnknownError
		if !errors.As(err, &refused) && !errors.As(err, &unknown) {
			t.Errorf("%s: got %v", name, err)
		} else if name != "no systemd" && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// TestParseServices reads what systemctl 252 and 257 print.
func TestParseServices(t *testing.T) {
	out := `MemoryCurrent=5242880
Id=nginx.service
Names=nginx.service
ActiveState=active
SubState=running
UnitFileState=enabled
NRestarts=2

MemoryCurrent=[not set]
Id=x.service
ActiveState=inactive` + "\x1b[2J" + `
SubState=dead
UnitFileState=

MemoryCurrent=18446744073709551615
ActiveState=failed
`
	want := map[string]packages.ServiceState{
		"nginx": {Active: "active", Sub: "running", Enabled: "enabled", Memory: 5242880, Restart: 2},
		"x":     {Active: "inactive", Sub: "dead"},
		"y":     {Active: "failed"},
	}
	if diff := cmp.Diff(want, packages.ParseServices(out, []string{"nginx", "x", "y"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := packages.ParseServices("", nil); len(got) != 0 {
		t.Errorf("of nothing: %v", got)
	}
}

func (mixed) Site(packages.Name) (packages.SitePackage, bool) { return nil, false }
func (mixed) SiteNames() []packages.Name                      { return nil }
