package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/pkg/sftp"
)

// An Error says what is wrong with a path, in a sentence.
type Error struct {
	Doing   string // such as "delete"; empty where nothing was begun
	Path    string // within the folder
	Problem string
	Err     error // may be nil
}

// Error names the path as [Shown] does.
func (e *Error) Error() string {
	name := Shown(e.Path)
	if e.Path == "" {
		name = "the folder itself"
	}
	if e.Doing != "" {
		return fmt.Sprintf("%s %s: %s", e.Doing, name, e.Problem)
	}
	return fmt.Sprintf("%s: %s", name, e.Problem)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A ChangedError says that a file is not any more what it was when it was read, so
// that nothing was written.
type ChangedError struct {
	Path string
	How  string
}

// Error says how it has changed.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s has changed on the server since it was read: %s; nothing was written", Shown(e.Path), e.How)
}

// An ExistsError says that something of that name is there already, so that
// nothing was written.
type ExistsError struct {
	Path string
	Here bool // on this machine, not on the server
}

// Error says where it is.
func (e *ExistsError) Error() string {
	where := "on the server"
	if e.Here {
		where = "here"
	}
	return fmt.Sprintf("%s is there already %s; nothing was written", Shown(e.Path), where)
}

// A BrokenOffError says that a transfer was cut off; begun again, it goes on where
// it was.
type BrokenOffError struct {
	Path string
	Done int64 // bytes that are kept
	Size int64
	Err  error
}

// Error says how far it was.
func (e *BrokenOffError) Error() string {
	return fmt.Sprintf("%s broke off at %d of %d bytes: %v; the same again goes on from there", Shown(e.Path), e.Done, e.Size, e.Err)
}

// Unwrap returns the cause.
func (e *BrokenOffError) Unwrap() error { return e.Err }

// explain turns an error of SFTP into a sentence of this package.
func explain(doing, name string, err error) error {
	var ours *Error
	var changed *ChangedError
	var exists *ExistsError
	var broke *BrokenOffError
	var status *sftp.StatusError
	problem := ""
	switch {
	case err == nil:
		return nil
	case errors.As(err, &ours), errors.As(err, &changed), errors.As(err, &exists), errors.As(err, &broke),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	case errors.Is(err, fs.ErrNotExist):
		problem = "it is not there"
	case errors.Is(err, fs.ErrPermission):
		problem = "the user of these files may not do that"
	case errors.As(err, &status) && strings.EqualFold(status.FxCode().Error(), "failure"):
		problem = "the server refuses it without a reason: the disk or the user's quota may be full, or something stands in the way"
	case errors.As(err, &status):
		problem = "the server refuses it: " + Shown(status.Error())
	default:
		return fmt.Errorf("%s %s: %w", doing, Shown(name), err)
	}
	return &Error{Doing: doing, Path: name, Problem: problem, Err: err}
}

// noRoom is how many free bytes are as good as none: less than one write of SFTP.
const noRoom = 32 << 10

// full says that a disk is full, of which SFTP only tells that something has failed.
// dir is where the file is.
func full(on *session, doing, name, dir string, err error) error {
	var status *sftp.StatusError
	if !errors.As(err, &status) || status.FxCode() != sftp.ErrSSHFxFailure {
		return err
	}
	disk, statErr := on.sftp.StatVFS(dir)
	switch {
	case statErr != nil: // servers need not know
		return err
	case disk.Frsize*disk.Bavail < noRoom:
		return &Error{Doing: doing, Path: name, Problem: "the disk of the server is full", Err: err}
	case disk.Files > 0 && disk.Favail == 0:
		return &Error{Doing: doing, Path: name, Problem: "the disk of the server has no room for more files", Err: err}
	}
	return err
}

// isLost reports whether the connection to the file server is gone.
func isLost(err error) bool {
	var status *sftp.StatusError
	return errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.ErrClosedPipe) || errors.Is(err, io.EOF) && !errors.As(err, &status)
}
