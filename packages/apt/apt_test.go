package apt_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

func TestInstallRefusesWhatIsNoName(t *testing.T) {
	bad := []string{
		"", "a", "nginx -o APT::x=y", "./evil.deb", "/tmp/x.deb", "nginx=1.*", "nginx/unstable", "task^",
		"nginx-", "nginx+", ".*", "Nginx", "-y", "--help", "a;id", "$(id)", "a\nb", "ä", "nginx ", "?name(x)", "~nx",
	}
	for _, name := range bad {
		var refused *apt.NameError
		if _, err := apt.Install("x", "curl", name); !errors.As(err, &refused) || refused.Name != name {
			t.Errorf("install %q: got %v, want a NameError", name, err)
		}
		if _, err := apt.Purge(name); !errors.As(err, &refused) {
			t.Errorf("purge %q: got %v, want a NameError", name, err)
		}
	}
	if _, err := apt.PurgeAdded("x", "php8.2-", "a*"); err == nil {
		t.Error("a prefix with a wildcard is taken")
	}
	for _, owner := range []packages.Name{"", "../x", "a b", "A"} {
		if _, err := apt.Install(owner, "curl"); err == nil {
			t.Errorf("the owner %q is taken", owner)
		}
	}
	if _, err := apt.Install("x"); err == nil {
		t.Error("installing nothing is taken")
	}
}

func TestInstallTakesNames(t *testing.T) {
	for _, name := range []string{"php8.2-fpm", "libstdc++6", "0ad", "libc6.1"} {
		if _, err := apt.Install("x", name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// words returns the words of a script's last simple command.
func words(t *testing.T, script string) []string {
	t.Helper()
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
	if err != nil {
		t.Fatal(err)
	}
	call, ok := file.Stmts[len(file.Stmts)-1].Cmd.(*syntax.CallExpr)
	if !ok {
		t.Fatalf("%q is not one command", script)
	}
	var out []string
	for _, w := range call.Args {
		out = append(out, w.Lit())
	}
	return out
}

func TestInstallSaysWhatItInstalls(t *testing.T) {
	commands, err := apt.Install("web", "nginx", "curl", "nginx")
	if err != nil {
		t.Fatal(err)
	}
	run := commands[len(commands)-1].(packages.Run)
	if got, want := strings.Join(words(t, run.Script), " "), apt.Path+" install --for=web curl nginx"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if run.Check == "" {
		t.Error("the installation has no check")
	}
}

// The helper may not depend on what is not in POSIX, as sh is dash on Debian.
func TestScripts(t *testing.T) {
	scripts := map[string]string{"probe": apt.Probe("nginx", "nginx"), "version": apt.Version("nginx")}
	for _, c := range apt.Helper() {
		if w, ok := c.(packages.Write); ok {
			scripts["helper"] = w.Content
		}
	}
	if len(scripts) != 3 {
		t.Fatal("the helper is not written")
	}
	for name, script := range scripts {
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), name); err != nil {
			t.Error(err)
		}
		if path, err := exec.LookPath("shellcheck"); err == nil {
			cmd := exec.Command(path, "-s", "sh", "-")
			cmd.Stdin = strings.NewReader(script)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", name, err, out)
			}
		}
	}
}
