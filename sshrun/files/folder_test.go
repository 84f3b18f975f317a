package files

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree makes files in a new folder, and another folder beside it whose name begins
// the same.
func tree(t *testing.T) (root, outside string) {
	t.Helper()
	top, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	root, outside = filepath.Join(top, "site"), filepath.Join(top, "site-evil")
	for _, dir := range []string{root, outside, root + "/dir", root + "/dir/sub"} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range map[string]string{root + "/a.txt": "a\n", root + "/dir/b": "b", outside + "/secret": "secret"} {
		write(t, name, text)
	}
	for name, target := range map[string]string{
		"out": outside, "file": outside + "/secret", "up": "../site-evil", "top": "/", "dangling": "nowhere", "loop1": "loop2", "loop2": "loop1", "in": "dir", "alias": "a.txt",
	} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(root+"/pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	return root, outside
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func holds(t *testing.T, name, want string) {
	t.Helper()
	if got, err := os.ReadFile(name); err != nil || string(got) != want {
		t.Errorf("%s holds %q, %v; want %q", name, got, err, want)
	}
}

func TestOpenRefuses(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	for _, at := range []string{"/", "/..", root + "/top", "relative", root + "/a.txt", root + "/nothing", root + "\x00"} {
		if other, err := Open(t.Context(), f.dial, at, ""); err == nil {
			t.Errorf("%q is opened as %s", at, other.Root())
		}
	}
	// Where the folder leads may not change for good.
	link := filepath.Join(filepath.Dir(root), "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	other := onDisk(t, &disk{}, link)
	if err := errors.Join(other.Close(), os.Remove(link), os.Symlink("/", link)); err != nil {
		t.Fatal(err)
	}
	if _, err := other.List(t.Context(), ""); err == nil {
		t.Error("it is listed though it leads elsewhere")
	}
}

// TestConfined: nothing that leads out of the folder is read, written, made, renamed
// or deleted.
func TestConfined(t *testing.T) {
	root, outside := tree(t)
	f := onDisk(t, &disk{}, root)
	ctx := t.Context()
	source, err := os.Open(root + "/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	here, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer here.Close()
	for _, name := range []string{"../site-evil/secret", "out/secret", "up/secret", "file", "dangling", "loop1", "pipe", "top/etc/passwd", "in/../../site-evil/secret"} {
		_, headErr := f.Head(ctx, name, 10)
		_, _, readErr := f.Read(ctx, name)
		_, saveErr := f.Save(ctx, name, nil, Version{}, true)
		for what, err := range map[string]error{
			"head": headErr, "read": readErr, "save": saveErr, "download": f.Download(ctx, name, here, "x", true, nil),
		} {
			if err == nil {
				t.Errorf("%s of %s goes well", what, name)
			}
		}
	}
	for _, dir := range []string{"out", "up", "top/tmp", "..", "in/../.."} {
		name := dir + "/new"
		_, listErr := f.List(ctx, dir)
		for what, err := range map[string]error{
			"list": listErr, "create": f.Create(ctx, name), "mkdir": f.Mkdir(ctx, name), "rename": f.Rename(ctx, "a.txt", name),
			"upload": f.Upload(ctx, source, name, true, nil), "delete": f.Delete(ctx, dir+"/secret", nil), "chmod": f.Chmod(ctx, dir+"/secret", 0o777),
		} {
			if err == nil {
				t.Errorf("%s of %s goes well", what, name)
			}
		}
	}
	for _, name := range []string{"out", "file"} {
		if err := f.Chmod(ctx, name, 0o777); err == nil {
			t.Errorf("the mode of link %s is changed", name)
		}
	}
	if _, err := f.Count(ctx, "out", 10); err == nil {
		t.Error("what a link leads to is counted")
	}
	holds(t, outside+"/secret", "secret")
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("outside are %v, %v", entries, err)
	}
	if _, err := f.List(ctx, "in"); err != nil {
		t.Errorf("a link within is not followed: %v", err)
	}
	if head, err := f.Head(ctx, "alias", 10); err != nil || string(head.Data) != "a\n" {
		t.Errorf("a link within is read as %q, %v", head.Data, err)
	}
}

// TestSwapped: a file that becomes a link between the check and the use is not given
// out, and not written by saving.
func TestSwapped(t *testing.T) {
	root, outside := tree(t)
	swap := func(name string) {
		if filepath.Base(name) == "b" {
			_ = os.Remove(root + "/dir/b")
			_ = os.Symlink(outside+"/secret", root+"/dir/b")
		}
	}
	f := onDisk(t, &disk{opened: swap}, root)
	if head, err := f.Head(t.Context(), "dir/b", 100); err == nil {
		t.Errorf("it was read: %q", head.Data)
	}
	_ = os.Remove(root + "/dir/b")
	write(t, root+"/dir/b", "b")
	if err := f.Download(t.Context(), "dir/b", opened(t, t.TempDir()), "b", false, nil); err == nil {
		t.Error("it was downloaded")
	}
	holds(t, outside+"/secret", "secret")
}

func opened(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestDelete(t *testing.T) {
	root, outside := tree(t)
	f := onDisk(t, &disk{}, root)
	for i := range 200 {
		write(t, filepath.Join(root, "dir", "sub", strings.Repeat("x", i+1)), "")
	}
	if err := os.Symlink(outside, root+"/dir/sub/out"); err != nil {
		t.Fatal(err)
	}
	if n, err := f.Count(t.Context(), "dir", 1000); err != nil || n != 203 {
		t.Errorf("there are %d, %v", n, err)
	}
	last := 0
	if err := f.Delete(t.Context(), "dir", func(n int) { last = n }); err != nil || last != 204 {
		t.Errorf("deleted are %d, %v", last, err)
	}
	for _, name := range []string{"out", "loop1", "dangling", "pipe", "top"} {
		if err := f.Delete(t.Context(), name, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.Delete(t.Context(), "", nil); err == nil {
		t.Error("all is deleted")
	}
	holds(t, outside+"/secret", "secret")
	if _, err := os.Lstat(root + "/dir"); !os.IsNotExist(err) {
		t.Errorf("the folder: %v", err)
	}
}

func TestVerbs(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	ctx := t.Context()
	var exists *ExistsError
	for _, name := range []string{"new", "a b", "line\nbreak", "\xff", "\x1b[2J", strings.Repeat("n", 255)} {
		if err := f.Create(ctx, name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if err := f.Create(ctx, name); !errors.As(err, &exists) {
			t.Errorf("%q again: %v", name, err)
		}
		info, err := os.Lstat(filepath.Join(root, name))
		if err != nil || info.Mode() != newFile {
			t.Errorf("%q is %v, %v", name, info, err)
		}
	}
	if err := f.Rename(ctx, "line\nbreak", "dir/c"); err != nil {
		t.Error(err)
	}
	if err := f.Rename(ctx, "new", "dir/c"); !errors.As(err, &exists) {
		t.Errorf("a rename onto something: %v", err)
	}
	if err := f.Rename(ctx, "dir", "dir/sub/dir"); err == nil {
		t.Error("a folder is put into itself")
	}
	if err := f.Mkdir(ctx, "dir/more"); err != nil {
		t.Error(err)
	}
	if err := f.Chmod(ctx, "dir/more", 0o700); err != nil {
		t.Error(err)
	}
	if e, err := f.Stat(ctx, "dir/more"); err != nil || e.Mode != fs.ModeDir|0o700 || e.Name != "more" || e.Owner == "" {
		t.Errorf("it is %+v, %v", e, err)
	}
	if e, err := f.Stat(ctx, "out"); err != nil || !e.IsLink() || !strings.HasSuffix(e.Target, "site-evil") {
		t.Errorf("the link is %+v, %v", e, err)
	}
	if path, e, err := f.Follow(ctx, "in"); err != nil || path != "dir" || !e.Mode.IsDir() {
		t.Errorf("it leads to %q, %+v, %v", path, e, err)
	}
	if _, err := f.Stat(ctx, "none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what is not there: %v", err)
	}
}

func TestSave(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	ctx := t.Context()
	if err := os.Chmod(root+"/a.txt", 0o640); err != nil {
		t.Fatal(err)
	}
	data, v, err := f.Read(ctx, "alias")
	if err != nil || string(data) != "a\n" {
		t.Fatalf("it reads %q, %v", data, err)
	}
	saved, err := f.Save(ctx, "alias", []byte("saved\n"), v, false)
	if err != nil || saved.InPlace != "" {
		t.Fatalf("it is saved with %+v, %v", saved, err)
	}
	holds(t, root+"/a.txt", "saved\n")
	if info, err := os.Lstat(root + "/a.txt"); err != nil || info.Mode() != 0o640 {
		t.Errorf("its mode is %v, %v", info.Mode(), err)
	}
	var changed *ChangedError
	if _, err := f.Save(ctx, "a.txt", []byte("late"), v, false); !errors.As(err, &changed) {
		t.Errorf("what has changed is saved: %v", err)
	}
	// The same size and time, another content.
	info, err := os.Lstat(root + "/a.txt")
	if err != nil {
		t.Fatal(err)
	}
	write(t, root+"/a.txt", "SAVED\n")
	if err := os.Chtimes(root+"/a.txt", info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(ctx, "a.txt", []byte("late"), saved.Version, false); !errors.As(err, &changed) {
		t.Errorf("what has changed in the same second is saved: %v", err)
	}
	holds(t, root+"/a.txt", "SAVED\n")
	if _, err := f.Save(ctx, "a.txt", []byte("late"), saved.Version, true); err != nil {
		t.Errorf("with force: %v", err)
	}
	holds(t, root+"/a.txt", "late")
	if err := os.Remove(root + "/a.txt"); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Save(ctx, "a.txt", []byte("late"), saved.Version, false); !errors.As(err, &changed) {
		t.Errorf("what is gone is saved: %v", err)
	}
	noParts(t, root)
}

func noParts(t *testing.T, dir string) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(dir, ".brokeforge-*")); err != nil || len(left) > 0 {
		t.Errorf("there is left %v, %v", left, err)
	}
}

func TestSaveInPlace(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{closed: true}, root)
	_, v, err := f.Read(t.Context(), "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	saved, err := f.Save(t.Context(), "a.txt", []byte("x"), v, false)
	if err != nil || saved.InPlace == "" {
		t.Errorf("it is saved with %+v, %v", saved, err)
	}
	holds(t, root+"/a.txt", "x")
}

func TestTransfer(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	ctx := t.Context()
	data := bytes.Repeat([]byte("0123456789abcdef"), (block+12345)/16)
	local := filepath.Join(t.TempDir(), "local")
	write(t, local, string(data))
	from, err := os.Open(local)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var done, total int64
	tell := func(d, of int64) { done, total = d, of }
	if err := f.Upload(ctx, from, "upload", false, tell); err != nil || done != total || total != int64(len(data)) {
		t.Fatalf("uploaded are %d of %d, %v", done, total, err)
	}
	holds(t, root+"/upload", string(data))
	var exists *ExistsError
	if err := f.Upload(ctx, from, "upload", false, nil); !errors.As(err, &exists) {
		t.Errorf("it is uploaded over what is there: %v", err)
	}
	if err := f.Upload(ctx, from, "dir", true, nil); err == nil {
		t.Error("a folder is replaced")
	}
	dir := t.TempDir()
	here := opened(t, dir)
	if err := f.Download(ctx, "upload", here, "down", false, tell); err != nil || done != total {
		t.Fatalf("downloaded are %d of %d, %v", done, total, err)
	}
	holds(t, dir+"/down", string(data))
	write(t, dir+"/down", "mine")
	if err := f.Download(ctx, "upload", here, "down", false, nil); !errors.As(err, &exists) || !exists.Here {
		t.Errorf("it is downloaded over what is there: %v", err)
	}
	holds(t, dir+"/down", "mine")
	if err := f.Download(ctx, "upload", here, "down", true, nil); err != nil {
		t.Error(err)
	}
	holds(t, dir+"/down", string(data))
	for _, name := range []string{"../x", "/tmp/x", "sub/x"} {
		if err := f.Download(ctx, "upload", here, name, true, nil); err == nil {
			t.Errorf("it is downloaded to %s", name)
		}
	}
	noParts(t, root)
}

// TestBrokenOff: a transfer that was stopped leaves what it has, and the next one goes
// on from there.
func TestBrokenOff(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	data := strings.Repeat("0123456789abcdef", 3*block/16)
	write(t, root+"/big", data)
	dir := t.TempDir()
	here := opened(t, dir)
	ctx, stop := context.WithCancel(t.Context())
	err := f.Download(ctx, "big", here, "down", false, func(done, _ int64) {
		if done > block {
			stop()
		}
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("it ends with %v", err)
	}
	first := int64(-1)
	note := func(done, _ int64) {
		if first < 0 {
			first = done
		}
	}
	if err := f.Download(t.Context(), "big", here, "down", false, note); err != nil || first <= block {
		t.Errorf("it goes on from %d, %v", first, err)
	}
	holds(t, dir+"/down", data)

	from, err := os.Open(dir + "/down")
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	ctx, stop = context.WithCancel(t.Context())
	if err := f.Upload(ctx, from, "upload", false, func(done, _ int64) {
		if done >= 2*block {
			stop()
		}
	}); !errors.Is(err, context.Canceled) {
		t.Fatalf("it ends with %v", err)
	}
	first = -1
	if err := f.Upload(t.Context(), from, "upload", false, note); err != nil || first != block {
		t.Errorf("it goes on from %d, %v", first, err)
	}
	holds(t, root+"/upload", data)
	noParts(t, root)
}

func TestConnectsAnew(t *testing.T) {
	root, _ := tree(t)
	f := onDisk(t, &disk{}, root)
	for range 3 {
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		if list, err := f.List(t.Context(), ""); err != nil || len(list.Entries) != 12 {
			t.Errorf("there are %d, %v", len(list.Entries), err)
		}
	}
}
