package packages_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

// adopter is a package that reads more of itself, and has something to release.
type adopter struct{ fake }

func (adopter) Adopt(packages.Context) (packages.Adoption, error) {
	return packages.Adoption{Configuration: map[string]string{"branch": "8.2"}}, nil
}

func (adopter) Release(packages.Context) ([]packages.Command, error) {
	return []packages.Command{packages.Run{Script: "rm ours"}, packages.Forget{}}, nil
}

func TestAdopt(t *testing.T) {
	describe := packages.Description{Options: []packages.Option{text("size", "1"), {Name: "token", Kind: packages.Secret}}}
	plain := fake{name: "web", describe: describe, probe: "echo 1.2", remove: []packages.Command{packages.Run{Script: "purge all"}, packages.Forget{}}, install: []packages.Command{packages.Persist{Version: "v"}}}
	reading := adopter{fake{name: "lang", probe: "echo 8.2"}}
	c := mixed{plain, reading, fake{name: "blind"}, fake{name: "many", probe: "x", describe: packages.Description{Instance: func(packages.Values) string { return "" }}}}
	present := packages.Presence{State: packages.Present, Version: "1.2"}
	ctx := packages.Context{Facts: packages.Facts{Found: map[packages.Name]packages.Presence{"web": present, "lang": present, "blind": present, "many": present, "half": {State: packages.Partial, Detail: "stopped"}}}}

	plan, err := packages.BuildAdopt(c, []packages.Want{{Name: "web", Values: packages.Values{"size": "2"}}, {Name: "lang"}}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []packages.Persist{
		{Version: "echo 1.2", Configuration: map[string]string{"adopted": "yes"}},
		{Version: "echo 8.2", Configuration: map[string]string{"adopted": "yes", "branch": "8.2"}},
	} {
		if diff := cmp.Diff(packages.Command(want), plan.Parts[i].Commands[1]); diff != "" || len(plan.Parts[i].Commands) != 2 {
			t.Errorf("part %d (-want +got):\n%s", i, diff)
		}
	}
	if diff := cmp.Diff(packages.Values{"size": "2"}, plan.Parts[0].Values); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}

	record := store.ServerPackage{Name: "web", Configuration: map[string]string{"adopted": "yes", "size": "2"}}
	for name, change := range map[string]func(*packages.Context, *packages.Want){
		"managed by BrokeForge already": func(c *packages.Context, _ *packages.Want) { c.Installed = []store.ServerPackage{record} },
		"not on the server":             func(c *packages.Context, _ *packages.Want) { c.Facts.Found = nil },
		"can't be adopted":              func(_ *packages.Context, w *packages.Want) { w.Name = "blind" },
		"many can't":                    func(_ *packages.Context, w *packages.Want) { w.Name = "many" },
		"no package":                    func(_ *packages.Context, w *packages.Want) { w.Name = "zz" },
		"no such option":                func(_ *packages.Context, w *packages.Want) { w.Values = packages.Values{"x": "y"} },
		"does not work: stopped": func(c *packages.Context, _ *packages.Want) {
			c.Facts.Found = map[packages.Name]packages.Presence{"web": {State: packages.Partial, Detail: "stopped"}}
		},
	} {
		changed, want := ctx, packages.Want{Name: "web"}
		change(&changed, &want)
		if _, err := packages.BuildAdopt(c, []packages.Want{want}, changed); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}

	// What is installed over it is still what was there before, and its removal
	// leaves it.
	ctx.Installed = []store.ServerPackage{record}
	resolved, err := packages.ResolveInstall(c, []packages.Want{{Name: "web", Values: packages.Values{"size": "3"}}}, ctx.Installed, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan, err = packages.Build(store.Install, resolved, ctx)
	if err != nil || plan.Parts[0].Commands[0].(packages.Persist).Configuration["adopted"] != "yes" {
		t.Errorf("installed over it the record forgets where it came from: %+v, %v", plan, err)
	}
	for name, want := range map[packages.Name]string{"web": "", "lang": "rm ours"} {
		record.Name = name
		resolved, err := packages.ResolveRemove(c, []packages.Want{{Name: name}}, []store.ServerPackage{record}, nil)
		if err != nil {
			t.Fatal(err)
		}
		plan, err := packages.Build(store.Remove, resolved, ctx)
		if err != nil {
			t.Fatal(err)
		}
		var scripts []string
		for _, cmd := range plan.Parts[0].Commands {
			if run, ok := cmd.(packages.Run); ok {
				scripts = append(scripts, run.Script)
			}
		}
		if got := strings.Join(scripts, ";"); got != want {
			t.Errorf("removing the adopted %s runs %q, want %q", name, got, want)
		}
	}
	var refused *packages.RefusedError
	if _, err := packages.BuildAdopt(c, []packages.Want{{Name: "web"}}, ctx); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
}
