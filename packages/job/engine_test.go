package job

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

func TestRun(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base"), simple("nginx", "base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "nginx")[0]
	p := b.end(run)
	if p.Run.State != store.RunDone || p.Finished() != 4 || p.Run.Finished != 4 {
		t.Fatalf("run is %s with %d milestones, error %v", p.Run.State, p.Finished(), p.Run.Error)
	}
	if p.Run.Title != "install nginx" {
		t.Errorf("title %q", p.Run.Title)
	}
	if got := b.records(b.servers()["web1"]); !slices.Equal(got, []string{"base 1.2.3", "nginx 1.2.3"}) {
		t.Errorf("records %q", got)
	}
	view, err := b.Server(server.ID)
	if err != nil || view.Status != store.Prepared {
		t.Errorf("server is %q, %v", view.Status, err)
	}
	if len(host.shipped) != 1 || host.shipped[0].Nonce == "" {
		t.Errorf("shipped %d times", len(host.shipped))
	}
	b.restart()
	stored, err := b.Progress(run.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p.Milestones, stored.Milestones); diff != "" {
		t.Errorf("after a restart the milestones differ:\n%s", diff)
	}
}

func TestProgressCountsWhatIsFinished(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = packages.Commands{
		packages.Track{Name: "prepare", Label: "Preparing"},
		packages.Run{Script: "first"},
		packages.Track{Name: "last", Label: "Last"},
		packages.Run{Script: "hold"},
		packages.Persist{},
	}
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	run := b.start(store.Install, []store.Server{b.add("web1", "10.0.0.1")}, "base")[0]
	p := b.await(run.ID, func(p Progress) bool { return p.Command == "hold" })
	if p.Finished() != 1 || p.Run.Finished != 1 || p.Milestones[1].State != Working {
		t.Errorf("in its last milestone %d of 2 are finished, %+v", p.Finished(), p.Milestones)
	}
	close(host.hold)
	if p = b.end(run); p.Finished() != 2 {
		t.Errorf("at the end %d of 2 are finished", p.Finished())
	}
}

