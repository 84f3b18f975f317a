package catalog_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

var namePattern = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

func all(t *testing.T) []packages.ServerPackage {
	t.Helper()
	c := catalog.New()
	var list []packages.ServerPackage
	for _, name := range c.Names() {
		p, ok := c.Server(name)
		if !ok {
			t.Fatalf("%s is listed and not found", name)
		}
		list = append(list, p)
	}
	return list
}

func TestNames(t *testing.T) {
	seen := map[packages.Name]bool{}
	for _, p := range all(t) {
		if !namePattern.MatchString(string(p.Name())) || seen[p.Name()] {
			t.Errorf("the name %q is bad or there twice", p.Name())
		}
		seen[p.Name()] = true
		if !slices.Contains(packages.Types(), p.Type()) {
			t.Errorf("%s has the unknown type %q", p.Name(), p.Type())
		}
		if d := p.Describe(); d.Title == "" || d.Summary == "" {
			t.Errorf("%s has no title or summary", p.Name())
		}
	}
	for _, name := range []packages.Name{"base", "nginx", "php", "firewall", "firewall-rule", "timesync", "fail2ban"} {
		if !seen[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if _, ok := catalog.New().Server("nginz"); ok {
		t.Error("a package that is not there is found")
	}
}

func TestSecretOptions(t *testing.T) {
	for _, p := range all(t) {
		for _, o := range p.Describe().Options {
			if o.Kind == packages.Secret && o.Default != "" {
				t.Errorf("%s.%s is a secret with a default", p.Name(), o.Name)
			}
			if o.Kind != packages.Secret && o.Generate != (packages.Generate{}) {
				t.Errorf("%s.%s is made, and is no secret", p.Name(), o.Name)
			}
		}
	}
}

func TestByTypeHasAll(t *testing.T) {
	n := 0
	for category, list := range catalog.New().ByType() {
		for _, p := range list {
			n++
			if p.Type() != category {
				t.Errorf("%s is listed under %s", p.Name(), category)
			}
		}
	}
	if n != len(all(t)) {
		t.Errorf("%d packages by type, %d by name", n, len(all(t)))
	}
}

func TestRequirements(t *testing.T) {
	c := catalog.New()
	var visit func(name packages.Name, path []packages.Name)
	visit = func(name packages.Name, path []packages.Name) {
		if slices.Contains(path, name) {
			t.Fatalf("packages require each other: %v, %s", path, name)
		}
		p, ok := c.Server(name)
		if !ok {
			t.Fatalf("%v requires %s, which is not there", path, name)
		}
		for _, r := range p.Describe().Requires {
			visit(r, append(slices.Clone(path), name))
		}
	}
	for _, p := range all(t) {
		visit(p.Name(), nil)
		if p.Name() != packages.Base && len(p.Describe().Requires) == 0 {
			t.Errorf("%s does not require base, not even by way of others", p.Name())
		}
		for _, other := range p.Describe().Conflicts {
			o, ok := c.Server(other)
			if !ok || !slices.Contains(o.Describe().Conflicts, p.Name()) {
				t.Errorf("%s conflicts with %s, and not the other way round", p.Name(), other)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	for _, p := range all(t) {
		seen := map[string]bool{}
		for _, o := range p.Describe().Options {
			if !namePattern.MatchString(o.Name) || seen[o.Name] || o.Label == "" || o.Help == "" {
				t.Errorf("%s.%s: bad or double name, no label or no help", p.Name(), o.Name)
			}
			seen[o.Name] = true
			if (o.Kind == packages.Choice || o.Kind == packages.Several) != (len(o.Choices) > 0) {
				t.Errorf("%s.%s: kind %s with %d choices", p.Name(), o.Name, o.Kind, len(o.Choices))
			}
			if o.Default == "" {
				continue
			}
			if got, err := o.Accept(o.Default); err != nil || got != o.Default {
				t.Errorf("%s.%s: the default %q is taken as %q, %v", p.Name(), o.Name, o.Default, got, err)
			}
		}
	}
}

// debian12 and others are the facts of a server of each release.
func release(id, version, codename, pretty string) packages.Facts {
	return packages.Facts{
		OS:      packages.OS{ID: id, Version: version, Codename: codename, Pretty: pretty},
		Systemd: true, SSHPorts: []int{22}, Arch: "amd64", LoginFrom: "192.0.2.7",
		Found: map[packages.Name]packages.Presence{"nginx": {State: packages.Present}},
	}
}

func releases() map[string]packages.Facts {
	return map[string]packages.Facts{
		"debian12":   release("debian", "12", "bookworm", "Debian GNU/Linux 12 (bookworm)"),
		"debian13":   release("debian", "13", "trixie", "Debian GNU/Linux 13 (trixie)"),
		"ubuntu2204": release("ubuntu", "22.04", "jammy", "Ubuntu 22.04.5 LTS"),
		"ubuntu2404": release("ubuntu", "24.04", "noble", "Ubuntu 24.04.3 LTS"),
	}
}

// choices gives each package that asks for something an answer.
func choices(name packages.Name) packages.Values {
	return map[packages.Name]packages.Values{
		"firewall-rule":  {"port": "8080"},
		"mail":           {"smarthost": "mail.example.org"},
		"program":        {"name": "worker", "command": "/usr/bin/php artisan queue:work"},
		"scheduled-task": {"name": "backup", "command": "/usr/local/bin/backup"},
		"database":       {"engine": "mariadb", "name": "blog"},
		"database-user":  {"engine": "mariadb", "name": "writer", "databases": "blog,shop_2"},
	}[name]
}

// beside returns the records of what a package needs on the server.
func beside(name packages.Name) []store.ServerPackage {
	var list []store.ServerPackage
	for _, engine := range []string{"mariadb", "postgresql"} {
		if name == "database" || name == "database-user" {
			list = append(list, store.ServerPackage{Name: packages.Name(engine), Configuration: map[string]string{"major": "15"}})
		}
		if name == "database-user" {
			for _, database := range []string{"blog", "shop_2"} {
				list = append(list, store.ServerPackage{
					Name: "database", Instance: engine + "-" + database,
					Configuration: map[string]string{"engine": engine, "name": database},
				})
			}
		}
	}
	return list
}

// plan builds the plan of one package alone.
func plan(t *testing.T, action store.Action, p packages.ServerPackage, values packages.Values, facts packages.Facts) packages.Plan {
	t.Helper()
	complete, err := packages.Complete(p, values)
	if err != nil {
		t.Fatal(err)
	}
	r := packages.Resolved{Package: p, Values: complete}
	if instance := p.Describe().Instance; instance != nil {
		r.Instance = instance(complete)
	}
	ctx := packages.Context{Facts: facts, Server: store.Server{Port: 22}, Installed: beside(p.Name())}
	built, err := packages.Build(store.Install, []packages.Resolved{r}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	if action == store.Install {
		return built
	}
	// What is recorded is what Persist adds to the values.
	for _, cmd := range built.Parts[0].Commands {
		if persist, ok := cmd.(packages.Persist); ok {
			for k, v := range persist.Configuration {
				r.Values[k] = v
			}
		}
	}
	built, err = packages.Build(store.Remove, []packages.Resolved{r}, ctx)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func TestInstallIsDeterministic(t *testing.T) {
	for _, p := range all(t) {
		for _, action := range []store.Action{store.Install, store.Remove} {
			first, err := json.Marshal(plan(t, action, p, choices(p.Name()), releases()["debian12"]))
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				again, err := json.Marshal(plan(t, action, p, choices(p.Name()), releases()["debian12"]))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(first), string(again)); diff != "" {
					t.Fatalf("%s %s (-first +again):\n%s", action, p.Name(), diff)
				}
			}
		}
	}
}
