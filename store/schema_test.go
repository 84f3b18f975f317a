package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// addBucket is a migration of a later version.
func addBucket(name string) migration {
	return func(tx *bolt.Tx) error {
		_, err := tx.CreateBucket([]byte(name))
		return err
	}
}

func TestMigrations(t *testing.T) {
	dir := t.TempDir() + "/state"
	db := openTest(t, dir, Options{})
	server := addServer(t, db, "web1")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, dbName)
	before := readFile(t, path)

	// A step that fails leaves all as it was, also what steps before it did.
	broken := errors.New("broken")
	failing := append(migrations(), addBucket("two"), func(*bolt.Tx) error { return broken })
	_, err := open(dir, Options{}, failing)
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
	wantErr(t, err, fmt.Sprintf("schema version %d", len(failing)), path)
	if string(readFile(t, path)) != string(before) {
		t.Error("the failed migration changed the file")
	}

	// Those that succeed are done once and in order.
	var done []int
	step := func(n int) migration {
		return func(tx *bolt.Tx) error { done = append(done, n); return addBucket(string(rune('a' + n)))(tx) }
	}
	later := append(migrations(), step(2), step(3))
	for range 2 {
		db, err = open(dir, Options{}, later)
		if err != nil {
			t.Fatal(err)
		}
		got := view(t, db, func(tx *Tx) (Server, error) { return tx.Server(server.ID) })
		if got.Name != "web1" {
			t.Errorf("the server became %+v", got)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(done) != 2 || done[0] != 2 || done[1] != 3 {
		t.Errorf("steps done: %v", done)
	}

	// And then this version is too old for it.
	before = readFile(t, path)
	_, err = Open(dir, Options{})
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Have != len(later) || newer.Known != len(migrations()) || newer.Path != path {
		t.Errorf("got %v", err)
	}
	wantErr(t, err, "newer brokeforge", fmt.Sprintf("schema version %d, this one knows up to %d", len(later), len(migrations())))
	if string(readFile(t, path)) != string(before) {
		t.Error("a newer database was changed")
	}
}

func TestNewDatabaseHasEveryMigration(t *testing.T) {
	dir := t.TempDir() + "/state"
	db, err := open(dir, Options{}, append(migrations(), addBucket("two")))
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	var newer *NewerError
	if !errors.As(err, &newer) || newer.Have != len(migrations())+1 {
		t.Errorf("got %v", err)
	}
}

// TestRunsBeforeTheirIndex: a database of version 3 gets the index of the runs of
// sites.
func TestRunsBeforeTheirIndex(t *testing.T) {
	dir := t.TempDir() + "/state"
	db := openTest(t, dir, Options{})
	server := addServer(t, db, "web1")
	site := Site{ServerID: server.ID, Domain: "example.org"}
	update(t, db, func(tx *Tx) error { return tx.PutSite(&site) })
	var want []ID
	for i := range 6 {
		r := Run{ServerID: server.ID, State: RunDone}
		if i%2 == 0 {
			r.SiteID = site.ID
		}
		update(t, db, func(tx *Tx) error { return tx.PutRun(&r) })
		if r.SiteID != "" {
			want = append([]ID{r.ID}, want...)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	old, err := bolt.Open(filepath.Join(dir, dbName), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = old.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.DeleteBucket([]byte(runsBySiteBucket)), tx.Bucket([]byte(metaBucket)).Put([]byte(versionKey), []byte("3")))
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	db = openTest(t, dir, Options{})
	for limit, n := range []int{3, 1, 2, 3, 3} {
		var got []ID
		for _, r := range view(t, db, func(tx *Tx) ([]Run, error) { return tx.RunsOfSite(site.ID, limit) }) {
			got = append(got, r.ID)
		}
		if !slices.Equal(got, want[:n]) {
			t.Errorf("up to %d: %q, want %q", limit, got, want[:n])
		}
	}
}

func TestCreationThatWasInterrupted(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, dbName+".new"), []byte("half a datab"), 0o600); err != nil {
		t.Fatal(err)
	}
	addServer(t, openTest(t, dir, Options{}), "web1")
	if _, err := os.Stat(filepath.Join(dir, dbName+".new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what was left is still there: %v", err)
	}
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
