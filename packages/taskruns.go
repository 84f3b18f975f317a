package packages

import (
	"bytes"
	_ "embed"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokeforge/sshrun/clean"
)

// TasksFolder is where scheduled tasks and what is kept of their runs are on a
// server.
const TasksFolder = "/var/lib/brokeforge/tasks"

// MaxTaskRuns is how many runs of a task a server keeps.
const MaxTaskRuns = 50

//go:embed taskruns.sh
var taskRunsScript string

// TaskRun is what is kept of one run of a scheduled task.
type TaskRun struct {
	ID      string
	State   TaskRunState
	Started time.Time
	Ended   time.Time // zero while it goes on, and where it broke off
	Status  int       // its exit status; -1 where it has none
	User    string    // the login that it ran as
	Skipped int       // of a run that was skipped, how often in a row
	Cut     int64     // bytes that it printed before Output
	Output  []string  // the end of what it printed, cleaned
}

// TaskRunState says what became of a run of a task.
type TaskRunState string

// The states of a run of a task.
const (
	TaskRunning TaskRunState = "running"
	TaskDone    TaskRunState = "done"
	TaskFailed  TaskRunState = "failed"
	TaskTimeout TaskRunState = "timeout" // it was ended, as it took too long
	TaskSkipped TaskRunState = "skipped" // it did not begin, as the one before still went on
	TaskBroken  TaskRunState = "broken"  // it ended without a word, such as with its server
)

// NoTaskError says that a server has no task of that name.
type NoTaskError struct{ Name string }

// Error names the task.
func (e *NoTaskError) Error() string {
	return fmt.Sprintf("there is no scheduled task %q on the server", e.Name)
}

var taskName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

// TaskRunsScript returns a POSIX sh script that prints what is kept of the
// runs of a task, for ParseTaskRuns. It is to be run by root and changes
// nothing. The error is a *NoTaskError for what can't be the name of a task.
func TaskRunsScript(name string) (string, error) {
	if !taskName.MatchString(name) {
		return "", &NoTaskError{name}
	}
	return fmt.Sprintf("task=%s/%s most=%d\n%s", TasksFolder, name, MaxTaskRuns, taskRunsScript), nil
}

// ParseTaskRuns reads what the script of TaskRunsScript printed about the named
// task. Nothing of it is trusted. The error is a *NoTaskError where the server
// has no such task.
func ParseTaskRuns(name string, out []byte) ([]TaskRun, error) {
	runs := []TaskRun{}
	for raw := range bytes.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSuffix(string(raw), "\n"), " ")
		switch key {
		case "none":
			return nil, &NoTaskError{name}
		case "end":
			return runs, nil
		case "run":
			if len(runs) == MaxTaskRuns {
				return nil, fmt.Errorf("read the runs of the task %s: the server tells of more than it keeps", name)
			}
			runs = append(runs, TaskRun{ID: printable([]byte(value)), Status: -1})
			continue
		}
		if len(runs) == 0 {
			continue
		}
		if err := runs[len(runs)-1].set(key, value); err != nil {
			return nil, fmt.Errorf("read the runs of the task %s: %s: %w", name, printable([]byte(key)), err)
		}
	}
	return nil, fmt.Errorf("read the runs of the task %s: the server's answer ends in the middle", name)
}

func (r *TaskRun) set(key, value string) error {
	var n int64
	var err error
	switch key {
	case "state":
		r.State = TaskRunState(printable([]byte(value)))
		known := []TaskRunState{TaskRunning, TaskDone, TaskFailed, TaskTimeout, TaskSkipped, TaskBroken}
		if !slices.Contains(known, r.State) {
			return fmt.Errorf("%q is unknown", r.State)
		}
	case "started":
		n, err = number(value, maxSeconds)
		r.Started = time.Unix(n, 0).UTC()
	case "ended":
		n, err = number(value, maxSeconds)
		r.Ended = time.Unix(n, 0).UTC()
	case "status":
		n, err = number(value, 255)
		r.Status = int(n)
	case "user":
		r.User = printable([]byte(value))
	case "skipped":
		n, err = number(value, 1<<31)
		r.Skipped = int(n)
	case "cut":
		r.Cut, err = number(value, 1<<62)
	case "output":
		r.Output, err = outputLines(value)
	}
	if err != nil {
		return fmt.Errorf("%s %w", strconv.Quote(printable([]byte(value))), err)
	}
	return nil
}

// maxOutputLines is how many lines of what a run printed are taken in.
const maxOutputLines = 1000

func outputLines(value string) ([]string, error) {
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, fmt.Errorf("is not base64")
	}
	var lines []string
	for raw := range bytes.Lines(text) {
		lines = append(lines, clean.Line(strings.TrimRight(string(raw), "\r\n")))
	}
	return lines[max(0, len(lines)-maxOutputLines):], nil
}
