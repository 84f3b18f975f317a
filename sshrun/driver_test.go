package sshrun

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const testNonce = "n0nce5678901234567"

// shells runs a test with the driver under each shell that it must work under.
func shells(t *testing.T, test func(t *testing.T, r *rig)) {
	for _, shell := range []string{"dash", "busybox"} {
		t.Run(shell, func(t *testing.T) {
			file, err := exec.LookPath(shell)
			if err != nil {
				t.Fatalf("the tests need %s: %v", shell, err)
			}
			dir := t.TempDir()
			if err := os.Symlink(file, filepath.Join(dir, "sh")); err != nil {
				t.Fatal(err)
			}
			test(t, newRig(t, dir))
		})
	}
}

// A rig is a server whose commands run on this machine, with its own folders.
type rig struct {
	t      *testing.T
	server *server
	pool   *Pool
	client *Client
	dir    string // for the steps of a test
}

func newRig(t *testing.T, bin string) *rig {
	r := &rig{t: t, dir: t.TempDir()}
	r.server = newServer(t, func(s *server) { s.path = bin + ":" + os.Getenv("PATH") })
	r.pool = newPool(t, nil)
	c, err := r.pool.Connect(t.Context(), r.server.target())
	if err != nil {
		t.Fatal(err)
	}
	r.client = c
	t.Cleanup(r.endRuns)
	return r
}

// endRuns kills the drivers that a failed test has left, with their steps.
func (r *rig) endRuns() {
	files, err := filepath.Glob(filepath.Join(r.pool.opts.places.base, "runs", "*", "pid"))
	if err != nil {
		r.t.Error(err)
	}
	for _, file := range files {
		var pid int
		if b, err := os.ReadFile(file); err != nil {
			r.t.Error(err)
		} else if _, err := fmt.Sscan(string(b), &pid); err != nil {
			r.t.Error(err)
		}
		id := filepath.Base(filepath.Dir(file))
		if !exists(filepath.Join(filepath.Dir(file), "finish")) && commandWith(r.t, "", id) {
			r.t.Errorf("run %s is not over", id)
			syscall.Kill(pid, syscall.SIGTERM)
		}
	}
}

// runID returns an id that no other run of this machine has.
func (r *rig) runID() string {
	return fmt.Sprintf("test-%d-%s", os.Getpid(), strings.ToLower(newToken()))
}

func (r *rig) ship(s Shipment) []Mark {
	r.t.Helper()
	if s.RunID == "" {
		s.RunID = r.runID()
	}
	s.Nonce = testNonce
	var marks []Mark
	if err := r.client.Ship(r.t.Context(), s, func(m Mark) error {
		marks = append(marks, m)
		return nil
	}); err != nil {
		r.t.Fatalf("ship: %v, after %s", err, tell(marks))
	}
	return marks
}

// tell writes marks as words, without their times and offsets.
func tell(marks []Mark) string {
	var words []string
	for _, m := range marks {
		switch m.Kind {
		case MarkLine:
			words = append(words, fmt.Sprintf("%q", m.Text))
		case MarkEnd:
			words = append(words, fmt.Sprintf("end %d=%d", m.Step, m.Status))
		case MarkFinish:
			words = append(words, fmt.Sprintf("finish %d", m.Status))
		case MarkValue:
			words = append(words, fmt.Sprintf("value %d %q", m.Step, m.Text))
		default:
			words = append(words, fmt.Sprintf("%v %d", m.Kind, m.Step))
		}
	}
	return strings.Join(words, ", ")
}

func (r *rig) want(marks []Mark, want string) {
	r.t.Helper()
	if got := tell(marks); got != want {
		r.t.Errorf("got  %s\nwant %s", got, want)
	}
}

func run(script string) Step { return Step{Kind: StepRun, Script: script} }

func TestShipRunsStepsInOrder(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		marks := r.ship(Shipment{Steps: []Step{
			{Kind: StepMark},
			run("echo one; echo two >&2"),
			run("printf 'no newline'"),
			run("printf '\\n\\nempty lines\\n\\n'"),
			{Kind: StepValue, Script: "echo 1.22.1; echo more"},
			run(":"),
		}})
		r.want(marks, `begin 0, begin 1, "one", "two", end 1=0, begin 2, "no newline", end 2=0, `+
			`begin 3, "", "", "empty lines", "", end 3=0, begin 4, value 4 "1.22.1", end 4=0, begin 5, end 5=0, finish 0`)
		for _, m := range marks {
			if age := time.Since(m.At); age < -time.Second || age > time.Minute {
				t.Errorf("%v is told to be %v ago", m.Kind, age)
			}
		}
	})
}
