package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"
)

// sample makes a database with pages of every kind: branches, leaves, overflow,
// free ones. It returns its bytes.
func sample(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir() + "/state"
	db := openTest(t, dir, Options{})
	server := addServer(t, db, "web1")
	addSite(t, db, server.ID, "example.org")
	for range 30 {
		run := addRun(t, db, server.ID, RunRunning)
		update(t, db, func(tx *Tx) error {
			for i := range 5 {
				e := Event{RunID: run.ID, ServerID: server.ID, Name: "nginx", Action: Install, Label: strings.Repeat("l", 20*i)}
				if err := tx.PutEvent(&e); err != nil {
					return err
				}
			}
			return nil
		})
	}
	large := Run{ServerID: server.ID, State: RunDone, Plan: []byte(`"` + strings.Repeat("p", 30_000) + `"`)}
	update(t, db, func(tx *Tx) error { return tx.PutRun(&large) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return readFile(t, filepath.Join(dir, dbName))
}

// folderWith makes a state folder with that database.
func folderWith(t *testing.T, data []byte) (dir, path string) {
	t.Helper()
	dir = t.TempDir()
	path = filepath.Join(dir, dbName)
	if err := errors.Join(os.Chmod(dir, 0o700), os.WriteFile(path, data, 0o600)); err != nil {
		t.Fatal(err)
	}
	return dir, path
}

// survive opens the database in the folder. Either it is refused as damaged, or it can
// be read through and written to; what a record says may be damaged all the same,
// which is an error of that record alone. It reports whether it was refused.
func survive(t *testing.T, what, dir string, data []byte) (refused bool) {
	t.Helper()
	db, err := Open(dir, Options{})
	if err != nil {
		var damaged *DamagedError
		if !errors.As(err, &damaged) {
			t.Errorf("%s: %v", what, err)
		}
		if !bytes.Equal(readFile(t, filepath.Join(dir, dbName)), data) {
			t.Errorf("%s: the refused file was changed", what)
		}
		return true
	}
	defer db.Close()
	if !bytes.Equal(readFile(t, filepath.Join(dir, dbName)), data) {
		t.Errorf("%s: opening changed the file", what)
	}
	readable := func(err error) {
		var damaged *DamagedError
		if err != nil && !errors.As(err, &damaged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	readable(db.View(readThrough))
	server := db.NewID()
	readable(db.Update(func(tx *Tx) error {
		for range 20 {
			if err := tx.PutRun(&Run{ServerID: server, State: RunDone, Plan: []byte(`[1]`)}); err != nil {
				return err
			}
		}
		return nil
	}))
	return false
}

func readThrough(tx *Tx) error {
	var all []error
	note := func(err error) { all = append(all, err) }
	servers, err := tx.Servers()
	note(err)
	for _, s := range servers {
		sites, err := tx.SitesOf(s.ID)
		note(err)
		for _, site := range sites {
			_, err := tx.SitePackages(site.ID)
			note(err)
		}
		_, err = tx.ServerPackages(s.ID)
		note(err)
	}
	runs, err := tx.Runs(0, "")
	note(err)
	for _, r := range runs {
		full, err := tx.Run(r.ID)
		if len(full.Plan) == 1 {
			note(errors.New("a plan of one byte"))
		}
		if !errors.Is(err, ErrNotFound) { // the run's own ID may be what is damaged
			note(err)
		}
		_, err = tx.EventsOf(r.ID)
		note(err)
	}
	_, err = tx.LiveRuns()
	note(err)
	return errors.Join(all...)
}

func TestDamagedDatabases(t *testing.T) {
	good := sample(t)
	pageSize := os.Getpagesize()
	foreign := foreignDatabase(t, nil)
	swapped := bytes.Clone(good)
	copy(swapped, good[pageSize:2*pageSize])
	copy(swapped[pageSize:], good[:pageSize])
	noMeta := bytes.Clone(good)
	clear(noMeta[:2*pageSize])
	for _, test := range []struct {
		name string
		data []byte
		err  string
	}{
		{"empty", nil, "it is empty (0 bytes)"},
		{"one byte", []byte("x"), "it is not a database"},
		{"text", []byte("# servers\nweb1 192.0.2.1\n"), "it is not a database"},
		{"long text", bytes.Repeat([]byte("web1 192.0.2.1\n"), 10_000), "it is not a database"},
		{"zeros", make([]byte, 1<<16), "it is not a database"},
		{"another program's", foreign, "it is a bbolt database, but none of brokeforge"},
		{"another program's without a list of free pages", foreignDatabase(t, &bolt.Options{NoFreelistSync: true}), "is outside of it"},
		{"meta pages swapped", swapped, "its beginning is damaged"},
		{"meta pages zeroed", noMeta, "its beginning is damaged"},
		{"end missing", good[:len(good)/2], "its end is missing"},
		{"first page alone", good[:pageSize], "its end is missing"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, path := folderWith(t, test.data)
			_, err := Open(dir, Options{})
			var damaged *DamagedError
			if !errors.As(err, &damaged) || damaged.Path != path {
				t.Fatalf("got %v", err)
			}
			wantErr(t, err, path, test.err, "left as it is", "backup")
			if !bytes.Equal(readFile(t, path), test.data) {
				t.Error("the file was changed")
			}
			// Nobody is kept out by the one who was refused.
			if err := os.WriteFile(path, good, 0o600); err != nil {
				t.Fatal(err)
			}
			openTest(t, dir, Options{})
		})
	}
}

// foreignDatabase is a bbolt database that another program has written.
func foreignDatabase(t *testing.T, opts *bolt.Options) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "foreign.db")
	db, err := bolt.Open(path, 0o600, opts)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error {
		b, err := tx.CreateBucket([]byte("meta"))
		if err != nil {
			return err
		}
		return b.Put([]byte("key"), []byte("value"))
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	return readFile(t, path)
}

// Damage that no chance finds, since all of it is well formed.
func TestPagesThatContradictEachOther(t *testing.T) {
	good, u64 := sample(t), binary.NativeEndian.Uint64
	meta, err := readMeta(bytes.NewReader(good), int64(len(good)))
	if err != nil {
		t.Fatal(err)
	}
	at := func(data []byte, id uint64) page { return page{id, data[int64(id)*meta.pageSize:][:meta.pageSize]} }
	var rootsBelow func(data []byte, id uint64) [][]byte
	rootsBelow = func(data []byte, id uint64) (roots [][]byte) {
		p := at(data, id)
		for i := range p.count() {
			if p.flags() == branchPage {
				roots = append(roots, rootsBelow(data, u64(p.element(i)[8:]))...)
			} else if root := p.value(i)[:8]; u64(root) != 0 {
				roots = append(roots, root)
			}
		}
		return roots
	}
	bucketsOf := func(data []byte) [][]byte { return rootsBelow(data, meta.root) }
	for _, test := range []struct {
		name, err string
		damage    func(data []byte)
	}{
		{"a page of two buckets", "is used twice", func(data []byte) {
			roots := bucketsOf(data)
			copy(roots[0], roots[1])
		}},
		{"a page in use and free", "is in use and said to be free", func(data []byte) {
			list := at(data, meta.freelist).data
			binary.NativeEndian.PutUint16(list[10:], 1)
			binary.NativeEndian.PutUint64(list[pageHeader:], meta.root)
		}},
		{"a page free twice", "is damaged", func(data []byte) {
			list := at(data, meta.freelist).data
			binary.NativeEndian.PutUint16(list[10:], 2)
			copy(list[pageHeader+8:], list[pageHeader:pageHeader+8])
		}},
		{"more free pages than there is room for", "is damaged", func(data []byte) {
			list := at(data, meta.freelist).data
			binary.NativeEndian.PutUint16(list[10:], 0xFFFF)
			binary.NativeEndian.PutUint64(list[pageHeader:], 1<<61+1)
		}},
		{"the list of free pages as a bucket", "is used twice", func(data []byte) {
			list := at(data, meta.freelist).data
			binary.NativeEndian.PutUint16(list[8:], leafPage)
			binary.NativeEndian.PutUint16(list[10:], 0)
			binary.NativeEndian.PutUint64(bucketsOf(data)[0], meta.freelist)
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := bytes.Clone(good)
			test.damage(data)
			dir, _ := folderWith(t, data)
			if !survive(t, test.name, dir, data) {
				t.Fatal("it was opened")
			}
			_, err := Open(dir, Options{})
			wantErr(t, err, test.err)
		})
	}
}

func TestDatabaseThatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, dbName), 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, Options{})
	wantErr(t, err, "it is not a regular file")
}

