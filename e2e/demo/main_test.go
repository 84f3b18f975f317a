package main

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"

	"brokeforge/e2e/hosts"
)

// program stands for brokeforge. It logs in on each server it is given, so that the test knows they
// are real, and as the screens it waits for a line and ends with status 7. It writes down what it saw.
const program = `#!/bin/sh
out=$(dirname "$0")
if [ "$1" = server ]; then
	echo "$2 $3 $5 $6 $7 $9" >>"$out/calls"
	ssh -i "$8" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
		-o LogLevel=ERROR "root@$4" 'hostname; . /etc/os-release; echo "$ID $VERSION_ID"' >>"$out/servers" 2>&1
	echo "$4" >>"$out/addresses"
	exit
fi
echo "$BROKEFORGE_STATE" >"$out/state"
trap 'echo asked to end >"$out/ended"; exit 0' TERM
echo SCREENS
read -r line
exit 7
`

// showing is a run of the demo on a terminal of its own.
type showing struct {
	dir  string // of the program
	cmd  *exec.Cmd
	tty  *os.File
	seen chan string // everything shown, once the demo ended
}

// startShowing starts the demo and returns when the screens are there. It runs as the given user.
func startShowing(t *testing.T, uid int) *showing {
	t.Helper()
	s := &showing{dir: t.TempDir(), seen: make(chan string, 1)}
	demo := filepath.Join(s.dir, "demo")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", demo, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	brokeforge := filepath.Join(s.dir, "brokeforge")
	if err := os.WriteFile(brokeforge, []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	s.cmd = exec.Command(demo, brokeforge)
	s.cmd.Env = append(os.Environ(), "TMPDIR="+s.dir)
	if uid != os.Getuid() {
		s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
		for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	var err error
	if s.tty, err = pty.Start(s.cmd); err != nil {
		t.Fatal(err)
	}
	shown, screens := &bytes.Buffer{}, make(chan struct{})
	go func() {
		buffer, open := make([]byte, 4096), false
		for {
			n, err := s.tty.Read(buffer)
			shown.Write(buffer[:n])
			if !open && strings.Contains(shown.String(), "SCREENS") {
				open = true
				close(screens)
			}
			if err != nil { // EIO when the last process of the terminal ended
				break
			}
		}
		s.seen <- shown.String()
	}()
	t.Cleanup(func() { s.tty.Close() })
	select {
	case <-screens:
	case text := <-s.seen:
		t.Fatalf("no screens: %v\n%s", s.cmd.Wait(), text)
	case <-time.After(10 * time.Minute):
		t.Fatal(errors.Join(errors.New("no screens in ten minutes"), s.cmd.Process.Signal(syscall.SIGTERM)))
	}
	return s
}

func (s *showing) file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

// gone checks that the state folder and the servers are.
func (s *showing) gone(t *testing.T) {
	t.Helper()
	state := strings.TrimSpace(s.file(t, "state"))
	if filepath.Dir(state) != s.dir {
		t.Errorf("the state folder is %q", state)
	} else if _, err := os.Stat(state); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state folder is left: %v", err)
	}
	for address := range strings.FieldsSeq(s.file(t, "addresses")) {
		conn, err := net.DialTimeout("tcp", net.JoinHostPort(address, "22"), time.Second)
		if err != nil {
			continue
		}
		// A gateway further out may take any connection, so only a greeting is a server.
		greeting := make([]byte, 4)
		deadlineErr := conn.SetReadDeadline(time.Now().Add(2 * time.Second))
		n, _ := io.ReadFull(conn, greeting)
		conn.Close()
		if deadlineErr != nil || string(greeting[:n]) == "SSH-" {
			t.Errorf("the server at %s is left (%v)", address, deadlineErr)
		}
	}
}

func TestDemo(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	s := startShowing(t, os.Getuid())
	if _, err := io.WriteString(s.tty, "q\n"); err != nil {
		t.Fatal(err)
	}
	shown := <-s.seen
	t.Logf("%s", shown)
	var exit *exec.ExitError
	if err := s.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the demo ended with %v, the screens with 7", err)
	}
	if want := "removing the practice servers…"; !strings.Contains(shown, want) {
		t.Errorf("it doesn't say %q", want)
	}
	if got, want := s.file(t, "servers"), "demo1\ndebian 12\ndemo2\ndebian 13\n"; got != want {
		t.Errorf("the servers are %q, want %q", got, want)
	}
	if got, want := s.file(t, "calls"), "add demo1 --user root --key --accept-new\nadd demo2 --user root --key --accept-new\n"; got != want {
		t.Errorf("the calls are %q, want %q", got, want)
	}
	s.gone(t)
}

func TestDemoIsToldToEnd(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	s := startShowing(t, os.Getuid())
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", <-s.seen)
	if err := s.cmd.Wait(); err == nil {
		t.Error("the demo ended as if nothing had been")
	}
	if got := s.file(t, "ended"); got != "asked to end\n" {
		t.Errorf("the screens wrote %q", got)
	}
	s.gone(t)
}

func TestDemoWhereServersCannotRun(t *testing.T) {
	uid := os.Getuid()
	if uid == 0 {
		uid = 65534 // nobody
	}
	s := startShowing(t, uid)
	if _, err := io.WriteString(s.tty, "q\n"); err != nil {
		t.Fatal(err)
	}
	shown := <-s.seen
	why, _, _ := strings.Cut(shown, "SCREENS")
	if strings.Count(why, "\n") != 1 || !strings.HasPrefix(why, "no practice servers, the list is empty: ") {
		t.Errorf("it says %q before the screens", why)
	}
	var exit *exec.ExitError
	if err := s.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 7 {
		t.Errorf("the demo ended with %v, the screens with 7", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "calls")); err == nil {
		t.Error("servers were added")
	}
	state := strings.TrimSpace(s.file(t, "state"))
	if _, err := os.Stat(state); state == "" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the state folder %q is left: %v", state, err)
	}
}

func TestDemoWithoutTerminal(t *testing.T) {
	demo := filepath.Join(t.TempDir(), "demo")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", demo, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), demo, "/bin/true").CombinedOutput()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 2 || strings.Count(string(out), "\n") != 1 {
		t.Errorf("without a terminal: %v, %q", err, out)
	}
}
