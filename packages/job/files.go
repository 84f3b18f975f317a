package job

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/sshrun/files"
	"brokeforge/store"
)

// What files are told of with, for those who do not know the connection.
type (
	FileEntry     = files.Entry
	FileListing   = files.Listing
	FileHead      = files.Head
	FileVersion   = files.Version
	FileSaved     = files.Saved
	FileProgress  = files.Progress
	FileError     = files.Error
	FileExists    = files.ExistsError
	FileChanged   = files.ChangedError
	FileBrokenOff = files.BrokenOffError
)

// MaxFileEdit is how large a file may be that is edited, in bytes.
const MaxFileEdit = files.MaxEdit

// ShownName returns a name of a file for people; see files.Shown.
func ShownName(name string) string { return files.Shown(name) }

// CleanPath returns a path within a folder in its one form; see files.Clean.
func CleanPath(name string) (string, error) { return files.Clean(name) }

// LocalName returns a file's name for a file on this machine; see files.LocalName.
func LocalName(name string) (string, error) { return files.LocalName(name) }

// IsText reports whether the beginning of a file is text; see files.IsText.
func IsText(data []byte, whole bool) bool { return files.IsText(data, whole) }

// ParseMode reads a mode of three or four octal digits.
func ParseMode(s string) (fs.FileMode, error) { return files.ParseMode(s) }

// ShownMode returns a mode in four octal digits.
func ShownMode(m fs.FileMode) string { return files.ShownMode(m) }

// EditCopy writes the content of a file into a folder of its own on this machine,
// which nobody else may enter, for an editor, and returns where. Its name is the
// file's if that is a harmless one.
func EditCopy(name string, data []byte) (file string, err error) {
	dir, err := os.MkdirTemp("", "brokeforge-")
	if err != nil {
		return "", err
	}
	as, err := files.LocalName(name)
	if err != nil {
		as = "file"
	}
	file = filepath.Join(dir, as)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return file, nil
}

// FilesAt says whose files are handled, and where.
type FilesAt struct {
	Server store.ID
	Root   string // the folder that nothing leaves, from the top
	User   string // whom they belong to, who is not root
}

// Files handles the files of a folder on a server: *files.Folder, which says what
// its methods do.
type Files interface {
	Root() string
	List(ctx context.Context, name string) (FileListing, error)
	Stat(ctx context.Context, name string) (FileEntry, error)
	Follow(ctx context.Context, name string) (path string, e FileEntry, err error)
	Head(ctx context.Context, name string, limit int) (FileHead, error)
	Read(ctx context.Context, name string) ([]byte, FileVersion, error)
	Save(ctx context.Context, name string, data []byte, read FileVersion, force bool) (FileSaved, error)
	Create(ctx context.Context, name string) error
	Mkdir(ctx context.Context, name string) error
	Rename(ctx context.Context, from, to string) error
	Chmod(ctx context.Context, name string, mode fs.FileMode) error
	Count(ctx context.Context, name string, limit int) (int, error)
	Delete(ctx context.Context, name string, tell func(n int)) error
	Download(ctx context.Context, name string, to *os.Root, as string, overwrite bool, tell FileProgress) error
	Upload(ctx context.Context, from *os.File, name string, overwrite bool, tell FileProgress) error
	Close() error
}

// Files connects to a server and opens a folder there, as the user that it belongs
// to. It is connected to anew whenever the connection was lost. Its errors are a
// *HostKeyError, a *ReachError, a *FileError, and why there can be no file server.
func (e *Engine) Files(ctx context.Context, at FilesAt) (Files, error) {
	server, err := e.server(at.Server)
	if err != nil {
		return nil, err
	}
	dial := func(ctx context.Context) (io.ReadWriteCloser, error) {
		remote, err := e.reach(ctx, server)
		if err != nil {
			return nil, err
		}
		pipe, err := remote.FileServer(ctx, at.User)
		var lost *sshrun.LostError
		var refused *sshrun.SessionError
		if errors.As(err, &lost) || errors.As(err, &refused) {
			return nil, &ReachError{Server: server.Name, Err: err}
		}
		if err != nil {
			return nil, err
		}
		return pipe, nil
	}
	folder, err := files.Open(ctx, dial, at.Root, string(server.ID)+"\x00"+at.User)
	if err != nil {
		return nil, err
	}
	return folder, nil
}

// FilesOfSite says where the files of a site are and whose they are: its folder,
// with its releases and what outlives them, and its user. Where several servers have
// the domain, server names the one that is meant; empty means that there is one. Its
// errors are an *InputError.
func (e *Engine) FilesOfSite(domain, server string) (FilesAt, error) {
	views, err := e.Sites()
	if err != nil {
		return FilesAt{}, err
	}
	views = slices.DeleteFunc(views, func(v SiteView) bool {
		return v.Domain != domain || server != "" && v.Server != server
	})
	switch len(views) {
	case 0:
		return FilesAt{}, &InputError{"site", "there is no site " + ShownName(domain)}
	case 1:
	default:
		return FilesAt{}, &InputError{"site", ShownName(domain) + " is on several servers: say on which"}
	}
	site := views[0]
	place, ok := packages.PlaceOf(e.cfg.Catalog, packages.SiteContext{Site: site.Site, SiteInstalled: site.Packages})
	if !ok || place.User == "" {
		return FilesAt{}, &InputError{"site", ShownName(domain) + " is not made yet: nothing is known of its files"}
	}
	// Where its commands run is the link to the release that is live, which changes.
	return FilesAt{Server: site.ServerID, Root: path.Dir(place.Folder), User: place.User}, nil
}
