package database_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/packages/database"
	"brokeforge/store"
)

func record(name packages.Name, instance string, configuration map[string]string) store.ServerPackage {
	return store.ServerPackage{Name: name, Instance: instance, Configuration: configuration}
}

// there is a server with two engines, a database on each, and a user.
func there() []store.ServerPackage {
	return []store.ServerPackage{
		record("base", "", nil),
		record("mariadb", "", nil),
		record("postgresql", "", map[string]string{"major": "15"}),
		record("database", "mariadb-blog", map[string]string{"engine": "mariadb", "name": "blog"}),
		record("database", "postgresql-shop", map[string]string{"engine": "postgresql", "name": "shop"}),
		record("database-user", "mariadb-app", map[string]string{"engine": "mariadb", "name": "app", "host": "localhost", "databases": "blog", "rights": "all"}),
	}
}

func build(action store.Action, wants ...packages.Want) (packages.Plan, error) {
	c := catalog.New()
	resolve := packages.ResolveInstall
	if action == store.Remove {
		resolve = packages.ResolveRemove
	}
	resolved, err := resolve(c, wants, there(), nil)
	if err != nil {
		return packages.Plan{}, err
	}
	return packages.Build(action, resolved, packages.Context{
		Installed: there(),
		Facts:     packages.Facts{OS: packages.OS{ID: "debian", Version: "12"}, Systemd: true, MemoryBytes: 2 << 30},
	})
}

