package job

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

const canary = "Canary'7f3 $(id) [hidden]"

// vaulted is a package with a secret that it puts into a file and gives to a
// script, another that is made, and a key.
func vaulted() fakePackage {
	p := simple("db")
	p.secrets = []packages.Option{
		{Name: "password", Kind: packages.Secret, Required: true},
		{Name: "made", Kind: packages.Secret, Required: true, Generate: packages.Generate{Length: 32}},
	}
	p.install = packages.Commands{
		packages.Track{Name: "install_software", Label: "Installing db"},
		packages.Make{Secret: "db.key", Comment: "db@web1"},
		packages.Write{Path: "/etc/db.conf", Content: "password=" + packages.SecretRef("db.password", packages.ForSh) + "\n", Mode: 0o600},
		packages.Run{Script: "set password", Check: `cmp "$SECRETS/password" /x`, Secrets: map[string]string{
			"password": packages.SecretRef("db.password", packages.AsIs), "made": packages.SecretRef("db.made", packages.AsIs),
			"key.pub": packages.SecretRef("db.key", packages.ForAuthorizedKeys) + " db@web1\n",
		}},
		packages.Persist{Version: "version of db"},
		packages.Note{Name: "public-key", Script: "cat key.pub"},
	}
	return p
}

func vaultedRequest(b *bench, server store.Server, password string) []Prepared {
	b.Helper()
	want := packages.Want{Name: "db"}
	if password != "" {
		want.Values = packages.Values{"password": password}
	}
	prepared := b.Prepare(b.Context(), Request{Action: store.Install, Packages: []packages.Want{want}, Servers: []store.ID{server.ID}})
	if err := prepared[0].Err; err != nil {
		b.Fatal(err)
	}
	return prepared
}

func (b *bench) install(server store.Server, password string) Progress {
	b.Helper()
	runs, err := b.Start(b.Context(), store.Install, vaultedRequest(b, server, password))
	if err != nil {
		b.Fatal(err)
	}
	return b.end(runs[0])
}

