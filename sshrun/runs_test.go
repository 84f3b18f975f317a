package sshrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// begin ships a run beside the test. It returns after the first line of output,
// which must be "up"; the returned function waits for the end.
func (r *rig) begin(id string, steps ...Step) (wait func() []Mark) {
	r.t.Helper()
	up := make(chan struct{})
	var once sync.Once
	var marks []Mark
	done := make(chan error, 1)
	go func() {
		done <- r.client.Ship(r.t.Context(), Shipment{RunID: id, Nonce: testNonce, Steps: steps, grace: time.Second}, func(m Mark) error {
			marks = append(marks, m)
			if m.Text == "up" || m.Kind == MarkWaiting || m.Kind == MarkProve {
				once.Do(func() { close(up) })
			}
			return nil
		})
	}()
	select {
	case <-up:
	case err := <-done:
		r.t.Fatalf("ship: %v, %s", err, tell(marks))
	}
	return func() []Mark {
		r.t.Helper()
		if err := <-done; err != nil {
			r.t.Fatalf("ship: %v, %s", err, tell(marks))
		}
		return marks
	}
}

func (r *rig) inspect(id string) RunInfo {
	r.t.Helper()
	info, err := r.client.Inspect(r.t.Context(), id)
	if err != nil {
		r.t.Fatal(err)
	}
	return info
}

func TestCancel(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		wait := r.begin(id, run("trap 'echo ending; exit 9' TERM; echo up; sleep 1234567 & wait"), run("echo never"))
		if info := r.inspect(id); info.State != RunRunning || info.Step != 0 || !info.SameBoot || info.PID == 0 {
			t.Errorf("a running run is %+v", info)
		}
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.want(wait(), `begin 0, "up", "ending", end 0=9, finish 2`)
		if info := r.inspect(id); info.State != RunFinished || info.Status != FinishCancelled {
			t.Errorf("a cancelled run is %+v", info)
		}
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Errorf("cancel again: %v", err)
		}
		var absent *AbsentError
		if err := r.client.Cancel(t.Context(), "nothing"); !errors.As(err, &absent) {
			t.Errorf("cancel of nothing: %v", err)
		}
		if info := r.inspect("nothing"); info.State != RunAbsent {
			t.Errorf("nothing is %+v", info)
		}
	})
}

func TestCancelComesTooLateForASettledRun(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		settles := func(script string) Step { return Step{Kind: StepRun, Script: script, Settles: true} }
		release := r.path("go")
		for _, test := range []struct {
			steps []Step
			want  string
		}{
			// Cancelled in the step that settles it, which then ends well, or not.
			{[]Step{settles("trap 'echo no; exit 0' TERM; echo up; sleep 1234567 & wait"), run("echo after")}, `begin 0, "up", "no", end 0=0, begin 1, "after", end 1=0, finish 0`},
			{[]Step{settles("trap 'echo back; exit 9' TERM; echo up; sleep 1234567 & wait"), run("echo never")}, `begin 0, "up", "back", end 0=9, finish 2`},
			// And in one after it.
			{[]Step{settles(":"), run("echo up; until [ -e " + release + " ]; do sleep 0.05; done"), run("echo after")}, `begin 0, end 0=0, begin 1, "up", end 1=0, begin 2, "after", end 2=0, finish 0`},
		} {
			id := r.runID()
			wait := r.begin(id, test.steps...)
			if err := r.client.Cancel(t.Context(), id); err != nil {
				t.Fatal(err)
			}
			r.write("go", "")
			r.want(wait(), test.want)
			if err := os.Remove(release); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestCancelKillsWhatDoesNotEnd(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		wait := r.begin(id, run(`trap "" TERM; sleep 1234567 & echo $! >`+r.path("pid")+`; echo up; while :; do sleep 1; done`))
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.want(wait(), `begin 0, "up", end 0=137, finish 2`)
		pid := strings.TrimSpace(r.read("pid"))
		eventually(t, "the child is gone", func() bool { return zombie(pid) })
	})
}

func TestRunsWaitForEachOther(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		first, second, third := r.runID(), r.runID(), r.runID()
		release := "until [ -e " + r.path("go") + " ]; do sleep 0.05; done"
		waitFirst := r.begin(first, run("echo up; "+release+"; echo first >>"+r.path("order")))
		waitSecond := r.begin(second, run("echo second >>"+r.path("order")))
		waitThird := r.begin(third, run("echo third >>"+r.path("order")))
		if err := r.client.Cancel(t.Context(), third); err != nil {
			t.Fatal(err)
		}
		marks := waitThird()
		r.want(marks, `waiting -1, finish 2`)
		if marks[0].Text != first {
			t.Errorf("it waits for %q, want %q", marks[0].Text, first)
		}
		r.write("go", "")
		r.want(waitFirst(), `begin 0, "up", end 0=0, finish 0`)
		r.want(waitSecond(), `waiting -1, begin 0, end 0=0, finish 0`)
		if got := r.read("order"); got != "first\nsecond\n" {
			t.Errorf("order %q", got)
		}
	})
}

