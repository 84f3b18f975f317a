package sites

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"brokeforge/packages"
)

// tree is a site in a folder of its own, with a mirror made from a work tree.
type tree struct {
	testing.TB
	place
	repo string
}

func newTree(t testing.TB) tree {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := tree{t, place{domain: "blog.example.org", root: dir + "/site", user: "nobody"}, dir + "/work"}
	s.sh("mkdir -p " + s.root + " " + s.repo + " && cd " + s.repo + " && git init -q -b main . && git config user.name 'A U Thor' && git config user.email a@example.org")
	return s
}

// sh runs a script without the settings of who runs the test.
func (s tree) try(script string) (string, error) {
	cmd := exec.CommandContext(s.Context(), "sh", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.TempDir(), "LC_ALL=C.UTF-8"}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (s tree) sh(script string) string {
	s.Helper()
	out, err := s.try(script)
	if err != nil {
		s.Fatalf("%v\n%s\n%s", err, script, out)
	}
	return strings.TrimSpace(out)
}

// commit records what is in the work tree and has the mirror follow.
func (s tree) commit(message string) {
	s.Helper()
	s.sh(fmt.Sprintf("cd %s && git add -A && git commit -q --allow-empty -m %s && rm -rf %s/repo.git && git clone -q --mirror . %[3]s/repo.git", s.repo, quote(message), s.root))
}

func (s tree) deploys(values packages.Values) deploys {
	s.Helper()
	complete, err := packages.Complete(Deployment{}, values)
	if err != nil {
		s.Fatal(err)
	}
	d := deploys{source: source{place: s.place, ref: "main", submodules: "no", address: "git@git.example.org:x.git"}, values: complete, preset: presetOf(complete[presetOption])}
	if d.shared, err = parseShared(chosenOr(complete, sharedOption, d.preset.shared)); err != nil {
		s.Fatal(err)
	}
	return d
}

// build carries out a deployment up to the switch. The mirror is up to date already,
// so fetching is left away.
func (s tree) build(values packages.Values) (string, error) {
	s.Helper()
	steps, err := s.deploys(values).scripts()
	if err != nil {
		s.Fatal(err)
	}
	all := ""
	fetch := strings.Replace(steps.fetch, "fetch --progress --prune origin", "rev-parse --git-dir", 1)
	for _, script := range []string{steps.prepare, fetch, steps.checkout, steps.build} {
		out, err := s.try(script)
		all += out
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

func (s tree) releases() []string {
	s.Helper()
	return strings.Fields(s.sh("ls " + s.root + "/releases"))
}

func (s tree) write(path, content string) {
	s.Helper()
	if err := os.MkdirAll(filepath.Dir(s.repo+"/"+path), 0o755); err != nil {
		s.Fatal(err)
	}
	if err := os.WriteFile(s.repo+"/"+path, []byte(content), 0o644); err != nil {
		s.Fatal(err)
	}
}

func TestBuildsReleases(t *testing.T) {
	s := newTree(t)
	s.write("index.html", "one\n")
	s.write("storage/app/seed", "from the repository\n")
	s.write(".env.example", "KEY=1\n")
	s.commit("it's the \"first\" $(commit)")
	out, err := s.build(packages.Values{
		"shared": "storage/,.env,public/up/",
		"script": "#!/bin/bash\nset -e\nx=(a b)\nif [ ${#x[@]} = 2 ]; then\n\techo \"$RELEASE\" >built\nfi",
	})
	if err != nil {
		t.Fatal(err, out)
	}
	names := s.releases()
	if len(names) != 1 || !releasePattern.MatchString(names[0]) {
		t.Fatalf("the releases are %q", names)
	}
	release := s.root + "/releases/" + names[0]
	for path, want := range map[string]string{"built": names[0], "storage/app/seed": "from the repository", ".env": "KEY=1", "index.html": "one"} {
		if got := s.sh("cat " + release + "/" + path); got != want {
			t.Errorf("%s holds %q, wanted %q", path, got, want)
		}
	}
	s.sh("[ -L " + release + "/storage ] && [ -L " + release + "/public/up ] && [ -d " + release + "/public/up ] && [ ! -e " + release + "/.git ]")
	if got := s.sh("sed -n 's/^message=//p' " + s.root + "/deployments/next"); got != "it's the \"first\" $(commit)" {
		t.Errorf("the message is %q", got)
	}
	// What is shared stays as it is when another release comes.
	s.sh("echo changed >" + s.root + "/shared/storage/app/seed")
	if out, err := s.build(packages.Values{"shared": "storage/"}); err != nil {
		t.Fatal(err, out)
	}
	if got := s.sh("cat " + s.root + "/releases/*/storage/app/seed"); got != "changed\nchanged" {
		t.Errorf("the shared file holds %q", got)
	}
}

func TestFailedReleasesGo(t *testing.T) {
	s := newTree(t)
	s.write("index.html", "one\n")
	s.commit("first")
	for name, c := range map[string]struct{ script, says string }{
		"fails":       {"echo working\nfalse\nexit 3", "failed with status 3"},
		"syntax":      {"if true; then\necho", "can't read the script"},
		"bash syntax": {"#!/usr/bin/env bash\nx=(a", "can't read the script"},
		"never ends":  {"trap '' TERM\nwhile :; do sleep 1; done", "took longer than 1 seconds"},
	} {
		out, err := s.build(packages.Values{"script": c.script, "timeout": "1"})
		if err == nil || !strings.Contains(out, c.says) {
			t.Errorf("%s: %v, %s", name, err, out)
		}
		if names := s.releases(); len(names) != 0 {
			t.Errorf("%s: left are %q", name, names)
		}
	}
}

func TestHostileRepositories(t *testing.T) {
	for name, c := range map[string]struct {
		make   string
		values packages.Values
		says   string
	}{
		"absolute link":     {make: "ln -s /etc/passwd index.html", says: "a link that leads out of it: index.html -> /etc/passwd"},
		"relative link":     {make: "mkdir a && ln -s ../../../shared/.env a/x", says: "a link that leads out of it: a/x"},
		"link by a link":    {make: "ln -s . here && ln -s here/../../../.. up", says: "leads out of it: up"},
		"loop":              {make: "ln -s b a && ln -s a b"},
		"shared by a link":  {make: "mkdir real && ln -s real storage", values: packages.Values{"shared": "storage/app/"}, says: "goes through a link in the repository: storage"},
		"shared is a link":  {make: "mkdir real && ln -s real storage", values: packages.Values{"shared": "storage/"}},
		"env is a link":     {make: "touch secret && ln -s secret .env", values: packages.Values{"shared": ".env"}},
		"names with spaces": {make: "touch -- '-rf' 'a b' '$(touch pwn)' && ln -s 'a b' 'to a b'"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newTree(t)
			s.sh("cd " + s.repo + " && " + c.make)
			s.commit("hostile")
			out, err := s.build(c.values)
			if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(out, c.says)) {
				t.Errorf("%v: %s", err, out)
			}
			if c.says != "" && len(s.releases()) != 0 {
				t.Errorf("left are %q", s.releases())
			}
			if out, err := s.try("find " + s.root + "/shared -type l | grep ."); err == nil {
				t.Errorf("links came into what is shared: %s", out)
			}
		})
	}
}

func TestPruneKeepsWhatIsUsed(t *testing.T) {
	s := newTree(t)
	s.sh(`cd ` + s.root + ` && mkdir -p deployments releases shared
for n in 1 2 3 4 5 6 7 8; do
	name=2026010100000$n-abcdef0
	mkdir releases/$name
	[ $n = 7 ] || touch deployments/$name.built
done
mkdir releases/mine
ln -s releases/20260101000001-abcdef0 current
echo 20260101000002-abcdef0 >deployments/previous`)
	steps, err := s.deploys(packages.Values{"keep": "2"}).scripts()
	if err != nil {
		t.Fatal(err)
	}
	s.sh(steps.prune)
	if got := strings.Join(s.releases(), " "); got != "20260101000001-abcdef0 20260101000002-abcdef0 20260101000006-abcdef0 20260101000008-abcdef0 mine" {
		t.Errorf("left are %s", got)
	}
}

func TestChoosesRelease(t *testing.T) {
	s := newTree(t)
	s.sh(`cd ` + s.root + ` && mkdir -p deployments releases
for n in 1 2 3; do
	mkdir releases/2026010100000$n-abcdef0
	echo release=2026010100000$n-abcdef0 >deployments/2026010100000$n-abcdef0.built
done
mkdir releases/20260101000000-abcdef0
ln -s releases/20260101000002-abcdef0 current`)
	for wanted, want := range map[string]string{
		"": "20260101000001-abcdef0", "20260101000003-abcdef0": "20260101000003-abcdef0",
		"20260101000002-abcdef0": "error: uses", "20260101000000-abcdef0": "error: not kept", "20260101000009-abcdef0": "error: not kept",
	} {
		script, err := compose(append(s.variables(), variable{"wanted", wanted}), "common", "choose")
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.try(script)
		if says, fails := strings.CutPrefix(want, "error: "); fails {
			if err == nil || !strings.Contains(out, says) {
				t.Errorf("%q: %v, %s", wanted, err, out)
			}
			continue
		}
		if err != nil {
			t.Fatal(err, out)
		}
		if got := s.sh("sed -n 's/^release=//p' " + s.root + "/deployments/next"); got != want {
			t.Errorf("%q chooses %s", wanted, got)
		}
	}
}

// TestWordPressPreset: a release without settings is not used, as it could not answer.
func TestWordPressPreset(t *testing.T) {
	dir := t.TempDir()
	build := func() (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", presetOf("wordpress").script)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "SHARED_PATH=/srv/sites/blog.example.org/shared")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	for _, text := range []string{"", "<?php\n"} {
		if err := os.WriteFile(filepath.Join(dir, "wp-config.php"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := build(); (err != nil) != (text == "") || text == "" && !strings.Contains(out, "write it into /srv/sites/blog.example.org/shared") {
			t.Errorf("with %q it ends with %v: %s", text, err, out)
		}
	}
}
