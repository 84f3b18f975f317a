package system_test

import (
	"errors"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/system"
	"brokeforge/store"
)

// hostileValues are values that must be refused, or arrive as they are.
func hostileValues() []string {
	return []string{
		"'; rm -rf / #", "$(reboot)", "`reboot`", "%", "%(here)s", "a\nb", "a\x00b", "ä", `"`, "'", `\`, "../../etc/passwd", "-rf", "*",
		strings.Repeat("x", 100000),
	}
}

func refuses(t *testing.T, p packages.Package, good packages.Values, option string, values ...string) {
	t.Helper()
	for _, v := range values {
		given := packages.Values{option: v}
		for name, value := range good {
			if name != option {
				given[name] = value
			}
		}
		_, err := packages.Complete(p, given)
		var refused *packages.OptionError
		if !errors.As(err, &refused) || refused.Option != option {
			t.Errorf("%s %.40q: got %v, want a refusal", option, v, err)
		}
	}
}

func TestTaskRefusesValues(t *testing.T) {
	good := packages.Values{"name": "backup", "command": "true"}
	for _, option := range []string{"name", "frequency", "expression", "user", "timeout", "overlap"} {
		refuses(t, system.Task{}, good, option, hostileValues()...)
	}
	refuses(t, system.Task{}, good, "name", "", "a.b", "a b", "A", "1a", strings.Repeat("a", 33))
	refuses(t, system.Task{}, good, "command", "", "a\nb", "a\x00b", strings.Repeat("x", 2001))
	refuses(t, system.Task{}, good, "timeout", "", "-1", "604801", "1h")
	refuses(t, system.Task{}, good, "expression", "@reboot", "* * * * * *")
}

func TestProgramRefusesValues(t *testing.T) {
	good := packages.Values{"name": "queue", "command": "true"}
	for _, option := range []string{"name", "user", "processes", "restart", "stop-signal", "start-seconds"} {
		refuses(t, system.Program{}, good, option, hostileValues()...)
	}
	refuses(t, system.Program{}, good, "name", "", "a.b", "a b", "A", "a_b")
	refuses(t, system.Program{}, good, "command", "", "''", "'x", "a\nb", strings.Repeat("x", 2001))
	refuses(t, system.Program{}, good, "environment", "x", "A=b c", "A=a\nb", strings.Repeat("x", 100000))
	refuses(t, system.Program{}, good, "directory", "srv", "/a ;b", "/a\nb", strings.Repeat("x", 100000))
	refuses(t, system.Program{}, good, "processes", "0", "65", "1.5")
}

// written returns the files that a package would write.
func written(t *testing.T, p packages.ServerPackage, values packages.Values, installed ...store.ServerPackage) (map[string]string, error) {
	t.Helper()
	complete, err := packages.Complete(p, values)
	if err != nil {
		t.Fatal(err)
	}
	commands, err := p.Install(packages.Context{Values: complete, Installed: installed, Facts: packages.Facts{Systemd: true}})
	files := map[string]string{}
	for _, c := range commands {
		if w, ok := c.(packages.Write); ok {
			files[w.Path] = w.Content
		}
	}
	return files, err
}

func TestTaskWritesCommandsAsTheyAre(t *testing.T) {
	for _, command := range hostileValues() {
		if len(command) > 2000 || strings.ContainsAny(command, "\n\x00") {
			continue
		}
		files, err := written(t, system.Task{}, packages.Values{"name": "x", "command": command, "frequency": "hourly"})
		if err != nil {
			t.Fatal(err)
		}
		if got := files["/var/lib/brokeforge/tasks/x/command"]; got != command+"\n" {
			t.Errorf("%q is written as %q", command, got)
		}
		if cron := files["/etc/cron.d/brokeforge-task-x"]; !strings.HasSuffix(cron, "\n0 * * * * root /var/lib/brokeforge/tasks/run-task x\n") {
			t.Errorf("%q: cron's file is %q", command, cron)
		}
	}
}

func TestTaskRunsAsTheAppUser(t *testing.T) {
	base := store.ServerPackage{Name: packages.Base, Configuration: map[string]string{"app-user": "deploy"}}
	files, err := written(t, system.Task{}, packages.Values{"name": "x", "command": "true", "timeout": "0", "overlap": "yes"}, base)
	if err != nil {
		t.Fatal(err)
	}
	if got := files["/var/lib/brokeforge/tasks/x/settings"]; got != "deploy 0 yes\n" {
		t.Errorf("the settings are %q", got)
	}
}

func TestTaskWantsOneTime(t *testing.T) {
	for _, values := range []packages.Values{
		{"frequency": "expression"}, {"expression": "* * * * *"}, {"frequency": "hourly", "expression": "* * * * *"},
	} {
		values["name"], values["command"] = "x", "true"
		_, err := written(t, system.Task{}, values)
		var refused *packages.OptionError
		if !errors.As(err, &refused) {
			t.Errorf("%v: got %v, want a refusal", values, err)
		}
	}
}
