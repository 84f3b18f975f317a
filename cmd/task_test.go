package cmd

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
)

func taskWorld(t *testing.T) *world {
	w := newWorld(t, newEngine("web1"))
	w.engine.tasks = map[string][]packages.TaskRun{
		"idle": {},
		"backup": {
			{ID: "3-9", State: packages.TaskRunning, Started: noon, Status: -1, User: "app"},
			{ID: "2-8", State: packages.TaskSkipped, Started: noon.Add(-time.Hour), Ended: noon.Add(-time.Hour), Status: -1, User: "app", Skipped: 3},
			{
				ID: "1-7", State: packages.TaskFailed, Started: noon.Add(-2 * time.Hour), Ended: noon.Add(-2*time.Hour + 90*time.Second),
				Status: 3, User: "app", Cut: 2048, Output: []string{"  dump", "no space\x1b[2J"},
			},
		},
	}
	return w
}

func TestTaskRuns(t *testing.T) {
	w := taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "backup")
	holds(t, "the list", w.out.String(), "STARTED", "running", "skipped, 3 in a row", "failed", "1m30s", `no space\x1b[2J`)
	w = taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "backup", "--output", "-n", "3")
	holds(t, "the output", w.out.String(), "failed  exit status 3  1m30s\n    (2.0 KB before this are not kept)\n      dump\n    no space\\x1b[2J\n")
	w = taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "backup", "-n", "1")
	if strings.Contains(w.out.String(), "failed") {
		t.Errorf("more than one run is shown:\n%s", &w.out)
	}
	w = taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "idle")
	holds(t, "standard error", w.errs.String(), "the task has not run yet")
}

func TestTaskRunsJSON(t *testing.T) {
	w := taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "backup", "--json")
	var list []map[string]any
	if err := json.Unmarshal(w.out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(list) != 3 || list[0]["ended_at"] != nil || list[0]["exit_status"] != nil || list[2]["exit_status"] != 3.0 || list[1]["output"] == nil {
		t.Errorf("got %v", list)
	}
	w = taskWorld(t)
	w.run(t, 0, "task", "runs", "web1", "idle", "--json")
	if got := strings.TrimSpace(w.out.String()); got != "[]" {
		t.Errorf("no runs are %q", got)
	}
}

func TestTaskRunsRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"task"},
		{"task", "run"},
		{"task", "runs"},
		{"task", "runs", "web1"},
		{"task", "runs", "web2", "backup"},
		{"task", "runs", "web1", "other"},
		{"task", "runs", "web1", "backup", "-n", "-1"},
		{"task", "runs", "web1", "backup", "x"},
	} {
		w := taskWorld(t)
		w.run(t, 2, args...)
		if w.out.Len() > 0 || w.errs.Len() == 0 {
			t.Errorf("%q: stdout %q, stderr %q", args, &w.out, &w.errs)
		}
	}
}