func TestDatabaseWithABucketMissing(t *testing.T) {
	dir, path := folderWith(t, sample(t))
	db, err := bolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(func(tx *bolt.Tx) error { return tx.DeleteBucket([]byte(runsLiveBucket)) })
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantErr(t, err, "its bucket runs_live is missing")
}

func TestTruncatedAnywhere(t *testing.T) {
	good := sample(t)
	refused := 0
	for size := 0; size < len(good); size += 2048 {
		for _, n := range []int{size, size + 1 + size/7%2000} {
			data := good[:min(n, len(good))]
			dir, _ := folderWith(t, data)
			if survive(t, fmt.Sprintf("cut off at %d", n), dir, data) {
				refused++
			}
		}
	}
	if refused < 20 {
		t.Errorf("%d were refused", refused)
	}
}

func TestPagesZeroedOrExchanged(t *testing.T) {
	good, pageSize := sample(t), os.Getpagesize()
	random := rand.New(rand.NewPCG(3, 4))
	page := func(data []byte, n int) []byte { return data[n*pageSize : (n+1)*pageSize] }
	count := len(good) / pageSize
	for n := range count {
		zeroed, exchanged, noise := bytes.Clone(good), bytes.Clone(good), bytes.Clone(good)
		clear(page(zeroed, n))
		other := random.IntN(count)
		copy(page(exchanged, n), page(good, other))
		copy(page(exchanged, other), page(good, n))
		for i := range page(noise, n) {
			page(noise, n)[i] = byte(random.Uint32())
		}
		for what, data := range map[string][]byte{"zeroed": zeroed, fmt.Sprint("exchanged with ", other): exchanged, "noise": noise} {
			dir, _ := folderWith(t, data)
			survive(t, fmt.Sprintf("page %d %s", n, what), dir, data)
		}
	}
}

