package packages_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

func TestSpread(t *testing.T) {
	s := packages.Stack{Name: "s", Packages: []packages.Want{
		{Name: "web", Values: packages.Values{"size": "1", "kind": "a"}}, {Name: "db"},
	}}
	got := s.Spread([]packages.Want{{Name: "web", Values: packages.Values{"size": "9"}}, {Name: "other"}})
	want := []packages.Want{
		{Name: "web", Values: packages.Values{"size": "9", "kind": "a"}}, {Name: "other"}, {Name: "db"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("spread (-want +got):\n%s", diff)
	}
	if s.Packages[0].Values["size"] != "1" {
		t.Error("the stack itself was changed")
	}
}

func TestAddStacks(t *testing.T) {
	c := shelf{
		fake{name: "web", describe: packages.Description{Options: []packages.Option{
			{Name: "size", Kind: packages.Number, Max: 9}, {Name: "name", Required: true}, {Name: "password", Kind: packages.Secret},
		}}},
	}
	stack := func(name packages.Name, wants ...packages.Want) packages.Stack {
		return packages.Stack{Name: name, Packages: wants}
	}
	web := packages.Want{Name: "web"}
	with, err := packages.AddStacks(c, stack("mine", packages.Want{Name: "web", Values: packages.Values{"size": "3"}}))
	if err != nil {
		t.Fatal(err)
	}
	if s, ok := packages.FindStack(with, "mine"); !ok || s.Packages[0].Values["size"] != "3" {
		t.Errorf("found %v, %t", s, ok)
	}
	for reason, bad := range map[string]packages.Stack{
		"can't be called that":           stack("No Name", web),
		"a package of that name":         stack("web", web),
		"another of that name":           stack("mine", web),
		"has no packages":                stack("empty"),
		"there is no package":            stack("x", packages.Want{Name: "nope"}),
		"names web twice":                stack("x", web, web),
		"there is no such option":        stack("x", packages.Want{Name: "web", Values: packages.Values{"colour": "1"}}),
		"web.size":                       stack("x", packages.Want{Name: "web", Values: packages.Values{"size": "many"}}),
		"can't stand in a configuration": stack("x", packages.Want{Name: "web", Values: packages.Values{"password": "hunter2"}}),
	} {
		if _, err := packages.AddStacks(with, bad); err == nil || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", reason, err)
		}
	}
}
