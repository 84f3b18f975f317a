package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"
)

// Options are the settings of [Open].
type Options struct {
	// Now is the clock of the records' times and of new IDs; nil means time.Now.
	Now func() time.Time
	// By is the login of who opens the state folder. Others who try to open it
	// meanwhile are told. It may be empty.
	By string
	// Vault says how secrets are kept. The zero value keeps none.
	Vault Vault
}

// DB is an open state folder. Its methods may be used by several goroutines at
// once. There is no use for a zero DB.
type DB struct {
	dir  string
	now  func() time.Time
	ids  generator
	bolt *bolt.DB
	lock *folderLock

	vault   vault
	batches batcher

	closing  sync.Once
	closeErr error
}

// Open opens the state folder dir, which is made where there is none.
//
// It returns an [*InUseError] when another process has it open, a [*DamagedError]
// when the database in it cannot be trusted, a [*NewerError] when a later
// BrokeForge has written it, and other errors when the folder or a file in it
// cannot be used. A database that is refused is not written to.
func Open(dir string, opts Options) (*DB, error) {
	return open(dir, opts, migrations())
}

func open(dir string, opts Options, steps []migration) (_ *DB, err error) {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	if dir, err = prepareFolder(dir); err != nil {
		return nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.release())
		}
	}()
	if err := lock.sign(opts.By, opts.Now()); err != nil {
		return nil, err
	}
	b, err := openFile(filepath.Join(dir, dbName), steps)
	if err != nil {
		return nil, err
	}
	db := &DB{dir: dir, now: opts.Now, bolt: b, lock: lock}
	db.ids.now = opts.Now
	db.vault.Vault = opts.Vault
	err = b.View(func(tx *bolt.Tx) error {
		db.ids.after(lastID(tx))
		return nil
	})
	if err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return db, nil
}

// Dir returns the absolute path of the state folder.
func (db *DB) Dir() string { return db.dir }

// NewID makes an ID greater than all made before it for this state folder's runs
// and events, also within one millisecond and after the clock was set back.
func (db *DB) NewID() ID { return db.ids.next() }

// Close waits for the transactions that are going on, and lets others open the
// state folder. Closing again does nothing and returns the same.
func (db *DB) Close() error {
	db.closing.Do(func() {
		path := db.path()
		db.closeErr = errors.Join(explain("close", path, db.bolt.Close()), db.lock.release())
	})
	return db.closeErr
}

func (db *DB) path() string { return filepath.Join(db.dir, dbName) }

// openFile opens the database, whose folder is locked, and makes it where there is
// none.
func openFile(path string, steps []migration) (*bolt.DB, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path, steps); err != nil {
			return nil, err
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return nil, explain("look at the database", path, err)
	}
	if !info.Mode().IsRegular() {
		return nil, &DamagedError{path, "it is not a regular file"}
	}
	if err := checkOwner(path, info); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, explain("open the database", path, err)
	}
	db, err := openChecked(f, steps)
	if err != nil {
		f.Close() // bbolt may have closed it; what matters is that nobody holds it
		return nil, err
	}
	return db, nil
}

// openChecked hands a database to bbolt after looking at all that bbolt takes on
// trust: it reads the file through a mapping, where a page that isn't there kills
// the process. The file stays locked from the look to the use.
func openChecked(f *os.File, steps []migration) (*bolt.DB, error) {
	if locked, err := tryLock(f); err != nil {
		return nil, explain("lock", f.Name(), err)
	} else if !locked {
		return nil, &InUseError{Path: filepath.Dir(f.Name())}
	}
	if err := tightenFile(f); err != nil {
		return nil, err
	}
	if err := checkStructure(f); err != nil {
		return nil, err
	}
	db, err := openBolt(f)
	if err != nil {
		return nil, err
	}
	if err := adopt(db, f.Name(), steps); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// openBolt opens the file f, and turns what bbolt panics about into an error.
func openBolt(f *os.File) (db *bolt.DB, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			db, err = nil, &DamagedError{f.Name(), fmt.Sprint(p)}
		}
	}()
	db, err = bolt.Open(f.Name(), fileMode, &bolt.Options{
		Timeout:      lockPatience,
		FreelistType: bolt.FreelistMapType,
		OpenFile:     func(string, int, os.FileMode) (*os.File, error) { return f, nil },
	})
	return db, explain("open the database", f.Name(), err)
}

// adopt sees to it that the database is one of ours and has the schema that this
// program knows.
func adopt(db *bolt.DB, path string, steps []migration) error {
	version, err := schemaVersion(db)
	if err != nil {
		return &DamagedError{path, err.Error()}
	}
	if version > len(steps) {
		return &NewerError{Path: path, Have: version, Known: len(steps)}
	}
	if version < len(steps) {
		if err := migrate(db, version, steps); err != nil {
			return explain("bring up to date", path, err)
		}
	}
	return db.View(func(tx *bolt.Tx) error {
		for _, b := range append(recordBuckets(), secretsBucket) {
			if tx.Bucket([]byte(b)) == nil {
				return &DamagedError{path, fmt.Sprintf("its bucket %s is missing", b)}
			}
		}
		return nil
	})
}

// create makes a database under another name and gives it its own when it is
// complete and on the disk, so that a crash leaves no half of one.
func create(path string, steps []migration) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("remove what a crash has left,", temp, err)
	}
	db, err := bolt.Open(temp, fileMode, &bolt.Options{Timeout: lockPatience, FreelistType: bolt.FreelistMapType})
	if err != nil {
		return explain("make the database", temp, err)
	}
	err = migrate(db, 0, steps)
	if err == nil {
		err = db.Sync()
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return explain("make the database", temp, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return explain("make the database", path, err)
	}
	return syncFolder(filepath.Dir(path))
}
