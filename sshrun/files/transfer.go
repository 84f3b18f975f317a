package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"syscall"

	"github.com/pkg/sftp"
)

// block is how much is written at a time. Within one the parts of it may arrive in
// any order, so a transfer that broke off is taken up at the beginning of its last
// block.
const block = 4 << 20

// Progress is told how many bytes of a transfer are there, of how many.
type Progress func(done, total int64)

// Download copies a file into a folder of this machine, under a name that a person
// gave or [LocalName] has accepted. Until it is whole it has another name, under
// which a download that broke off, a *BrokenOffError, is found again by the next one,
// as long as the file on the server is the same. Where the name is taken it is an
// *ExistsError unless overwrite is set.
func (f *Folder) Download(ctx context.Context, name string, to *os.Root, as string, overwrite bool, tell Progress) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	if _, err := to.Lstat(as); err == nil && !overwrite {
		return &ExistsError{as, true}
	}
	return f.do(ctx, "download", name, func(_ context.Context, on *session) error {
		at, _, err := f.file(on, name)
		if err != nil {
			return err
		}
		r, err := on.sftp.Open(at)
		if err != nil {
			return err
		}
		defer r.Close()
		info, err := r.Stat()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return &Error{Path: name, Problem: "it is " + kindOf(info.Mode()) + ", which is not downloaded"}
		}
		if err := f.still(on, name, at); err != nil {
			return err
		}
		size := info.Size()
		part := ".brokeforge-" + token(f.id, name, strconv.FormatInt(size, 10), info.ModTime().String()) + ".part"
		if err := fetch(r, name, to, part, size, tell); err != nil {
			return err
		}
		after, err := r.Stat()
		if err != nil {
			return err
		}
		if after.Size() != size || !after.ModTime().Equal(info.ModTime()) {
			return errors.Join(&Error{Path: name, Problem: "it was changed on the server while it was downloaded: download it again"}, to.Remove(part))
		}
		return place(to, part, as, overwrite)
	})
}

// fetch copies size bytes of a file to part, from where part ends.
func fetch(r *sftp.File, name string, to *os.Root, part string, size int64, tell Progress) (err error) {
	w, err := openPart(to, part)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	info, err := w.Stat()
	if err != nil {
		return err
	}
	have := info.Size()
	if have > size {
		have = 0
	}
	if err := w.Truncate(have); err != nil {
		return err
	}
	if _, err := w.Seek(have, io.SeekStart); err != nil {
		return err
	}
	if _, err := r.Seek(have, io.SeekStart); err != nil {
		return err
	}
	c := &counting{w: w, done: have, total: size, tell: tell}
	c.told()
	_, err = r.WriteTo(c)
	var full *fullError
	switch {
	case errors.As(err, &full):
		return &Error{Path: name, Problem: "it becomes longer while it is downloaded, so it is never whole"}
	case err != nil && errors.Is(c.local, syscall.ENOSPC):
		return errors.Join(&Error{Doing: "download", Path: name, Problem: "the disk of this machine is full", Err: c.local}, to.Remove(part))
	case err != nil && c.local != nil:
		return errors.Join(fmt.Errorf("write %s here: %w", part, c.local), to.Remove(part))
	case err != nil:
		return &BrokenOffError{name, c.done, size, err}
	case c.done != size:
		return &Error{Path: name, Problem: fmt.Sprintf("it has ended after %d bytes in place of %d: it was changed while it was downloaded", c.done, size)}
	}
	return w.Sync()
}

// openPart opens what is there of a download. Only a regular file is taken.
func openPart(to *os.Root, part string) (*os.File, error) {
	if info, err := to.Lstat(part); err == nil && !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is in the way here: it is no regular file", part)
	}
	return to.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o600)
}

// place gives a whole download its name. Nothing is replaced unless overwrite is set.
func place(to *os.Root, part, as string, overwrite bool) error {
	if err := to.Chmod(part, 0o644); err != nil {
		return err
	}
	if overwrite {
		if info, err := to.Lstat(as); err == nil && info.IsDir() {
			return errors.Join(&Error{Path: as, Problem: "it is a folder here, which is not replaced"}, to.Remove(part))
		}
		return to.Rename(part, as)
	}
	err := to.Link(part, as)
	if errors.Is(err, fs.ErrExist) {
		return &ExistsError{as, true}
	}
	if err != nil {
		return err
	}
	return to.Remove(part)
}

// fullError says that more came than there is room for.
type fullError struct{}

func (*fullError) Error() string { return "there is more than was announced" }

// counting passes on what is written, up to total.
type counting struct {
	w           io.Writer
	done, total int64
	tell        Progress
	local       error // of w
}

func (c *counting) Write(b []byte) (int, error) {
	if c.done+int64(len(b)) > c.total {
		return 0, &fullError{}
	}
	n, err := c.w.Write(b)
	c.done += int64(n)
	c.local = err
	c.told()
	return n, err
}

