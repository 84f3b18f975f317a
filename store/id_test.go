package store

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestNewIDAscends(t *testing.T) {
	c := newClock()
	for _, test := range []struct {
		name string
		now  func() time.Time
	}{
		{"advancing clock", c.now},
		{"standing clock", func() time.Time { return c.at }},
		{"clock that goes back", func() time.Time { c.at = c.at.Add(-time.Hour); return c.at }},
		{"clock before 1970", func() time.Time { return time.Unix(-1e9, 0) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := generator{now: test.now}
			last, shorts := ID(""), map[string]bool{}
			for range 2000 {
				id := g.next()
				if err := id.check(); err != nil {
					t.Fatalf("%q: %v", id, err)
				}
				if id <= last {
					t.Fatalf("%s after %s", id, last)
				}
				if got := encode(decode(id)); got != id {
					t.Fatalf("%s decodes to %s", id, got)
				}
				last, shorts[id.Short()] = id, true
			}
			if len(shorts) < 1990 {
				t.Errorf("2000 ids have %d short forms", len(shorts))
			}
		})
	}
}

func TestNewIDConcurrent(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	var mu sync.Mutex
	var wg sync.WaitGroup
	seen := map[ID]bool{}
	for range 8 {
		wg.Go(func() {
			var ids []ID
			for range 500 {
				ids = append(ids, db.NewID())
			}
			if !slices.IsSorted(ids) {
				t.Error("ids of one goroutine are out of order")
			}
			mu.Lock()
			defer mu.Unlock()
			for _, id := range ids {
				seen[id] = true
			}
		})
	}
	wg.Wait()
	if len(seen) != 8*500 {
		t.Errorf("%d different ids, want %d", len(seen), 8*500)
	}
}

func TestIDsAscendOverARestartWithTheClockSetBack(t *testing.T) {
	dir := t.TempDir() + "/state"
	db := openTest(t, dir, Options{Now: func() time.Time { return time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC) }})
	run := addRun(t, db, db.NewID(), RunQueued)
	e := Event{RunID: run.ID, ServerID: run.ServerID, Name: "nginx"}
	update(t, db, func(tx *Tx) error { return tx.PutEvent(&e) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, Options{Now: func() time.Time { return time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if id := db.NewID(); id <= run.ID || id <= e.ID {
		t.Errorf("id %s, made after run %s and event %s", id, run.ID, e.ID)
	}
}

func TestParseID(t *testing.T) {
	const id = "01jcq3m0z8abcdefghjkmnpqrs"
	for _, test := range []struct{ in, want, err string }{
		{id, id, ""},
		{" " + strings.ToUpper(id) + "\n", id, ""},
		{"oijcq3mozLabcdefghjkmnpqrs", "01jcq3m0z1abcdefghjkmnpqrs", ""},
		{"", "", "has 26 characters, this has 0"},
		{id[1:], "", "has 26 characters, this has 25"},
		{id[:25] + "u", "", `has no "u"`},
		{"../../../../../../etc/passw", "", "characters"},
		{"../../../../../../etc/pass", "", `has no "."`},
		{"8" + id[1:], "", `does not begin with "8"`},
	} {
		got, err := ParseID(test.in)
		if test.err != "" {
			wantErr(t, err, test.err, "is not an id")
			continue
		}
		if err != nil || string(got) != test.want {
			t.Errorf("ParseID(%q) = %q, %v; want %q", test.in, got, err, test.want)
		}
	}
}

func TestShort(t *testing.T) {
	for in, want := range map[ID]string{"": "", "abc": "abc", "01jcq3m0z8abcdefghjkmnpqrs": "mnpqrs"} {
		if got := in.Short(); got != want {
			t.Errorf("%q.Short() = %q, want %q", in, got, want)
		}
	}
}

func FuzzParseID(f *testing.F) {
	f.Add("01jcq3m0z8abcdefghjkmnpqrs")
	f.Add("O1JCQ3M0Z8ABCDEFGHJKMNPQRS ")
	f.Add("zzzzzzzzzzzzzzzzzzzzzzzzzz")
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseID(s)
		if err != nil {
			if id != "" {
				t.Errorf("%q: both %q and %v", s, id, err)
			}
			return
		}
		if again, err := ParseID(string(id)); again != id || err != nil {
			t.Errorf("%q: %q reads as %q, %v", s, id, again, err)
		}
		if got := encode(decode(id)); got != id {
			t.Errorf("%q: %q decodes to %q", s, id, got)
		}
	})
}
