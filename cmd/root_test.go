package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestUsedWrongly(t *testing.T) {
	tests := []struct {
		args  []string
		parts []string
	}{
		{nil, []string{"there is no terminal"}},
		{[]string{"instal"}, []string{`there is no command "instal"`, "install", "see brokeforge --help"}},
		{[]string{"server"}, []string{"say what to do: add, change, list, remove, show, trust", "see brokeforge server --help"}},
		{[]string{"server", "ad"}, []string{`there is no command "server ad"`, "see brokeforge server --help"}},
		{[]string{"run", "shwo", "x"}, []string{"there is no command"}},
		{[]string{"--nope"}, []string{"unknown flag: --nope", "see brokeforge --help"}},
		{[]string{"packages", "x"}, []string{`"x" is too much`}},
		{[]string{"server", "list", "--config", "/does/not/exist"}, []string{"/does/not/exist"}},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			w := newWorld(t, newEngine())
			w.run(t, StatusRefused, tt.args...)
			holds(t, "stderr", w.errs.String(), append(tt.parts, "brokeforge: ")...)
			if w.out.Len() > 0 || w.opened {
				t.Errorf("opened: %v, stdout: %s", w.opened, &w.out)
			}
		})
	}
}

func TestNoStateIsNeeded(t *testing.T) {
	for _, args := range [][]string{{"packages"}, {"version"}, {"--help"}, {"help", "install"}, {"server", "add", "--help"}} {
		w := newWorld(t, newEngine())
		w.environment = nil
		w.run(t, StatusDone, args...)
		if w.opened || w.out.Len() == 0 || w.errs.Len() > 0 {
			t.Errorf("%q: opened %v, stdout %q, stderr %q", args, w.opened, &w.out, &w.errs)
		}
	}
}

func TestPlaces(t *testing.T) {
	dir := t.TempDir()
	w := newWorld(t, newEngine())
	w.run(t, StatusDone, "server", "list", "--state", filepath.Join(dir, "a"))
	if want := filepath.Join(dir, "a"); w.settings.StateDir != want {
		t.Errorf("--state: got %q", w.settings.StateDir)
	}
	w.environment["BROKEFORGE_STATE"] = filepath.Join(dir, "b")
	w.run(t, StatusDone, "server", "list")
	if want := filepath.Join(dir, "b"); w.settings.StateDir != want {
		t.Errorf("BROKEFORGE_STATE: got %q", w.settings.StateDir)
	}
	w.environment = nil
	w.run(t, StatusRefused, "server", "list")
	holds(t, "stderr", w.errs.String(), "HOME is not set", "--state")
	w.run(t, StatusDone, "server", "list", "--state", dir)
}

func TestBadSetting(t *testing.T) {
	w := newWorld(t, newEngine())
	file := filepath.Join(w.environment["HOME"], ".config", "brokeforge", "config.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("# mine\n[ssh]\ntimeout = 3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, StatusRefused, "server", "list")
	holds(t, "stderr", w.errs.String(), file+":3: ssh.timeout: there is no such setting", "config.example.toml")
}

// TestHelpOfEveryCommand sees to it that every command explains itself, and
// each of its flags.
func TestHelpOfEveryCommand(t *testing.T) {
	var visit func(*cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Short == "" || strings.HasSuffix(c.Short, ".") {
			t.Errorf("%s: %q is no good summary", c.CommandPath(), c.Short)
		}
		for line := range strings.Lines(c.Long + "\n" + c.Example) {
			if n := len([]rune(strings.TrimRight(line, "\n"))); n > 90 {
				t.Errorf("%s: a line of help has %d characters: %q", c.CommandPath(), n, line)
			}
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(New(newWorld(t, newEngine()).Env))
}

func TestOneLine(t *testing.T) {
	for in, want := range map[string]string{
		"plain é":          "plain é",
		"a\nb\n":           "a; b",
		"x\x1b[2Jy":        `x\x1b[2Jy`,
		"x\u009b2J":        `x\u009b2J`,
		"bidi \u202e":      `bidi \u202e`,
		"broken \xff":      `broken \ufffd`,
		"tab\tand\rreturn": `tab\tand\rreturn`,
	} {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}
