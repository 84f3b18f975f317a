package cmd

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestRunShow(t *testing.T) {
	e := newEngine("web1", "db")
	e.runs = []store.Run{runOn("web1", store.RunRunning), runOn("db", store.RunFailed)}
	e.frames["web1"], e.frames["db"] = goodRun("web1")[1:2], badRun("db")[1:]
	w := newWorld(t, e)
	w.run(t, StatusDone, "run", "show", "WEB1..")
	holds(t, "the live run", w.out.String(), "running", "▸ Preparing  going on", "· Installing  not begun", "/logs/")
	w.out.Reset()
	w.run(t, StatusDone, "run", "show", "DB....")
	holds(t, "the failed run", w.out.String(), "failed", "✗ Installing  failed", "the server's disk is full", "make space there")
	w.out.Reset()
	w.run(t, StatusDone, "run", "show", "DB....", "--json")
	var view runView
	if err := json.Unmarshal(w.out.Bytes(), &view); err != nil {
		t.Fatal(err)
	}
	if view.State != "failed" || view.Error == nil || view.Error.ExitStatus != 100 || len(view.Milestones) != 2 {
		t.Errorf("got %+v", view)
	}
	if !e.recovered {
		t.Error("runs of a former call were not taken up")
	}
}

func TestRunShowFollows(t *testing.T) {
	for _, tt := range []struct {
		frames []frame
		want   int
		last   string
	}{{goodRun("web1"), StatusDone, "✓ Installing"}, {badRun("web1"), StatusFailed, "✗ Installing failed"}} {
		e := newEngine("web1")
		e.runs = []store.Run{runOn("web1", store.RunQueued)}
		e.frames["web1"] = tt.frames
		w := newWorld(t, e)
		w.run(t, tt.want, "run", "show", "WEB1..", "--follow")
		holds(t, "stdout", w.out.String(), tt.last)
	}
}

// TestNewsOfRunsThatWereLeft has a run that ended on its server while no
// program watched it.
func TestNewsOfRunsThatWereLeft(t *testing.T) {
	for _, args := range [][]string{{"run", "list"}, {"run", "show", "WEB1.."}} {
		e := newEngine("web1")
		e.runs = []store.Run{runOn("web1", store.RunRunning)}
		e.frames["web1"] = goodRun("web1")[1:]
		w := newWorld(t, e)
		w.Patience = time.Hour
		w.run(t, StatusDone, args...)
		holds(t, "what is shown", w.out.String(), "done")
		if strings.Contains(w.out.String(), "running") {
			t.Errorf("%q says that it is running:\n%s", args, &w.out)
		}
	}
}

func TestNoNewsOfRunsThatWereLeft(t *testing.T) {
	e := newEngine("web1")
	e.runs = []store.Run{runOn("web1", store.RunLost)}
	lost := states("web1", store.RunLost, job.Working, job.Ahead)
	lost.Waiting = "connecting to web1"
	e.frames["web1"] = []frame{{Progress: lost}}
	w := newWorld(t, e)
	w.run(t, StatusDone, "run", "list")
	holds(t, "the list", w.out.String(), "contact lost: connecting to web1")
}

func TestRunCancel(t *testing.T) {
	running := frame{Progress: states("web1", store.RunRunning, job.Done, job.Working)}
	for _, tt := range []struct {
		name  string
		end   store.RunState
		want  int
		parts string
	}{
		{"cancelled", store.RunCancelled, StatusDone, "is cancelled"},
		{"done before", store.RunDone, StatusRefused, "came to its end before: done"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine("web1")
			e.runs = []store.Run{runOn("web1", store.RunRunning)}
			e.frames["web1"] = []frame{running, {Progress: states("web1", tt.end, job.Done, job.Ahead)}}
			w := newWorld(t, e)
			w.run(t, tt.want, "run", "cancel", "WEB1..")
			holds(t, "what is said", w.out.String()+w.errs.String(), tt.parts)
			if len(e.cancelled) != 1 {
				t.Errorf("cancelled %q", e.cancelled)
			}
		})
	}
}

func TestRunCancelOfAnEndedRun(t *testing.T) {
	e := newEngine("web1")
	e.runs = []store.Run{runOn("web1", store.RunDone)}
	w := newWorld(t, e)
	w.run(t, StatusRefused, "run", "cancel", "WEB1..")
	holds(t, "stderr", w.errs.String(), "has ended already: done")
	if len(e.cancelled) > 0 {
		t.Error("it was cancelled")
	}
}

func TestRunList(t *testing.T) {
	e := newEngine("web1", "db")
	e.runs = []store.Run{runOn("web1", store.RunLost), runOn("db", store.RunDone)}
	w := newWorld(t, e)
	w.run(t, StatusDone, "run", "list")
	holds(t, "the list", w.out.String(), "WEB1..", "contact lost", "DB....", "done", "1m ago", "30s")
	w.out.Reset()
	w.run(t, StatusDone, "run", "list", "--limit", "1")
	if strings.Contains(w.out.String(), "DB....") {
		t.Errorf("more than 1 run: %s", &w.out)
	}
	w.run(t, StatusRefused, "run", "list", "--limit", "-1")
	w.run(t, StatusRefused, "run", "show", "nope")
	w.run(t, StatusRefused, "run", "show")
}

func TestHowFarItIsIsToldNowAndThen(t *testing.T) {
	e := newEngine("web1")
	var frames []frame
	for _, percent := range []int{0, 3, 9, 10, 15, 42, 45, 99, 100} {
		f := frame{Progress: states("web1", store.RunRunning, job.Working, job.Ahead)}
		f.Command, f.Percent = "apt", percent
		frames = append(frames, f)
	}
	e.frames["web1"] = append(frames, goodRun("web1")...)
	w := newWorld(t, e)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--yes")
	got := regexp.MustCompile(`Preparing  (\d+)%`).FindAllStringSubmatch(w.out.String(), -1)
	var told []string
	for _, m := range got {
		told = append(told, m[1])
	}
	if diff := cmp.Diff([]string{"10", "42", "99"}, told); diff != "" {
		t.Errorf("(-want +got):\n%s\n%s", diff, w.out.String())
	}
}
