package job

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

// mover is a package that moves sshd to port 2222 in two proven steps, and then
// proves a change of something else.
func mover() fakePackage {
	pkg := simple("base")
	pkg.install = packages.Commands{
		packages.Track{Name: "configure_ssh", Label: "Configuring SSH"},
		packages.Prove{Script: "listen on both", Undo: "listen as before", Port: 2222},
		packages.Prove{Script: "listen on the new", Undo: "listen on both", Port: 2222},
		packages.Prove{Script: "firewall", Undo: "open"},
		packages.Persist{},
	}
	return pkg
}

func TestProofOnAnotherPortMovesTheServer(t *testing.T) {
	b := newBench(t, fakeCatalog{mover()}, map[string]*fakeHost{"10.0.0.1": newFakeHost()})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if p := b.end(run); p.Run.State != store.RunDone {
		t.Errorf("the run is %s, %v", p.Run.State, p.Run.Error)
	}
	if err := b.Engine.Close(); err != nil {
		t.Fatal(err)
	}
	view, err := b.Server(server.ID)
	if err != nil || view.Port != 2222 {
		t.Errorf("the record has port %d, %v", view.Port, err)
	}
	if diff := cmp.Diff([]int{2222, 2222, 2222}, b.net.ports); diff != "" {
		t.Errorf("ports of the new logins (-want +got):\n%s", diff)
	}
	// 0 is what the configuration of ssh says.
	if diff := cmp.Diff([]int{0}, b.net.forgotten); diff != "" {
		t.Errorf("ports of forgotten connections (-want +got):\n%s", diff)
	}
}

func TestPortOfAFailedProofIsNotRecorded(t *testing.T) {
	host := newFakeHost()
	host.outcome["listen on both"] = func(step) error { return exitStatus(75) }
	b := newBench(t, fakeCatalog{mover()}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if p := b.end(run); p.Run.State != store.RunFailed {
		t.Errorf("the run is %s", p.Run.State)
	}
	if view, err := b.Server(server.ID); err != nil || view.Port != 22 {
		t.Errorf("the record has port %d, %v", view.Port, err)
	}
}

func TestPortOfAFailedSecondProofStays(t *testing.T) {
	host := newFakeHost()
	host.outcome["listen on the new"] = func(step) error { return exitStatus(75) }
	b := newBench(t, fakeCatalog{mover()}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if p := b.end(run); p.Run.State != store.RunFailed {
		t.Errorf("the run is %s", p.Run.State)
	}
	// sshd listens on both, and the new one was proven.
	if view, err := b.Server(server.ID); err != nil || view.Port != 2222 {
		t.Errorf("the record has port %d, %v", view.Port, err)
	}
}

func TestSkippedProofMovesNothing(t *testing.T) {
	host := newFakeHost()
	pkg := mover()
	pkg.install[1] = packages.Prove{Script: "listen on both", Check: "so", Undo: "listen as before", Port: 2222}
	pkg.install[2] = packages.Run{Script: "else"}
	host.ok["so"] = true
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if p := b.end(run); p.Run.State != store.RunDone {
		t.Errorf("the run is %s, %v", p.Run.State, p.Run.Error)
	}
	if view, err := b.Server(server.ID); err != nil || view.Port != 22 {
		t.Errorf("the record has port %d, %v", view.Port, err)
	}
}