func TestRefusals(t *testing.T) {
	db := func(v packages.Values) packages.Want { return packages.Want{Name: "database", Values: v} }
	user := func(v packages.Values) packages.Want { return packages.Want{Name: "database-user", Values: v} }
	for _, c := range []struct {
		what   string
		action store.Action
		want   packages.Want
		reason string
	}{
		{"another case", store.Install, db(packages.Values{"engine": "mariadb", "name": "Blog"}), "case alone"},
		{"MySQL beside MariaDB", store.Install, db(packages.Values{"engine": "mysql", "name": "blog"}), "can't be installed beside"},
		{"no such database", store.Install, user(packages.Values{"engine": "mariadb", "name": "u", "databases": "shop"}), "no database shop on mariadb"},
		{"a host in PostgreSQL", store.Install, user(packages.Values{"engine": "postgresql", "name": "u", "host": "%"}), "has no host"},
		{"clients of nobody", store.Install, packages.Want{Name: "postgresql", Values: packages.Values{"clients": "10.0.0.0/8"}}, "no client reaches"},
		{"another version", store.Install, packages.Want{Name: "postgresql", Values: packages.Values{"version": "17"}}, "PostgreSQL 15 is installed, and PostgreSQL 17 does not take its place"},
		{"too much memory", store.Install, packages.Want{Name: "mariadb", Values: packages.Values{"memory": "2G"}}, "too much"},
		{"an engine with databases", store.Remove, packages.Want{Name: "mariadb"}, "still needed by"},
		{"a database with users", store.Remove, packages.Want{Name: "database", Instance: "mariadb-blog"}, "has rights on it"},
	} {
		_, err := build(c.action, c.want)
		if err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestRemoveTogether(t *testing.T) {
	plan, err := build(store.Remove,
		packages.Want{Name: "mariadb"}, packages.Want{Name: "database", Instance: "mariadb-blog"}, packages.Want{Name: "database-user", Instance: "mariadb-app"})
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, part := range plan.Parts {
		order = append(order, part.Label())
	}
	if got := strings.Join(order, " "); got != "database-user@mariadb-app database@mariadb-blog mariadb" {
		t.Errorf("removed in the order %s", got)
	}
}

// argument finds a statement or a password that a client is handed as one.
var argument = regexp.MustCompile(`\b(mariadb|mysql|psql|redis-cli)\b[^|\n]* (-e|--execute|-c|--command|-p.|--password|-a|--pass)[ =]`)

// A plan never holds a password, nor hands a statement to a client as an
// argument.
func TestNothingInArguments(t *testing.T) {
	plan, err := build(store.Install, packages.Want{Name: "database-user", Values: packages.Values{
		"engine": "mariadb", "name": "app", "databases": "blog", "password": "a canary in the mine",
	}}, packages.Want{Name: "redis", Values: packages.Values{"password": "a canary in the mine"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range plan.Steps() {
		run, ok := step.Command.(packages.Run)
		if !ok {
			continue
		}
		for _, text := range []string{run.Script, run.Check} {
			if packages.HasSecrets(text) || strings.Contains(text, "canary") {
				t.Errorf("a secret is in a script: %s", text)
			}
			if m := argument.FindString(text); m != "" {
				t.Errorf("%q is in a script: %s", m, text)
			}
		}
	}
	if database.Dumps != "/var/lib/brokeforge/dumps" {
		t.Error("dumps are elsewhere than the documentation says")
	}
}

// What may be chosen as a version is one of few.
func TestRefusesVersions(t *testing.T) {
	for _, p := range []packages.Package{database.PostgreSQL{}, database.MySQL{}} {
		for _, version := range []string{
			"12", "19", "5.7", "16 17", "16.1", "16; id", "$(reboot)", "'", "16\nx", "-1", "١٦", strings.Repeat("9", 100000), "Distribution", "8.4-lts", "../16", "",
		} {
			_, err := packages.Complete(p, packages.Values{"version": version})
			var refused *packages.OptionError
			if !errors.As(err, &refused) || refused.Option != "version" {
				t.Errorf("%s %.40q: got %v, want a refusal", p.Name(), version, err)
			}
		}
	}
}

// planOn builds the plan of one database server on another release, with what is
// recorded of it there.
func planOn(os packages.OS, name packages.Name, version string, recorded map[string]string) (packages.Plan, error) {
	resolved, err := packages.ResolveInstall(catalog.New(), []packages.Want{{Name: name, Values: packages.Values{"version": version}}}, nil, nil)
	if err != nil {
		return packages.Plan{}, err
	}
	var records []store.ServerPackage
	if recorded != nil {
		records = append(records, record(name, "", recorded))
	}
	return packages.Build(store.Install, resolved, packages.Context{
		Installed: records,
		Facts:     packages.Facts{OS: os, Arch: "amd64", Systemd: true, MemoryBytes: 2 << 30},
	})
}

func TestVersions(t *testing.T) {
	debian13 := packages.OS{ID: "debian", Version: "13", Codename: "trixie"}
	ubuntu24 := packages.OS{ID: "ubuntu", Version: "24.04", Codename: "noble"}
	for _, c := range []struct {
		os         packages.OS
		name       packages.Name
		version    string
		recorded   map[string]string
		repository string // that it is from, recorded
		reason     string // of a refusal
	}{
		{os: debian13, name: "postgresql", version: "distribution"},
		{os: debian13, name: "postgresql", version: "17"},
		{os: debian13, name: "postgresql", version: "16", repository: "pgdg"},
		// Records from before there were versions.
		{os: debian13, name: "postgresql", version: "distribution", recorded: map[string]string{"major": "17"}},
		{os: debian13, name: "postgresql", version: "distribution", recorded: map[string]string{"major": "15"}, reason: "to keep what is there choose postgresql.version=15"},
		{os: debian13, name: "postgresql", version: "15", recorded: map[string]string{"major": "15"}, repository: "pgdg"},
		{os: debian13, name: "postgresql", version: "18", recorded: map[string]string{"major": "17", "version": "distribution"}, reason: "choose postgresql.version=distribution"},
		{os: packages.OS{ID: "debian", Version: "11", Codename: "bullseye"}, name: "postgresql", version: "16", reason: "it is not known which PostgreSQL"},
		{os: packages.OS{ID: "debian", Version: "13"}, name: "postgresql", version: "16", reason: "does not tell the codename"},
		{os: packages.OS{ID: "debian", Version: "13", Codename: "$(id)"}, name: "postgresql", version: "16", reason: "can't be used"},
		{os: ubuntu24, name: "mysql", version: "distribution"},
		{os: ubuntu24, name: "mysql", version: "8.0"},
		{os: ubuntu24, name: "mysql", version: "8.4", repository: "mysql"},
		{os: debian13, name: "mysql", version: "8.0", repository: "mysql"},
		{os: debian13, name: "mysql", version: "innovation", repository: "mysql"},
		{os: debian13, name: "mysql", version: "distribution", recorded: map[string]string{"port": "3306"}},
		{os: ubuntu24, name: "mysql", version: "8.4", recorded: map[string]string{"port": "3306"}, reason: "MySQL 8.4 does not take its place"},
		{os: debian13, name: "mysql", version: "9.7", recorded: map[string]string{"version": "8.4"}, reason: "MySQL 8.4 is installed"},
	} {
		plan, err := planOn(c.os, c.name, c.version, c.recorded)
		if c.reason != "" {
			if err == nil || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("%s %s over %v on %s: %v", c.name, c.version, c.recorded, c.os.Codename, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s %s over %v on %s: %v", c.name, c.version, c.recorded, c.os.Codename, err)
			continue
		}
		for _, step := range plan.Steps() {
			if persist, ok := step.Command.(packages.Persist); ok && step.Part.Package == c.name && persist.Configuration["repository"] != c.repository {
				t.Errorf("%s %s on %s is recorded as of %q", c.name, c.version, c.os.Codename, persist.Configuration["repository"])
			}
		}
	}
}

func TestAdoptPostgreSQL(t *testing.T) {
	chosen := map[string]string{"15": "distribution", "16": "16", "11": "distribution"}
	for version, want := range map[packages.Version]string{"15.20-0+deb12u1": "15", "17~rc1-1": "", "9.6.1": "", "16-1": "16", "11.2-1": "11"} {
		adoption, err := database.PostgreSQL{}.Adopt(packages.Context{Facts: packages.Facts{
			OS:    packages.OS{ID: "debian", Version: "12"},
			Found: map[packages.Name]packages.Presence{"postgresql": {State: packages.Present, Version: version}},
		}})
		got := adoption.Configuration
		if got["major"] != want || got["version"] != chosen[want] || (err != nil) != (want == "") {
			t.Errorf("of %s the major version is %q, chosen as %q, %v", version, got["major"], got["version"], err)
		}
	}
}
