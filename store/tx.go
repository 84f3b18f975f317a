package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// Tx is a transaction: what it reads is one state of the records, with its own
// changes. It is for one goroutine, and only until the function that got it
// returns.
//
// Its methods that read return records that the caller may keep and change. Those
// that change return an error in a [DB.View].
type Tx struct {
	db   *DB
	bolt *bolt.Tx
}

// View calls fn with a transaction that reads. Several run side by side, also
// beside one that writes.
func (db *DB) View(fn func(*Tx) error) error {
	return db.transact(false, fn)
}

// Update calls fn with a transaction that reads and writes, and when fn returns nil
// puts what was written on the disk. When fn returns an error or panics, nothing of
// it is kept. One Update runs at a time.
func (db *DB) Update(fn func(*Tx) error) error {
	return db.transact(true, fn)
}

func (db *DB) transact(writable bool, fn func(*Tx) error) (err error) {
	// Somebody may cut the file off while it is mapped: that is to be an error, not
	// the end of the process.
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		p := recover()
		if fault, ok := p.(interface{ Addr() uintptr }); ok {
			err = &DamagedError{db.path(), fmt.Sprintf("it changed while it was in use (%v)", fault)}
		} else if p != nil {
			panic(p)
		}
	}()
	tx, err := db.bolt.Begin(writable)
	if errors.Is(err, berrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	if err != nil {
		return explain("use the database", db.path(), err)
	}
	defer tx.Rollback() // does nothing after a commit
	if err := fn(&Tx{db, tx}); err != nil || !writable {
		return err
	}
	return explain("write to the database", db.path(), tx.Commit())
}

func (tx *Tx) bucket(b bucket) *bolt.Bucket { return tx.bolt.Bucket([]byte(b)) }

// now is the time for a record, as it comes back when it is read again.
func (tx *Tx) now() time.Time { return tx.db.now().UTC().Round(0) }

func (tx *Tx) write(b bucket, key string, value []byte) error {
	if err := tx.bucket(b).Put([]byte(key), value); err != nil {
		return fmt.Errorf("write to %s: %w", b, err)
	}
	return nil
}

func (tx *Tx) remove(b bucket, key string) error {
	if err := tx.bucket(b).Delete([]byte(key)); err != nil {
		return fmt.Errorf("delete from %s: %w", b, err)
	}
	return nil
}

// writeRecord writes a record as JSON.
func writeRecord[T any](tx *Tx, b bucket, key string, record T) error {
	value, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("write to %s: %w", b, err)
	}
	return tx.write(b, key, value)
}

// readRecord reads a record, and reports whether there is one.
func readRecord[T any](tx *Tx, b bucket, key string) (record T, found bool, err error) {
	value := tx.bucket(b).Get([]byte(key))
	if value == nil {
		return record, false, nil
	}
	record, err = decodeRecord[T](tx, b, key, value)
	return record, true, err
}

func decodeRecord[T any](tx *Tx, b bucket, key string, value []byte) (record T, err error) {
	if err := json.Unmarshal(value, &record); err != nil {
		return record, &DamagedError{tx.db.path(), fmt.Sprintf("the record %q in %s cannot be read: %v", key, b, err)}
	}
	return record, nil
}

// indexed reads the record that an index points to, which must be there.
func indexed[T any](tx *Tx, b bucket, key string) (T, error) {
	record, found, err := readRecord[T](tx, b, key)
	if err == nil && !found {
		err = &DamagedError{tx.db.path(), fmt.Sprintf("the record %q in %s is missing", key, b)}
	}
	return record, err
}

// records reads all records whose keys begin with prefix, in the order of the keys.
func records[T any](tx *Tx, b bucket, prefix string) ([]T, error) {
	var all []T
	for key, value := range tx.forward(b, prefix) {
		record, err := decodeRecord[T](tx, b, key, value)
		if err != nil {
			return nil, err
		}
		all = append(all, record)
	}
	return all, nil
}

// forward goes through the keys that begin with prefix. The bucket must not be
// changed meanwhile.
func (tx *Tx) forward(b bucket, prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		c := tx.bucket(b).Cursor()
		for k, v := c.Seek([]byte(prefix)); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Next() {
			if !yield(string(k), v) {
				return
			}
		}
	}
}

// backward goes through the keys that begin with prefix from the last one on, or
// from the last one before the key before where that is not empty. The prefix must
// be empty or end with an ID or a zero byte. The bucket must not be changed
// meanwhile.
func (tx *Tx) backward(b bucket, prefix, before string) iter.Seq2[string, []byte] {
	if before == "" {
		before = prefix + "\xff" // after every key: ids and text in UTF-8 have no such byte
	}
	return func(yield func(string, []byte) bool) {
		c := tx.bucket(b).Cursor()
		step := c.Prev
		if k, _ := c.Seek([]byte(before)); k == nil {
			step = c.Last
		}
		for k, v := step(); k != nil && bytes.HasPrefix(k, []byte(prefix)); k, v = c.Prev() {
			if !yield(string(k), v) {
				return
			}
		}
	}
}

// identify gives a new record an ID, and refuses one that is malformed.
func (tx *Tx) identify(kind string, id *ID) error {
	if *id == "" {
		*id = tx.db.NewID()
	}
	if err := id.check(); err != nil {
		return fmt.Errorf("%s %q: %w", kind, *id, err)
	}
	return nil
}

// stamp sets the times of a record that is about to be written. made is the time
// at which it was first written, zero for a new one.
func (tx *Tx) stamp(created, updated *time.Time, made time.Time) {
	*updated = tx.now()
	if !made.IsZero() {
		*created = made
	} else if created.IsZero() {
		*created = *updated
	}
}

// checkText refuses a text that cannot be part of a key: parts are told apart by a
// zero byte.
func checkText(what, text string) error {
	switch {
	case text == "":
		return fmt.Errorf("%s is empty", what)
	case strings.ContainsRune(text, 0):
		return fmt.Errorf("%s %q holds a zero byte", what, text)
	}
	return nil
}
