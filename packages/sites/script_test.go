package sites

import (
	"os/exec"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/store"
)

// deployed is a site with a repository, of which everything is recorded.
func deployed() packages.SiteContext {
	record := func(name packages.Name, configuration map[string]string) store.SitePackage {
		return store.SitePackage{Type: packages.SiteType, Name: name, Status: store.Active, Configuration: configuration}
	}
	complete, err := packages.Complete(Deployment{}, packages.Values{"preset": "laravel"})
	if err != nil {
		panic(err)
	}
	return packages.SiteContext{
		Context: packages.Context{Facts: packages.Facts{Systemd: true}},
		Site:    store.Site{ID: "site", Domain: "blog.example.org"},
		SiteInstalled: []store.SitePackage{
			record(siteName, map[string]string{userKey: "site_blog_example_org", branchKey: "8.4", webServerKey: "nginx", kindOption: wordpress}),
			record(gitName, map[string]string{"url": "ssh://git@git.example.org:2222/blog.git", "ref": "main", "key": "site", "submodules": "yes"}),
			record(deploymentName, complete),
		},
	}
}

func plansOf(t *testing.T, p packages.SitePackage, values packages.Values) [][]packages.Command {
	t.Helper()
	ctx := deployed()
	var err error
	if ctx.Values, err = packages.Complete(p, values); err != nil {
		t.Fatal(err)
	}
	install, err := p.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	remove, err := p.Remove(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return [][]packages.Command{install, remove}
}

// TestScriptsArePOSIX reads all scripts as sh does, and as shellcheck does where that
// is installed.
func TestScriptsArePOSIX(t *testing.T) {
	shellcheck, missing := exec.LookPath("shellcheck")
	var plans [][]packages.Command
	plans = append(plans, plansOf(t, Git{}, packages.Values{"url": "git@github.com:team/blog.git"})...)
	plans = append(plans, plansOf(t, Deployment{}, packages.Values{"preset": "laravel", "shared": "storage/,.env,public/up/"})...)
	plans = append(plans, plansOf(t, Rollback{}, nil)...)
	plans = append(plans, plansOf(t, WordPress{}, nil)...)
	plans = append(plans, plansOf(t, Certificate{}, packages.Values{"source": "self-signed"})...)
	for _, plan := range plans {
		for _, cmd := range plan {
			run, ok := cmd.(packages.Run)
			if !ok {
				continue
			}
			for _, script := range []string{run.Script, run.Check} {
				if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), run.Title); err != nil {
					t.Errorf("%s: %v", run.Title, err)
				}
				if missing != nil || script == "" || strings.Contains(script, "brokeforge/apt") {
					continue
				}
				check := exec.CommandContext(t.Context(), shellcheck, "-s", "sh", "-S", "warning", "-")
				check.Stdin = strings.NewReader(script)
				if out, err := check.CombinedOutput(); err != nil {
					t.Errorf("%s: %v\n%s", run.Title, err, out)
				}
			}
		}
	}
}

// TestNoSecretIsSeen holds that the key is in the steps that talk to the git server,
// and in no other.
func TestNoSecretIsSeen(t *testing.T) {
	for _, plan := range plansOf(t, Deployment{}, nil) {
		for _, cmd := range plan {
			run, ok := cmd.(packages.Run)
			if ok && (len(run.Secrets) > 0) != (strings.HasPrefix(run.Title, "fetch ") || strings.HasPrefix(run.Title, "make the release")) {
				t.Errorf("%s has the secrets %v", run.Title, run.Secrets)
			}
			if ok && packages.HasSecrets(run.Script) {
				t.Errorf("%s has a secret in its script", run.Title)
			}
		}
	}
}

// TestValuesArriveQuoted holds that what a person types is a word, whatever it holds.
func TestValuesArriveQuoted(t *testing.T) {
	for _, ref := range []string{"$(touch pwn)", "`id`", "a'b", `a"b`, "a;b", "a&&b", "a|b", "!!", "{a,b}", "#"} {
		ref = strings.ReplaceAll(ref, " ", "_")
		ctx := deployed()
		var err error
		if ctx.Values, err = packages.Complete(Deployment{}, packages.Values{"ref": ref}); err != nil {
			t.Errorf("%q is refused: %v", ref, err)
			continue
		}
		d, err := deploysOf(ctx)
		if err != nil {
			t.Fatal(err)
		}
		script, err := compose(d.variables(), "fetch")
		if err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(script, "# Fetches")
		out, err := exec.CommandContext(t.Context(), "sh", "-c", head+`printf %s "$ref"`).Output()
		if err != nil || string(out) != ref {
			t.Errorf("%q arrives as %q, %v", ref, out, err)
		}
	}
}
