package runtime_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/runtime"
	"brokeforge/store"
)

func context(t *testing.T, values packages.Values, os packages.OS) packages.Context {
	t.Helper()
	complete, err := packages.Complete(runtime.PHP{}, values)
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
	if _, err := (runtime.PHP{}).Install(ctx); err == nil || !strings.Contains(err.Error(), "Debian GNU/Linux 11") {
		t.Errorf("got %v, want the system named", err)
	}
	ctx = context(t, nil, packages.OS{ID: "debian", Version: "12"})
	ctx.Facts.Systemd = false
	if _, err := (runtime.PHP{}).Install(ctx); err == nil || !strings.Contains(err.Error(), "systemd") {
		t.Errorf("got %v, want systemd named", err)
	}
}

func TestPHPRefusesOptions(t *testing.T) {
	for option, values := range map[string][]string{
		"extensions":   {"curl,mcrypt", "curl;id", "-"},
		"memory-limit": {"", "0", "-2", "256", "256MB", "256m", "1e9M", "256M\nextension=x", "9999999999M"},
		"upload-max":   {"", "-1", "64", "$(id)"},
	} {
		for _, v := range values {
			if _, err := packages.Complete(runtime.PHP{}, packages.Values{option: v}); err == nil {
				t.Errorf("%s: %q is taken", option, v)
			}
		}
	}
}

func TestPHPRemovesExtensionsThatAreNoLongerChosen(t *testing.T) {
	ctx := context(t, packages.Values{"extensions": "curl,zip"}, packages.OS{ID: "debian", Version: "12"})
	record := store.ServerPackage{Name: "php", Configuration: map[string]string{"extensions": "curl,gd,xml", "branch": "8.2"}}
	ctx.Installed = []store.ServerPackage{record}
	commands, err := runtime.PHP{}.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); !strings.Contains(text, "purge php8.2-gd php8.2-xml\n") {
		t.Errorf("gd and xml are not removed:\n%s", text)
	}
	// Another release's packages are not this one's to remove.
	record.Configuration["branch"] = "8.1"
	commands, err = runtime.PHP{}.Install(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); strings.Contains(text, "purge") {
		t.Errorf("something is removed:\n%s", text)
	}
}

func TestPHPRemovesTheRecordedVersion(t *testing.T) {
	ctx := context(t, nil, packages.OS{ID: "debian", Version: "13"})
	for _, branch := range []string{"", "8", "8.2; id", "../8"} {
		ctx.Values["branch"] = branch
		if _, err := (runtime.PHP{}).Remove(ctx); err == nil {
			t.Errorf("the recorded version %q is taken", branch)
		}
	}
	ctx.Values["branch"] = "8.2"
	commands, err := runtime.PHP{}.Remove(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if text := commandText(commands); !strings.Contains(text, "'php8.2-*'") || strings.Contains(text, "8.4") {
		t.Errorf("not 8.2 alone is removed:\n%s", text)
	}
}
