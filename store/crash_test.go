package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// childWrite records servers' runs without end, from several goroutines, and prints a
// line for each transaction after it was confirmed. Each is a run with its plan, a
// package and an event, which belong together.
func childWrite(dir string) error {
	db, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	server := Server{Name: "web1"}
	err = db.Update(func(tx *Tx) error {
		if old, err := tx.ServerByName("web1"); err == nil {
			server = old
			return nil
		}
		return tx.PutServer(&server)
	})
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	for worker := range 4 {
		wg.Go(func() {
			write := db.Update
			if worker%2 == 0 {
				write = db.Batch
			}
			for {
				r := writtenRun(db.NewID(), server.ID)
				failed := write(func(tx *Tx) error { return putWritten(tx, r) })
				mu.Lock()
				if failed != nil {
					err = failed
					mu.Unlock()
					return
				}
				fmt.Println(r.ID)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return err
}

func writtenRun(id, server ID) Run {
	plan := make([]string, 1+id[25]%50)
	for i := range plan {
		plan[i] = string(id)
	}
	text, err := json.Marshal(plan)
	if err != nil {
		panic(err)
	}
	return Run{ID: id, ServerID: server, State: RunRunning, Plan: text}
}

func putWritten(tx *Tx, r Run) error {
	return errors.Join(
		tx.PutRun(&r),
		tx.PutServerPackage(&ServerPackage{ServerID: r.ServerID, Name: "rule", Instance: string(r.ID), RunID: r.ID}),
		tx.PutEvent(&Event{RunID: r.ID, ServerID: r.ServerID, Name: "rule", Action: Install}),
	)
}

// checkWritten reports the runs that are kept, after checking that what belongs
// together was kept together.
func checkWritten(t *testing.T, db *DB) map[ID]bool {
	t.Helper()
	kept := map[ID]bool{}
	err := db.View(func(tx *Tx) error {
		runs, err := tx.Runs(0, "")
		for _, listed := range runs {
			r, err1 := tx.Run(listed.ID)
			_, err2 := tx.ServerPackage(r.ServerID, "rule", string(r.ID))
			events, err3 := tx.EventsOf(r.ID)
			if err := errors.Join(err1, err2, err3); err != nil {
				return err
			}
			if want := writtenRun(r.ID, r.ServerID); len(events) != 1 || string(r.Plan) != string(want.Plan) {
				t.Errorf("run %s has %d events and the plan %s", r.ID, len(events), r.Plan)
			}
			kept[r.ID] = true
		}
		live, err1 := tx.LiveRuns()
		packages, err2 := tx.ServersWith("rule", nil)
		if len(live) != len(runs) || len(packages) != len(runs) {
			t.Errorf("%d runs, %d of them live, %d packages", len(runs), len(live), len(packages))
		}
		return errors.Join(err, err1, err2)
	})
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func TestKilledWhileWriting(t *testing.T) {
	dir := t.TempDir() + "/state"
	random := rand.New(rand.NewPCG(1, 2))
	const rounds = 8
	confirmed, lost := map[ID]bool{}, 0
	for range rounds {
		cmd, out := startChild(t, "write", dir)
		after := random.IntN(120)
		for range after {
			if !out.Scan() {
				t.Fatal("the child stopped writing")
			}
			confirmed[ID(out.Text())] = true
		}
		killed := make(chan struct{})
		go func() {
			defer close(killed)
			if err := cmd.Process.Kill(); err != nil {
				t.Error(err)
			}
		}()
		for out.Scan() { // what it had said when it died
			if id, err := ParseID(out.Text()); err == nil {
				confirmed[id] = true
			}
		}
		<-killed
		if err := cmd.Wait(); err == nil {
			t.Fatal("the child was to be killed")
		}

		db := openTest(t, dir, Options{})
		kept := checkWritten(t, db)
		for id := range confirmed {
			if !kept[id] {
				t.Fatalf("run %s was confirmed and is lost, %d are kept", id, len(kept))
			}
		}
		lost = len(kept) - len(confirmed)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	// At most the transaction of each of its 4 writers was kept and not confirmed.
	if lost > rounds*4 {
		t.Errorf("%d runs were kept and not confirmed", lost)
	}
	if len(confirmed) == 0 {
		t.Error("nothing was written")
	}
}

func TestKilledWhileCreating(t *testing.T) {
	for _, until := range []string{"", runsName, lockName, dbName + ".new", dbName} {
		for range 5 {
			dir := t.TempDir() + "/state"
			cmd, _ := startChild(t, "write", dir)
			for deadline := time.Now().Add(time.Minute); ; {
				if _, err := os.Stat(filepath.Join(dir, until)); err == nil {
					break
				}
				if _, err := os.Stat(filepath.Join(dir, dbName)); err == nil {
					break // the one waited for came and went
				}
				if time.Now().After(deadline) {
					t.Fatalf("no %s", until)
				}
			}
			kill(t, cmd)
			db := openTest(t, dir, Options{})
			checkWritten(t, db)
			if err := db.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
