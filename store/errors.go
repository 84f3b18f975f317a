package store

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"time"
)

// ErrNotFound says that no such record exists. Errors that wrap it say which.
var ErrNotFound = errors.New("not found")

// ErrClosed is returned by every transaction after [DB.Close].
var ErrClosed = errors.New("the database is closed")

func notFound(kind, name string) error {
	return fmt.Errorf("%s %q: %w", kind, name, ErrNotFound)
}

// ExistsError says that a name that must be unique is taken.
type ExistsError struct {
	Kind string // "server" or "site"
	Name string
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("a %s named %q exists already; choose another name", e.Kind, e.Name)
}

// InUseError says that another process has the state folder open, and which.
type InUseError struct {
	Path  string    // the state folder
	PID   int       // 0 where the process is not known
	User  string    // the login that it was opened by; empty where not known
	Host  string    // the machine the process runs on; empty where it is this one
	Since time.Time // when it was opened; zero where not known
}

func (e *InUseError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the state folder %s is in use by ", e.Path)
	if e.PID == 0 {
		b.WriteString("another process")
	} else {
		fmt.Fprintf(&b, "process %d", e.PID)
	}
	if e.User != "" {
		fmt.Fprintf(&b, " of user %s", e.User)
	}
	if e.Host != "" {
		fmt.Fprintf(&b, " on host %s", e.Host)
	}
	if !e.Since.IsZero() {
		fmt.Fprintf(&b, " since %s", e.Since.Local().Format("2006-01-02 15:04:05"))
	}
	b.WriteString("; quit that one first, or use another state folder")
	return b.String()
}

// DamagedError says that the database cannot be trusted, and why. The file was
// left as it is.
type DamagedError struct {
	Path   string
	Reason string
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("the database %s cannot be used: %s; it was left as it is: "+
		"put a backup in its place, or move it away to begin with an empty one", e.Path, e.Reason)
}

// NewerError says that the database was written by a later BrokeForge. The file
// was left as it is.
type NewerError struct {
	Path  string
	Have  int // the schema version of the file
	Known int // the highest schema version that this program knows
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("the database %s was written by a newer brokeforge (schema version %d, this one knows up to %d); "+
		"it was left as it is: use the newer brokeforge, or another state folder", e.Path, e.Have, e.Known)
}

// FinalError says that a run has ended and so cannot change its state.
type FinalError struct {
	Run   ID
	State RunState // how it ended
	To    RunState // what it was to become
}

func (e *FinalError) Error() string {
	return fmt.Sprintf("run %s has ended as %s and cannot become %s", e.Run.Short(), e.State, e.To)
}

// AmbiguousError says that several runs fit what somebody typed.
type AmbiguousError struct {
	Typed      string
	Candidates []ID // the newest of them, newest first
	More       bool // there are others
}

func (e *AmbiguousError) Error() string {
	names := make([]string, len(e.Candidates))
	for i, id := range e.Candidates {
		names[i] = string(id)
	}
	if e.More {
		names = append(names, "others")
	}
	return fmt.Sprintf("%q fits several runs (%s); type more of the id", e.Typed, strings.Join(names, ", "))
}

// explain adds to an error of the file system what it means and what can be done.
// It returns nil for nil.
func explain(doing, path string, err error) error {
	if err == nil {
		return nil
	}
	var why string
	switch {
	case errors.Is(err, syscall.EROFS):
		why = "the disk is mounted read-only; use a state folder on a disk that can be written"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		why = "the disk is full; make room and try again"
	case errors.Is(err, syscall.ENOTDIR):
		why = "a part of that path is a file, not a folder; use another state folder"
	case errors.Is(err, fs.ErrPermission):
		why = "you may not do that; look at its owner and mode, or use another state folder"
	default:
		return fmt.Errorf("%s %s: %w", doing, path, err)
	}
	return fmt.Errorf("%s %s: %s: %w", doing, path, why, err)
}
