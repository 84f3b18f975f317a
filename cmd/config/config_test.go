package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

const example = "../../config.example.toml"

func TestExampleHoldsTheDefaults(t *testing.T) {
	got, err := Load(example, true)
	if err != nil {
		t.Fatal(err)
	}
	got.File = ""
	if diff := cmp.Diff(Default(), got); diff != "" {
		t.Errorf("the example differs from the defaults (-default +example):\n%s", diff)
	}
}

func TestExampleHoldsEverySetting(t *testing.T) {
	var inExample, all map[string]any
	if _, err := toml.DecodeFile(example, &inExample); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	if err := toml.NewEncoder(&b).Encode(Default()); err != nil {
		t.Fatal(err)
	}
	if _, err := toml.Decode(b.String(), &all); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(keys("", all), keys("", inExample)); diff != "" {
		t.Errorf("settings (-there are +in the example):\n%s", diff)
	}
}

func TestExampleExplainsEverySetting(t *testing.T) {
	text, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	before := ""
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " = ") && !strings.HasPrefix(line, "#") && !strings.HasPrefix(before, "#") {
			t.Errorf("no explanation stands before %q", line)
		}
		before = line
	}
}

func keys(prefix string, table map[string]any) map[string]bool {
	out := make(map[string]bool)
	for key, value := range table {
		if sub, ok := value.(map[string]any); ok {
			for k := range keys(prefix+key+".", sub) {
				out[k] = true
			}
			continue
		}
		out[prefix+key] = true
	}
	return out
}

