package catalog_test

import (
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// TestGoldenHardening holds down the plans that change sshd, on each release:
// all that can be chosen, the port moved on, all given back, and base removed.
func TestGoldenHardening(t *testing.T) {
	all := packages.Values{"no-password-login": "yes", "no-root-login": "yes", "ssh-port": "2222"}
	cases := map[string]struct {
		action   store.Action
		values   packages.Values
		recorded packages.Values // nil where base is not there yet
		port     int             // where sshd is
		before   int             // where it was before base moved it
	}{
		"apply":  {store.Install, all, nil, 22, 0},
		"move":   {store.Install, packages.Values{"ssh-port": "2200"}, all, 2222, 22},
		"again":  {store.Install, nil, all, 2222, 22},
		"back":   {store.Install, packages.Values{"no-password-login": "no", "no-root-login": "no", "ssh-port": ""}, all, 2222, 22},
		"remove": {store.Remove, nil, all, 2222, 22},
	}
	for _, release := range slices.Sorted(maps.Keys(releases())) {
		for name, c := range cases {
			facts := releases()[release]
			facts.LoginUID, facts.SSHPorts, facts.SSHPortBefore = 1000, []int{c.port}, c.before
			var installed []store.ServerPackage
			var err error
			if c.recorded != nil {
				base, _ := catalog.New().Server(packages.Base)
				if c.recorded, err = packages.Complete(base, c.recorded); err != nil {
					t.Fatal(err)
				}
				installed = []store.ServerPackage{{Name: packages.Base, Configuration: c.recorded, Status: store.Active}}
			}
			want := []packages.Want{{Name: packages.Base, Values: c.values}}
			resolve := packages.ResolveInstall
			if c.action == store.Remove {
				resolve = packages.ResolveRemove
			}
			resolved, err := resolve(catalog.New(), want, installed, nil)
			if err != nil {
				t.Fatal(err)
			}
			ctx := packages.Context{Facts: facts, Server: store.Server{Port: c.port, User: "ops"}, Installed: installed}
			plan, err := packages.Build(c.action, resolved, ctx)
			if err != nil {
				t.Fatal(err)
			}
			checkPart(t, c.action, plan.Parts[0])
			if release == "debian13" {
				checkScripts(t, plan)
			}
			// The plans of the releases differ in nothing but what they run on.
			golden(t, "base-ssh-"+name, plan)
		}
	}
}

func checkScripts(t *testing.T, plan packages.Plan) {
	t.Helper()
	shellcheck, lookErr := exec.LookPath("shellcheck")
	for _, script := range scripts(plan) {
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), ""); err != nil {
			t.Errorf("%v in\n%s", err, script)
		}
		if lookErr != nil || script == "" {
			continue
		}
		cmd := exec.Command(shellcheck, "-s", "sh", "-S", "warning", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// TestPlansFollowAMovedPort builds a plan in which base moves sshd before the
// firewall is put in force.
func TestPlansFollowAMovedPort(t *testing.T) {
	wants := []packages.Want{{Name: packages.Base, Values: packages.Values{"ssh-port": "2222"}}, {Name: "firewall"}}
	resolved, err := packages.ResolveInstall(catalog.New(), wants, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := packages.Context{Facts: releases()["debian12"], Server: store.Server{Port: 22}}
	plan, err := packages.Build(store.Install, resolved, ctx)
	if err != nil {
		t.Fatal(err)
	}
	firewall := text(packages.Plan{Parts: plan.Parts[1:]})
	if !strings.Contains(firewall, "ufw allow 2222/tcp") || strings.Contains(firewall, "ufw allow 22/tcp") {
		t.Errorf("the firewall does not open the new port alone:\n%s", firewall)
	}
}