// wantNowhere demands that no file of the state folder holds one of the texts.
func (b *bench) wantNowhere(texts ...string) {
	b.Helper()
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		for _, text := range texts {
			if strings.Contains(string(data), text) {
				b.Errorf("%s holds %q", path, text)
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestSecretsAreShippedAndNotStored(t *testing.T) {
	h := newFakeHost()
	h.outcome["set password"] = func(s step) error {
		for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), "Canary'\"'\"'7f3 $(id) [hidden]"} {
			s.say("it is " + form + "!")
		}
		return exitStatus(9)
	}
	b := newBench(t, fakeCatalog{vaulted()}, map[string]*fakeHost{"10.0.0.1": h})
	server := b.add("web1", "10.0.0.1")
	p := b.install(server, canary)
	if p.Run.State != store.RunFailed || strings.Contains(fmt.Sprint(p, p.Run.Error), "Canary") {
		t.Errorf("ended as %s: %+v", p.Run.State, p.Run.Error)
	}
	lines, _, err := b.Lines(p.Run.ID, 0)
	if err != nil || len(lines) != 3 {
		t.Fatal(lines, err)
	}
	for _, line := range lines {
		if line != "it is "+hidden+"!" {
			t.Errorf("shown: %q", line)
		}
	}

	steps := h.shipped[0].Steps
	if got := string(steps[2].Content); got != "password='Canary'\"'\"'7f3 $(id) [hidden]'\n" {
		t.Errorf("the file holds %q", got)
	}
	made := string(steps[3].Secrets["made"])
	if string(steps[3].Secrets["password"]) != canary || len(made) != 32 {
		t.Errorf("the step got %d secrets", len(steps[3].Secrets))
	}
	public := string(steps[3].Secrets["key.pub"])
	if !strings.HasPrefix(public, "ssh-ed25519 AAAA") || !strings.HasSuffix(public, " db@web1\n") {
		t.Errorf("the public key is %q", public)
	}
	for _, s := range steps {
		if text := s.Script + s.Check; strings.Contains(text, "Canary") || strings.Contains(text, made) {
			t.Errorf("a script holds a secret: %s", text)
		}
	}
	b.wantNowhere("Canary", made, "OPENSSH", base64.StdEncoding.EncodeToString([]byte(canary))[:20])

	// Once more: what was made stays, as it may be on the server.
	delete(h.outcome, "set password")
	h.outcome["cat key.pub"] = func(step) error { return nil }
	if p := b.install(server, "another"); p.Run.State != store.RunDone {
		t.Fatalf("ended as %s: %+v", p.Run.State, p.Run.Error)
	}
	again := h.shipped[1].Steps[3].Secrets
	if string(again["made"]) != made || string(again["key.pub"]) != public || string(again["password"]) != "another" {
		t.Error("what was made is not the same the second time, or the new value was not taken")
	}
}

func TestSecretsAreKeptAndForgotten(t *testing.T) {
	h := newFakeHost()
	b := newBench(t, fakeCatalog{vaulted()}, map[string]*fakeHost{"10.0.0.1": h})
	server := b.add("web1", "10.0.0.1")
	b.install(server, canary)
	records, err := b.installed(server.ID)
	if err != nil || records[0].Configuration["password"] != "‹secret:db.password›" || records[0].Configuration["public-key"] != "1.2.3" {
		t.Errorf("recorded: %+v, %v", records, err)
	}
	value, err := b.Secret(t.Context(), server.ID, "db.password")
	if err != nil || value != canary {
		t.Errorf("kept: %q, %v", value, err)
	}
	// Without a value the one that is kept is used.
	for _, held := range []string{"/etc/db.conf", "/x"} {
		h.ok[held] = true
	}
	if prepared := vaultedRequest(b, server, ""); !prepared[0].Nothing {
		t.Errorf("not all is so already: %v", prepared[0].Already)
	}
	script := h.scripts[len(h.scripts)-1]
	if !strings.Contains(script, "mktemp -d /run/") || !strings.Contains(script, "Canary") || strings.Contains(script, "/made") {
		t.Errorf("the check got what it does not read, or not what it reads:\n%s", script)
	}
	if prepared := vaultedRequest(b, server, canary); !prepared[0].Nothing {
		t.Error("the value that is kept counts as a new one")
	}
	if prepared := vaultedRequest(b, server, "new"); prepared[0].Nothing || prepared[0].Already[2] {
		t.Error("a new value changes nothing")
	} else if strings.Contains(h.scripts[len(h.scripts)-1], "'new'") {
		t.Error("a value went to the server before it was agreed to")
	}
	run := b.start(store.Remove, []store.Server{server}, "db")[0]
	b.end(run)
	if list, err := b.Secrets(); err != nil || len(list) != 0 {
		t.Errorf("after the removal: %v, %v", list, err)
	}
}

// A run is taken up again although the values are in the vault alone.
func TestSecretsOfAQueuedRunSurviveARestart(t *testing.T) {
	h := newFakeHost()
	b := newBench(t, fakeCatalog{vaulted()}, map[string]*fakeHost{"10.0.0.1": h})
	server := b.add("web1", "10.0.0.1")
	prepared := vaultedRequest(b, server, canary)
	h.mu.Lock()
	h.down = &sshrun.LostError{Name: "fake", Err: errors.New("down")}
	h.mu.Unlock()
	b.Engine.slots = make(chan struct{}) // no run gets its turn
	runs, err := b.Start(t.Context(), store.Install, prepared)
	if err != nil {
		t.Fatal(err)
	}
	h.mu.Lock()
	h.down = nil
	h.mu.Unlock()
	b.restart()
	if err := b.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := b.end(runs[0]); p.Run.State != store.RunDone || string(h.shipped[0].Steps[3].Secrets["password"]) != canary {
		t.Errorf("ended as %s: %+v", p.Run.State, p.Run.Error)
	}
}

// Output that can't be cleared of secrets is not kept.
func TestOutputIsWithheldWithoutTheKey(t *testing.T) {
	h := newFakeHost()
	h.outcome["install other"] = func(s step) error { s.say("the password is " + canary); return nil }
	b := newBench(t, fakeCatalog{vaulted(), simple("other")}, map[string]*fakeHost{"10.0.0.1": h})
	server := b.add("web1", "10.0.0.1")
	b.install(server, canary)
	db, err := store.Open(b.dir, store.Options{})
	if err == nil {
		db.Close()
		t.Fatal("the state folder was opened twice")
	}
	if err := errors.Join(b.Engine.Close(), b.db.Close()); err != nil {
		t.Fatal(err)
	}
	if db, err = store.Open(b.dir, store.Options{Vault: store.Vault{KeyFile: t.TempDir() + "/lost"}}); err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	b.db, b.cfg.Store = db, db
	b.Engine = New(b.cfg)
	p := b.end(b.start(store.Install, []store.Server{server}, "other")[0])
	if lines, _, err := b.Lines(p.Run.ID, 0); p.Run.State != store.RunDone || err != nil || len(lines) != 1 || lines[0] != withheld {
		t.Errorf("%s: %q, %v", p.Run.State, lines, err)
	}
	b.wantNowhere("Canary")
	prepared := b.Prepare(t.Context(), Request{Action: store.Install, Packages: []packages.Want{{Name: "db"}}, Servers: []store.ID{server.ID}})
	var lost *store.LostKeyError
	if !errors.As(prepared[0].Err, &lost) || !strings.Contains(prepared[0].Err.Error(), "db.password") {
		t.Errorf("got %v", prepared[0].Err)
	}
}
