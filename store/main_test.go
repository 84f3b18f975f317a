package store

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// childEnv makes the test binary do one thing in a process of its own, which may
// then be killed or crash without taking the tests with it.
const childEnv = "BROKEFORGE_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job := os.Getenv(childEnv); job != "" {
		os.Exit(child(job, os.Args[1:]))
	}
	goleak.VerifyTestMain(m)
}

func child(job string, args []string) int {
	var err error
	switch job {
	case "hold":
		err = childHold(args[0])
	case "write":
		err = childWrite(args[0])
	case "open":
		err = childOpen(args[0])
	default:
		err = fmt.Errorf("no job %q", job)
	}
	if err != nil {
		fmt.Println("error:", err)
		return 3
	}
	return 0
}

// startChild runs a job in a process of its own and returns its output.
func startChild(t *testing.T, job string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), childEnv+"="+job)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// kill ends a child as a crash would.
func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v, want killed", err)
	}
}

// clock is a clock that advances by a second each time it is looked at.
type clock struct{ at time.Time }

func (c *clock) now() time.Time {
	c.at = c.at.Add(time.Second)
	return c.at
}

func newClock() *clock {
	return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
}

// openTest opens a state folder that is closed when the test ends.
func openTest(t testing.TB, dir string, opts Options) *DB {
	t.Helper()
	db, err := Open(dir, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func update(t testing.TB, db *DB, fn func(*Tx) error) {
	t.Helper()
	if err := db.Update(fn); err != nil {
		t.Fatal(err)
	}
}

// view returns what fn reads.
func view[T any](t testing.TB, db *DB, fn func(*Tx) (T, error)) T {
	t.Helper()
	var got T
	if err := db.View(func(tx *Tx) (err error) {
		got, err = fn(tx)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return got
}

// addServer records a server of that name.
func addServer(t testing.TB, db *DB, name string) Server {
	t.Helper()
	s := Server{Name: name, Address: name + ".example.org", Port: 22, User: "root"}
	update(t, db, func(tx *Tx) error { return tx.PutServer(&s) })
	return s
}

func addSite(t testing.TB, db *DB, server ID, domain string) Site {
	t.Helper()
	s := Site{ServerID: server, Domain: domain}
	update(t, db, func(tx *Tx) error { return tx.PutSite(&s) })
	return s
}

func addRun(t testing.TB, db *DB, server ID, state RunState) Run {
	t.Helper()
	r := Run{ServerID: server, State: state, Action: Install, Title: "install nginx", Plan: []byte(`{"steps": [1, 2]}`)}
	update(t, db, func(tx *Tx) error { return tx.PutRun(&r) })
	return r
}

// names joins what key gives for each record.
func names[T any](records []T, key func(T) string) string {
	out := make([]string, len(records))
	for i, r := range records {
		out[i] = key(r)
	}
	return strings.Join(out, " ")
}

func wantErr(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func childOpen(dir string) error {
	db, err := Open(dir, Options{})
	if err != nil {
		return err
	}
	return db.Close()
}
