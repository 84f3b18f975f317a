package store

import (
	"errors"
	"sync"
)

// maxBatch is how many calls share a transaction at most, so that one that fails
// does not have too many others done again.
const maxBatch = 256

// errAlone tells a caller of Batch to try on its own.
var errAlone = errors.New("to be done alone")

// batcher gathers the calls of Batch that come while a transaction is being
// written, and writes them together in the next. A lone call never waits.
type batcher struct {
	mu      sync.Mutex
	queue   []*batchCall
	running bool // a goroutine works on the queue
}

type batchCall struct {
	fn   func(*Tx) error
	done chan error
}

// Batch is Update for many callers at once: those that come while the disk is busy
// share one transaction, and so one wait for the disk. It returns when that
// transaction is on the disk.
//
// fn may be called more than once, and not in the caller's goroutine: when one fn
// of a transaction fails, nothing of it is kept and the others are done again. So
// fn must not change anything outside that a second call does not set right. An
// error of fn is returned, and what it wrote is not kept.
func (db *DB) Batch(fn func(*Tx) error) error {
	call := &batchCall{fn: fn, done: make(chan error, 1)}
	b := &db.batches
	b.mu.Lock()
	b.queue = append(b.queue, call)
	if !b.running {
		b.running = true
		go db.runBatches()
	}
	b.mu.Unlock()
	err := <-call.done
	if err == errAlone {
		return db.Update(fn)
	}
	return err
}

// runBatches works until the queue is empty.
func (db *DB) runBatches() {
	b := &db.batches
	for {
		b.mu.Lock()
		n := min(len(b.queue), maxBatch)
		calls := b.queue[:n:n]
		b.queue = b.queue[n:]
		if n == 0 {
			b.queue, b.running = nil, false
			b.mu.Unlock()
			return
		}
		b.mu.Unlock()
		db.runBatch(calls)
	}
}

// runBatch commits the calls together. One that fails is taken out, to fail or
// panic before its caller, and the rest is done again.
func (db *DB) runBatch(calls []*batchCall) {
	for len(calls) > 0 {
		failed := -1
		err := db.Update(func(tx *Tx) error {
			for i, c := range calls {
				if !succeeds(c.fn, tx) {
					failed = i
					return errAlone
				}
			}
			return nil
		})
		if failed < 0 {
			for _, c := range calls {
				c.done <- err
			}
			return
		}
		calls[failed].done <- errAlone
		calls = append(calls[:failed:failed], calls[failed+1:]...)
	}
}

// succeeds calls fn and reports whether it returned without an error or a panic.
// Neither is lost: fn is called again by its caller, alone.
func succeeds(fn func(*Tx) error, tx *Tx) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	return fn(tx) == nil
}
