package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestOpenMakesAPrivateFolder(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	dir := filepath.Join(t.TempDir(), "a", "b", "state")
	db := openTest(t, dir, Options{By: "ann"})
	run := db.NewID()
	l, err := db.OpenLog(run, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if db.Dir() != dir {
		t.Errorf("the folder is %s, want %s", db.Dir(), dir)
	}
	assertModes(t, map[string]fs.FileMode{
		filepath.Dir(dir):                     0o700,
		dir:                                   0o700,
		filepath.Join(dir, "runs"):            0o700,
		filepath.Join(dir, "brokeforge.db"):   0o600,
		filepath.Join(dir, "brokeforge.lock"): 0o600,
		filepath.Join(dir, "runs", string(run+".log")): 0o600,
	})
}

func assertModes(t *testing.T, modes map[string]fs.FileMode) {
	t.Helper()
	for path, want := range modes {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", path, got, want)
		}
	}
}

func TestOpenUnderAStrictUmask(t *testing.T) {
	old := syscall.Umask(0o777)
	defer syscall.Umask(old)
	base := t.TempDir()
	if err := os.Chmod(base, 0o700); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(base, "state")
	openTest(t, dir, Options{})
	assertModes(t, map[string]fs.FileMode{dir: 0o700, filepath.Join(dir, "runs"): 0o700})
}

