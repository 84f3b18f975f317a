package job

import (
	"fmt"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// fakePackage is a package whose commands are given.
type fakePackage struct {
	name     packages.Name
	requires []packages.Name
	secrets  []packages.Option
	install  packages.Commands
	remove   packages.Commands
}

func (p fakePackage) Name() packages.Name             { return p.name }
func (p fakePackage) Type() packages.Type             { return packages.System }
func (p fakePackage) Credential() packages.Credential { return packages.Root() }
func (p fakePackage) Probe() string                   { return "" }
func (p fakePackage) Describe() packages.Description {
	options := append([]packages.Option{{Name: "size", Default: "1"}}, p.secrets...)
	return packages.Description{Title: string(p.name), Requires: p.requires, Options: options}
}
func (p fakePackage) Install(packages.Context) ([]packages.Command, error) { return p.install, nil }
func (p fakePackage) Remove(packages.Context) ([]packages.Command, error)  { return p.remove, nil }

type fakeCatalog []fakePackage

func (c fakeCatalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	for _, p := range c {
		if p.name == name {
			return p, true
		}
	}
	return nil, false
}

func (c fakeCatalog) Names() (names []packages.Name) {
	for _, p := range c {
		names = append(names, p.name)
	}
	return names
}

func (c fakeCatalog) Site(packages.Name) (packages.SitePackage, bool) { return nil, false }
func (c fakeCatalog) SiteNames() []packages.Name                      { return nil }

// simple is a package with two milestones.
func simple(name packages.Name, requires ...packages.Name) fakePackage {
	return fakePackage{
		name: name, requires: requires,
		install: packages.Commands{
			packages.Track{Name: "install_software", Label: "Installing " + string(name)},
			packages.Run{Script: "install " + string(name), Check: "has " + string(name)},
			packages.Track{Name: "record", Label: "Recording"},
			packages.Persist{Version: "version of " + string(name)},
		},
		remove: packages.Commands{
			packages.Track{Name: "remove_software", Label: "Removing " + string(name)},
			packages.Run{Script: "remove " + string(name), Check: "lacks " + string(name)},
			packages.Forget{},
		},
	}
}

// bench is an engine on a fresh store, with hosts by address.
type bench struct {
	*testing.T
	*Engine
	db  *store.DB
	dir string // the state folder
	net *fakeNet
	cfg Config
}

func newBench(t *testing.T, catalog packages.Catalog, hosts map[string]*fakeHost) *bench {
	t.Helper()
	dir := t.TempDir()
	db, err := store.Open(dir, store.Options{By: "ops", Vault: store.Vault{KeyFile: t.TempDir() + "/secrets.key"}})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{T: t, db: db, dir: dir, net: &fakeNet{hosts: hosts}}
	b.cfg = Config{Store: db, Catalog: catalog, Connector: b.net, By: "ops"}
	b.Engine = New(b.cfg)
	t.Cleanup(func() {
		if err := b.Engine.Close(); err != nil {
			t.Error(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// restart closes the engine and makes another on the same store.
func (b *bench) restart() {
	b.Helper()
	if err := b.Engine.Close(); err != nil {
		b.Fatal(err)
	}
	b.Engine = New(b.cfg)
}

func (b *bench) add(name, address string) store.Server {
	b.Helper()
	s, err := b.AddServer(b.Context(), NewServer{Name: name, Address: address, AcceptNew: true})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

func (b *bench) start(action store.Action, servers []store.Server, names ...packages.Name) []store.Run {
	b.Helper()
	request := Request{Action: action}
	for _, name := range names {
		request.Packages = append(request.Packages, packages.Want{Name: name})
	}
	for _, s := range servers {
		request.Servers = append(request.Servers, s.ID)
	}
	prepared := b.Prepare(b.Context(), request)
	for _, p := range prepared {
		if p.Err != nil {
			b.Fatalf("prepare %s: %v", p.Server.Name, p.Err)
		}
	}
	runs, err := b.Start(b.Context(), action, prepared)
	if err != nil {
		b.Fatal(err)
	}
	return runs
}

// await waits until the progress of a run is as wanted.
func (b *bench) await(id store.ID, want func(Progress) bool) Progress {
	b.Helper()
	sub := b.Subscribe()
	defer sub.Close()
	deadline := time.After(20 * time.Second)
	for {
		p, err := b.Progress(id)
		if err != nil {
			b.Fatal(err)
		}
		if want(p) {
			return p
		}
		select {
		case <-sub.Changed():
		case <-deadline:
			b.Fatalf("run %s stays %s, waiting %q", id, p.Run.State, p.Waiting)
		}
	}
}

func (b *bench) end(run store.Run) Progress {
	b.Helper()
	return b.await(run.ID, func(p Progress) bool { return !p.Run.State.Live() })
}

func (b *bench) records(server store.Server) []string {
	b.Helper()
	list, err := b.installed(server.ID)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, p := range list {
		out = append(out, fmt.Sprintf("%s %s", p.Name, p.Version))
	}
	return out
}

func (b *bench) installed(id store.ID) (list []store.ServerPackage, err error) {
	err = b.db.View(func(tx *store.Tx) error {
		list, err = tx.ServerPackages(id)
		return err
	})
	return list, err
}
