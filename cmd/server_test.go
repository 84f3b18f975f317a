package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
	"brokeforge/store"
)

const fingerprint = "SHA256:FPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPFPF"

func unknownKey(n job.NewServer) error {
	return &job.HostKeyError{Server: n.Name, Address: n.Address + ":22", Type: "ssh-ed25519", Fingerprint: fingerprint}
}

// asks is how an engine adds a server whose key is not known.
func asks(n job.NewServer) (store.Server, error) {
	if !n.AcceptNew && n.Accept != fingerprint {
		return store.Server{}, unknownKey(n)
	}
	return store.Server{ID: "new", Name: n.Name, Address: n.Address, Port: n.Port, User: n.User, CreatedAt: noon}, nil
}

func TestServerAdd(t *testing.T) {
	e := newEngine()
	e.add = asks
	w := newWorld(t, e)
	key := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, StatusDone, "server", "add", "web1", "192.0.2.9", "--port", "2222", "--user", "ops", "--key", key,
		"--tag", "a", "--tag", "b", "--accept-new")
	want := []job.NewServer{{Name: "web1", Address: "192.0.2.9", Port: 2222, User: "ops", KeyFile: key, Tags: []string{"a", "b"}, AcceptNew: true}}
	if diff := cmp.Diff(want, e.added); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	holds(t, "stdout", w.out.String(), "web1 is added: ops@192.0.2.9:2222")
}

func TestServerAddLeavesDefaultsToTheConfiguration(t *testing.T) {
	e := newEngine()
	e.add = asks
	w := newWorld(t, e)
	file := filepath.Join(t.TempDir(), "c.toml")
	if err := os.WriteFile(file, []byte("[server]\nport = 2200\nuser = \"admin\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, StatusDone, "--config", file, "server", "add", "web1", "192.0.2.9", "--accept-new", "--json")
	if got := e.added[0]; got.Port != 0 || got.User != "" {
		t.Errorf("added %+v", got)
	}
	if got := w.settings.Config.Server; got.Port != 2200 || got.User != "admin" {
		t.Errorf("the settings are %+v", got)
	}
	var view serverView
	if err := json.Unmarshal(w.out.Bytes(), &view); err != nil || view.Name != "web1" {
		t.Errorf("%v in %s", err, &w.out)
	}
}

func TestServerAddWithoutTerminalRefusesAnUnknownKey(t *testing.T) {
	e := newEngine()
	e.add = asks
	w := newWorld(t, e)
	w.run(t, StatusUnreached, "server", "add", "web1", "192.0.2.9")
	holds(t, "stderr", w.errs.String(), fingerprint, "--accept-new")
	if len(e.added) != 1 {
		t.Errorf("tried %d times", len(e.added))
	}
}

func TestServerAddStopsAtAChangedKey(t *testing.T) {
	e := newEngine()
	e.add = func(n job.NewServer) (store.Server, error) {
		err := unknownKey(n).(*job.HostKeyError)
		err.Known = []job.KnownKey{{Type: "ssh-rsa", Fingerprint: "SHA256:old", From: "known_hosts:3"}}
		return store.Server{}, err
	}
	w := newWorld(t, e)
	w.run(t, StatusUnreached, "server", "add", "web1", "192.0.2.9", "--accept-new")
	holds(t, "stderr", w.errs.String(), fingerprint, "SHA256:old", "known_hosts:3", "has changed")
}

func TestServerAddRefusesBadInput(t *testing.T) {
	good := []string{"web1", "192.0.2.9"}
	tests := map[string][]string{
		"no name":              {},
		"no address":           {"web1"},
		"too much":             {"web1", "192.0.2.9", "x"},
		"space in the name":    {"web 1", "192.0.2.9"},
		"quote in the name":    {`web"1`, "192.0.2.9"},
		"empty name":           {"", "192.0.2.9"},
		"newline in the name":  {"web\n1", "192.0.2.9"},
		"escape in the name":   {"web\x1b[2J", "192.0.2.9"},
		"umlaut in the name":   {"wéb", "192.0.2.9"},
		"semicolon":            {"web1", "a;b"},
		"substitution":         {"web1", "$(id)"},
		"space in the address": {"web1", "a b"},
		"empty address":        {"web1", ""},
		"bidi in the address":  {"web1", "a\u202eb"},
		"login in the address": {"web1", "root@host"},
		"port 0":               append(good, "--port", "0"),
		"port 70000":           append(good, "--port", "70000"),
		"port -1":              append(good, "--port", "-1"),
		"port abc":             append(good, "--port", "abc"),
		"empty port":           append(good, "--port", ""),
		"port with a sign":     append(good, "--port", "+22"),
		"empty user":           append(good, "--user", ""),
		"user with a space":    append(good, "--user", "a b"),
		"user like a flag":     append(good, "--user", "-oProxyCommand=x"),
		"missing key":          append(good, "--key", "/does/not/exist"),
		"empty key":            append(good, "--key", ""),
		"key is a folder":      append(good, "--key", "/"),
		"tag with a comma":     append(good, "--tag", "a,b"),
		"unknown flag":         append(good, "--acept-new"),
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, newEngine())
			w.run(t, StatusRefused, append([]string{"server", "add"}, args...)...)
			if w.opened {
				t.Error("the state folder was opened")
			}
			text := w.errs.String()
			holds(t, "stderr", text, "brokeforge: ", "see brokeforge server add --help")
			if strings.Count(text, "\n") != 2 || strings.ContainsAny(text, "\x1b\u202e") {
				t.Errorf("not an error and a hint, a line each: %q", text)
			}
		})
	}
}

