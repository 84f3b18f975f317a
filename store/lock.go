package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// How long Open waits for a holder that may be about to go, and for a new holder to
// say who it is.
const (
	lockPatience = 500 * time.Millisecond
	lockRetry    = 20 * time.Millisecond
)

// owner is what the holder of the lock writes into the lock's file.
type owner struct {
	PID   int       `json:"pid"`
	User  string    `json:"user,omitempty"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`
}

// folderLock is the lock of a state folder, flock(2) on a file in it. The kernel
// lets go of it when the process ends, however it ends; the file is never removed,
// since another process may be waiting on it.
type folderLock struct{ file *os.File }

// lockFolder takes the lock, or returns an [InUseError].
func lockFolder(dir string) (*folderLock, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, explain("open the lock", path, err)
	}
	if err := tightenFile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(lockRetry) {
		locked, err := tryLock(f)
		if locked {
			return &folderLock{f}, nil
		}
		if err != nil {
			return nil, errors.Join(explain("lock", path, err), f.Close())
		}
		if time.Now().After(deadline) {
			return nil, errors.Join(inUse(dir, f), f.Close())
		}
	}
}

// tryLock takes the lock of a file if nobody has it.
func tryLock(f *os.File) (bool, error) {
	for {
		switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err {
		case nil:
			return true, nil
		case syscall.EINTR:
		case syscall.EWOULDBLOCK:
			return false, nil
		default:
			return false, err
		}
	}
}

// sign writes down who has the lock.
func (l *folderLock) sign(by string, since time.Time) error {
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("find the name of this machine: %w", err)
	}
	text, err := json.Marshal(owner{PID: os.Getpid(), User: by, Host: host, Since: since})
	if err != nil {
		return fmt.Errorf("write %s: %w", l.file.Name(), err)
	}
	if err := l.file.Truncate(0); err != nil {
		return explain("write", l.file.Name(), err)
	}
	_, err = l.file.WriteAt(append(text, '\n'), 0)
	return explain("write", l.file.Name(), err)
}

// release wipes the signature and lets go of the lock.
func (l *folderLock) release() error {
	return errors.Join(
		explain("write", l.file.Name(), l.file.Truncate(0)),
		explain("close", l.file.Name(), l.file.Close()),
	)
}

// inUse tells who holds the lock. A signature of a process that is gone was left
// by a crash, and the holder has not yet put its own in its place: it is not told.
func inUse(dir string, f *os.File) *InUseError {
	e := &InUseError{Path: dir}
	text := make([]byte, 4096)
	n, _ := f.ReadAt(text, 0) // what cannot be read is not told either
	var o owner
	if json.Unmarshal(text[:n], &o) != nil || o.PID <= 0 {
		return e
	}
	if host, err := os.Hostname(); err == nil && host != o.Host {
		e.Host = o.Host
	} else if errors.Is(syscall.Kill(o.PID, 0), syscall.ESRCH) {
		return e
	}
	e.PID, e.User, e.Since = o.PID, o.User, o.Since
	return e
}
