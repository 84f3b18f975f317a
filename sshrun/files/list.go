package files

import (
	"context"
	"errors"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/sftp"
)

// maxListing is how many bytes of a listing are read, which bounds the memory that
// a folder takes: some 300,000 entries.
const maxListing = 64 << 20

// An Entry is a file, a folder or something else, as the server tells of it.
type Entry struct {
	Name    string // the bytes as they are; show it with Shown
	Size    int64  // in bytes, of a regular file
	Mode    fs.FileMode
	UID     uint32
	GID     uint32
	Changed time.Time // of the content, to the second
	Owner   string    // the user's name, or number
	Group   string    // the group's name, or number
	Target  string    // of a link, as it is; only Stat tells it
}

// IsLink reports whether it is a symbolic link.
func (e Entry) IsLink() bool { return e.Mode&fs.ModeSymlink != 0 }

// Kind says what it is in a word or two, such as "a folder".
func (e Entry) Kind() string {
	if e.Mode.IsRegular() {
		return "a file"
	}
	return kindOf(e.Mode)
}

// A Listing is what is in a folder.
type Listing struct {
	Entries []Entry // in the order of the server
	Cut     bool    // there are more than are listed
}

func entryOf(info fs.FileInfo, o *owners) Entry {
	e := Entry{Name: info.Name(), Size: info.Size(), Mode: info.Mode(), Changed: info.ModTime()}
	if stat, ok := info.Sys().(*sftp.FileStat); ok {
		e.UID, e.GID = stat.UID, stat.GID
	}
	if o != nil {
		e.Owner, e.Group = nameOf(o.users, e.UID), nameOf(o.groups, e.GID)
	}
	return e
}

func nameOf(names map[uint32]string, id uint32) string {
	if name := names[id]; name != "" {
		return name
	}
	return strconv.FormatUint(uint64(id), 10)
}

// List returns what is in a folder.
func (f *Folder) List(ctx context.Context, name string) (out Listing, err error) {
	name, err = Clean(name)
	if err != nil {
		return Listing{}, err
	}
	err = f.do(ctx, "list", name, func(ctx context.Context, on *session) error {
		dir, err := f.dir(on, name)
		if err != nil {
			return err
		}
		o := f.names(on)
		infos, cut, err := readDir(ctx, on, dir)
		if err != nil {
			return err
		}
		out = Listing{Entries: make([]Entry, 0, len(infos)), Cut: cut}
		for _, info := range infos {
			out.Entries = append(out.Entries, entryOf(info, o))
		}
		return nil
	})
	return out, err
}

// readDir reads a folder, but no more than maxListing bytes of it. A server that
// names something that is no name in it is not believed.
func readDir(ctx context.Context, on *session, dir string) (infos []fs.FileInfo, cut bool, err error) {
	enough, stop := context.WithCancel(ctx)
	defer stop()
	begun := on.link.read.Load()
	done := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if on.link.read.Load()-begun > maxListing {
					stop()
					return
				}
			case <-done:
				return
			}
		}
	}()
	infos, err = on.sftp.ReadDirContext(enough, dir)
	close(done)
	<-watched
	if errors.Is(err, context.Canceled) && ctx.Err() == nil {
		cut, err = true, nil
	}
	kept := infos[:0]
	for _, info := range infos {
		if name := info.Name(); name != "" && name != "." && name != ".." && !strings.ContainsAny(name, "/\x00") {
			kept = append(kept, info)
		}
	}
	return kept, cut, err
}

// Stat tells of one name, and of a link where it leads.
func (f *Folder) Stat(ctx context.Context, name string) (out Entry, err error) {
	name, err = Clean(name)
	if err != nil {
		return Entry{}, err
	}
	err = f.brief(ctx, "look at", name, func(_ context.Context, on *session) error {
		at := f.real
		if name != "" {
			var err error
			if at, err = f.place(on, name); err != nil {
				return err
			}
		}
		info, err := on.sftp.Lstat(at)
		if err != nil {
			return err
		}
		out = entryOf(info, f.names(on))
		_, out.Name = split(name)
		if out.IsLink() {
			// Without it, the link is still told of.
			out.Target, _ = on.sftp.ReadLink(at)
		}
		return nil
	})
	return out, err
}

// Follow returns what a name leads to through links within the folder, and its path
// there. Other errors apart, it refuses a link that leads out of the folder or
// nowhere.
func (f *Folder) Follow(ctx context.Context, name string) (path string, out Entry, err error) {
	name, err = Clean(name)
	if err != nil {
		return "", Entry{}, err
	}
	err = f.brief(ctx, "follow", name, func(_ context.Context, on *session) error {
		at := f.real
		if name != "" {
			var err error
			if at, err = f.place(on, name); err != nil {
				return err
			}
			if at, err = f.followed(on, name, at); err != nil {
				return err
			}
		}
		info, err := on.sftp.Lstat(at)
		if err != nil {
			return err
		}
		out = entryOf(info, f.names(on))
		path = strings.TrimPrefix(strings.TrimPrefix(at, f.real), "/")
		_, out.Name = split(path)
		return nil
	})
	return path, out, err
}
