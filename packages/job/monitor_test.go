package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// watcher is a made-up package that has servers watched.
type watcher struct{ fakePackage }

func (watcher) Watch(packages.Values) (packages.Watch, error) {
	return packages.Watch{Interval: time.Minute, Keep: time.Hour, CPU: 90, Disk: 90, InARow: 2, Units: []string{"nginx"}, Certificate: 10}, nil
}

// watchedCatalog has monitoring beside other packages.
type watchedCatalog struct{ fakeCatalog }

func (c watchedCatalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	p, ok := c.fakeCatalog.Server(name)
	if ok && name == "monitoring" {
		return watcher{p.(fakePackage)}, true
	}
	return p, ok
}

// clock is a time that stands until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// newWatched is a bench with a server that is watched. Its clock stands.
func newWatched(t *testing.T, n Notifier) (b *bench, host *fakeHost, server store.Server, clock *clock) {
	t.Helper()
	host = newFakeHost()
	b = newBench(t, watchedCatalog{fakeCatalog{simple("base"), simple("monitoring", "base")}}, map[string]*fakeHost{"10.0.0.1": host})
	clock = newClock()
	b.cfg.Notifier, b.cfg.Now = n, clock.now
	b.restart()
	server = b.add("web1", "10.0.0.1")
	b.end(b.start(store.Install, []store.Server{server}, "monitoring")[0])
	return b, host, server, clock
}

// told keeps what people would have been told.
type told struct {
	alerts []string
	err    error
}

func (n *told) Notify(_ context.Context, _ packages.Watch, a store.Alert) error {
	word := "raised"
	if !a.Open() {
		word = "cleared"
	}
	n.alerts = append(n.alerts, word+" "+a.Kind)
	return n.err
}

func sampleText(disk int, nginx string) string {
	return fmt.Sprintf("cpu=1 0 1 8 0 0 0 0\nload=0 0 0 1/1 1\nMemTotal=100\nMemAvailable=90\nuptime=1\nboot_id=b\ncpus=1\ndisk=/dev/vda 100 %d %d x /\nunit=nginx %s\nend=sample\n", disk, 100-disk, nginx)
}

func TestAlertsAreRaisedAndCleared(t *testing.T) {
	n := &told{}
	b, host, server, clock := newWatched(t, n)
	sample := func(text string) {
		t.Helper()
		host.mu.Lock()
		host.sample = text
		host.mu.Unlock()
		if _, err := b.Sample(t.Context(), server.ID); err != nil {
			t.Fatal(err)
		}
		clock.add(time.Minute)
	}
	open := func() (kinds []string) {
		t.Helper()
		view, err := b.Server(server.ID)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range view.Alerts {
			kinds = append(kinds, a.Kind)
		}
		if view.Sample == nil || !view.Watched {
			t.Error("the newest sample is not shown")
		}
		return kinds
	}
	sample(sampleText(50, "active"))
	if got := open(); len(got) != 0 {
		t.Errorf("alerts of a healthy server: %v", got)
	}
	sample(sampleText(95, "inactive"))
	if got := open(); !slices.Equal(got, []string{"disk /"}) {
		t.Errorf("a full disk is an alert at once, a service only twice in a row: %v", got)
	}
	sample(sampleText(95, "inactive"))
	if got := open(); !slices.Equal(got, []string{"disk /", "unit nginx"}) {
		t.Errorf("after the second time: %v", got)
	}
	sample(sampleText(50, "active"))
	if got := open(); len(got) != 0 {
		t.Errorf("what is over is still an alert: %v", got)
	}
	want := []string{"raised disk /", "raised unit nginx", "cleared disk /", "cleared unit nginx"}
	if !slices.Equal(n.alerts, want) {
		t.Errorf("told %v, want %v", n.alerts, want)
	}
	all, err := b.Alerts(10)
	if err != nil || len(all) != 2 || all[0].Open() || !strings.Contains(all[1].Text, "95 %") {
		t.Errorf("the history holds %+v, %v", all, err)
	}
	if samples, err := b.Samples(server.ID, 10); err != nil || len(samples) != 4 {
		t.Errorf("%d samples, %v", len(samples), err)
	}
}

func TestAlertSaysThatNobodyWasTold(t *testing.T) {
	b, host, server, _ := newWatched(t, &told{err: errors.New("the mail server is down")})
	host.sample = sampleText(99, "active")
	if _, err := b.Sample(t.Context(), server.ID); err != nil {
		t.Fatal(err)
	}
	all, err := b.Alerts(10)
	if err != nil || len(all) != 1 || all[0].NotifyError != "the mail server is down" {
		t.Errorf("got %+v, %v", all, err)
	}
}

func TestRemovingMonitoringEndsIt(t *testing.T) {
	b, host, server, _ := newWatched(t, nil)
	host.sample = sampleText(99, "active")
	if _, err := b.Sample(t.Context(), server.ID); err != nil {
		t.Fatal(err)
	}
	b.end(b.start(store.Remove, []store.Server{server}, "monitoring")[0])
	if samples, err := b.Samples(server.ID, 10); err != nil || len(samples) != 0 {
		t.Errorf("%d samples are left, %v", len(samples), err)
	}
	if view, err := b.Server(server.ID); err != nil || len(view.Alerts) != 0 || view.Watched {
		t.Errorf("alerts are left: %+v, %v", view.Alerts, err)
	}
	if watched, err := b.watchedServers(); err != nil || len(watched) != 0 {
		t.Errorf("it is still watched: %v, %v", watched, err)
	}
}

func TestServerThatDoesNotAnswerIsAnAlert(t *testing.T) {
	b, host, server, _ := newWatched(t, nil)
	m := newMonitor(b.Engine)
	all, err := b.watchedServers()
	if err != nil || len(all) != 1 {
		t.Fatalf("watched: %v, %v", all, err)
	}
	host.mu.Lock()
	host.down = errors.New("no route to host")
	host.mu.Unlock()
	for try, want := range []int{0, 1, 1} {
		if err := m.sample(t.Context(), all[0]); err == nil {
			t.Error("a server that is down gave a sample")
		}
		if view, _ := b.Server(server.ID); len(view.Alerts) != want {
			t.Errorf("after try %d there are alerts %+v", try+1, view.Alerts)
		}
	}
	host.mu.Lock()
	host.down, host.sample = nil, sampleText(1, "active")
	host.mu.Unlock()
	if err := m.sample(t.Context(), all[0]); err != nil {
		t.Fatal(err)
	}
	if view, _ := b.Server(server.ID); len(view.Alerts) != 0 {
		t.Errorf("it answers again, but %+v", view.Alerts)
	}
}