func TestParseRefuses(t *testing.T) {
	tests := []struct {
		name, text string
		line       int
		key        string
		reason     string // a part of it
	}{
		{"unknown key", "parallel = 2\n\nparalel = 3\n", 3, "paralel", "no such setting"},
		{"unknown key in a table", "# x\n[ssh]\nkeep_alive = \"5s\"\nport = 3\n", 4, "ssh.port", "no such setting"},
		{"unknown key after a value of many lines", "[ssh]\nknown_hosts = [\n \"a\",\n \"b\",\n]\n# c\nbad = 1", 7, "ssh.bad", "no such setting"},
		{"unknown key whose value has many lines", "parallel = 1\nbad = [\n1,\n2]\n", 2, "bad", "no such setting"},
		{"its name in a text before", "[server]\nuser = \"\"\"\nbad = 1\n\"\"\"\nbad = 1\n", 5, "server.bad", "no such setting"},
		{"unknown table", "[shh]\n", 1, "shh", "no such setting"},
		{"unknown key in a dotted form", "parallel = 1\nssh.x = 1\n", 2, "ssh.x", "no such setting"},
		{"windows line ends", "parallel = 2\r\nx = 3\r\n", 2, "x", "no such setting"},
		{"wrong type", "\nparallel = \"many\"\n", 2, "parallel", "it is a string, but must be an integer"},
		{"wrong type in a list", "[ssh]\nknown_hosts = [1]\n", 2, "ssh.known_hosts", "must be a string"},
		{"a value for a table", "ssh = 1\n", 1, "ssh", "expected table"},
		{"not a duration", "[ssh]\ndial_timeout = \"soon\"\n", 2, "ssh.dial_timeout", "soon"},
		{"duration out of range", "[ssh]\nkeep_alive = \"0s\"\n", 2, "ssh.keep_alive", "must be from"},
		{"a number for a duration", "[ssh]\ndial_timeout = 10\n", 2, "ssh.dial_timeout", "must be from"},
		{"parallel out of range", "parallel = 0\n", 1, "parallel", "from 1 to 1000"},
		{"port out of range", "[server]\nuser=\"x\"\nport = 70000\n", 3, "server.port", "from 1 to 65535"},
		{"not a theme", "[screen]\ntheme = \"pink\"\n", 2, "screen.theme", "auto, dark, light, mono"},
		{"an address of another kind", "[repositories.sury]\nuri = \"file:///srv\"\n", 2, "repositories.sury.uri", "must be an address"},
		{"a fingerprint that is short", "[repositories.pgdg]\nfingerprint = \"B97B0AFC\"\n", 2, "repositories.pgdg.fingerprint", "40 digits"},
		{"an address with a command", "[repositories.mysql]\nuri = \"https://x/$(id)\"\n", 2, "repositories.mysql.uri", "must be an address"},
		{"a suite that leads elsewhere", "[repositories.nodesource]\nsuite = \"a/../b\"\n", 2, "repositories.nodesource.suite", "name of a suite"},
		{"a repository that there is not", "[repositories.docker]\nuri = \"https://x/y\"\n", 1, "repositories.docker", "no such setting"},
		{"broken line", "parallel = 1\nparallel\n", 2, "", ""},
		{"key twice", "parallel = 1\nparallel = 2\n", 2, "", "already"},
		{"no text at all", "\x00\x01", 1, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse("c.toml", tt.text)
			var bad *Error
			if !errors.As(err, &bad) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if bad.File != "c.toml" || bad.Line != tt.line || (tt.key != "" && bad.Key != tt.key) || !strings.Contains(bad.Reason, tt.reason) {
				t.Errorf("got %#v", bad)
			}
			if strings.Contains(bad.Error(), "\n") {
				t.Errorf("the error has several lines: %q", bad.Error())
			}
		})
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	missing := filepath.Join(dir, "missing.toml")
	if c, err := Load(missing, false); err != nil || !cmp.Equal(c, Default()) {
		t.Errorf("a file that need not be there: got %v, %v", c, err)
	}
	if _, err := Load(missing, true); err == nil || !strings.Contains(err.Error(), missing) {
		t.Errorf("a file that must be there: got %v", err)
	}
	if _, err := Load(dir, false); err == nil {
		t.Error("a folder was taken as a file")
	}
	big := filepath.Join(dir, "big.toml")
	if err := os.WriteFile(big, []byte(strings.Repeat("# \n", maxSize)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big, false); err == nil {
		t.Error("a file that is too large was taken")
	}
}

func TestPlaces(t *testing.T) {
	tests := []struct {
		name        string
		given       string
		env         map[string]string
		state, file string // empty: none
	}{
		{"home", "", map[string]string{"HOME": "/h"}, "/h/.local/state/brokeforge", "/h/.config/brokeforge/config.toml"},
		{"xdg", "", map[string]string{"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "/c"}, "/s/brokeforge", "/c/brokeforge/config.toml"},
		{"relative xdg is ignored", "", map[string]string{"HOME": "/h", "XDG_STATE_HOME": "s"}, "/h/.local/state/brokeforge", "/h/.config/brokeforge/config.toml"},
		{"variable", "", map[string]string{"HOME": "/h", StateEnv: "/v"}, "/v", "/h/.config/brokeforge/config.toml"},
		{"given wins", "/g", map[string]string{StateEnv: "/v"}, "/g", ""},
		{"nothing", "", nil, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			getenv := func(k string) string { return tt.env[k] }
			state, err := StateDir(tt.given, getenv)
			if state != tt.state || (err != nil) != (tt.state == "") {
				t.Errorf("state: got %q, %v; want %q", state, err, tt.state)
			}
			if file, ok := File(getenv); ok != (tt.file != "") || ok && file != tt.file {
				t.Errorf("file: got %q, %v; want %q", file, ok, tt.file)
			}
		})
	}
}

func TestExpand(t *testing.T) {
	c := Default()
	c.Server.Key = "~/key"
	got, err := c.Expand("/h")
	if err != nil {
		t.Fatal(err)
	}
	if got.Server.Key != "/h/key" || got.SSH.KnownHosts[0] != "/h/.ssh/known_hosts" {
		t.Errorf("got %+v", got)
	}
	if _, err := c.Expand(""); err == nil {
		t.Error("a key in an unknown home was taken")
	}
}
