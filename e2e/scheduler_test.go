package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestScheduler has cron run tasks, and asks for what came of them.
func TestScheduler(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "scheduler", func(s service) {
		before := snapshot(s, s.h)
		s.install("scheduler")
		s.taskOptions()
		s.realMinute()
		s.failing()
		s.late()
		s.noOverlap()
		s.history()
		s.reboot()
		s.untilSh("cron runs after a reboot", "systemctl is-active cron")
		s.runTask("minute")
		contains(s, s.runs("minute")[0].text, "hello from "+s.h.Name)
		s.taskBreaksOff()

		r := s.must(2, "remove", "scheduler", "--on", s.h.Name, "--yes")
		contains(s, r.stderr, "still needed by scheduled-task@")
		s.sh("echo '* * * * * root true' >/etc/cron.d/operator")
		s.remove("scheduled-task@minute", "scheduled-task@bad", "scheduled-task@slow", "scheduled-task@odd")
		s.must(2, "task", "runs", s.h.Name, "minute")
		s.remove("scheduler")
		contains(s, s.sh("cat /etc/cron.d/operator"), "root true")
		s.sh("rm /etc/cron.d/operator; rmdir --ignore-fail-on-non-empty /etc/cron.d 2>/dev/null; true")
		s.leaves(before, "file /etc/group", "file /etc/gshadow") // cron's own group stays, as Debian has it
	})
}

type taskRun struct {
	state, text string
	exit        any
	object      map[string]any
}

// runs asks for the runs of a task.
func (s service) runs(name string) []taskRun {
	s.Helper()
	var list []map[string]any
	decode(s, s.must(0, "task", "runs", s.h.Name, name, "--json", "--limit", "0").stdout, &list)
	var out []taskRun
	for _, o := range list {
		r := taskRun{state: o["state"].(string), exit: o["exit_status"], object: o}
		for _, line := range o["output"].([]any) {
			r.text += line.(string) + "\n"
		}
		out = append(out, r)
	}
	return out
}

// runTask runs a task as cron does, without waiting for its time.
func (s service) runTask(name string) {
	s.Helper()
	s.sh("env -i PATH=/usr/bin:/bin SHELL=/bin/sh /var/lib/brokeforge/tasks/run-task " + name + " || true")
}

func (s service) taskOptions() {
	s.Helper()
	s.refused("scheduled-task", []string{"name=x", "command=true", "frequency=expression", "expression=* * * * * *"}, "scheduled-task.expression", "6 fields")
	s.refused("scheduled-task", []string{"name=x", "command=true", "frequency=expression", "expression=@reboot"}, "scheduled-task.expression")
	s.refused("scheduled-task", []string{"name=../x", "command=true"}, "scheduled-task.name")
	s.refused("scheduled-task", []string{"name=x", "command=a\nb"}, "scheduled-task.command")
	s.refused("scheduled-task", []string{"name=x", "command=true", "user=$(reboot)"}, "scheduled-task.user")
	s.fails("scheduled-task", []string{"name=x", "command=true", "user=nobody-such"}, "there is no user nobody-such")
	s.fails("scheduled-task", []string{"name=x", "command=if then"}, "Syntax error")
	if got := s.sh("ls /etc/cron.d/brokeforge-task-x /var/lib/brokeforge/tasks/x 2>/dev/null || true"); got != "" {
		s.Errorf("left of tasks that were refused: %s", got)
	}
	s.must(0, "install", "scheduled-task", "--on", s.h.Name, "--yes", "--set", "scheduled-task.name=x", "--set", "scheduled-task.command=true")
	s.remove("scheduled-task@x")
}

// realMinute waits for cron itself.
func (s service) realMinute() {
	s.Helper()
	s.install("scheduled-task", "name=minute", `command=echo "hello from $(hostname), 100% as $(id -un) in $PWD"; printf '%s\n' "a'b\"c"`, "frequency=every-minute")
	if got := s.sh("stat -c '%U:%G %a' /etc/cron.d/brokeforge-task-minute"); got != "root:root 644" {
		s.Errorf("cron's file is %s", got)
	}
	deadline := time.Now().Add(130 * time.Second)
	for len(s.runs("minute")) == 0 || s.runs("minute")[0].state == "running" {
		if time.Now().After(deadline) {
			s.Fatalf("cron did not run the task in two minutes:\n%s", s.sh("ls -laR /var/lib/brokeforge/tasks; systemctl status cron; ps ax"))
		}
		time.Sleep(time.Second)
	}
	r := s.runs("minute")[0]
	want := fmt.Sprintf("hello from %s, 100%% as brokeforge in /home/brokeforge\na'b\"c\n", s.h.Name)
	if r.state != "done" || r.exit != 0.0 || r.text != want {
		s.Errorf("the run is %v, want %q", r.object, want)
	}
	// It is not to come again in the middle of what follows.
	s.install("scheduled-task", "name=minute", "command=echo hello from $(hostname)", "frequency=monthly")
	contains(s, s.sh("cat /etc/cron.d/brokeforge-task-minute"), "\n0 0 1 * * root ")
}

