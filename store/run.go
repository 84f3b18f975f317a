package store

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// PutRun records a run that is new, which includes one without an ID, or changes
// the one with its ID. It fills in ID, and QueuedAt where it is zero.
//
// A run that has ended keeps its state: another one is refused with a
// [*FinalError]. A run keeps its server and its plan; a nil Plan stands for the
// plan that is recorded, so that a run from a list can be put back.
func (tx *Tx) PutRun(r *Run) error {
	if err := tx.identify("run", &r.ID); err != nil {
		return err
	}
	if err := r.ServerID.check(); err != nil {
		return fmt.Errorf("record run %s: server %q: %w", r.ID, r.ServerID, err)
	}
	if !r.State.known() {
		return fmt.Errorf("record run %s: %q is not a state of a run", r.ID, r.State)
	}
	old, found, err := readRecord[Run](tx, runsBucket, string(r.ID))
	if err != nil {
		return err
	}
	if found && !old.State.Live() && r.State != old.State {
		return &FinalError{Run: r.ID, State: old.State, To: r.State}
	}
	if found && old.ServerID != r.ServerID {
		return fmt.Errorf("run %s is on server %s and cannot move to %s", r.ID, old.ServerID, r.ServerID)
	}
	if r.QueuedAt.IsZero() {
		r.QueuedAt = tx.now()
	}
	if err := tx.putPlan(r); err != nil {
		return err
	}
	if err := tx.indexRun(r, old, found); err != nil {
		return err
	}
	listed := *r
	listed.Plan = nil
	return writeRecord(tx, runsBucket, string(r.ID), listed)
}

// putPlan records the plan of a run, once.
func (tx *Tx) putPlan(r *Run) error {
	old := tx.bucket(runPlansBucket).Get([]byte(r.ID))
	switch {
	case r.Plan == nil || old != nil && bytes.Equal(old, r.Plan):
		return nil
	case old != nil:
		return fmt.Errorf("run %s has a plan, which cannot change", r.ID)
	case !json.Valid(r.Plan):
		return fmt.Errorf("record run %s: its plan is not valid JSON", r.ID)
	}
	return tx.write(runPlansBucket, string(r.ID), r.Plan)
}

// runSiteKey is a run's key in the index of the runs of sites.
func runSiteKey(r *Run) string { return string(r.SiteID) + string(r.ID) }

// indexRun keeps the indexes of runs; old is the run as it is recorded, if it was
// found.
func (tx *Tx) indexRun(r *Run, old Run, found bool) error {
	if found && old.SiteID != "" && old.SiteID != r.SiteID {
		if err := tx.remove(runsBySiteBucket, runSiteKey(&old)); err != nil {
			return err
		}
	}
	if r.SiteID != "" && old.SiteID != r.SiteID {
		if err := tx.write(runsBySiteBucket, runSiteKey(r), nil); err != nil {
			return err
		}
	}
	if !found {
		if err := tx.write(runsByServerBucket, string(r.ServerID)+string(r.ID), nil); err != nil {
			return err
		}
	}
	live := tx.bucket(runsLiveBucket).Get([]byte(r.ID)) != nil
	switch {
	case r.State.Live() && !live:
		return tx.write(runsLiveBucket, string(r.ID), nil)
	case !r.State.Live() && live:
		return tx.remove(runsLiveBucket, string(r.ID))
	}
	return nil
}

func (s RunState) known() bool {
	switch s {
	case RunQueued, RunRunning, RunLost, RunDone, RunFailed, RunCancelled, RunUnknown:
		return true
	}
	return false
}

// summary returns a run without its plan.
func (tx *Tx) summary(id ID) (Run, error) {
	r, found, err := readRecord[Run](tx, runsBucket, string(id))
	if err == nil && !found {
		err = notFound("run", string(id))
	}
	return r, err
}

// Run returns the run with the ID and its plan, or an error that wraps
// [ErrNotFound].
func (tx *Tx) Run(id ID) (Run, error) {
	r, err := tx.summary(id)
	if err != nil {
		return Run{}, err
	}
	r.Plan = bytes.Clone(tx.bucket(runPlansBucket).Get([]byte(id)))
	return r, nil
}

// Runs returns up to limit runs without their plans, newest first. Where before is
// not empty, it begins with the newest that is older than that ID: the way to the
// next page. A limit of 0 is none.
func (tx *Tx) Runs(limit int, before ID) ([]Run, error) {
	var runs []Run
	for key, value := range tx.backward(runsBucket, "", string(before)) {
		r, err := decodeRecord[Run](tx, runsBucket, key, value)
		if err != nil {
			return nil, err
		}
		if runs = append(runs, r); len(runs) == limit {
			break
		}
	}
	return runs, nil
}

// RunsOf returns up to limit runs of a server without their plans, newest first. A
// limit of 0 is none.
func (tx *Tx) RunsOf(server ID, limit int) ([]Run, error) {
	return tx.indexedRuns(runsByServerBucket, server, limit)
}

// RunsOfSite returns up to limit runs on a site without their plans, newest first. A
// limit of 0 is none.
func (tx *Tx) RunsOfSite(site ID, limit int) ([]Run, error) {
	return tx.indexedRuns(runsBySiteBucket, site, limit)
}

// indexedRuns returns the runs that an index holds of one ID.
func (tx *Tx) indexedRuns(index bucket, of ID, limit int) ([]Run, error) {
	if of.check() != nil {
		return nil, nil
	}
	var runs []Run
	for key := range tx.backward(index, string(of), "") {
		r, err := indexed[Run](tx, runsBucket, key[idLen:])
		if err != nil {
			return nil, err
		}
		if runs = append(runs, r); len(runs) == limit {
			break
		}
	}
	return runs, nil
}

// LiveRuns returns the runs that may still change, without their plans, oldest
// first.
func (tx *Tx) LiveRuns() ([]Run, error) {
	var runs []Run
	for key := range tx.forward(runsLiveBucket, "") {
		r, err := indexed[Run](tx, runsBucket, key)
		if err != nil {
			return nil, err
		}
		runs = append(runs, r)
	}
	return runs, nil
}

// maxCandidates is how many runs an [AmbiguousError] names.
const maxCandidates = 5

// FindRun returns the run whose ID begins or ends with what somebody typed, with
// its plan. The error is an [*AmbiguousError] when several do, and wraps
// [ErrNotFound] when none does. See [ParseID] for the letters.
func (tx *Tx) FindRun(typed string) (Run, error) {
	part := normal(typed)
	if part == "" || len(part) > idLen {
		return Run{}, notFound("run", typed)
	}
	if len(part) == idLen {
		r, err := tx.Run(ID(part))
		return r, err
	}
	// The index is walked, not the runs: it is small, and holds every ID.
	var fits []ID
	for key := range tx.forward(runsByServerBucket, "") {
		if id := key[idLen:]; strings.HasPrefix(id, part) || strings.HasSuffix(id, part) {
			fits = append(fits, ID(id))
		}
	}
	switch len(fits) {
	case 0:
		return Run{}, notFound("run", typed)
	case 1:
		return tx.Run(fits[0])
	}
	slices.Sort(fits)
	slices.Reverse(fits)
	n := min(len(fits), maxCandidates)
	return Run{}, &AmbiguousError{Typed: typed, Candidates: fits[:n], More: n < len(fits)}
}
