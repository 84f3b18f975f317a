package catalog_test

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestGoldenPlans(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(releases())) {
		facts := releases()[name]
		for _, p := range all(t) {
			for _, action := range []store.Action{store.Install, store.Remove} {
				built := plan(t, action, p, choices(p.Name()), facts)
				golden(t, fmt.Sprintf("%s-%s-%s", p.Name(), action, name), built)
			}
		}
	}
	facts := releases()["debian12"]
	facts.SSHPorts, facts.MemoryBytes = []int{2222, 22}, 4<<30
	for _, p := range all(t) {
		for _, action := range []store.Action{store.Install, store.Remove} {
			golden(t, fmt.Sprintf("%s-%s-options", p.Name(), action), plan(t, action, p, otherChoices()[p.Name()], facts))
		}
	}
}

// otherChoices are options other than the defaults.
func otherChoices() map[packages.Name]packages.Values {
	return map[packages.Name]packages.Values{
		"base":          {"app-user": "deploy", "worker-user": "fetcher", "time-zone": "Europe/Berlin", "swap": "2G", "security-updates": "yes"},
		"firewall":      {"http": "no", "https": "no"},
		"firewall-rule": {"port": "8000-8100", "protocol": "both", "source": "2001:db8::/32", "action": "deny", "comment": "the \"lab\" $(x)"},
		"timesync":      {"implementation": "chrony", "servers": "ntp1.example.org, 2001:db8::123", "replace": "yes"},
		"fail2ban":      {"jails": "sshd,nginx-http-auth,nginx-botsearch,nginx-limit-req", "ban-time": "1d", "find-time": "600", "max-retry": "3", "ignore": "10.0.0.0/8 2001:db8::7"},
		"nginx":         {"client-max-body": "0", "default-site": "no", "workers": "4", "connections": "4096"},
		"apache":        {"port": "8080", "default-site": "no"},
		"certbot":       {"mail": "ops@example.org", "server": "https://ca.internal:14000/dir", "ca-bundle": "/etc/ssl/internal.pem", "keep-certificates": "no"},
		"mail": {
			"smarthost": "mail.example.org", "port": "465", "tls": "encrypted", "user": "ops@example.org", "password": "p:a $\\ s",
			"domain": "example.org", "root-mail": "ops@example.org",
		},
		"memcached": {"memory": "512", "bind": "127.0.0.1, 10.0.0.5", "port": "11311"},
		"program": {
			"name": "mailer", "command": `sh -c 'echo "50% ;done"; exec sleep 60'`, "directory": "/srv/my%20site", "user": "deploy", "processes": "4",
			"restart": "on-failure", "environment": `MODE=live GREETING='hello, 100% "you" all'`, "stop-signal": "INT", "start-seconds": "0",
		},
		"scheduled-task": {
			"name": "report", "command": `date +%s; echo "it's 100%"`, "frequency": "expression", "expression": "*/10 8-18 * * 1-5",
			"user": "root", "timeout": "60", "overlap": "yes",
		},
		"mariadb":       {"port": "3307", "bind": "0.0.0.0", "memory": "1G"},
		"mysql":         {"version": "8.4", "port": "3307", "bind": "::", "memory": "keep"},
		"postgresql":    {"version": "16", "port": "5433", "bind": "10.0.0.5", "clients": "10.0.0.0/8, 192.0.2.7", "locale": "de_DE.UTF-8"},
		"redis":         {"bind": "10.0.0.5", "eviction": "allkeys-lru", "persistence": "aof", "password": "correct horse \" \\ battery"},
		"valkey":        {"port": "6380", "memory": "keep", "persistence": "none", "password": "correct horse \" \\ battery"},
		"database":      {"engine": "postgresql", "name": "shop_2", "character-set": "latin1"},
		"database-user": {"engine": "postgresql", "name": "reader", "databases": "shop_2 blog", "rights": "read-only"},
		"node":          {"version": "24", "corepack": "yes"},
		"php": {
			"version": "8.3", "extensions": "redis,gd", "memory-limit": "-1", "upload-max": "1G",
			"ini": "max_execution_time = 60;date.timezone=Europe/Berlin", "cli-default": "yes", "site-default": "yes",
		},
		"python": {"pipx": "no", "headers": "yes"},
	}
}

