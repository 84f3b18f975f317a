package store

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEvents(t *testing.T) {
	c := newClock()
	db := openTest(t, t.TempDir()+"/state", Options{Now: c.now})
	server := addServer(t, db, "one")
	first, second := addRun(t, db, server.ID, RunRunning), addRun(t, db, server.ID, RunQueued)
	var want []Event
	for step := range 3 {
		// Those of two runs come mixed.
		for _, run := range []Run{first, second} {
			e := Event{
				RunID: run.ID, ServerID: server.ID, Type: "webserver", Name: "nginx", Action: Install,
				Milestone: "m", Label: "M", Step: step + 1, Total: 3, Status: EventPending,
			}
			update(t, db, func(tx *Tx) error { return tx.PutEvent(&e) })
			if run.ID == first.ID {
				want = append(want, e)
			}
		}
	}
	want[1].Status, want[1].Unchanged, want[1].EndedAt = EventSuccess, true, c.now()
	update(t, db, func(tx *Tx) error { return tx.PutEvent(&want[1]) })

	got := view(t, db, func(tx *Tx) ([]Event, error) { return tx.EventsOf(first.ID) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for _, run := range []ID{"", "x", db.NewID()} {
		if got := view(t, db, func(tx *Tx) ([]Event, error) { return tx.EventsOf(run) }); len(got) != 0 {
			t.Errorf("events of run %q: %v", run, got)
		}
	}
}

func TestLatestEvent(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{Now: newClock().now})
	server := addServer(t, db, "one")
	run := addRun(t, db, server.ID, RunRunning)
	put := func(e Event) Event {
		e.RunID, e.ServerID, e.Total = run.ID, server.ID, 4
		update(t, db, func(tx *Tx) error { return tx.PutEvent(&e) })
		return e
	}
	earlier := db.NewID()
	old := put(Event{Name: "nginx", Action: Install, Step: 1, Status: EventPending})
	latest := put(Event{Name: "nginx", Action: Install, Step: 2, Status: EventPending})
	put(Event{Name: "nginx", Action: Remove, Step: 4, Status: EventSuccess})
	put(Event{Name: "php", Action: Install, Step: 3, Status: EventFailed})
	old.Status = EventSuccess
	put(old) // a change of an old one does not make it the latest

	put(Event{ID: earlier, Name: "nginx", Action: Install, Step: 1}) // nor does it when one is kept late

	got := view(t, db, func(tx *Tx) (Event, error) { return tx.LatestEvent(server.ID, "nginx", Install) })
	if diff := cmp.Diff(latest, got); diff != "" {
		t.Error(diff)
	}
	for _, test := range []struct {
		server ID
		name   PackageName
		action Action
		want   float64
	}{
		{server.ID, "nginx", Install, 25},
		{server.ID, "nginx", Remove, 100},
		{server.ID, "php", Install, 50},
		{server.ID, "php", Remove, 0},
		{db.NewID(), "nginx", Install, 0},
		{"", "", "", 0},
	} {
		got := view(t, db, func(tx *Tx) (float64, error) { return tx.LatestProgress(test.server, test.name, test.action) })
		if got != test.want {
			t.Errorf("%s of %s: %v %%, want %v", test.action, test.name, got, test.want)
		}
	}
	err := db.View(func(tx *Tx) error { _, err := tx.LatestEvent(server.ID, "php", Remove); return err })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("no event: %v", err)
	}
}

func TestPutEventRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	server := addServer(t, db, "one")
	run := addRun(t, db, server.ID, RunRunning)
	e := Event{RunID: run.ID, ServerID: server.ID, Name: "nginx", Action: Install}
	update(t, db, func(tx *Tx) error { return tx.PutEvent(&e) })
	moved, renamed, alien, nowhere, nameless := e, e, e, e, e
	moved.RunID = addRun(t, db, server.ID, RunRunning).ID
	renamed.Name = "php"
	alien.RunID = db.NewID()
	nowhere.ServerID = ""
	nameless.Name = ""
	for _, test := range []struct {
		event Event
		err   string
	}{
		{moved, "belongs to another run"},
		{renamed, "belongs to another"},
		{alien, "not found"},
		{nowhere, "26 characters"},
		{nameless, "package is empty"},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutEvent(&test.event) }), test.err)
	}
}
