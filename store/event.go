package store

import (
	"errors"
	"fmt"
)

// PutEvent records a milestone of a run: a new one, which includes one without an
// ID, or the change of the one with its ID. It fills in ID, and BegunAt where it is
// zero. A run that isn't recorded is refused with an error that wraps
// [ErrNotFound]. An event keeps its run, server, name and action.
func (tx *Tx) PutEvent(e *Event) error {
	if err := tx.identify("event", &e.ID); err != nil {
		return err
	}
	if err := checkText("the event's package", string(e.Name)); err != nil {
		return err
	}
	if tx.bucket(runsBucket).Get([]byte(e.RunID)) == nil {
		return fmt.Errorf("record milestone %s: %w", e.Milestone, notFound("run", string(e.RunID)))
	}
	if err := e.ServerID.check(); err != nil {
		return fmt.Errorf("record milestone %s: server %q: %w", e.Milestone, e.ServerID, err)
	}
	old, found, err := readRecord[Event](tx, eventsBucket, string(e.ID))
	if err != nil {
		return err
	}
	latest := latestKey(e.ServerID, e.Name, e.Action)
	if found && (old.RunID != e.RunID || latestKey(old.ServerID, old.Name, old.Action) != latest) {
		return fmt.Errorf("event %s belongs to another run, server, package or action", e.ID)
	}
	if e.BegunAt.IsZero() {
		e.BegunAt = tx.now()
	}
	if !found {
		if err := tx.write(eventsByRunBucket, string(e.RunID)+string(e.ID), nil); err != nil {
			return err
		}
		if ID(tx.bucket(eventsLatestBucket).Get([]byte(latest))) < e.ID {
			if err := tx.write(eventsLatestBucket, latest, []byte(e.ID)); err != nil {
				return err
			}
		}
	}
	return writeRecord(tx, eventsBucket, string(e.ID), e)
}

func latestKey(server ID, name PackageName, action Action) string {
	return string(server) + string(action) + "\x00" + string(name)
}

// EventsOf returns the events of a run in the order in which they were made.
func (tx *Tx) EventsOf(run ID) ([]Event, error) {
	if run.check() != nil {
		return nil, nil
	}
	var all []Event
	for key := range tx.forward(eventsByRunBucket, string(run)) {
		e, err := indexed[Event](tx, eventsBucket, key[idLen:])
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}

// LatestEvent returns the newest event of a package and an action on a server, or
// an error that wraps [ErrNotFound].
func (tx *Tx) LatestEvent(server ID, name PackageName, action Action) (Event, error) {
	id := tx.bucket(eventsLatestBucket).Get([]byte(latestKey(server, name, action)))
	if id == nil {
		return Event{}, notFound("event of package", string(name))
	}
	return indexed[Event](tx, eventsBucket, string(id))
}

// LatestProgress returns how far the newest run of a package and an action on a
// server has come, in percent: what [Event.Progress] says of its latest event, and
// 0 where there is none.
func (tx *Tx) LatestProgress(server ID, name PackageName, action Action) (float64, error) {
	e, err := tx.LatestEvent(server, name, action)
	if errors.Is(err, ErrNotFound) {
		return 0, nil
	}
	return e.Progress(), err
}

// Complete reports whether every step of a run succeeded. The error wraps
// [ErrNotFound] where there is no such run.
func (tx *Tx) Complete(run ID) (bool, error) {
	r, err := tx.summary(run)
	return r.State == RunDone, err
}
