package files

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync"
)

const (
	newFile   fs.FileMode = 0o644 // of what is made, as useradd's umask makes it
	newFolder fs.FileMode = 0o755

	// maxDepth is how deep folders are deleted; a path has no more names.
	maxDepth = maxPath / 2

	// sideBySide is how many entries are deleted at a time, for servers far away.
	sideBySide = 32
)

// absent demands that there is nothing of a name.
func absent(on *session, name, at string) error {
	_, err := on.sftp.Lstat(at)
	switch {
	case err == nil:
		return &ExistsError{Path: name}
	case errors.Is(err, fs.ErrNotExist):
		return nil
	}
	return err
}

// make has something made where there is nothing.
func (f *Folder) make(ctx context.Context, name string, do func(on *session, name, at string) error) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	return f.brief(ctx, "make", name, func(_ context.Context, on *session) error {
		at, err := f.place(on, name)
		if err != nil {
			return err
		}
		if err := absent(on, name, at); err != nil {
			return err
		}
		return do(on, name, at)
	})
}

// Create makes an empty file with mode 0644. That there is something already is an
// *ExistsError.
func (f *Folder) Create(ctx context.Context, name string) error {
	return f.make(ctx, name, func(on *session, _, at string) error {
		w, err := on.sftp.OpenFile(at, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err != nil {
			return err
		}
		return errors.Join(w.Chmod(newFile), w.Close())
	})
}

// Mkdir makes a folder with mode 0755. That there is something already is an
// *ExistsError.
func (f *Folder) Mkdir(ctx context.Context, name string) error {
	return f.make(ctx, name, func(on *session, name, at string) error {
		if err := on.sftp.Mkdir(at); err != nil {
			return err
		}
		return f.chmod(on, name, at, newFolder)
	})
}

// Rename gives something another path within the folder. A link is renamed itself.
// That there is something already is an *ExistsError.
func (f *Folder) Rename(ctx context.Context, from, to string) error {
	from, err := Clean(from)
	if err != nil {
		return err
	}
	if to, err = Clean(to); err != nil {
		return err
	}
	return f.brief(ctx, "rename", from, func(_ context.Context, on *session) error {
		old, err := f.place(on, from)
		if err != nil {
			return err
		}
		if _, err := on.sftp.Lstat(old); err != nil {
			return err
		}
		fresh, err := f.place(on, to)
		if errors.Is(err, fs.ErrNotExist) {
			return &Error{Doing: "rename to", Path: to, Problem: "the folder that it is to be in is not there"}
		}
		if err != nil {
			return err
		}
		if old != fresh && within(old, fresh) {
			return &Error{Doing: "rename", Path: from, Problem: "a folder can't be put into itself"}
		}
		if err := absent(on, to, fresh); err != nil {
			return err
		}
		// Unlike a posix-rename, this never replaces anything.
		return on.sftp.Rename(old, fresh)
	})
}

// Chmod gives a file or a folder another mode, of which the permissions and the
// setuid, setgid and sticky bits count. A link has none.
func (f *Folder) Chmod(ctx context.Context, name string, mode fs.FileMode) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	return f.brief(ctx, "change the mode of", name, func(_ context.Context, on *session) error {
		at := f.real
		if name != "" {
			var err error
			if at, err = f.place(on, name); err != nil {
				return err
			}
		}
		return f.chmod(on, name, at, mode)
	})
}

// chmod changes a mode and sees that it has. SFTP can't be told not to follow a link
// that takes the place of a file right then; it would lead to what is the user's own
// anyway, as nobody may change the mode of another's file.
func (f *Folder) chmod(on *session, name, at string, mode fs.FileMode) error {
	info, err := on.sftp.Lstat(at)
	if err != nil {
		return err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		return &Error{Path: name, Problem: "it is a link, which has no mode of its own"}
	}
	if err := on.sftp.Chmod(at, permissions(mode)); err != nil {
		return err
	}
	if info, err = on.sftp.Lstat(at); err != nil {
		return err
	}
	if permissions(info.Mode()) != permissions(mode) {
		return &Error{Path: name, Problem: "the server has not set that mode: the user is not in its group, perhaps"}
	}
	return nil
}

// Count returns how many entries there are under a folder, itself not counted, but
// at most limit.
func (f *Folder) Count(ctx context.Context, name string, limit int) (n int, err error) {
	name, err = Clean(name)
	if err != nil {
		return 0, err
	}
	err = f.do(ctx, "count", name, func(ctx context.Context, on *session) error {
		n = 0
		return f.count(ctx, on, name, limit, &n)
	})
	return min(n, limit), err
}

