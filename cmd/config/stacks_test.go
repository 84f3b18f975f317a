package config

import (
	"errors"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
)

func TestStacks(t *testing.T) {
	c, err := parse("c.toml", `[[stacks]]
name = "shop"
packages = ["nginx", "php"]
options = { "php.memory-limit" = "512M" }
`)
	if err != nil {
		t.Fatal(err)
	}
	with, err := c.AddStacks(catalog.New())
	if err != nil {
		t.Fatal(err)
	}
	s, ok := packages.FindStack(with, "shop")
	if !ok || len(s.Packages) != 2 || s.Packages[1].Values["memory-limit"] != "512M" || s.Summary != "nginx, php" {
		t.Errorf("got %+v, %t", s, ok)
	}
	if _, ok := packages.FindStack(with, "lemp"); !ok {
		t.Error("the catalog's own stacks are gone")
	}
}

func TestStacksRefuse(t *testing.T) {
	for text, reason := range map[string]string{
		`name = "lemp"` + "\npackages = [\"nginx\"]":                                         "another of that name",
		`name = "x"` + "\npackages = [\"nope\"]":                                             "there is no package",
		`name = "x"` + "\npackages = [\"nginx\"]\noptions = { \"php.x\" = \"1\" }":           "not one of its packages",
		`name = "x"` + "\npackages = [\"nginx\"]\noptions = { \"nginx.workers\" = \"ten\" }": "nginx.workers",
		`packages = ["nginx"]`: "can't be called that",
	} {
		c, err := parse("c.toml", "[[stacks]]\n"+text+"\n")
		if err != nil {
			t.Fatal(err)
		}
		var bad *Error
		if _, err := c.AddStacks(catalog.New()); !errors.As(err, &bad) || !strings.Contains(bad.Error(), reason) || !strings.HasPrefix(bad.Error(), "c.toml: ") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
