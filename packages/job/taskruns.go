package job

import (
	"context"
	"errors"
	"fmt"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/sshrun/clean"
	"brokeforge/store"
)

// maxTaskRunsOutput is how much of a server's answer about a task is taken in,
// in bytes: all that it keeps, with room to spare.
const maxTaskRunsOutput = 4 << 20

// TaskRuns asks a server what came of the runs of a scheduled task, and returns
// them newest first, without the server's secrets in what they printed. The error is store.ErrNotFound for the server, an
// *InputError where it has no such task, a *HostKeyError or a *ReachError.
func (e *Engine) TaskRuns(ctx context.Context, server store.ID, name string) ([]packages.TaskRun, error) {
	s, err := e.server(server)
	if err != nil {
		return nil, err
	}
	script, err := packages.TaskRunsScript(name)
	if err != nil {
		return nil, noTask(err)
	}
	remote, err := e.connect(ctx, s)
	if err != nil {
		_, err = connectError(s, err)
		return nil, err
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: script, Become: true, MaxOutput: maxTaskRunsOutput})
	if err != nil {
		return nil, &ReachError{Server: s.Name, Err: err}
	}
	if result.Status != 0 {
		return nil, fmt.Errorf("read the runs of the task %s on %s: status %d: %s", name, s.Name, result.Status, clean.Line(string(result.Stderr)))
	}
	runs, err := packages.ParseTaskRuns(name, result.Stdout)
	if err != nil {
		return nil, noTask(err)
	}
	redact, err := e.redactorOf(ctx, server)
	if err != nil {
		return nil, err
	}
	for _, run := range runs {
		for i, line := range run.Output {
			run.Output[i] = redact.text(line)
		}
	}
	return runs, nil
}

// noTask turns the error for a task that is not there into one of what was
// given.
func noTask(err error) error {
	var none *packages.NoTaskError
	if errors.As(err, &none) {
		return &InputError{"task", err.Error()}
	}
	return err
}