func (f *Folder) count(ctx context.Context, on *session, name string, limit int, n *int) error {
	dir, err := f.hardDir(on, name)
	if err != nil {
		return err
	}
	infos, _, err := readDir(ctx, on, dir)
	if err != nil {
		return err
	}
	*n += len(infos)
	for _, info := range infos {
		if *n >= limit {
			return nil
		}
		if info.IsDir() {
			if err := f.count(ctx, on, join(name, info.Name()), limit, n); err != nil {
				return err
			}
		}
	}
	return nil
}

// hardDir returns the path of a folder that no link leads to.
func (f *Folder) hardDir(on *session, name string) (string, error) {
	real, err := f.dir(on, name)
	if err != nil || name == "" {
		return real, err
	}
	at, err := f.place(on, name)
	if err != nil {
		return "", err
	}
	if at != real {
		return "", &Error{Path: name, Problem: "it is a link"}
	}
	return real, nil
}

// Delete deletes a file, a link itself, or a folder with all that is in it, and tells
// how many entries are deleted so far; tell may be nil. It follows no link.
func (f *Folder) Delete(ctx context.Context, name string, tell func(n int)) error {
	name, err := Clean(name)
	if err != nil {
		return err
	}
	if name == "" {
		return &Error{Doing: "delete", Path: name, Problem: "that would be all there is; delete what is in it"}
	}
	d := &deleting{folder: f, tell: tell}
	return f.do(ctx, "delete", name, func(ctx context.Context, on *session) error {
		at, err := f.place(on, name)
		if err != nil {
			return err
		}
		info, err := on.sftp.Lstat(at)
		if err != nil {
			return err
		}
		return d.entry(ctx, on, name, at, info.IsDir(), 0)
	})
}

// deleting is a deletion that goes on.
type deleting struct {
	folder *Folder
	tell   func(int)

	mu sync.Mutex
	n  int
}

func (d *deleting) done() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	if d.tell != nil {
		d.tell(d.n)
	}
}

func (d *deleting) entry(ctx context.Context, on *session, name, at string, isDir bool, depth int) error {
	if !isDir {
		return d.gone(name, on.sftp.Remove(at))
	}
	if depth > maxDepth {
		return &Error{Doing: "delete", Path: name, Problem: "it is too deep"}
	}
	// Again and again until nothing is left, as a listing may be cut.
	for last := -1; ; {
		real, err := on.sftp.RealPath(at)
		if err != nil {
			return err
		}
		if real != at {
			return &Error{Doing: "delete", Path: name, Problem: "it was replaced by a link"}
		}
		infos, cut, err := readDir(ctx, on, at)
		if err != nil {
			return explain("delete", name, err)
		}
		if err := d.all(ctx, on, name, at, infos, depth); err != nil {
			return err
		}
		if !cut {
			break
		}
		if len(infos) == last {
			return &Error{Doing: "delete", Path: name, Problem: "what is in it does not become less"}
		}
		last = len(infos)
	}
	return d.gone(name, on.sftp.RemoveDirectory(at))
}

func (d *deleting) gone(name string, err error) error {
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return explain("delete", name, err)
	}
	d.done()
	return nil
}

// all deletes what is in a folder: files side by side, and then folders one after
// the other. It goes on after what can't be deleted, and returns the first error.
func (d *deleting) all(ctx context.Context, on *session, name, at string, infos []fs.FileInfo, depth int) error {
	work := make(chan fs.FileInfo)
	errs := make(chan error, sideBySide)
	var group sync.WaitGroup
	for range min(sideBySide, len(infos)) {
		group.Go(func() {
			var first error
			for info := range work {
				err := d.entry(ctx, on, join(name, info.Name()), at+"/"+info.Name(), false, depth+1)
				if first == nil {
					first = err
				}
			}
			errs <- first
		})
	}
	var dirs []fs.FileInfo
	for _, info := range infos {
		if info.IsDir() {
			dirs = append(dirs, info)
			continue
		}
		if ctx.Err() != nil {
			break
		}
		work <- info
	}
	close(work)
	group.Wait()
	close(errs)
	var first error
	for err := range errs {
		if first == nil {
			first = err
		}
	}
	for _, info := range dirs {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		err := d.entry(ctx, on, join(name, info.Name()), at+"/"+info.Name(), true, depth+1)
		if first == nil {
			first = err
		}
	}
	return first
}
