package cmd

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestServerCredential(t *testing.T) {
	e := newEngine("web1")
	e.add = func(n job.NewServer) (store.Server, error) {
		return store.Server{ID: "new", Name: n.Name, Address: n.Address, Credential: n.Credential, CreatedAt: noon}, nil
	}
	w := newWorld(t, e)
	w.run(t, StatusDone, "server", "add", "web2", "192.0.2.2", "--credential", "ops")
	w.run(t, StatusDone, "server", "change", "web1", "--credential", "ops")
	w.run(t, StatusDone, "server", "change", "web1", "--credential", "", "--user", "ann")
	if len(e.added) != 1 || e.added[0].Credential != "ops" {
		t.Errorf("added %+v", e.added)
	}
	name, none, user := "ops", "", "ann"
	if diff := cmp.Diff([]job.ServerChange{{Credential: &name}, {Credential: &none, User: &user}}, e.changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for _, args := range [][]string{
		{"add", "web3", "192.0.2.3", "--credential", "ops", "--user", "ann"},
		{"add", "web3", "192.0.2.3", "--credential", "ops", "--key", "/dev/null"},
		{"add", "web3", "192.0.2.3", "--credential", ""},
		{"change", "web1", "--credential", "ops", "--user", "ann"},
		{"change", "web1", "--credential", "ops", "--key", "/dev/null"},
	} {
		w.errs.Reset()
		w.run(t, StatusRefused, append([]string{"server"}, args...)...)
		holds(t, "stderr", w.errs.String(), "credential")
	}
	if len(e.added) != 1 || len(e.changes) != 2 {
		t.Errorf("added %+v, changed %+v", e.added, e.changes)
	}
	w.out.Reset()
	w.run(t, StatusDone, "server", "show", "web2")
	holds(t, "stdout", w.out.String(), "Credential  ops")
	w.out.Reset()
	w.run(t, StatusDone, "server", "show", "web2", "--json")
	var shown struct {
		Credential *string `json:"credential"`
	}
	if err := json.Unmarshal(w.out.Bytes(), &shown); err != nil || shown.Credential == nil || *shown.Credential != "ops" {
		t.Errorf("shown as %s, %v", &w.out, err)
	}
}

func TestSSHAs(t *testing.T) {
	e := newEngine("web1")
	var got job.Terminal
	e.shell = func(_ context.Context, end job.Terminal) (int, error) { got = end; return 5, nil }
	w := newWorld(t, e)
	w.run(t, 5, "ssh", "--as", "ops", "web1", "id", "--as", "x")
	if diff := cmp.Diff([]string{"ops"}, e.shellAs); diff != "" || got.Command != "id --as x" {
		t.Errorf("%q was run with:\n%s", got.Command, diff)
	}
	w.run(t, 5, "ssh", "web1", "id")
	w.run(t, StatusRefused, "ssh", "--as", "", "web1", "id")
	e.shellErr = &job.InputError{Field: job.FieldCredential, Reason: `there is no credential "none" in c.toml`}
	w.errs.Reset()
	w.run(t, StatusRefused, "ssh", "--as", "none", "web1", "id")
	holds(t, "stderr", w.errs.String(), `there is no credential "none" in c.toml`)
	if len(e.shellAs) != 2 {
		t.Errorf("shells were opened as %q", e.shellAs)
	}
}

func TestImportWithCredential(t *testing.T) {
	e := newEngine()
	e.items = []job.ImportItem{{Action: job.ImportAdd, Server: job.NewServer{Name: "web1", Address: "192.0.2.1", Credential: "ops"}}}
	w := newWorld(t, e)
	file := filepath.Join(t.TempDir(), "c.toml")
	text := "[[credentials]]\nname = \"ops\"\nuser = \"deploy\"\n[[servers]]\nname = \"web1\"\naddress = \"192.0.2.1\"\ncredential = \"ops\"\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, StatusDone, "--config", file, "import", "config", "--preview")
	holds(t, "stdout", w.out.String(), "192.0.2.1 with ops")
	if entries := e.imports[0].List.Entries; len(entries) != 1 || entries[0].Credential != "ops" {
		t.Errorf("read %+v", entries)
	}
	w.out.Reset()
	w.run(t, StatusDone, "--config", file, "--json", "import", "config", "--preview")
	holds(t, "stdout", w.out.String(), `"credential":"ops"`)
}
