package files

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
	"unicode/utf8"

	"github.com/pkg/sftp"
)

const (
	// MaxEdit is how large a file may be that is read whole, to be edited.
	MaxEdit = 8 << 20

	// sniffed is how much of a file tells whether it is text.
	sniffed = 8 << 10
)

// A Version is what a file was when it was read.
type Version struct {
	Size    int64
	Changed time.Time
	Mode    fs.FileMode
	UID     uint32
	GID     uint32
	Hash    [sha256.Size]byte // of the whole content
}

// A Head is the beginning of a file.
type Head struct {
	Data   []byte
	Size   int64 // of the whole file
	Binary bool  // it is no text
}

// More reports whether there is more of the file.
func (h Head) More() bool { return h.Size > int64(len(h.Data)) }

// IsText reports whether the beginning of a file is text: UTF-8 without NUL bytes in
// its first 8 KiB. whole says that nothing follows what is given.
func IsText(data []byte, whole bool) bool {
	if len(data) > sniffed {
		data, whole = data[:sniffed], false
	}
	if bytes.IndexByte(data, 0) >= 0 {
		return false
	}
	if !whole { // the last character may have been cut
		for i := 1; i < utf8.UTFMax && i <= len(data); i++ {
			if c := data[len(data)-i]; utf8.RuneStart(c) {
				if c >= utf8.RuneSelf && !utf8.FullRune(data[len(data)-i:]) {
					data = data[:len(data)-i]
				}
				break
			}
		}
	}
	return utf8.Valid(data)
}

// Head reads at most limit bytes of a file's beginning. Only regular files are
// read, so that nothing waits or goes on for ever.
func (f *Folder) Head(ctx context.Context, name string, limit int) (out Head, err error) {
	name, err = Clean(name)
	if err != nil {
		return Head{}, err
	}
	err = f.brief(ctx, "read", name, func(_ context.Context, on *session) error {
		at, _, err := f.file(on, name)
		if err != nil {
			return err
		}
		data, info, err := f.read(on, name, at, limit)
		if err != nil {
			return err
		}
		out = Head{Data: data, Size: max(info.Size(), int64(len(data)))}
		out.Binary = !IsText(data, !out.More())
		return nil
	})
	return out, err
}

// read opens a file whose place was checked, and reads its beginning.
func (f *Folder) read(on *session, name, at string, limit int) ([]byte, fs.FileInfo, error) {
	r, err := on.sftp.Open(at)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, nil, &Error{Path: name, Problem: "it is " + kindOf(info.Mode()) + ", which is not read here"}
	}
	if err := f.still(on, name, at); err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(limit)))
	return data, info, err
}

// Read reads a whole file of at most MaxEdit bytes.
func (f *Folder) Read(ctx context.Context, name string) (data []byte, v Version, err error) {
	name, err = Clean(name)
	if err != nil {
		return nil, Version{}, err
	}
	err = f.brief(ctx, "read", name, func(_ context.Context, on *session) error {
		at, _, err := f.file(on, name)
		if err != nil {
			return err
		}
		data, v, err = f.whole(on, name, at)
		return err
	})
	return data, v, err
}

func (f *Folder) whole(on *session, name, at string) ([]byte, Version, error) {
	data, info, err := f.read(on, name, at, MaxEdit+1)
	if err != nil {
		return nil, Version{}, err
	}
	if len(data) > MaxEdit {
		return nil, Version{}, &Error{Path: name, Problem: fmt.Sprintf("it is larger than %d MiB: download it", MaxEdit>>20)}
	}
	e := entryOf(info, nil)
	return data, Version{Size: int64(len(data)), Changed: e.Changed, Mode: e.Mode, UID: e.UID, GID: e.GID, Hash: sha256.Sum256(data)}, nil
}

// Saved tells how a file was saved.
type Saved struct {
	Version Version
	// InPlace says why the file could not be replaced in one go and was written
	// where it is; empty where it was replaced.
	InPlace string
}

// Save replaces the content of a file, which keeps its owner, group and mode. It is
// written beside the file and then takes its place, so that there is always a whole
// one. Where that can't be done without another owner, it is written in place.
//
// A file that is not as read says any more is a *ChangedError, unless force is set.
func (f *Folder) Save(ctx context.Context, name string, data []byte, read Version, force bool) (out Saved, err error) {
	name, err = Clean(name)
	if err != nil {
		return Saved{}, err
	}
	err = f.brief(ctx, "save", name, func(_ context.Context, on *session) error {
		at, _, err := f.file(on, name)
		if errors.Is(err, fs.ErrNotExist) && !force {
			return &ChangedError{name, "it is gone"}
		}
		if err != nil {
			return err
		}
		now, err := f.unchanged(on, name, at, read, force)
		if err != nil {
			return err
		}
		out.InPlace, err = f.replace(on, name, at, data, now)
		if err != nil {
			return err
		}
		saved, v, err := f.whole(on, name, at)
		if err != nil {
			return err
		}
		if !bytes.Equal(saved, data) {
			return &Error{Path: name, Problem: "what stands there after saving is not what was saved: somebody else writes it too"}
		}
		out.Version = v
		return nil
	})
	return out, err
}

