package store

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// asNobody runs fn as a user without rights. Only root can become one; who is not
// root has none already.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Geteuid() == 0 {
		if err := syscall.Seteuid(65534); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := syscall.Seteuid(0); err != nil {
				t.Fatal(err)
			}
		}()
	}
	fn()
}

// openFolder makes a folder that other users can reach.
func openFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "store-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestOpenWithoutRights(t *testing.T) {
	base := openFolder(t)
	closed := filepath.Join(base, "closed")
	if err := os.Mkdir(closed, 0o500); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(closed, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	asNobody(t, func() {
		for _, dir := range []string{closed, filepath.Join(closed, "state")} {
			_, err := Open(dir, Options{})
			wantErr(t, err, dir, "look at its owner and mode")
		}
	})
}

func TestOpenRefusesAnotherUsersFolder(t *testing.T) {
	// The root folder belongs to root: somebody else's for all others.
	asNobody(t, func() {
		_, err := Open("/", Options{})
		wantErr(t, err, "/ belongs to another user (uid 0", "of your own")
	})
	if os.Geteuid() == 0 { // and root may open what belongs to others
		dir := filepath.Join(openFolder(t), "state")
		if err := errors.Join(os.Mkdir(dir, 0o700), os.Chown(dir, 65534, 65534)); err != nil {
			t.Fatal(err)
		}
		openTest(t, dir, Options{})
	}
}

// readOnly is what the tests of a disk that cannot be written do, in a mount
// namespace of their own.
const readOnly = `mount -t tmpfs none "$1" && mkdir "$1/loose" && mkdir -p -m 700 "$1/empty" && cp -a "$2" "$1/state" && mount -o remount,ro "$1" &&
for d in new loose empty state; do "$0" "$1/$d"; [ $? = 3 ] || exit 4; done`

func TestOpenOnAReadOnlyDisk(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := openTest(t, dir, Options{}).Close(); err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", "--mount", "--map-root-user", "sh", "-c", readOnly, exe, t.TempDir(), dir)
	cmd.Env = append(os.Environ(), childEnv+"=open")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, part := range []string{
		"/new: the disk is mounted read-only", "/loose: the disk is mounted read-only",
		"/empty/runs: the disk is mounted read-only",
		"/state/brokeforge.lock: the disk is mounted read-only",
	} {
		wantErr(t, errors.New(string(out)), part)
	}
}

func TestFullDiskIsAnErrorAndLosesNothing(t *testing.T) {
	// /dev/full answers every write as a full disk does.
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	l := &Log{file: full, limit: MaxLog}
	defer l.Close()
	_, err = l.Write([]byte("x\n"))
	wantErr(t, err, "write to the log", "the disk is full")
	if l.Size() != 0 {
		t.Errorf("%d bytes are said to be written", l.Size())
	}
}