func TestBitsFlipped(t *testing.T) {
	good, pageSize := sample(t), os.Getpagesize()
	random := rand.New(rand.NewPCG(5, 6))
	dir, path := folderWith(t, good)
	refused, rounds := 0, 300
	for range rounds {
		data := bytes.Clone(good)
		at := random.IntN(len(data))
		if random.IntN(3) > 0 { // mostly where the structure is
			at = at/pageSize*pageSize + random.IntN(256)
		}
		data[at] ^= 1 << random.IntN(8)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if survive(t, fmt.Sprintf("a bit of byte %d", at), dir, data) {
			refused++
		}
	}
	if refused == 0 || refused == rounds {
		t.Errorf("%d of %d were refused", refused, rounds)
	}
}

func TestFileCutOffWhileInUse(t *testing.T) {
	dir, path := folderWith(t, sample(t))
	db := openTest(t, dir, Options{})
	if err := os.Truncate(path, int64(2*os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	// The pages are gone while they are mapped, which ends a process that does not
	// expect it.
	for range 2 {
		var damaged *DamagedError
		if err := db.View(readThrough); !errors.As(err, &damaged) {
			t.Errorf("View: %v", err)
		}
		put := func(tx *Tx) error { return tx.PutServer(&Server{Name: "web2"}) }
		if err := db.Update(put); !errors.As(err, &damaged) {
			t.Errorf("Update: %v", err)
		}
		if err := db.Batch(put); !errors.As(err, &damaged) {
			t.Errorf("Batch: %v", err)
		}
	}
}