// unchanged reads a file again and compares it with what was read.
func (f *Folder) unchanged(on *session, name, at string, read Version, force bool) (Version, error) {
	if force {
		info, err := on.sftp.Lstat(at)
		if err != nil {
			return Version{}, err
		}
		e := entryOf(info, nil)
		return Version{Size: e.Size, Changed: e.Changed, Mode: e.Mode, UID: e.UID, GID: e.GID}, nil
	}
	_, now, err := f.whole(on, name, at)
	switch {
	case err != nil:
		return Version{}, err
	case now.Size != read.Size:
		return Version{}, &ChangedError{name, fmt.Sprintf("it has %d bytes in place of %d", now.Size, read.Size)}
	case now.Hash != read.Hash:
		return Version{}, &ChangedError{name, "its content is another one"}
	case now.Mode != read.Mode || now.UID != read.UID || now.GID != read.GID:
		return Version{}, &ChangedError{name, "its owner or mode is another one"}
	}
	return now, nil
}

// replace puts data in the place of a file, and returns why it was written in place
// if it was.
func (f *Folder) replace(on *session, name, at string, data []byte, now Version) (why string, err error) {
	if _, ok := on.sftp.HasExtension("posix-rename@openssh.com"); !ok {
		return "the server can't replace a file in one go", f.overwrite(on, name, at, data)
	}
	dir, _ := split(at)
	temporary := dir + "/.brokeforge-" + rand.Text() + ".new"
	w, err := on.sftp.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return "no file can be made beside it", f.overwrite(on, name, at, data)
	}
	why, err = fill(w, data, now)
	if err = errors.Join(err, w.Close()); err == nil && why == "" {
		if err = f.same(on, name, at, now); err == nil {
			err = on.sftp.PosixRename(temporary, at)
		}
	}
	if err == nil && why == "" {
		return "", nil
	}
	err = full(on, "save", name, dir, err)
	// What was lost is told by err.
	_ = on.sftp.Remove(temporary)
	if err != nil {
		return "", err
	}
	return why, f.overwrite(on, name, at, data)
}

// fill writes a new file and gives it the owner, the group and at last the mode of
// the one it is to replace. It returns why that can't be done.
func fill(w *sftp.File, data []byte, now Version) (why string, err error) {
	info, err := w.Stat()
	if err != nil {
		return "", err
	}
	if e := entryOf(info, nil); e.UID != now.UID || e.GID != now.GID {
		if err := w.Chown(int(now.UID), int(now.GID)); err != nil {
			return "only its owner and group could be kept by writing it in place", nil
		}
	}
	if _, err := w.WriteAt(data, 0); err != nil {
		return "", err
	}
	if err := w.Chmod(permissions(now.Mode)); err != nil {
		return "", err
	}
	return "", synced(w)
}

// synced has a file written to the disk, where the server can do that.
func synced(w *sftp.File) error {
	err := w.Sync()
	var status *sftp.StatusError
	if errors.Is(err, sftp.ErrSSHFxOpUnsupported) || errors.As(err, &status) && status.FxCode() == sftp.ErrSSHFxOpUnsupported {
		return nil
	}
	return err
}

// same sees, right before a file is replaced, that nobody has touched it.
func (f *Folder) same(on *session, name, at string, now Version) error {
	info, err := on.sftp.Lstat(at)
	if err != nil {
		return err
	}
	if e := entryOf(info, nil); e.Size != now.Size || !e.Changed.Equal(now.Changed) || e.Mode != now.Mode {
		return &ChangedError{name, "somebody wrote it just now"}
	}
	return nil
}

// overwrite writes a file where it is. What makes it longer is written first, so that
// a full disk leaves it as it was.
func (f *Folder) overwrite(on *session, name, at string, data []byte) error {
	w, err := on.sftp.OpenFile(at, os.O_WRONLY)
	if err != nil {
		return err
	}
	return errors.Join(f.fillAgain(on, w, name, at, data), w.Close())
}

func (f *Folder) fillAgain(on *session, w *sftp.File, name, at string, data []byte) error {
	if err := f.still(on, name, at); err != nil {
		return err
	}
	info, err := w.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size < int64(len(data)) {
		if _, err := w.WriteAt(data[size:], size); err != nil {
			dir, _ := split(at)
			return errors.Join(full(on, "save", name, dir, err), w.Truncate(size))
		}
	}
	if _, err := w.WriteAt(data, 0); err != nil {
		return err
	}
	if err := w.Truncate(int64(len(data))); err != nil {
		return err
	}
	return synced(w)
}

// permissions are the bits of a mode that chmod(2) sets.
func permissions(m fs.FileMode) fs.FileMode {
	return m & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// token names what is transferred, the same each time.
func token(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil)[:12])
}
