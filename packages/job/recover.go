package job

import (
	"context"
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/store"
)

// Recover takes up the runs that were live when an engine last worked on the
// store: those that were sent are found again on their servers, those that
// were queued are begun, in the order in which they were started. It returns
// at once; what became of each is seen as of any run.
//
// Where that needs the passphrase of the secrets, it is asked for before: later
// something else may be asked on the same terminal.
func (e *Engine) Recover(ctx context.Context) error {
	type found struct {
		run  store.Run
		plan packages.Plan
	}
	var all []found
	err := e.cfg.Store.View(func(tx *store.Tx) error {
		runs, err := tx.LiveRuns()
		if err != nil {
			return err
		}
		for _, r := range runs {
			run, err := tx.Run(r.ID)
			if err != nil {
				return err
			}
			plan, err := planOf(run)
			if err != nil {
				return err
			}
			all = append(all, found{run, plan})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("look for runs that were going on: %w", err)
	}
	// A run that was sent goes before those that were not.
	slices.SortStableFunc(all, func(a, b found) int {
		if a.run.Cursor.Sent != b.run.Cursor.Sent {
			if a.run.Cursor.Sent {
				return -1
			}
			return 1
		}
		if a.run.ID < b.run.ID {
			return -1
		}
		return 1
	})
	for _, f := range all {
		if _, err := e.redactorOf(ctx, f.run.ServerID); err != nil {
			e.cfg.Log.Warn("take up a run", "run", f.run.ID, "error", err) // the run says so too
		}
	}
	for _, f := range all {
		if e.liveRun(f.run.ID) != nil {
			continue
		}
		l := newLive(f.run, f.plan)
		if err := e.loadLines(l, f.run); err != nil {
			return err
		}
		e.enqueue(f.run, l)
	}
	return nil
}

// loadLines fills in the output that was taken in before.
func (e *Engine) loadLines(l *live, run store.Run) error {
	if run.Cursor.LogSize == 0 {
		return nil
	}
	tail, err := e.cfg.Store.LogTail(run.ID, maxLines)
	if err != nil {
		return fmt.Errorf("load the output of run %s: %w", run.ID, err)
	}
	lines := make([]line, len(tail))
	for i, text := range tail {
		lines[i] = line{text: text}
	}
	l.addLines(lines)
	return nil
}
