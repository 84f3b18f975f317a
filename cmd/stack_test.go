package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// shopStack writes a configuration file with a stack of the made-up packages.
func shopStack(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "c.toml")
	text := "[[stacks]]\nname = \"shop\"\npackages = [\"nginx\", \"php\"]\noptions = { \"php.memory\" = \"2\", \"php.extensions\" = \"gd\" }\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestInstallStack(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	w.run(t, StatusDone, "--config", shopStack(t), "install", "shop", "--on", "web1", "--preview", "--set", "php.memory=3")
	if len(e.requests) != 1 {
		t.Fatalf("requests %+v", e.requests)
	}
	got := e.requests[0].Packages
	if len(got) != 2 || got[0].Name != "nginx" || got[1].Name != "php" || got[1].Values["memory"] != "3" || got[1].Values["extensions"] != "gd" {
		t.Errorf("wanted %+v", got)
	}
	w.run(t, StatusRefused, "--config", shopStack(t), "remove", "shop", "--on", "web1", "--yes")
}

func TestPackagesListsStacks(t *testing.T) {
	w := newWorld(t, newEngine())
	w.run(t, StatusDone, "--config", shopStack(t), "packages", "--json")
	var list []packageView
	if err := json.Unmarshal(w.out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(list, func(p packageView) bool { return p.Category == "stack" })
	if i < 0 || list[i].Name != "shop" || !slices.Equal(list[i].Requires, []string{"nginx", "php"}) {
		t.Errorf("got %+v", list)
	}
}
