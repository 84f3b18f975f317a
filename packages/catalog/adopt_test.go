package catalog_test

import (
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// standing is a server on which somebody else has put everything.
func standing() packages.Facts {
	facts := releases()["debian12"]
	facts.Found = map[packages.Name]packages.Presence{}
	for name, version := range map[packages.Name]packages.Version{
		"php": "8.2.20-1", "php@8.2": "8.2.20-1", "php@8.3": "8.3.1-1", "node": "24.1.0-1nodesource1", "postgresql": "16.1-1.pgdg12+1",
	} {
		facts.Found[name] = packages.Presence{State: packages.Present, Version: version}
	}
	for _, name := range catalog.New().Names() {
		if _, ok := facts.Found[name]; !ok {
			facts.Found[name] = packages.Presence{State: packages.Present, Version: "1.2-3"}
		}
	}
	return facts
}

// adopting are the choices by which each package is adopted.
func adopting(name packages.Name) packages.Want {
	want := packages.Want{Name: name, Values: choices(name)}
	switch name {
	case "php":
		want.Instance = "8.3"
	case "database-user":
		want = packages.Want{Name: name, Instance: "mariadb-writer@10.0.0.%"}
	}
	return want
}

func TestGoldenAdopt(t *testing.T) {
	for _, p := range all(t) {
		ctx := packages.Context{Facts: standing(), Server: store.Server{Port: 22}, Installed: append(beside(p.Name()), store.ServerPackage{Name: "firewall"})}
		if p.Name() == "firewall" {
			ctx.Installed = nil
		}
		built, err := packages.BuildAdopt(catalog.New(), []packages.Want{adopting(p.Name())}, ctx)
		_, adopts := p.(packages.Adopter)
		if adoptable := adopts || p.Probe() != "" && p.Describe().Instance == nil; adoptable != (err == nil) {
			t.Errorf("%s can be adopted: %v, and is: %v", p.Name(), adoptable, err)
		}
		if err != nil {
			continue
		}
		configuration := map[string]string(built.Parts[0].Values)
		for _, cmd := range built.Parts[0].Commands {
			switch c := cmd.(type) {
			case packages.Track, packages.Note:
			case packages.Persist:
				maps.Copy(configuration, c.Configuration)
			default:
				t.Errorf("adopting %s does more than to look: %T", p.Name(), c)
			}
		}
		arePOSIX(t, string(p.Name()), scripts(built))
		if adopts {
			golden(t, string(p.Name())+"-adopt", built)
		}
		ctx.Installed = append(ctx.Installed, store.ServerPackage{Name: p.Name(), Instance: built.Parts[0].Instance, Configuration: configuration})
		released(t, p, built.Parts[0].Instance, ctx)
	}
}

// released removes what was adopted.
func released(t *testing.T, p packages.ServerPackage, instance string, ctx packages.Context) {
	t.Helper()
	record := ctx.Installed[len(ctx.Installed)-1]
	switch p.Name() {
	case "php", "node", "mysql", "postgresql":
		record.Configuration["repository"] = "theirs" // what was then installed over it came from one
	}
	built, err := packages.Build(store.Remove, []packages.Resolved{{Package: p, Instance: instance, Values: record.Configuration}}, ctx)
	if err != nil {
		t.Errorf("let go of %s: %v", p.Name(), err)
		return
	}
	for _, step := range built.Steps() {
		if debs := packages.DebsOf(step.Command); len(debs.Purge) > 0 {
			t.Errorf("letting go of %s removes %v, whoever has installed that", p.Name(), debs.Purge)
		}
	}
	arePOSIX(t, string(p.Name()), scripts(built))
	switch p.Name() {
	case "nginx", "node", "mariadb", "mysql", "postgresql", "redis":
		golden(t, string(p.Name())+"-release", built) // the others do what removing does
	}
}

// TestNamed sees that the name of an instance chooses that instance again.
func TestNamed(t *testing.T) {
	for _, p := range all(t) {
		namer, ok := p.(packages.Namer)
		if !ok {
			continue
		}
		for _, values := range []packages.Values{choices(p.Name()), otherChoices()[p.Name()]} {
			complete, err := packages.Complete(p, values)
			if err != nil {
				t.Fatal(err)
			}
			instance := p.Describe().Instance(complete)
			again, err := packages.Complete(p, namer.Named(instance))
			if err != nil || p.Describe().Instance(again) != instance {
				t.Errorf("%s: %q chooses %v, %v", p.Name(), instance, again, err)
			}
		}
		for _, bad := range []string{"-", "x", "allow", "allow-99999999-tcp", "allow-80-tcp-from-", "mariadb-", "-shop", "9.9", "$(id)", "mariadb-a b", "mysql-root", "postgresql-x@"} {
			if named := namer.Named(bad); named != nil {
				if complete, err := packages.Complete(p, named); err == nil && p.Describe().Instance(complete) == bad {
					t.Errorf("%s: %q chooses %v", p.Name(), bad, complete)
				}
			}
		}
	}
}

func TestAdoptWhich(t *testing.T) {
	ctx := packages.Context{Facts: standing()}
	for _, test := range []struct {
		want packages.Want
		said string
	}{
		{packages.Want{Name: "php"}, ""},
		{packages.Want{Name: "php", Values: packages.Values{"version": "8.3"}}, ""},
		{packages.Want{Name: "php", Instance: "8.4"}, "php@8.4 is not on the server"},
		{packages.Want{Name: "php", Instance: "8.3", Values: packages.Values{"version": "8.4"}}, "the options choose php@8.4, and not php@8.3"},
		{packages.Want{Name: "php", Instance: "5.6"}, `php.version: "5.6" is not one of distribution, 7.4, 8.0, 8.1, 8.2, 8.3, 8.4, 8.5`},
		{packages.Want{Name: "nginx", Instance: "x"}, `there is only one nginx on a server: leave "@x" away`},
		{packages.Want{Name: "program", Instance: "queue"}, "program can't be adopted: BrokeForge keeps it in files of its own, so install it with the same options, and take the other away"},
		{packages.Want{Name: "monitoring"}, "monitoring can't be adopted: nobody can tell what of it is there"},
		{packages.Want{Name: "firewall-rule"}, "which firewall-rule? say firewall-rule@INSTANCE, or give its options"},
		{packages.Want{Name: "firewall-rule", Instance: "allow-8080-tcp"}, "firewall-rule@allow-8080-tcp needs firewall, which is not managed by BrokeForge: adopt or install that first"},
		{packages.Want{Name: "database", Instance: "mariadb-shop"}, "database@mariadb-shop needs mariadb, which is not managed by BrokeForge: adopt or install that first"},
	} {
		_, err := packages.BuildAdopt(catalog.New(), []packages.Want{test.want}, ctx)
		said := ""
		if err != nil {
			said = err.Error()
		}
		if diff := cmp.Diff(test.said, said); diff != "" {
			t.Errorf("%s@%s %v (-want +got):\n%s", test.want.Name, test.want.Instance, test.want.Values, diff)
		}
	}
}
