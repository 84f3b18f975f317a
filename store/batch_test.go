package store

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

func TestBatchKeepsAllThatSucceed(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	run := addRun(t, db, db.NewID(), RunRunning)
	failed := errors.New("failed")
	const callers = 300
	var wg sync.WaitGroup
	var mu sync.Mutex
	want := map[ID]bool{}
	for i := range callers {
		wg.Go(func() {
			e := Event{RunID: run.ID, ServerID: run.ServerID, Name: "nginx", Step: i}
			err := db.Batch(func(tx *Tx) error {
				if err := tx.PutEvent(&e); err != nil || i%10 != 0 {
					return err
				}
				return failed
			})
			if i%10 == 0 {
				if !errors.Is(err, failed) {
					t.Errorf("caller %d got %v", i, err)
				}
				return
			}
			if err != nil {
				t.Errorf("caller %d got %v", i, err)
			}
			// It is there as soon as Batch has returned.
			err = db.View(func(tx *Tx) error { _, err := indexed[Event](tx, eventsBucket, string(e.ID)); return err })
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
			mu.Lock()
			defer mu.Unlock()
			want[e.ID] = true
		})
	}
	wg.Wait()
	got := view(t, db, func(tx *Tx) ([]Event, error) { return tx.EventsOf(run.ID) })
	if len(got) != len(want) || len(want) != callers*9/10 {
		t.Errorf("%d events are kept, %d were confirmed", len(got), len(want))
	}
	for _, e := range got {
		if !want[e.ID] {
			t.Errorf("event of caller %d is kept and was not confirmed", e.Step)
		}
	}
}

func TestBatchPanicsBeforeItsCaller(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			defer func() {
				if p := recover(); (p != nil) != (i == 7) {
					t.Errorf("caller %d recovered %v", i, p)
				}
			}()
			err := db.Batch(func(tx *Tx) error {
				if i == 7 {
					panic("seven")
				}
				return tx.PutServer(&Server{Name: fmt.Sprint("web", i)})
			})
			if err != nil {
				t.Errorf("caller %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if got := len(view(t, db, (*Tx).Servers)); got != 19 {
		t.Errorf("%d servers, want 19", got)
	}
}

func TestBatchErrorIsTheCallersOwn(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := 0
	for range 30 {
		wg.Go(func() {
			err := db.Batch(func(tx *Tx) error { return tx.PutServer(&Server{Name: "same"}) })
			var exists *ExistsError
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
			} else if !errors.As(err, &exists) {
				t.Errorf("got %v", err)
			}
		})
	}
	wg.Wait()
	if made != 1 || len(view(t, db, (*Tx).Servers)) != 1 {
		t.Errorf("%d callers made the server", made)
	}
}
