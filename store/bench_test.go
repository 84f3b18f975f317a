package store

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// BenchmarkBatch measures what an event costs when so many runs write one at once.
func BenchmarkBatch(b *testing.B) {
	for _, callers := range []int{1, 20, 200} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			db := openTest(b, b.TempDir()+"/state", Options{})
			run := addRun(b, db, db.NewID(), RunRunning)
			events := make(chan int)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range callers {
				wg.Go(func() {
					for i := range events {
						err := db.Batch(func(tx *Tx) error {
							r, err := tx.Run(run.ID)
							if err != nil {
								return err
							}
							r.Cursor.Offset++
							if err := tx.PutRun(&r); err != nil {
								return err
							}
							return tx.PutEvent(&Event{RunID: run.ID, ServerID: run.ServerID, Name: "nginx", Step: i})
						})
						if err != nil {
							b.Error(err)
						}
					}
				})
			}
			for i := range b.N {
				events <- i
			}
			close(events)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}

// BenchmarkManyRuns measures the queries of a store with 100,000 runs.
func BenchmarkManyRuns(b *testing.B) {
	dir := b.TempDir() + "/state"
	db := openTest(b, dir, Options{})
	server := db.NewID()
	plan := fmt.Appendf(nil, "%q", strings.Repeat("p", 2000))
	var last ID
	for range 1000 {
		update(b, db, func(tx *Tx) error {
			for range 100 {
				last = db.NewID()
				r := Run{ID: last, ServerID: server, State: RunDone, Title: "install nginx, php", Plan: plan}
				if err := tx.PutRun(&r); err != nil {
					return err
				}
				for range 5 {
					if err := tx.PutEvent(&Event{RunID: r.ID, ServerID: server, Name: "nginx", Label: "installing the software"}); err != nil {
						return err
					}
				}
			}
			return nil
		})
	}
	for name, query := range map[string]func(*Tx) error{
		"Runs":     func(tx *Tx) error { _, err := tx.Runs(50, ""); return err },
		"RunsOf":   func(tx *Tx) error { _, err := tx.RunsOf(server, 50); return err },
		"LiveRuns": func(tx *Tx) error { _, err := tx.LiveRuns(); return err },
		"FindRun":  func(tx *Tx) error { _, err := tx.FindRun(last.Short()); return err },
		"EventsOf": func(tx *Tx) error { _, err := tx.EventsOf(last); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := db.View(query); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Logf("the database has %d MiB", fileSize(b, db)>>20)
	b.Run("Open", func(b *testing.B) {
		for b.Loop() {
			if err := db.Close(); err != nil {
				b.Fatal(err)
			}
			db = openTest(b, dir, Options{})
		}
	})
}

func fileSize(b *testing.B, db *DB) int64 {
	b.Helper()
	info, err := os.Stat(db.path())
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