func (s service) failing() {
	s.Helper()
	s.install("scheduled-task", "name=bad", "command=echo trouble >&2; exit 3", "frequency=hourly", "user=root")
	s.runTask("bad")
	r := s.runs("bad")[0]
	if r.state != "failed" || r.exit != 3.0 || r.text != "trouble\n" || r.object["user"] != "root" {
		s.Errorf("a failed run is %v", r.object)
	}
	contains(s, s.must(0, "task", "runs", s.h.Name, "bad").stdout, "failed", "3", "trouble")
}

// late runs a task that takes too long, with a child that does not want to end.
func (s service) late() {
	s.Helper()
	s.install("scheduled-task", "name=slow", "command=trap '' TERM; echo begun; sh -c \"trap '' TERM; sleep 71\"; sleep 72", "frequency=hourly", "timeout=1")
	s.runTask("slow")
	r := s.runs("slow")[0]
	if r.state != "timeout" || r.text != "begun\n" && !strings.HasPrefix(r.text, "begun\n") {
		s.Errorf("a run over its time is %v", r.object)
	}
	if got := s.sh("ps -eo args | grep -c '^sleep 7[12]' || true"); got != "0" {
		s.Errorf("%s processes of a task over its time go on", got)
	}
}

func (s service) noOverlap() {
	s.Helper()
	s.install("scheduled-task", "name=slow", "command=echo once; sleep 300", "frequency=hourly", "timeout=600")
	s.sh("systemd-run --unit=first-run /var/lib/brokeforge/tasks/run-task slow")
	s.untilSh("the first run begins", "grep -l 'state running' /var/lib/brokeforge/tasks/slow/runs/*[0-9]")
	s.runTask("slow")
	s.runTask("slow")
	runs := s.runs("slow")
	if len(runs) != 3 || runs[0].state != "skipped" || runs[0].object["skipped"] != 2.0 || runs[1].state != "running" {
		s.Errorf("with overlap=no the runs are %v", runs)
	}
	s.install("scheduled-task", "name=slow", "command=echo twice", "frequency=hourly", "overlap=yes")
	s.runTask("slow")
	if runs = s.runs("slow"); runs[0].state != "done" || runs[0].text != "twice\n" {
		s.Errorf("with overlap=yes the runs are %v", runs)
	}
	s.sh("systemctl stop first-run")
}

// history has a task run often and print much, with bytes that are no text.
func (s service) history() {
	s.Helper()
	s.install("scheduled-task", "name=odd", `command=printf '\033]0;x\007\377'; yes | head -c 300000; echo end; sleep 88 &`, "frequency=hourly")
	s.sh("for i in $(seq 55); do /var/lib/brokeforge/tasks/run-task bad; done; true")
	if runs := s.runs("bad"); len(runs) != 50 {
		s.Errorf("%d runs are kept", len(runs))
	}
	s.runTask("odd")
	r := s.runs("odd")[0]
	if r.state != "done" || !strings.HasSuffix(r.text, "y\ny\nend\n") || r.object["output_cut_bytes"] != float64(300000+len("\033]0;x\007\377end\n")-16384) {
		s.Errorf("a run that prints much is %v, cut %v, %d bytes", r.state, r.object["output_cut_bytes"], len(r.text))
	}
	if got := s.sh("find /var/lib/brokeforge/tasks/odd /var/lib/brokeforge/tasks/bad -name '*.*'; pgrep -a -x dd || true"); got != "" {
		s.Errorf("left of the runs: %s", got)
	}
	s.sh("pkill -x -f 'sleep 88'")
}

// taskBreaksOff kills a run with its host.
func (s service) taskBreaksOff() {
	s.Helper()
	s.install("scheduled-task", "name=slow", "command=echo begun; sleep 301", "frequency=hourly", "timeout=600")
	s.sh("systemd-run --unit=broken-run /var/lib/brokeforge/tasks/run-task slow")
	s.untilSh("the run begins", "pgrep -x -f 'sleep 301'")
	if err := s.h.Crash(); err != nil {
		s.Fatal(err)
	}
	if err := s.h.Boot(s.Context()); err != nil {
		s.Fatal(err)
	}
	if runs := s.runs("slow"); runs[0].state != "broken" {
		s.Errorf("a run that broke off is %v", runs[0].object)
	}
}
