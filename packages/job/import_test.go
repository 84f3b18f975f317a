package job

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/job/inventory"
	"brokeforge/store"
)

func (b *bench) prepareImport(r ImportRequest) Import {
	b.Helper()
	i, err := b.PrepareImport(b.Context(), r)
	if err != nil {
		b.Fatal(err)
	}
	return i
}

func (b *bench) servers() map[string]store.Server {
	b.Helper()
	o, err := b.Overview()
	if err != nil {
		b.Fatal(err)
	}
	out := map[string]store.Server{}
	for _, v := range o.Servers {
		out[v.Name] = v.Server
	}
	return out
}

// actions shows the items of an import in short.
func actions(i Import) (out []string) {
	for _, item := range i.Items {
		out = append(out, string(item.Action)+" "+item.Server.Name)
	}
	return out
}

func TestImport(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host, "10.0.0.3": host})
	old := b.add("old", "10.0.0.1")
	dials := host.dials
	r := ImportRequest{User: "ops", Port: 2200, List: inventory.List{
		Entries: []inventory.Entry{
			{Name: "old", Address: "10.0.0.3", Tags: []string{"web"}, File: "i", Line: 1},
			{Name: "new", Address: "new.example.org", Port: 22, User: "root", KeyFile: key, Tags: []string{"web", "db_1", "a tag"}, File: "i", Line: 2, Notes: []string{"a note"}},
			{Name: "plain", Address: "plain", File: "i", Line: 3},
			{Name: "2001:db8::1", Address: "2001:db8::1", File: "i", Line: 4},
			{Name: "2001-db8-1", Address: "2001:db8::2", File: "i", Line: 5},
			{Name: "wéb", Address: "10.0.0.9", KeyFile: "/does/not/exist", File: "i", Line: 6},
			{Name: "__", Address: "10.0.0.9", File: "i", Line: 7},
			{Name: "bad", Address: "a b", File: "i", Line: 8},
			{Name: "bad2", Address: "a", User: "a b", File: "i", Line: 9},
			{Name: "twin", Address: "10.0.0.1", Port: 22, File: "i", Line: 10},
		},
		Skipped: []inventory.Skip{{Name: "*.x", Reason: "a pattern", File: "i", Line: 11}},
	}}
	shown := b.prepareImport(r)
	want := []string{
		"change old", "add new", "add plain", "add 2001-db8-1", "add w-b", "add twin",
		"leave 2001-db8-1", "leave __", "leave bad", "leave bad2", "leave *.x",
	}
	if diff := cmp.Diff(want, actions(shown)); diff != "" {
		t.Fatalf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]FieldChange{{FieldAddress, "10.0.0.1", "10.0.0.3"}, {FieldTag, "", "web"}}, shown.Items[0].Changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	for i, part := range map[int]string{1: "a note", 3: "it is called 2001-db8-1", 4: "there is no file /does/not/exist", 5: "server old has the same address"} {
		if !strings.Contains(strings.Join(shown.Items[i].Notes, "\n"), part) {
			t.Errorf("%s has the notes %q, without %q", shown.Items[i].Server.Name, shown.Items[i].Notes, part)
		}
	}
	if len(b.servers()) != 1 {
		t.Fatal("the preview has recorded something")
	}
	if err := b.Import(b.Context(), shown); err != nil {
		t.Fatal(err)
	}
	servers := b.servers()
	if len(servers) != 6 || host.dials != dials {
		t.Errorf("%d servers after %d more logins", len(servers), host.dials-dials)
	}
	n := servers["new"]
	if n.Address != "new.example.org" || n.Port != 22 || n.User != "root" || n.KeyFile != key || len(n.HostKeys) != 0 ||
		n.Connection != store.NeverConnected || cmp.Diff([]string{"a-tag", "db_1", "web"}, n.Tags) != "" {
		t.Errorf("recorded %+v", n)
	}
	if p := servers["plain"]; p.Port != 2200 || p.User != "ops" {
		t.Errorf("the defaults were not taken: %+v", p)
	}
	if o := servers["old"]; o.ID != old.ID || o.Address != "10.0.0.3" || o.Port != 22 || len(o.HostKeys) != 1 || o.Connection != store.NeverConnected {
		t.Errorf("changed to %+v", o)
	}
	if again := b.prepareImport(r); !again.Nothing() || again.Count(ImportSame) != 6 {
		t.Errorf("the second time it does %q", actions(again))
	}
}

func TestImportKeepsTagsAndWhatIsNotSaid(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	s, err := b.AddServer(b.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Port: 2222, User: "ops", Tags: []string{"mine"}, AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	shown := b.prepareImport(ImportRequest{Port: 22, User: "root", List: inventory.List{Entries: []inventory.Entry{{Name: "web1", Address: "10.0.0.1", Tags: []string{"theirs"}}}}})
	if err := b.Import(b.Context(), shown); err != nil {
		t.Fatal(err)
	}
	got := b.servers()["web1"]
	if got.Port != 2222 || got.User != "ops" || strings.Join(got.Tags, " ") != "mine theirs" || got.Connection != s.Connection {
		t.Errorf("recorded %+v", got)
	}
}

func TestImportRefusesWhatWasNotShown(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	shown := b.prepareImport(ImportRequest{List: inventory.List{Entries: []inventory.Entry{{Name: "web1", Address: "10.0.0.2"}, {Name: "web2", Address: "10.0.0.3"}}}})
	b.add("web1", "10.0.0.1")
	var refused *packages.RefusedError
	if err := b.Import(b.Context(), shown); !errors.As(err, &refused) {
		t.Errorf("got %v", err)
	}
	if s := b.servers(); len(s) != 1 || s["web1"].Address != "10.0.0.1" {
		t.Errorf("recorded %v", s)
	}
}

func TestImportLeavesAServerOnWhichARunGoesOn(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = packages.Commands{packages.Track{Name: "work", Label: "Working"}, packages.Run{Script: "hold"}, packages.Persist{}}
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	b.await(run.ID, func(p Progress) bool { return p.Command == "hold" })
	moved := ImportRequest{List: inventory.List{Entries: []inventory.Entry{{Name: "web1", Address: "10.0.0.2"}}}}
	if got := b.prepareImport(moved).Items[0]; got.Action != ImportLeave || !strings.Contains(got.Reason, "run is going on") {
		t.Errorf("got %+v", got)
	}
	tagged := ImportRequest{List: inventory.List{Entries: []inventory.Entry{{Name: "web1", Address: "10.0.0.1", Tags: []string{"x"}}}}}
	if got := b.prepareImport(tagged).Items[0]; got.Action != ImportChange {
		t.Errorf("got %+v", got)
	}
	close(host.hold)
	b.end(run)
}

// TestAnImportedServerAsksForItsKey contacts a server that has no pinned key.
func TestAnImportedServerAsksForItsKey(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	shown := b.prepareImport(ImportRequest{List: inventory.List{Entries: []inventory.Entry{{Name: "web1", Address: "10.0.0.1"}}}})
	if err := b.Import(b.Context(), shown); err != nil {
		t.Fatal(err)
	}
	id := b.servers()["web1"].ID
	var key *HostKeyError
	if _, err := b.Refresh(b.Context(), id); !errors.As(err, &key) || key.Changed() || key.Fingerprint != "SHA256:first" {
		t.Errorf("got %v", err)
	}
	if s := b.servers()["web1"]; s.Connection != store.Refused || !strings.Contains(s.ConnectionError, "is not known") {
		t.Errorf("recorded %+v", s)
	}
}