// TestGoldenPurge holds what removing does where data is to go too.
func TestGoldenPurge(t *testing.T) {
	for _, p := range all(t) {
		if len(p.Describe().RemoveOptions) == 0 {
			continue
		}
		removal, err := packages.CompleteRemoval(p, packages.Values{packages.PurgeOption: "yes"})
		if err != nil {
			continue // it has other choices
		}
		r := packages.Resolved{Package: p, Values: plan(t, store.Remove, p, choices(p.Name()), releases()["debian13"]).Parts[0].Values, Removal: removal}
		built, err := packages.Build(store.Remove, []packages.Resolved{r}, packages.Context{Facts: releases()["debian13"], Server: store.Server{Port: 22}})
		if err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("%s-purge", p.Name()), built)
	}
}

func TestGoldenTogether(t *testing.T) {
	wants := []packages.Want{{Name: "nginx"}, {Name: "php"}, {Name: "firewall-rule", Values: packages.Values{"port": "8080"}}}
	resolved, err := packages.ResolveInstall(catalog.New(), wants, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var labels []string
	for _, r := range resolved {
		labels = append(labels, packages.Label(r.Package.Name(), r.Instance))
	}
	if diff := cmp.Diff([]string{"base", "nginx", "php", "firewall", "firewall-rule@allow-8080-tcp"}, labels); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	if _, err := packages.Build(store.Install, resolved, packages.Context{Facts: releases()["debian13"]}); err != nil {
		t.Error(err)
	}
}

func golden(t *testing.T, name string, built packages.Plan) {
	t.Helper()
	path := filepath.Join("testdata", name+".plan")
	got := text(built)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (write it with: go test ./packages/catalog -update)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// text writes a plan for people. The helper that drives apt is the same in all
// plans, and only named.
func text(p packages.Plan) string {
	var b strings.Builder
	for _, part := range p.Parts {
		fmt.Fprintf(&b, "%s %s as %s\n", p.Action, part.Label(), part.Credential.User)
		for _, key := range slices.Sorted(maps.Keys(part.Values)) {
			fmt.Fprintf(&b, "  %s = %q\n", key, part.Values[key])
		}
		for _, cmd := range part.Commands {
			b.WriteString(commandText(cmd))
		}
	}
	return b.String()
}

func commandText(cmd packages.Command) string {
	switch c := cmd.(type) {
	case packages.Track:
		return fmt.Sprintf("\n== %s (%s)\n", c.Label, c.Name)
	case packages.Run:
		head := "run"
		if c.IfChanged {
			head = "run if changed"
		}
		if c.As.User != "" {
			head += " as " + c.As.User
		}
		if c.Title != "" {
			head += ": " + c.Title
		}
		return block(head, c.Script) + block("unless", c.Check) + secretsText(c.Secrets)
	case packages.Prove:
		head := fmt.Sprintf("prove within %s", c.Within)
		if c.Port != 0 {
			head += fmt.Sprintf(" on port %d", c.Port)
		}
		if c.Title != "" {
			head += ": " + c.Title
		}
		return block(head, c.Script) + block("unless", c.Check) + block("undo", c.Undo)
	case packages.Write:
		content := c.Content
		if strings.HasPrefix(content, "#!") {
			content = "(a script)"
		}
		return block(fmt.Sprintf("write %s %04o", c.Path, c.Mode), content)
	case packages.Persist:
		return "persist\n" + block("  version", c.Version) + configurationText(c.Configuration)
	case packages.Make:
		return fmt.Sprintf("make key %s (%s)\n", c.Secret, c.Comment)
	case packages.Note:
		return block(fmt.Sprintf("note %s as %s", c.Name, c.As.User), c.Script)
	case packages.Forget:
		return "forget\n"
	}
	return fmt.Sprintf("unknown %T\n", cmd)
}

func secretsText(secrets map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(secrets)) {
		b.WriteString(block("$SECRETS/"+name, secrets[name]))
	}
	return b.String()
}

func block(head, body string) string {
	if body == "" {
		return ""
	}
	return head + "\n    " + strings.ReplaceAll(strings.TrimSuffix(body, "\n"), "\n", "\n    ") + "\n"
}

func configurationText(configuration map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(configuration)) {
		fmt.Fprintf(&b, "  %s = %q\n", key, configuration[key])
	}
	return b.String()
}
