package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"brokeforge/sshrun/clean"
)

// Follow takes up a run at a byte offset of its log, 0 or the Offset of a mark,
// and is else as [Client.Ship] without the start; that a server knows nothing of
// the run is an *AbsentError. The nonce is that of the shipment.
//
// When the log has run full, a mark from before offset may come once more.
func (c *Client) Follow(ctx context.Context, runID, nonce string, offset int64, handle func(Mark) error) error {
	if err := checkRunID(runID); err != nil {
		return err
	}
	begin, end := newToken(), newToken()
	f := c.newFollower(runID, nonce, end, offset, handle)
	return c.follow(ctx, f, begin, exchange{
		arguments: " -s",
		// The script is one compound command that reads the rest of standard
		// input, which is its end.
		input: func(w io.WriteCloser) error {
			text := fmt.Sprintf("end=%s\nset -u\nset -- %s\n%s%s", end,
				strings.Join([]string{c.pool.opts.places.base, c.pool.opts.places.volatile, runID, strconv.FormatInt(offset, 10)}, " "),
				lookScript, followScript)
			_, err := fmt.Fprintf(w, "echo %s; echo %s >&2\n{\n%s\nexit\n}\n", begin, begin, text)
			return err
		},
	})
}

// A follower reads what follow.sh prints.
type follower struct {
	client *Client
	runID  string
	parser parser
	lines  clean.Splitter

	hello    bool
	absent   bool
	rebooted bool
}

func (c *Client) newFollower(runID, nonce, end string, offset int64, handle func(Mark) error) *follower {
	f := &follower{client: c, runID: runID}
	f.parser = parser{nonce: nonce, end: end, emit: handle, start: offset, step: -1}
	f.lines.Line = f.line
	return f
}

// follow runs an exchange whose output is that of follow.sh.
func (c *Client) follow(ctx context.Context, f *follower, begin string, x exchange) error {
	stdout := &framed{begin: begin, out: &f.lines}
	said := &bounded{limit: maxNoise}
	stderr := &framed{begin: begin, out: said}
	x.stdout, x.stderr = stdout, stderr
	end, err := c.perform(ctx, x, true)
	switch {
	case errors.Is(err, errStop):
		return nil
	case err != nil:
		return err
	case f.absent:
		return &AbsentError{Name: c.target.Name, RunID: f.runID}
	case !f.hello:
		return &StartError{Name: c.target.Name, RunID: f.runID, Status: end.status, Said: sayings(said.Bytes())}
	case !f.parser.over:
		return c.lost(fmt.Errorf("following was ended with status %d: %s", end.status, sayings(said.Bytes())))
	}
	return &DiedError{Name: c.target.Name, RunID: f.runID, Rebooted: f.rebooted}
}

func (f *follower) line(raw []byte, end int64) error {
	if f.hello {
		if err := f.parser.line(raw, end); err != nil {
			return err
		}
		if f.parser.finished {
			return errStop
		}
		return nil
	}
	fields := strings.Fields(string(raw))
	if len(fields) == 1 && fields[0] == "absent" {
		f.absent = true
		return nil
	}
	if len(fields) < 3 || fields[0] != "hello" {
		return fmt.Errorf("follow run %s on %s: unexpected answer %q", f.runID, f.client.target.Name, clean.Line(string(raw)))
	}
	f.hello = true
	f.parser.start -= end
	f.rebooted = len(fields) < 4 || fields[2] != fields[3]
	if up, err := parseUptime(fields[1]); err == nil && !f.rebooted {
		f.parser.clock = clock{here: time.Now(), up: up}
	}
	return nil
}

// A RunState is what a server knows of a run.
type RunState string

// The states of a run on a server.
const (
	RunAbsent   RunState = "absent"   // nothing is known
	RunRunning  RunState = "running"  // also while it waits for another run
	RunFinished RunState = "finished" // its MarkFinish is in the log
	RunDead     RunState = "dead"     // it neither runs nor did it finish
)

// A RunInfo is what [Client.Inspect] finds.
type RunInfo struct {
	State    RunState
	Status   int  // of a finished run, one of the Finish constants
	Step     int  // that began last, -1 before the first
	PID      int  // of the driver
	SameBoot bool // the server has not booted since the run began
}

// Inspect asks the server about a run.
func (c *Client) Inspect(ctx context.Context, runID string) (RunInfo, error) {
	info := RunInfo{Step: -1}
	out, err := c.ask(ctx, runID, lookScript+inspectScript)
	if err != nil {
		return info, err
	}
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		number, _ := strconv.Atoi(value) // not each value is one
		switch key {
		case "state":
			info.State = RunState(value)
		case "finish":
			info.Status = number
		case "step":
			info.Step = number
		case "pid":
			info.PID = number
		case "boot":
			info.SameBoot = true
		}
	}
	switch info.State {
	case RunAbsent, RunRunning, RunFinished, RunDead:
		return info, nil
	}
	return info, fmt.Errorf("inspect run %s on %s: unexpected answer %q", runID, c.target.Name, cleanLine(out))
}

// Cancel tells a run to end: its step gets TERM, and KILL after ten seconds. Who
// follows the run sees a MarkFinish. A run that is over already is no error; one
// that is not known or whose driver died is an *AbsentError or *DiedError.
func (c *Client) Cancel(ctx context.Context, runID string) error {
	out, err := c.ask(ctx, runID, lookScript+cancelScript)
	if err != nil {
		return err
	}
	switch out {
	case "told", "finished":
		return nil
	case "absent":
		return &AbsentError{Name: c.target.Name, RunID: runID}
	case "gone":
		return &DiedError{Name: c.target.Name, RunID: runID}
	}
	return fmt.Errorf("cancel run %s on %s: unexpected answer %q", runID, c.target.Name, cleanLine(out))
}

// Prove tells a run that waits after a MarkProve of this step that its change has
// locked nobody out. Call it on a new login, from [Pool.Dial]. A *ProofError says
// that the run does not wait for it, or no longer.
func (c *Client) Prove(ctx context.Context, runID string, step int) error {
	out, err := c.ask(ctx, runID, proveScript, strconv.Itoa(step))
	if err != nil {
		return err
	}
	switch out {
	case "proved":
		return nil
	case "absent":
		return &AbsentError{Name: c.target.Name, RunID: runID}
	case "idle", "late":
		return &ProofError{Name: c.target.Name, RunID: runID, Late: out == "late"}
	}
	return fmt.Errorf("prove step %d of run %s on %s: unexpected answer %q", step, runID, c.target.Name, cleanLine(out))
}

// ask executes a script about a run as root and returns what it prints.
func (c *Client) ask(ctx context.Context, runID, script string, arguments ...string) (string, error) {
	if err := checkRunID(runID); err != nil {
		return "", err
	}
	at := c.pool.opts.places
	set := "set -- " + strings.Join(append([]string{at.base, at.volatile, runID}, arguments...), " ") + "\n"
	r, err := c.Execute(ctx, Script{Text: set + script, Become: true, MaxOutput: 4096})
	if err != nil {
		return "", err
	}
	if r.Status != 0 {
		return "", fmt.Errorf("ask %s about run %s: status %d: %s", c.target.Name, runID, r.Status, sayings(r.Stderr))
	}
	return string(bytes.TrimSpace(r.Stdout)), nil
}