func (c *counting) told() {
	if c.tell != nil {
		c.tell(c.done, c.total)
	}
}

// Upload copies a file of this machine to a path. Until it is whole it has another
// name, under which an upload that broke off, a *BrokenOffError, is found again by
// the next one, as long as the file here is the same. Where the path is taken it is
// an *ExistsError unless overwrite is set, which keeps the mode of the file that is
// replaced.
func (f *Folder) Upload(ctx context.Context, from *os.File, name string, overwrite bool, tell Progress) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return &Error{Doing: "upload", Path: from.Name(), Problem: "it is " + kindOf(info.Mode()) + " here; only files are uploaded"}
	}
	return f.do(ctx, "upload", name, func(_ context.Context, on *session) error {
		at, err := f.place(on, name)
		if err != nil {
			return err
		}
		like := Version{Mode: newFile}
		old, err := on.sftp.Lstat(at)
		switch {
		case err == nil && !old.Mode().IsRegular():
			return &Error{Path: name, Problem: "it is " + kindOf(old.Mode()) + ", which is not replaced"}
		case err == nil && !overwrite:
			return &ExistsError{Path: name}
		case err == nil:
			e := entryOf(old, nil)
			like = Version{Mode: e.Mode, UID: e.UID, GID: e.GID}
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
		dir, _ := split(at)
		part := dir + "/.brokeforge-" + token(f.id, name, from.Name(), strconv.FormatInt(info.Size(), 10), info.ModTime().String()) + ".part"
		if err := send(on, from, name, part, info.Size(), like, old != nil, tell); err != nil {
			return err
		}
		if now, err := from.Stat(); err != nil || now.Size() != info.Size() || !now.ModTime().Equal(info.ModTime()) {
			return errors.Join(err, &Error{Path: name, Problem: "the file here was changed while it was uploaded: upload it again"}, on.sftp.Remove(part))
		}
		if overwrite {
			if _, ok := on.sftp.HasExtension("posix-rename@openssh.com"); ok {
				return on.sftp.PosixRename(part, at)
			}
			return &Error{Path: name, Problem: "the server can't replace a file in one go: delete it first"}
		}
		if err := absent(on, name, at); err != nil {
			return err
		}
		return on.sftp.Rename(part, at)
	})
}

// send copies a file to part, from the last block that part has, and gives it the
// mode and, where it is to replace a file, the owner of like. Unless the connection was
// lost, nothing is left of part where that fails.
func send(on *session, from *os.File, name, part string, size int64, like Version, replaces bool, tell Progress) (err error) {
	done, w, err := resumable(on, name, part, size)
	if err != nil {
		return err
	}
	defer func() {
		closeErr := w.Close()
		switch {
		case err == nil:
			err = closeErr
		case !isLost(err):
			dir, _ := split(part)
			err = errors.Join(full(on, "upload", name, dir, err), on.sftp.Remove(part))
		}
	}()
	said := func() {
		if tell != nil {
			tell(done, size)
		}
	}
	said()
	buffer := make([]byte, min(block, max(size-done, 1)))
	for done < size {
		n, err := io.ReadFull(io.NewSectionReader(from, done, min(block, size-done)), buffer[:min(block, size-done)])
		if err != nil {
			return &Error{Path: name, Problem: "the file here became shorter while it was uploaded", Err: err}
		}
		if _, err := w.WriteAt(buffer[:n], done); err != nil {
			if isLost(err) {
				return &BrokenOffError{name, done, size, err}
			}
			return err
		}
		done += int64(n)
		said()
	}
	if err := w.Truncate(size); err != nil {
		return err
	}
	if err := synced(w); err != nil {
		return err
	}
	info, err := w.Stat()
	if err != nil {
		return err
	}
	if info.Size() != size {
		return &Error{Path: name, Problem: fmt.Sprintf("there are %d bytes on the server in place of %d", info.Size(), size)}
	}
	if e := entryOf(info, nil); replaces && (e.UID != like.UID || e.GID != like.GID) {
		if err := w.Chown(int(like.UID), int(like.GID)); err != nil {
			return &Error{Path: name, Problem: "the file there has another owner or group, which the new one could not have: delete it first"}
		}
	}
	return w.Chmod(permissions(like.Mode))
}

// resumable opens what is there of an upload, and returns how much of it counts.
func resumable(on *session, name, part string, size int64) (done int64, w *sftp.File, err error) {
	info, err := on.sftp.Lstat(part)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		w, err = on.sftp.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		return 0, w, err
	case err != nil:
		return 0, nil, err
	case !info.Mode().IsRegular():
		return 0, nil, &Error{Path: name, Problem: "something stands where the upload is kept until it is whole: " + Shown(part)}
	}
	w, err = on.sftp.OpenFile(part, os.O_WRONLY)
	if err != nil {
		return 0, nil, err
	}
	if have := info.Size(); have <= size && have > 0 {
		done = (have - 1) / block * block
	}
	return done, w, nil
}