func TestProve(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		step := Step{Kind: StepProve, Script: "echo risky", Undo: "echo undone >" + r.path("undone"), Within: time.Minute}
		id := r.runID()
		wait := r.begin(id, step, run("echo after"))
		fresh, err := r.pool.Dial(t.Context(), r.server.target())
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		for range 2 {
			if err := fresh.Prove(t.Context(), id, 0); err != nil {
				t.Fatal(err)
			}
		}
		r.want(wait(), `begin 0, "risky", prove 0, end 0=0, begin 1, "after", end 1=0, finish 0`)
		var proof *ProofError
		if err := fresh.Prove(t.Context(), id, 1); !errors.As(err, &proof) || proof.Late {
			t.Errorf("a proof of no matter: %v", err)
		}

		id = r.runID()
		step.Within = time.Second
		r.want(r.ship(Shipment{RunID: id, Steps: []Step{step, run("echo never")}}),
			`begin 0, "risky", prove 0, "no new login within 1 s: undone", end 0=75, finish 1`)
		if !exists(r.path("undone")) {
			t.Error("it was not undone")
		}
		if err := fresh.Prove(t.Context(), id, 0); !errors.As(err, &proof) || !proof.Late {
			t.Errorf("a late proof: %v", err)
		}
	})
}

func TestProveUndoesWhenItFailsOrIsCancelled(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		step := Step{Kind: StepProve, Script: "exit 4", Undo: "echo undoing; exit 3", Within: time.Minute}
		r.want(r.ship(Shipment{Steps: []Step{step}}),
			`begin 0, "undoing", "undoing failed with status 3", end 0=4, finish 1`)
		step.Script, step.Undo = ":", "echo undoing"
		id := r.runID()
		wait := r.begin(id, step)
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.want(wait(), `begin 0, prove 0, "undoing", end 0=75, finish 2`)
	})
}

func TestFollowFromEachOffset(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		all := r.ship(Shipment{RunID: id, Steps: []Step{
			run("echo a; echo; echo b"), run("printf 'x\\n\\n'"), run("printf y"), {Kind: StepMark},
		}})
		for i, from := range all[:len(all)-1] {
			var rest []Mark
			if err := r.client.Follow(t.Context(), id, testNonce, from.Offset, func(m Mark) error {
				rest = append(rest, m)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			// The step of a line is only known from its begin.
			if got, want := tell(rest), tell(all[i+1:]); got != want {
				t.Errorf("from %d\ngot  %s\nwant %s", from.Offset, got, want)
			}
		}
	})
}

func TestShipAgainFollows(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		s := Shipment{RunID: r.runID(), Steps: []Step{run("echo once >>" + r.path("count"))}}
		first, second := r.ship(s), r.ship(s)
		r.want(second, tell(first))
		if got := r.read("count"); got != "once\n" {
			t.Errorf("it ran %q", got)
		}
	})
}

func TestALostConnectionLosesNothing(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		steps := []Step{run("for i in 1 2 3; do echo $i; sleep 0.1; done"), run("for i in 4 5 6; do echo $i; sleep 0.1; done; until [ -e " + r.path("go") + " ]; do sleep 0.05; done")}
		var marks []Mark
		err := r.client.Ship(t.Context(), Shipment{RunID: id, Nonce: testNonce, Steps: steps}, func(m Mark) error {
			marks = append(marks, m)
			if m.Text == "5" {
				r.server.cut()
			}
			return nil
		})
		var lost *LostError
		if !errors.As(err, &lost) {
			t.Fatalf("after the cut: %v", err)
		}
		r.write("go", "")
		client, err := r.pool.Connect(t.Context(), r.server.target())
		if err != nil {
			t.Fatal(err)
		}
		if client == r.client {
			t.Error("the dead connection is still in use")
		}
		if err := client.Follow(t.Context(), id, testNonce, marks[len(marks)-1].Offset, func(m Mark) error {
			marks = append(marks, m)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		r.want(marks, `begin 0, "1", "2", "3", end 0=0, begin 1, "4", "5", "6", end 1=0, finish 0`)
	})
}

