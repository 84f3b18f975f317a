package runtime_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/packages/runtime"
	"brokeforge/store"
)

func php() runtime.PHP { return runtime.PHP{Sury: apt.Known().Sury} }

func context(t *testing.T, values packages.Values, os packages.OS) packages.Context {
	t.Helper()
	complete, err := packages.Complete(php(), values)
	if err != nil {
		t.Fatal(err)
	}
	return packages.Context{Values: complete, Facts: packages.Facts{OS: os, Systemd: true}}
}

func commandText(commands []packages.Command) string {
	var b strings.Builder
	for _, c := range commands {
		if run, ok := c.(packages.Run); ok {
			b.WriteString(run.Script + "\n")
		}
	}
	return b.String()
}

func TestPHPNamesTheSystemItDoesNotKnow(t *testing.T) {
	ctx := context(t, nil, packages.OS{ID: "debian", Version: "11", Pretty: "Debian GNU/Linux 11 (bullseye)"})
	if _, err := php().Install(ctx); err == nil || !strings.Contains(err.Error(), "Debian GNU/Linux 11") {
		t.Errorf("got %v, want the system named", err)
	}
	ctx = context(t, nil, packages.OS{ID: "debian", Version: "12"})
	ctx.Facts.Systemd = false
	if _, err := php().Install(ctx); err == nil || !strings.Contains(err.Error(), "systemd") {
		t.Errorf("got %v, want systemd named", err)
	}
}

func TestPHPRefusesOptions(t *testing.T) {
	for option, values := range map[string][]string{
		"extensions":   {"curl,mcrypt", "curl;id", "-"},
		"memory-limit": {"", "0", "-2", "256", "256MB", "256m", "1e9M", "256M\nextension=x", "9999999999M"},
		"upload-max":   {"", "-1", "64", "$(id)"},
		"version":      {"", "8", "8.9", "php8.3", "8.3;id", "distribution ubuntu", strings.Repeat("8", 10000)},
		"cli-default":  {"maybe", "ja"},
		"ini": {
			"x", "=1", "x=", "1x=2", "x y=1", "x=a;y", "x=1;x=2", "x=$(id)", "x=`id`", "x=${HOME}", `x="a"`, "x='a'", "x=a\ny=b", "x=(1)", "x={1}",
			"x=!1", "[www]", "memory_limit=1M", "post_max_size=1M", "a.=1", "x=é", "x=\u202e", "x=" + strings.Repeat("1", 501), strings.Repeat("a", 2001), "x=<?", "x=a#b", `x=a\b`,
		},
	} {
		for _, v := range values {
			if _, err := packages.Complete(php(), packages.Values{option: v}); err == nil {
				t.Errorf("%s: %q is taken", option, v)
			}
		}
	}
}

func TestPHPRemovesExtensionsThatAreNoLongerChosen(t *testing.T) {
	ctx := context(t, packages.Values{"extensions": "curl,zip"}, packages.OS{ID: "debian", Version: "12"})
	record := store.ServerPackage{Name: "php", Configuration: map[string]string{"extensions": "curl,gd,xml", "branch": "8.2"}}
	ctx.Installed = []store.ServerPackage{record}
	commands, err := php().Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); !strings.Contains(text, "purge php8.2-gd php8.2-xml\n") {
		t.Errorf("gd and xml are not removed:\n%s", text)
	}
	// Another release's packages are not this one's to remove.
	record.Configuration["branch"] = "8.1"
	commands, err = php().Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); strings.Contains(text, "purge") {
		t.Errorf("something is removed:\n%s", text)
	}
}

func TestPHPTakesSettings(t *testing.T) {
	ctx := context(t, packages.Values{"ini": "max_execution_time = 60 ;error_reporting=E_ALL & ~E_DEPRECATED;session.save_path=/var/tmp;"}, packages.OS{ID: "debian", Version: "12"})
	commands, err := php().Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	const want = "expose_php = Off\nmax_execution_time = 60\nerror_reporting = E_ALL & ~E_DEPRECATED\nsession.save_path = /var/tmp\n"
	for _, c := range commands {
		if w, ok := c.(packages.Write); ok && strings.HasSuffix(w.Path, "90-brokeforge.ini") {
			if !strings.HasSuffix(w.Content, want) {
				t.Errorf("the settings are not written:\n%s", w.Content)
			}
			return
		}
	}
	t.Error("no settings are written")
}

// Whatever is accepted must not leave its line of php.ini, nor mean more than it says there.
func FuzzPHPSettings(f *testing.F) {
	for _, seed := range []string{"a=1", "a=1;b.c=x y", "a=${b}", "a=\"", "a=1\n[x]", ";;", "a=;b=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := packages.Complete(php(), packages.Values{"ini": text})
		if err != nil {
			return
		}
		commands, err := php().Install(packages.Context{Values: values, Facts: packages.Facts{OS: packages.OS{ID: "debian", Version: "12"}, Systemd: true}})
		if err != nil {
			t.Fatalf("%q is taken, and then refused: %v", text, err)
		}
		for _, c := range commands {
			w, ok := c.(packages.Write)
			if !ok || !strings.HasSuffix(w.Path, ".ini") {
				continue
			}
			for line := range strings.Lines(w.Content) {
				if !strings.HasPrefix(line, ";") && strings.ContainsAny(line, "${}[]()\"'`;\\!#\x00\r") {
					t.Errorf("%q becomes %q", text, line)
				}
			}
		}
	})
}

