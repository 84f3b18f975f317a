package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestPreviewTellsWhatComesOfIt compares what the preview says with what then is
// so: the packages that come and go, the files that change, edits by hand.
func TestPreviewTellsWhatComesOfIt(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "foresee-" + name, Suite: suite})
			p := newProgram(t)
			p.add(h)
			f := foresight{p, h}
			f.unread()
			f.adds()
			f.edits()
			f.removes()
		})
	}
}

type foresight struct {
	program
	h *hosts.Host
}

// debs lists the installed Debian packages.
func (f foresight) debs() string {
	f.Helper()
	return on(f, f.h, "sh", "-c", `dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort`)
}

// unread: nobody guesses before apt's lists are read.
func (f foresight) unread() {
	f.Helper()
	on(f, f.h, "sh", "-c", "rm -rf /var/lib/apt/lists/*")
	before := f.debs()
	contains(f, f.must(0, "install", "nginx", "--on", f.h.Name, "--preview").stdout, "not known before apt's lists are read", "starts nginx")
	if now := f.debs(); now != before {
		f.Errorf("a preview changed the packages:\n%s", now)
	}
	f.must(0, "install", "base", "--on", f.h.Name, "--yes")
}

// effects are those of the steps of a previewed plan.
func (f foresight) effects(args ...string) (effects []map[string]any) {
	f.Helper()
	var events []map[string]any
	decode(f, f.must(0, append(args, "--on", f.h.Name, "--preview", "--json")...).stdout, &events)
	for _, event := range events {
		parts, _ := event["parts"].([]any)
		for _, part := range parts {
			for _, step := range part.(map[string]any)["steps"].([]any) {
				if effect, ok := step.(map[string]any)["effect"].(map[string]any); ok {
					effects = append(effects, effect)
				}
			}
		}
	}
	return effects
}

// names are those of the packages under a key of effects.
func names(effects []map[string]any, key string) (out []string) {
	for _, e := range effects {
		list, _ := e[key].([]any)
		for _, deb := range list {
			out = append(out, deb.(map[string]any)["name"].(string))
		}
	}
	return out
}

// adds: what is said to be added is what comes.
func (f foresight) adds() {
	f.Helper()
	// With the lists read, apt needs no update.
	on(f, f.h, "/var/lib/brokeforge/apt", "update")
	said := names(f.effects("install", "nginx", "firewall"), "adds")
	before := map[string]bool{}
	for _, name := range strings.Fields(f.debs()) {
		before[name] = true
	}
	f.must(0, "install", "nginx", "firewall", "--on", f.h.Name, "--yes")
	came := map[string]bool{}
	for _, name := range strings.Fields(f.debs()) {
		if !before[name] {
			came[name] = true
		}
	}
	if len(said) != len(came) || len(said) == 0 {
		f.Errorf("%d packages were said to come, %d came: %v, %v", len(said), len(came), said, came)
	}
	for _, name := range said {
		if !came[name] {
			f.Errorf("%s was said to come and did not", name)
		}
	}
}

// edits: what somebody changed by hand is seen before it is overwritten.
func (f foresight) edits() {
	f.Helper()
	const file = "/etc/nginx/conf.d/brokeforge.conf"
	contains(f, f.must(0, "install", "nginx", "--on", f.h.Name, "--preview").stdout, "nothing to do")
	r := f.must(0, "install", "nginx", "--set", "nginx.client-max-body=8m", "--on", f.h.Name, "--preview", "--output")
	contains(f, r.stdout, "+1 −1", "-client_max_body_size 64m;", "+client_max_body_size 8m;", "reloads nginx")
	if strings.Contains(r.stdout, "by hand") {
		f.Errorf("a file that nobody touched is said to be changed by hand:\n%s", r.stdout)
	}
	on(f, f.h, "sh", "-c", "echo '# ours' >>"+file+"; chmod 0664 "+file)
	r = f.must(0, "install", "nginx", "--on", f.h.Name, "--preview", "--output")
	contains(f, r.stdout, "changed by hand", "-# ours", "root:root 0664 → root:root 0644")
	if got := on(f, f.h, "tail", "-n1", file); got != "# ours" {
		f.Errorf("the preview changed the file: %q", got)
	}
	f.must(0, "install", "nginx", "--on", f.h.Name, "--yes")
	if got := on(f, f.h, "cat", file); strings.Contains(got, "# ours") {
		f.Errorf("the edit is still there: %q", got)
	}
}

// removes: what is said to be removed goes, and nothing else.
func (f foresight) removes() {
	f.Helper()
	said := names(f.effects("remove", "nginx"), "removes")
	before := strings.Fields(f.debs())
	contains(f, f.must(0, "remove", "nginx", "--on", f.h.Name, "--preview").stdout, "REMOVES", "stops nginx")
	f.must(0, "remove", "nginx", "--on", f.h.Name, "--yes")
	now := " " + strings.Join(strings.Fields(f.debs()), " ") + " "
	var went []string
	for _, name := range before {
		if !strings.Contains(now, " "+name+" ") {
			went = append(went, name)
		}
	}
	if len(went) == 0 || len(went) != len(said) {
		f.Errorf("%v were said to go, %v went", said, went)
	}
}