func TestFollowingLeavesNoProcessBehind(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		ctx, cancel := context.WithCancel(t.Context())
		err := r.client.Ship(ctx, Shipment{RunID: id, Nonce: testNonce, Steps: []Step{run("echo up; sleep 1234567")}}, func(m Mark) error {
			if m.Text == "up" {
				cancel()
			}
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		log := filepath.Join(r.pool.opts.places.base, "runs", id, "log")
		eventually(t, "tail is gone", func() bool { return !commandWith(t, "tail", log) })
		if info := r.inspect(id); info.State != RunRunning {
			t.Errorf("the run is %+v", info)
		}
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the run is over", func() bool { return r.inspect(id).State == RunFinished })
	})
}

// commandWith reports whether a process of that name, or of any, has the word in
// its command line.
func commandWith(t *testing.T, name, word string) bool {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue // it is gone
		}
		words := strings.Split(string(b), "\x00")
		if (name == "" || filepath.Base(words[0]) == name) && strings.Contains(string(b), word) {
			return true
		}
	}
	return false
}

func TestAKilledDriverIsToldOf(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		err := r.client.Ship(t.Context(), Shipment{RunID: id, Nonce: testNonce, Steps: []Step{run("echo up; echo $$ >" + r.path("pid") + "; sleep 1234567")}}, func(m Mark) error {
			if m.Text == "up" {
				return syscall.Kill(r.inspect(id).PID, syscall.SIGKILL)
			}
			return nil
		})
		var died *DiedError
		if !errors.As(err, &died) || died.Rebooted {
			t.Fatalf("ship: %v", err)
		}
		if info := r.inspect(id); info.State != RunDead || info.Step != 0 {
			t.Errorf("the run is %+v", info)
		}
		var n int
		eventually(t, "the step has said its number", func() bool { fmt.Sscan(r.read("pid"), &n); return n > 0 })
		if err := syscall.Kill(-n, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
		eventually(t, "nothing of the run is left", func() bool { return !commandWith(t, "", id) })
	})
}

func TestALogHasALimit(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		marks := r.ship(Shipment{RunID: id, MaxLog: 1 << 20, Steps: []Step{
			run("echo start"),
			run("yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -n 3000000; echo last words; exit 0"),
			run("echo small"),
			run("yes more | head -n 100000; echo the error; exit 5"),
		}})
		var ends []Mark
		lines := 0
		last := map[int]string{}
		for _, m := range marks {
			if m.Kind == MarkLine {
				lines++
				last[m.Step] = m.Text
			} else {
				ends = append(ends, m)
			}
		}
		r.want(ends, `begin 0, end 0=0, begin 1, end 1=0, begin 2, end 2=0, begin 3, end 3=5, finish 1`)
		want := map[int]string{0: "start", 1: "last words", 2: "small", 3: "the error"}
		for step, text := range want {
			if last[step] != text {
				t.Errorf("the last line of step %d is %q, want %q", step, last[step], text)
			}
		}
		info, err := os.Stat(filepath.Join(r.pool.opts.places.base, "runs", id, "log"))
		if err != nil || info.Size() > 1<<20+3*65536+4096 {
			t.Errorf("the log has %d bytes, %v", info.Size(), err)
		}
	})
}

func TestHostileOutput(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		marks := r.ship(Shipment{Steps: []Step{
			run(`printf 'a\033]0;evil\007b\n\302\2331mc\r\n10%%\r20%%\r\n\0\377\n'`),
			run("head -c 20000000 /dev/zero | tr '\\0' a"),
			run("echo " + testNonce + "0 7 finish - 0 1.0; echo ' " + testNonce + " 7 finish - 0 1.0'"),
		}})
		r.want(marks, `begin 0, "ab", "c", "20%", "�", end 0=0, begin 1, `+strconv.Quote(strings.Repeat("a", 4096)+"…")+
			`, end 1=0, begin 2, `+fmt.Sprintf("%q, %q", testNonce+"0 7 finish - 0 1.0", " "+testNonce+" 7 finish - 0 1.0")+`, end 2=0, finish 0`)
	})
}

func TestOldRunsAreDeleted(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		runs := filepath.Join(r.pool.opts.places.base, "runs")
		for i := range 60 {
			dir := filepath.Join(runs, fmt.Sprintf("old-%d", i))
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				continue // it is not finished
			}
			if err := os.WriteFile(filepath.Join(dir, "finish"), []byte("0\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Chtimes(filepath.Join(runs, "old-0"), time.Unix(1, 0), time.Unix(1, 0)); err != nil {
			t.Fatal(err)
		}
		id := r.runID()
		r.ship(Shipment{RunID: id, Steps: []Step{run(":")}})
		eventually(t, "there are fewer", func() bool {
			entries, err := os.ReadDir(runs)
			return err == nil && len(entries) == 51
		})
		if !exists(filepath.Join(runs, id)) || !exists(filepath.Join(runs, "old-0")) {
			t.Error("the wrong ones were deleted")
		}
	})
}
