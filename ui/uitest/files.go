package uitest

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"

	"brokeforge/packages/job"
)

// Files are made-up files. Its fields may be set before it is used.
type Files struct {
	mu      sync.Mutex
	Entries map[string]job.FileEntry // by path
	Content map[string]string        // of files
	Done    []string                 // what was done, a line each
	Error   error                    // what everything gives
	Wait    <-chan struct{}          // a transfer waits for it after its first half
}

// NewFiles returns the files of a small site.
func NewFiles(e *Engine) *Files {
	f := &Files{Entries: map[string]job.FileEntry{}, Content: map[string]string{}}
	at := e.Now()
	add := func(name string, mode fs.FileMode, size int64, target string) {
		f.Entries[name] = job.FileEntry{Name: path.Base(name), Mode: mode, Size: size, Changed: at, Owner: "brokeforge", Group: "www-data", Target: target}
	}
	add("public", fs.ModeDir|0o755, 4096, "")
	add("public/index.php", 0o644, 418, "")
	add("storage", fs.ModeDir|fs.ModeSetgid|0o775, 4096, "")
	add(".env", 0o640, 812, "")
	add("artisan", 0o755, 1686, "")
	add("backup.tar.gz", 0o600, 734_003_200, "")
	add("current", fs.ModeSymlink|0o777, 6, "public")
	add("queue.sock", fs.ModeSocket|0o660, 0, "")
	add("line\nbreak\x1b[2J\xff.txt", 0o644, 5, "")
	f.Content[".env"] = "APP_ENV=production\nAPP_URL=https://blog.example.org\n"
	f.Content["artisan"] = "#!/usr/bin/env php\n<?php\n"
	f.Content["backup.tar.gz"] = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03" + strings.Repeat("\x9a\x00Z", 40)
	return f
}

// Files opens the made-up files.
func (e *Engine) Files(context.Context, job.FilesAt) (job.Files, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.Explored == nil {
		e.Explored = NewFiles(e)
	}
	return e.Explored, e.FilesError
}

// FilesOfSite says that every site has files.
func (e *Engine) FilesOfSite(domain, _ string) (job.FilesAt, error) {
	return job.FilesAt{Root: "/srv/" + domain, User: "brokeforge"}, nil
}

func (f *Files) did(format string, args ...any) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Done = append(f.Done, fmt.Sprintf(format, args...))
	return f.Error
}

// Root returns where they are.
func (f *Files) Root() string { return "/srv/blog.example.org" }

// List returns what is in a folder.
func (f *Files) List(_ context.Context, name string) (job.FileListing, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out job.FileListing
	for _, p := range slices.Sorted(maps.Keys(f.Entries)) {
		if dir := path.Dir(p); dir == name || dir == "." && name == "" {
			out.Entries = append(out.Entries, f.Entries[p])
		}
	}
	return out, f.Error
}

// Stat tells of one name.
func (f *Files) Stat(_ context.Context, name string) (job.FileEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e, ok := f.Entries[name]
	if !ok {
		return e, &job.FileError{Path: name, Problem: "it is not there"}
	}
	return e, f.Error
}

// Follow follows a link.
func (f *Files) Follow(ctx context.Context, name string) (string, job.FileEntry, error) {
	e, err := f.Stat(ctx, name)
	if e.Target != "" {
		name = path.Join(path.Dir(name), e.Target)
		e, err = f.Stat(ctx, name)
	}
	return name, e, err
}

// Head returns the beginning of a file.
func (f *Files) Head(ctx context.Context, name string, limit int) (job.FileHead, error) {
	e, err := f.Stat(ctx, name)
	data := []byte(f.Content[name])
	return job.FileHead{Data: data[:min(len(data), limit)], Size: e.Size, Binary: !job.IsText(data, true)}, err
}

// Read returns a file.
func (f *Files) Read(ctx context.Context, name string) ([]byte, job.FileVersion, error) {
	e, err := f.Stat(ctx, name)
	return []byte(f.Content[name]), job.FileVersion{Size: e.Size}, err
}

// Save notes what was saved.
func (f *Files) Save(_ context.Context, name string, data []byte, _ job.FileVersion, force bool) (job.FileSaved, error) {
	return job.FileSaved{}, f.did("save %s %q %v", name, data, force)
}

// Create notes what was made.
func (f *Files) Create(_ context.Context, name string) error { return f.did("create %s", name) }

// Mkdir notes what was made.
func (f *Files) Mkdir(_ context.Context, name string) error { return f.did("mkdir %s", name) }

// Rename notes what was renamed.
func (f *Files) Rename(_ context.Context, from, to string) error {
	return f.did("rename %q %q", from, to)
}

// Chmod notes the mode.
func (f *Files) Chmod(_ context.Context, name string, mode fs.FileMode) error {
	return f.did("chmod %s %s", job.ShownMode(mode), name)
}

// Count says that there is much.
func (f *Files) Count(context.Context, string, int) (int, error) { return 4211, nil }

// Delete notes what was deleted.
func (f *Files) Delete(_ context.Context, name string, _ func(int)) error {
	return f.did("delete %s", name)
}

func (f *Files) transfer(ctx context.Context, size int64, tell job.FileProgress) error {
	tell(size/2, size)
	if f.Wait != nil {
		select {
		case <-f.Wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	tell(size, size)
	return nil
}

// Download notes what was downloaded.
func (f *Files) Download(ctx context.Context, name string, _ *os.Root, as string, overwrite bool, tell job.FileProgress) error {
	if err := f.transfer(ctx, f.Entries[name].Size, tell); err != nil {
		return err
	}
	return f.did("download %s %s %v", name, as, overwrite)
}

// Upload notes what was uploaded.
func (f *Files) Upload(ctx context.Context, _ *os.File, name string, overwrite bool, tell job.FileProgress) error {
	if err := f.transfer(ctx, 1<<20, tell); err != nil {
		return err
	}
	return f.did("upload %s %v", name, overwrite)
}

// Close does nothing.
func (f *Files) Close() error { return nil }
