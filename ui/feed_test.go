package ui

import (
	"context"
	"io"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/exp/teatest/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/uitest"
)

func TestManyChangesAreOneMessage(t *testing.T) {
	sub, wake := job.Signal()
	for range 100 {
		wake()
	}
	ctx, stop := context.WithCancel(t.Context())
	if msg := waitFeed(ctx, sub.Changed(), time.Time{}, 0)(); msg != (changedMsg{}) {
		t.Errorf("got %v", msg)
	}
	stop()
	if msg := waitFeed(ctx, sub.Changed(), time.Time{}, 0)(); msg != nil {
		t.Errorf("after the end: got %v", msg)
	}
}

func TestTheFeedWaitsForTheRestOfTheInterval(t *testing.T) {
	sub, wake := job.Signal()
	wake()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	// The change is there, the interval has not passed, and the context has
	// ended: nothing is told.
	for range 20 {
		wake()
		if msg := waitFeed(ctx, sub.Changed(), time.Now(), time.Hour)(); msg != nil {
			t.Fatalf("got %v before the interval had passed", msg)
		}
	}
}

func TestASnapshotIsTakenBeforeTheNextWait(t *testing.T) {
	d := start(t, nil, nil)
	waits := 0
	d.app.wait = func(time.Time) tea.Cmd { waits++; return nil }
	d.held = true
	d.changed()
	if waits != 0 || len(d.kept) != 1 {
		t.Fatalf("%d waits, %d commands", waits, len(d.kept))
	}
	d.release()
	if waits != 1 {
		t.Errorf("%d waits after the snapshot", waits)
	}
}

func TestTicksAreSeldomWhereNothingGoesOn(t *testing.T) {
	var every []time.Duration
	d := start(t, uitest.New(func() time.Time { return begin }), nil)
	d.app.after = func(after time.Duration, _ tea.Msg) tea.Cmd { every = append(every, after); return nil }
	d.engine.Change(func() { d.engine.All = uitest.Scene(func() time.Time { return begin }).All })
	d.changed()
	d.changed()
	if len(every) != 1 || every[0] != time.Second {
		t.Errorf("with a live run: %v", every)
	}
	old := d.app.series - 1
	d.send(tickMsg{old})
	if len(every) != 1 {
		t.Error("a tick of an old series goes on")
	}
	d.send(tickMsg{d.app.series})
	if len(every) != 2 {
		t.Error("the tick does not go on")
	}
}

func TestAProgramStartsAndQuits(t *testing.T) {
	e := uitest.Scene(time.Now)
	o := Options{Engine: e, Environ: []string{"TERM=xterm", "LANG=C.UTF-8"}, Theme: "dark", By: "ops", Host: "bastion"}.complete()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	m := teatest.NewTestModel(t, newApp(newEnv(ctx, o), o, e.Subscribe().Changed()), teatest.WithInitialTermSize(100, 30))
	m.Send(keyOf("G"))
	m.Send(keyOf("enter"))
	e.Advance()
	m.Send(keyOf("q"))
	m.Send(keyOf("ctrl+c"))
	m.Send(keyOf("ctrl+c"))
	final, ok := m.FinalModel(t, teatest.WithFinalTimeout(20*time.Second)).(*app)
	if !ok || final.width != 100 {
		t.Errorf("ended with %+v", final)
	}
	if _, err := io.ReadAll(m.FinalOutput(t)); err != nil {
		t.Error(err)
	}
}