func TestInstalledAlready(t *testing.T) {
	host := newFakeHost()
	host.ok["has "] = true
	b := newBench(t, fakeCatalog{simple("base"), simple("nginx", "base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "nginx")[0]
	if p := b.end(run); p.Milestones[0].State != Unchanged || p.Run.State != store.RunDone {
		t.Fatalf("what was so already is %s", p.Milestones[0].State)
	}
	b.restart() // so that no reading of facts after the run is counted
	host.mu.Lock()
	host.executed = 0
	host.mu.Unlock()
	request := Request{Action: store.Install, Packages: []packages.Want{{Name: "nginx"}}, Servers: []store.ID{server.ID}}
	p := b.Prepare(t.Context(), request)[0]
	if !p.Nothing || p.Err != nil {
		t.Fatalf("nothing to do is %t, %v", p.Nothing, p.Err)
	}
	if host.executed > 2 {
		t.Errorf("it took %d executions to see that", host.executed)
	}
	runs, err := b.Start(t.Context(), store.Install, []Prepared{p})
	if err != nil || len(runs) != 0 {
		t.Errorf("%d runs were started for nothing, %v", len(runs), err)
	}
	request.Packages[0].Values = packages.Values{"size": "2"}
	if p := b.Prepare(t.Context(), request)[0]; p.Nothing {
		t.Error("another option is nothing to do")
	}
}

func TestFailure(t *testing.T) {
	host := newFakeHost()
	host.outcome["install nginx"] = func(s step) error {
		s.say("Reading package lists...")
		s.say("apt: there is no package nginx in this server's package sources")
		return exitStatus(100)
	}
	b := newBench(t, fakeCatalog{simple("base"), simple("nginx", "base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	p := b.end(b.start(store.Install, []store.Server{server}, "nginx")[0])
	want := &store.RunError{
		Summary: "there is no package nginx in this server's package sources", Advice: again,
		Command: "install nginx", Step: 5, Status: 100,
		Output: []string{"Reading package lists...", "apt: there is no package nginx in this server's package sources"},
	}
	if diff := cmp.Diff(want, p.Run.Error); diff != "" {
		t.Errorf("the error differs:\n%s", diff)
	}
	if p.Run.State != store.RunFailed || p.Finished() != 2 || p.Milestones[2].State != Broken || p.Milestones[3].State != Ahead {
		t.Errorf("state %s, %+v", p.Run.State, p.Milestones)
	}
	if got := b.records(b.servers()["web1"]); !slices.Equal(got, []string{"base 1.2.3"}) {
		t.Errorf("records %q after a failure of nginx", got)
	}
}

func TestRemove(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base"), simple("nginx", "base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	first := b.end(b.start(store.Install, []store.Server{server}, "nginx")[0])
	b.end(b.start(store.Remove, []store.Server{server}, "nginx")[0])
	if got := b.records(b.servers()["web1"]); !slices.Equal(got, []string{"base 1.2.3"}) {
		t.Errorf("records %q after the removal of nginx", got)
	}
	runs, err := b.Runs(10)
	if err != nil || len(runs) != 2 || runs[1].ID != first.Run.ID {
		t.Errorf("the history has %d runs, %v", len(runs), err)
	}
	request := Request{Action: store.Remove, Packages: []packages.Want{{Name: "nginx"}}, Servers: []store.ID{server.ID}}
	if p := b.Prepare(t.Context(), request)[0]; !p.Nothing || p.Err != nil {
		t.Errorf("removing it again: nothing is %t, %v", p.Nothing, p.Err)
	}
}

func TestOneRunAtATimeOnAServer(t *testing.T) {
	one, two := newFakeHost(), newFakeHost()
	pkg := simple("base")
	pkg.install = packages.Commands{packages.Track{Name: "work", Label: "Working"}, packages.Run{Script: "hold"}, packages.Persist{}}
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": one, "10.0.0.2": two})
	servers := []store.Server{b.add("web1", "10.0.0.1"), b.add("web2", "10.0.0.2")}
	both := b.start(store.Install, servers, "base")
	second := b.start(store.Install, servers[:1], "base")[0]
	for _, run := range both {
		b.await(run.ID, func(p Progress) bool { return p.Command == "hold" })
	}
	if p, err := b.Progress(second.ID); err != nil || p.Run.State != store.RunQueued || p.Position != 1 {
		t.Errorf("the second run on web1 is %s at %d, %v", p.Run.State, p.Position, err)
	}
	close(one.hold)
	b.end(both[0])
	b.end(second)
	if p, err := b.Progress(both[1].ID); err != nil || !p.Run.State.Live() {
		t.Errorf("the run on web2 is %s, %v", p.Run.State, err)
	}
	close(two.hold)
	b.end(both[1])
}

func TestConnectionCutAtEveryMark(t *testing.T) {
	for cut := 1; ; cut++ {
		host := newFakeHost()
		host.cutAfter = cut
		host.outcome["install "] = func(s step) error {
			for i := range 3 {
				s.say(fmt.Sprintf("line %d", i))
			}
			return nil
		}
		b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
		b.firstPause = time.Millisecond
		server := b.add("web1", "10.0.0.1")
		run := b.start(store.Install, []store.Server{server}, "base")[0]
		if p := b.end(run); p.Run.State != store.RunDone {
			t.Fatalf("cut at mark %d: %s, %v", cut, p.Run.State, p.Run.Error)
		}
		lines, _, err := b.Lines(run.ID, 0)
		if err != nil || strings.Join(lines, "|") != "line 0|line 1|line 2" {
			t.Errorf("cut at mark %d: lines %q, %v", cut, lines, err)
		}
		logged, err := b.db.LogTail(run.ID, 100)
		if err != nil || strings.Join(logged, "|") != "line 0|line 1|line 2" {
			t.Errorf("cut at mark %d: logged %q, %v", cut, logged, err)
		}
		if len(host.shipped) != 1 {
			t.Errorf("cut at mark %d: shipped %d times", cut, len(host.shipped))
		}
		host.mu.Lock()
		done := host.cutAfter != 0
		host.mu.Unlock()
		if done {
			return
		}
	}
}

// newHeldBench has a host that is in the middle of a run, which goes on when host.hold
// is closed, and another run queued behind it.
func newHeldBench(t *testing.T) (b *bench, host *fakeHost, run, queued store.Run) {
	t.Helper()
	host = newFakeHost()
	pkg := simple("base")
	pkg.install = slices.Insert(pkg.install, 1, packages.Command(packages.Run{Script: "hold"}))
	b = newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run = b.start(store.Install, []store.Server{server}, "base")[0]
	queued = b.start(store.Install, []store.Server{server}, "base")[0]
	b.await(run.ID, func(p Progress) bool { return p.Command == "hold" })
	return b, host, run, queued
}

func TestProgramRestartedInTheMiddle(t *testing.T) {
	b, host, run, queued := newHeldBench(t)
	b.restart()
	if err := b.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(host.hold)
	for _, id := range []store.Run{run, queued} {
		if p := b.end(id); p.Run.State != store.RunDone {
			t.Errorf("the run is %s, %v", p.Run.State, p.Run.Error)
		}
	}
	if len(host.shipped) != 2 {
		t.Errorf("%d shipments for two runs", len(host.shipped))
	}
}

func TestServerForgotTheRun(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = slices.Insert(pkg.install, 1, packages.Command(packages.Run{Script: "hold"}))
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	run := b.start(store.Install, []store.Server{b.add("web1", "10.0.0.1")}, "base")[0]
	b.await(run.ID, func(p Progress) bool { return p.Command == "hold" })
	b.restart()
	host.mu.Lock()
	host.runs = map[string]*fakeRun{}
	host.mu.Unlock()
	if err := b.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if p := b.end(run); p.Run.State != store.RunUnknown || len(host.shipped) != 1 {
		t.Errorf("the run is %s, shipped %d times", p.Run.State, len(host.shipped))
	}
	close(host.hold)
}

func TestCancel(t *testing.T) {
	b, host, run, queued := newHeldBench(t)
	for _, r := range []store.Run{queued, run} {
		if err := b.Cancel(t.Context(), r.ID); err != nil {
			t.Fatal(err)
		}
		if p := b.end(r); p.Run.State != store.RunCancelled {
			t.Errorf("the run is %s", p.Run.State)
		}
	}
	if err := b.Cancel(t.Context(), run.ID); err == nil {
		t.Error("an ended run was cancelled")
	}
	if len(host.shipped) != 1 || len(b.records(b.servers()["web1"])) != 0 {
		t.Errorf("shipped %d times, records %q", len(host.shipped), b.records(b.servers()["web1"]))
	}
}

func TestProveLogsInAnew(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = slices.Insert(pkg.install, 1, packages.Command(packages.Prove{Script: "firewall", Undo: "open"}))
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if p := b.end(run); p.Run.State != store.RunDone {
		t.Errorf("the run is %s, %v", p.Run.State, p.Run.Error)
	}
}

func TestHostKeys(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	_, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1"})
	var key *HostKeyError
	if !errors.As(err, &key) || key.Changed() || key.Fingerprint != "SHA256:first" {
		t.Fatalf("first contact gives %v", err)
	}
	if o, err := b.Overview(); err != nil || len(o.Servers) != 0 {
		t.Fatalf("the server was stored all the same, %v", err)
	}
	server, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Accept: key.Fingerprint})
	if err != nil {
		t.Fatal(err)
	}
	host.mu.Lock()
	host.key = "SHA256:second"
	host.mu.Unlock()
	_, err = b.Refresh(t.Context(), server.ID)
	if !errors.As(err, &key) || !key.Changed() || !NotReached(err) {
		t.Fatalf("a changed key gives %v", err)
	}
	for _, part := range []string{"SHA256:first", "SHA256:second", "by ops"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not name %s", err, part)
		}
	}
	if view, err := b.Server(server.ID); err != nil || view.Connection != store.Refused {
		t.Errorf("the connection is %q, %v", view.Connection, err)
	}
}

func TestUnreachable(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	request := Request{Action: store.Install, Packages: []packages.Want{{Name: "base"}}, Servers: []store.ID{server.ID}}
	prepared := b.Prepare(t.Context(), request)
	host.mu.Lock()
	host.down = errors.New("no route to web1")
	host.mu.Unlock()
	runs, err := b.Start(t.Context(), store.Install, prepared)
	if err != nil {
		t.Fatal(err)
	}
	p := b.end(runs[0])
	if p.Run.State != store.RunFailed || p.Run.Cursor.Sent || !strings.Contains(p.Run.Error.Advice, "nothing was sent") {
		t.Errorf("the run is %s, %+v", p.Run.State, p.Run.Error)
	}
	if p := b.Prepare(t.Context(), request)[0]; !NotReached(p.Err) {
		t.Errorf("a preview gives %v", p.Err)
	}
}

func TestRemoveServer(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = slices.Insert(pkg.install, 1, packages.Command(packages.Run{Script: "hold"}))
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	run := b.start(store.Install, []store.Server{server}, "base")[0]
	if err := b.RemoveServer(t.Context(), server.ID); err == nil {
		t.Error("a server with a live run was removed")
	}
	close(host.hold)
	b.end(run)
	b.await(run.ID, func(Progress) bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.queue) == 0
	})
	if err := b.RemoveServer(t.Context(), server.ID); err != nil {
		t.Fatal(err)
	}
	if runs, err := b.Runs(10); err != nil || len(runs) != 1 || runs[0].ServerName != "web1" {
		t.Errorf("the history has %d runs, %v", len(runs), err)
	}
	if _, err := b.Find("web1"); err == nil {
		t.Error("the server is still there")
	}
}

func TestReloadThatIsStillOwed(t *testing.T) {
	host := newFakeHost()
	host.ok["has "], host.ok["/changed/"] = true, true
	pkg := simple("base")
	pkg.install = slices.Insert(pkg.install, 2, packages.Command(packages.Run{Script: "reload", IfChanged: true}))
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	b.end(b.start(store.Install, []store.Server{server}, "base")[0])
	request := Request{Action: store.Install, Packages: []packages.Want{{Name: "base"}}, Servers: []store.ID{server.ID}}
	if p := b.Prepare(t.Context(), request)[0]; !p.Nothing {
		t.Error("with nothing owed there is something to do")
	}
	host.mu.Lock()
	host.ok["/changed/"] = false
	host.mu.Unlock()
	if p := b.Prepare(t.Context(), request)[0]; p.Nothing || p.Already[2] {
		t.Errorf("a reload is owed, but nothing to do is %t and the reload is done %t", p.Nothing, p.Already[2])
	}
}
