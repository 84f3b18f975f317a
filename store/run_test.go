package store

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRunIsKeptAsItIs(t *testing.T) {
	c := newClock()
	db := openTest(t, t.TempDir()+"/state", Options{Now: c.now})
	plan := json.RawMessage("{ \"steps\":  [\"a\"] }\n") // kept to the byte
	want := Run{
		Group: db.NewID(), ServerID: db.NewID(), ServerName: "web1", SiteID: db.NewID(), Action: Install, Title: "install nginx",
		Plan: plan, Nonce: "n", State: RunFailed, Cursor: Cursor{Sent: true, Offset: 10, LogSize: 9, NextStep: 2, BeginStep: true},
		Finished: 1, Total: 3, Error: &RunError{Summary: "no", Step: 2, Status: 100, Output: []string{"x"}},
		By: "ann", StartedAt: c.now(), EndedAt: c.now(),
	}
	update(t, db, func(tx *Tx) error { return tx.PutRun(&want) })
	if want.ID.check() != nil || want.QueuedAt.IsZero() {
		t.Errorf("not filled in: %+v", want)
	}
	got := view(t, db, func(tx *Tx) (Run, error) { return tx.Run(want.ID) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	listed := view(t, db, func(tx *Tx) ([]Run, error) { return tx.Runs(1, "") })
	want.Plan = nil
	if diff := cmp.Diff([]Run{want}, listed); diff != "" {
		t.Error(diff)
	}
	// One from a list can be put back without its plan being lost.
	update(t, db, func(tx *Tx) error { return tx.PutRun(&listed[0]) })
	if got := view(t, db, func(tx *Tx) (Run, error) { return tx.Run(want.ID) }); string(got.Plan) != string(plan) {
		t.Errorf("the plan became %q", got.Plan)
	}
}

func TestRunStates(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	server := db.NewID()
	states := []RunState{RunQueued, RunRunning, RunLost, RunDone, RunFailed, RunCancelled, RunUnknown}
	for _, from := range states {
		for _, to := range states {
			r := addRun(t, db, server, from)
			changed := r
			changed.State, changed.Title = to, "changed"
			err := db.Update(func(tx *Tx) error { return tx.PutRun(&changed) })
			got := view(t, db, func(tx *Tx) (Run, error) { return tx.Run(r.ID) })
			live := view(t, db, (*Tx).LiveRuns)
			listed := slices.ContainsFunc(live, func(l Run) bool { return l.ID == r.ID })

			allowed := from.Live() || from == to
			var final *FinalError
			if allowed != (err == nil) || !allowed && !errors.As(err, &final) {
				t.Errorf("%s to %s: %v", from, to, err)
			}
			if want := map[bool]RunState{true: to, false: from}[allowed]; got.State != want || listed != want.Live() {
				t.Errorf("%s to %s: is %s, want %s, among the live: %t", from, to, got.State, want, listed)
			}
			complete := view(t, db, func(tx *Tx) (bool, error) { return tx.Complete(r.ID) })
			if complete != (got.State == RunDone) {
				t.Errorf("a run that is %s is complete: %t", got.State, complete)
			}
		}
	}
}

func TestPutRunRefuses(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	r := addRun(t, db, db.NewID(), RunQueued)
	moved, other, ended := r, r, addRun(t, db, r.ServerID, RunDone)
	moved.ServerID = db.NewID()
	other.Plan = json.RawMessage(`{}`)
	ended.State = RunRunning
	for _, test := range []struct {
		run Run
		err string
	}{
		{Run{ServerID: r.ServerID}, `"" is not a state`},
		{Run{ServerID: r.ServerID, State: "finished"}, `"finished" is not a state`},
		{Run{State: RunQueued}, "has 26 characters"},
		{Run{ServerID: r.ServerID, State: RunQueued, Plan: json.RawMessage("{")}, "not valid JSON"},
		{moved, "cannot move"},
		{other, "plan, which cannot change"},
		{ended, "has ended as done and cannot become running"},
	} {
		wantErr(t, db.Update(func(tx *Tx) error { return tx.PutRun(&test.run) }), test.err)
	}
	for what, fn := range map[string]func(*Tx) error{
		"Run":      func(tx *Tx) error { _, err := tx.Run(db.NewID()); return err },
		"Complete": func(tx *Tx) error { _, err := tx.Complete(""); return err },
	} {
		if err := db.View(fn); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestRunLists(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	servers := []ID{db.NewID(), db.NewID()}
	title := map[ID]string{}
	var all []Run
	for i := range 6 {
		r := addRun(t, db, servers[i%2], []RunState{RunQueued, RunDone, RunLost}[i%3])
		title[r.ID] = string(rune('a' + i))
		all = append(all, r)
	}
	key := func(r Run) string { return title[r.ID] }
	for _, test := range []struct {
		what string
		list func(*Tx) ([]Run, error)
		want string
	}{
		{"all", func(tx *Tx) ([]Run, error) { return tx.Runs(0, "") }, "f e d c b a"},
		{"two", func(tx *Tx) ([]Run, error) { return tx.Runs(2, "") }, "f e"},
		{"next two", func(tx *Tx) ([]Run, error) { return tx.Runs(2, all[4].ID) }, "d c"},
		{"last page", func(tx *Tx) ([]Run, error) { return tx.Runs(5, all[1].ID) }, "a"},
		{"beyond the last", func(tx *Tx) ([]Run, error) { return tx.Runs(5, all[0].ID) }, ""},
		{"before one that is none", func(tx *Tx) ([]Run, error) { return tx.Runs(1, db.NewID()) }, "f"},
		{"of the first server", func(tx *Tx) ([]Run, error) { return tx.RunsOf(servers[0], 0) }, "e c a"},
		{"of the second, two", func(tx *Tx) ([]Run, error) { return tx.RunsOf(servers[1], 2) }, "f d"},
		{"of no server", func(tx *Tx) ([]Run, error) { return tx.RunsOf("", 0) }, ""},
		{"of another server", func(tx *Tx) ([]Run, error) { return tx.RunsOf(db.NewID(), 0) }, ""},
		{"live", (*Tx).LiveRuns, "a c d f"},
	} {
		if got := names(view(t, db, test.list), key); got != test.want {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
	}
}

func TestFindRun(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	ids := []ID{
		"01aaaaaaaaaaaaaaaaaaaaa100", "01aaaaaaaaaaaaaaaaaaaaa200", "01bbbbbbbbbbbbbbbbbbbbb300",
		"02aaaaaaaaaaaaaaaaaaaaa1zz", "02aaaaaaaaaaaaaaaaaaaaa2zz", "02aaaaaaaaaaaaaaaaaaaaa3zz",
	}
	update(t, db, func(tx *Tx) error {
		for _, id := range ids {
			if err := tx.PutRun(&Run{ID: id, ServerID: db.NewID(), State: RunDone, Plan: json.RawMessage(`{}`)}); err != nil {
				return err
			}
		}
		return nil
	})
	find := func(typed string) (Run, error) {
		var r Run
		err := db.View(func(tx *Tx) (err error) { r, err = tx.FindRun(typed); return err })
		return r, err
	}
	for typed, want := range map[string]ID{
		string(ids[0]): ids[0], "a200": ids[1], " A2OO": ids[1], "01b": ids[2], ids[4].Short(): ids[4],
	} {
		if r, err := find(typed); err != nil || r.ID != want || string(r.Plan) != "{}" {
			t.Errorf("%q: %v, %v; want %s", typed, r.ID, err, want)
		}
	}
	for _, typed := range []string{"", " ", "q", "../x", "01c", string(ids[0]) + "0", "01aaaaaaaaaaaaaaaaaaaaa101", "\x00", "\xff"} {
		if r, err := find(typed); !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v, %v", typed, r.ID, err)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := find("01a"); !errors.As(err, &ambiguous) || !slices.Equal(ambiguous.Candidates, []ID{ids[1], ids[0]}) || ambiguous.More {
		t.Errorf("01a: %v", err)
	}
	_, err := find("0")
	wantErr(t, err, `"0" fits several runs`, string(ids[5]), "others", "type more")
	if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 5 {
		t.Errorf("0: %v", err)
	}
}

func FuzzFindRun(f *testing.F) {
	db := openTest(f, f.TempDir()+"/state", Options{})
	for range 20 {
		addRun(f, db, db.NewID(), RunDone)
	}
	all := view(f, db, func(tx *Tx) ([]Run, error) { return tx.Runs(0, "") })
	f.Add(all[0].ID.Short())
	f.Add(string(all[0].ID[:10]))
	f.Add("0")
	f.Fuzz(func(t *testing.T, typed string) {
		var r Run
		err := db.View(func(tx *Tx) (err error) { r, err = tx.FindRun(typed); return err })
		var ambiguous *AmbiguousError
		part := normal(typed)
		switch {
		case err == nil:
			if !strings.HasPrefix(string(r.ID), part) && !strings.HasSuffix(string(r.ID), part) {
				t.Errorf("%q found %s", typed, r.ID)
			}
		case !errors.Is(err, ErrNotFound) && !errors.As(err, &ambiguous):
			t.Errorf("%q: %v", typed, err)
		}
	})
}