func TestPHPInstances(t *testing.T) {
	of := php().Describe().Instance
	for version, want := range map[string]string{"distribution": "", "8.3": "8.3"} {
		if got := of(packages.Values{"version": version}); got != want {
			t.Errorf("version %s is the instance %q, not %q", version, got, want)
		}
	}
}

func TestPHPVersionOfTheDistribution(t *testing.T) {
	ctx := context(t, packages.Values{"version": "8.2"}, packages.OS{ID: "debian", Version: "12", Codename: "bookworm"})
	ctx.Instance = "8.2"
	if _, err := php().Install(ctx); err == nil || !strings.Contains(err.Error(), "choose version=distribution") {
		t.Errorf("got %v, want the distribution's named", err)
	}
	ctx.Facts.OS = packages.OS{ID: "debian", Version: "13", Codename: "trixie"}
	commands, err := php().Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); !strings.Contains(text, "use sury php-8.2 https://packages.sury.org/php/apt.gpg 15058500A0235D97F5D10063B188E2B695BD4743 'choose version=distribution for PHP 8.4 of debian 13' php8.2-fpm") {
		t.Errorf("Sury's repository is not used:\n%s", text)
	}
	ctx.Facts.OS.Codename = ""
	if _, err := php().Install(ctx); err == nil {
		t.Error("a release without a codename has a suite")
	}
}

func TestPHPDefaultsAreOfOneVersion(t *testing.T) {
	for _, option := range []string{"cli-default", "site-default"} {
		ctx := context(t, packages.Values{option: "yes"}, packages.OS{ID: "debian", Version: "12"})
		ctx.Installed = []store.ServerPackage{{Name: "php", Instance: "8.3", Configuration: map[string]string{option: "yes"}}}
		if _, err := php().Install(ctx); err == nil || !strings.Contains(err.Error(), "php@8.3 has "+option+"=yes") {
			t.Errorf("%s: got %v", option, err)
		}
		ctx.Instance = "8.3" // it is that one itself
		if _, err := php().Install(ctx); err != nil {
			t.Errorf("%s: its own record is in its way: %v", option, err)
		}
	}
}

func TestNodeRefusesOptions(t *testing.T) {
	node := runtime.Node{NodeSource: apt.Known().NodeSource}
	for _, v := range []string{"", "8", "lts", "latest", "24.1", "024", "24;id", "$(id)", "-1", "24\n", "２４", strings.Repeat("2", 9999)} {
		values, err := packages.Complete(node, packages.Values{"version": v})
		if err == nil && values["version"] != "24" {
			t.Errorf("the version %q is taken as %q", v, values["version"])
		}
	}
	values, err := packages.Complete(node, packages.Values{"corepack": "yes"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := node.Install(packages.Context{Values: values}); err == nil || !strings.Contains(err.Error(), "NodeSource") {
		t.Errorf("corepack of the distribution: got %v", err)
	}
}

func TestNodeMakesWayForAnotherVersion(t *testing.T) {
	node := runtime.Node{NodeSource: apt.Known().NodeSource}
	values, err := packages.Complete(node, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := packages.Context{Values: values}
	ctx.Installed = []store.ServerPackage{{Name: "node", Configuration: map[string]string{"version": "22", "repository": "nodesource"}}}
	commands, err := node.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	text := commandText(commands)
	for _, want := range []string{"purge-added --orphans --for=node", "leave nodesource node", "install --for=node nodejs npm"} {
		at := strings.Index(text, want)
		if at < 0 {
			t.Fatalf("no %q, or not in its place, in:\n%s", want, text)
		}
		text = text[at:]
	}
}

// What is there may go only after the repository was found to have the other.
func TestNodeChecksBeforeItMakesWay(t *testing.T) {
	node := runtime.Node{NodeSource: apt.Known().NodeSource}
	values, err := packages.Complete(node, packages.Values{"version": "24"})
	if err != nil {
		t.Fatal(err)
	}
	ctx := packages.Context{Values: values}
	ctx.Installed = []store.ServerPackage{{Name: "node", Configuration: map[string]string{"version": "22", "repository": "nodesource"}}}
	commands, err := node.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	text := commandText(commands)
	use, purge := strings.Index(text, "repository use nodesource"), strings.Index(text, "purge-added")
	if use < 0 || purge < use {
		t.Errorf("the former version goes before the other was found:\n%s", text)
	}
}

func TestPHPRemovesTheRecordedVersion(t *testing.T) {
	ctx := context(t, nil, packages.OS{ID: "debian", Version: "13"})
	for _, branch := range []string{"", "8", "8.2; id", "../8"} {
		ctx.Values["branch"] = branch
		if _, err := php().Remove(ctx); err == nil {
			t.Errorf("the recorded version %q is taken", branch)
		}
	}
	ctx.Values["branch"] = "8.2"
	commands, err := php().Remove(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); !strings.Contains(text, "'php8.2-*'") || strings.Contains(text, "8.4") {
		t.Errorf("not 8.2 alone is removed:\n%s", text)
	}
}