func TestOpenTightensLooseModes(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := openTest(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	db, lock := filepath.Join(dir, dbName), filepath.Join(dir, lockName)
	for path, mode := range map[string]fs.FileMode{dir: 0o755, db: 0o644, lock: 0o666} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	openTest(t, dir, Options{})
	assertModes(t, map[string]fs.FileMode{dir: 0o700, db: 0o600, lock: 0o600})

	empty := t.TempDir()
	if err := os.Chmod(empty, 0o755); err != nil {
		t.Fatal(err)
	}
	openTest(t, empty, Options{})
	assertModes(t, map[string]fs.FileMode{empty: 0o700})
}

func TestOpenRefusesFolders(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	shared := filepath.Join(base, "shared")
	sticky := filepath.Join(base, "sticky")
	for dir, mode := range map[string]fs.FileMode{shared: 0o755, sticky: 0o777 | fs.ModeSticky} {
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(shared, "letter"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		dir string
		err []string
	}{
		{"", []string{"no state folder was named"}},
		{file, []string{file, "is a file, not a folder", "use another one"}},
		{filepath.Join(file, "below"), []string{file, "is a file, not a folder"}},
		{shared, []string{"mode 0755", "holds other things", "chmod 700 " + shared}},
		{sticky, []string{"mode 0777", "use a folder of its own"}},
	} {
		db, err := Open(test.dir, Options{})
		if err == nil {
			db.Close()
		}
		wantErr(t, err, test.err...)
	}
	assertModes(t, map[string]fs.FileMode{shared: 0o755, sticky: 0o777})
}

func TestFailingFileSystemIsExplained(t *testing.T) {
	for _, test := range []struct {
		err  error
		want string
	}{
		{syscall.EROFS, "mounted read-only"},
		{syscall.ENOSPC, "the disk is full"},
		{syscall.EDQUOT, "the disk is full"},
		{syscall.EACCES, "look at its owner and mode"},
		{syscall.EPERM, "look at its owner and mode"},
		{syscall.EIO, "input/output error"},
	} {
		err := explain("open the lock", "/state", &fs.PathError{Op: "open", Path: "/state", Err: test.err})
		wantErr(t, err, "open the lock /state: ", test.want)
		if !errors.Is(err, test.err) {
			t.Errorf("%v does not wrap %v", err, test.err)
		}
	}
	if err := explain("open", "/state", nil); err != nil {
		t.Errorf("nothing became %v", err)
	}
}

func TestClosedDB(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	for range 2 {
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	never := func(*Tx) error { t.Error("called"); return nil }
	for what, call := range map[string]func(func(*Tx) error) error{"View": db.View, "Update": db.Update, "Batch": db.Batch} {
		if err := call(never); !errors.Is(err, ErrClosed) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestViewCannotWrite(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	wantErr(t, db.View(func(tx *Tx) error { return tx.PutServer(&Server{Name: "a"}) }), "write to server_names")
}

func TestUpdateThatFailsKeepsNothing(t *testing.T) {
	db := openTest(t, t.TempDir()+"/state", Options{})
	failed := errors.New("failed")
	put := func(tx *Tx) error { return tx.PutServer(&Server{Name: "a"}) }
	if err := db.Update(func(tx *Tx) error { return errors.Join(put(tx), failed) }); !errors.Is(err, failed) {
		t.Errorf("got %v", err)
	}
	func() {
		defer func() {
			if p := recover(); p != "panic" {
				t.Errorf("recovered %v", p)
			}
		}()
		db.Update(func(tx *Tx) error {
			if err := put(tx); err != nil {
				t.Error(err)
			}
			panic("panic")
		})
	}()
	if got := view(t, db, (*Tx).Servers); len(got) != 0 {
		t.Errorf("kept %v", got)
	}
	addServer(t, db, "a") // and the next one works
}

func childHold(dir string) error {
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	if _, err := Open(dir, Options{By: "ann", Now: func() time.Time { return since }}); err != nil {
		return err
	}
	fmt.Println("open")
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt)
	<-stop // or until it is killed
	return nil
}

func TestInUse(t *testing.T) {
	dir := t.TempDir() + "/state"
	cmd, out := startChild(t, "hold", dir)
	if !out.Scan() || out.Text() != "open" {
		t.Fatalf("the child says %q", out.Text())
	}
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	_, err := Open(dir, Options{By: "bob"})
	var inUse *InUseError
	if !errors.As(err, &inUse) {
		t.Fatalf("got %v", err)
	}
	if inUse.PID != cmd.Process.Pid || inUse.User != "ann" || !inUse.Since.Equal(since) || inUse.Path != dir || inUse.Host != "" {
		t.Errorf("got %+v", inUse)
	}
	wantErr(t, err, dir, fmt.Sprintf("process %d of user ann since %s", cmd.Process.Pid, since.Local().Format("2006-01-02 15:04:05")), "quit that one")

	// What a crash leaves behind keeps nobody out, and is not told of another holder.
	kill(t, cmd)
	db := openTest(t, dir, Options{By: "carl"})
	_, err = Open(dir, Options{})
	if !errors.As(err, &inUse) || inUse.PID != os.Getpid() || inUse.User != "carl" {
		t.Errorf("got %v", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	openTest(t, dir, Options{})
}

func TestStaleSignatureIsNotTold(t *testing.T) {
	dir := t.TempDir() + "/state"
	cmd, out := startChild(t, "hold", dir)
	if !out.Scan() {
		t.Fatal("the child says nothing")
	}
	kill(t, cmd)
	path := filepath.Join(dir, lockName)
	stale, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(stale), "ann") {
		t.Fatalf("the child left %q, %v", stale, err)
	}
	for _, signature := range []string{string(stale), "{", `{"pid":-1,"user":"ann"}`} {
		// A holder that has the lock and has not signed yet.
		lock, err := lockFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(signature), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = Open(dir, Options{})
		var inUse *InUseError
		if !errors.As(err, &inUse) || inUse.PID != 0 || inUse.User != "" || !inUse.Since.IsZero() {
			t.Errorf("%q: %v", signature, err)
		}
		wantErr(t, err, "in use by another process; quit")
		if err := lock.release(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHolderOnAnotherHostIsTold(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := openTest(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.release()
	if _, err := lock.file.WriteAt([]byte(`{"pid":4194999,"user":"ann","host":"elsewhere.example.org"}`), 0); err != nil {
		t.Fatal(err)
	}
	_, err = Open(dir, Options{})
	wantErr(t, err, "process 4194999 of user ann on host elsewhere.example.org;")
}

func TestDatabaseHeldWithoutOurLock(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := openTest(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, dbName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if locked, err := tryLock(f); !locked || err != nil {
		t.Fatal(locked, err)
	}
	_, err = Open(dir, Options{})
	var inUse *InUseError
	if !errors.As(err, &inUse) || inUse.PID != 0 {
		t.Errorf("got %v", err)
	}
}