func TestServersAsText(t *testing.T) {
	e := newEngine("web1", "db")
	e.servers[0].Packages = []store.ServerPackage{{
		Name: "nginx", Version: "1.22", Status: store.Active, By: "ops", CreatedAt: noon,
		Configuration: map[string]string{"workers": "4", "empty": ""},
	}}
	e.servers[1].Connection, e.servers[1].ConnectionError = store.Unreachable, "no route\nto host"
	live := runOn("web1", store.RunRunning)
	e.servers[0].Last = &live
	w := newWorld(t, e)
	w.run(t, StatusDone, "server", "list")
	holds(t, "the list", w.out.String(), "NAME", "web1", "root@192.0.2.1", "running: install nginx 0/2", "unreachable")
	w.out.Reset()
	w.run(t, StatusDone, "server", "show", "db")
	holds(t, "db", w.out.String(), "no route; to host")
	w.out.Reset()
	w.run(t, StatusDone, "status", "--on", "web1")
	holds(t, "the status", w.out.String(), "nginx", "1.22", "workers=4")
	holds(t, "the note", w.errs.String(), "is running")
	if strings.Contains(w.out.String(), "db") {
		t.Error("status --on web1 shows db")
	}
}

func TestServersAsJSON(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	for _, args := range [][]string{{"server", "list"}, {"status"}, {"server", "show", "web1"}, {"run", "list"}, {"packages"}, {"version"}, {"server", "remove", "web1"}} {
		w.out.Reset()
		w.run(t, StatusDone, append(args, "--json")...)
		if !json.Valid(w.out.Bytes()) {
			t.Errorf("%q prints no JSON: %s", args, &w.out)
		}
		for _, list := range []string{"tags", "host_keys", "packages", "options", "requires", "conflicts", "choices"} {
			if strings.Contains(w.out.String(), `"`+list+`": null`) {
				t.Errorf("%q: the list %s is null in %s", args, list, &w.out)
			}
		}
	}
	if diff := cmp.Diff([]store.ID{"server0"}, e.forgotten); diff != "" {
		t.Errorf("forgotten (-want +got):\n%s", diff)
	}
}

func TestEmptyListsSayWhatToDo(t *testing.T) {
	w := newWorld(t, newEngine())
	for _, args := range [][]string{{"server", "list"}, {"status"}} {
		w.errs.Reset()
		w.run(t, StatusDone, args...)
		holds(t, "stderr", w.errs.String(), "brokeforge server add NAME ADDRESS")
	}
	w.run(t, StatusDone, "server", "list", "--json")
	if got := strings.TrimSpace(w.out.String()); got != "[]" {
		t.Errorf("an empty list in JSON is %q", got)
	}
}
