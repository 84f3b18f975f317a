package cmd

import (
	"context"
	"fmt"

	"brokeforge/packages/job"
	"brokeforge/store"
)

// reporter tells of runs as they go on.
type reporter interface {
	state(job.Progress)                    // it is queued, going on, waiting, or out of contact
	milestone(job.Progress, job.Milestone) // one has begun or ended
	percent(job.Progress, job.Milestone)   // it says how far it is
	output(job.Progress, []string)         // lines of the server
	end(job.Progress)                      // it has ended
}

// followed is a run with what was told of it.
type followed struct {
	id       store.ID
	told     job.Progress
	lines    int
	percent  int // that was told last
	hasState bool
	ended    bool
}

// follow tells of the runs until all have ended, and returns the exit status
// that they call for. When the context ends it lets go of them: they go on on
// their servers, and the error is the context's.
func (a *app) follow(ctx context.Context, engine Engine, runs []store.Run, output bool) (int, error) {
	report, flush := a.reporterFor(runs, output)
	return a.followWith(ctx, engine, runs, report, flush)
}

// followWith is follow with what tells of the runs, and what is to be called when all
// have ended.
func (a *app) followWith(ctx context.Context, engine Engine, runs []store.Run, report reporter, flush func([]*followed) error) (int, error) {
	changes := engine.Subscribe()
	defer changes.Close()
	list := make([]*followed, len(runs))
	for i, run := range runs {
		list[i] = &followed{id: run.ID}
	}
	for {
		live := 0
		for _, f := range list {
			if err := f.update(engine, report); err != nil {
				return StatusFailed, err
			}
			if !f.ended {
				live++
			}
		}
		if live == 0 {
			return a.statusOf(list), flush(list)
		}
		if ctx.Err() != nil {
			a.letGo(list)
			return StatusRefused, ctx.Err()
		}
		select {
		case <-changes.Changed():
		case <-ctx.Done(): // what is told is brought up to date first
		}
	}
}

// update tells what is new of the run. Output and milestones come apart, so
// their order is made: a milestone that begins goes before the output that
// came with it, one that ends goes after.
func (f *followed) update(engine Engine, report reporter) error {
	if f.ended {
		return nil
	}
	p, err := engine.Progress(f.id)
	if err != nil {
		return fmt.Errorf("follow run %s: %w", f.id.Short(), err)
	}
	lines, next, err := engine.Lines(f.id, f.lines)
	if err != nil {
		return fmt.Errorf("read the output of run %s: %w", f.id.Short(), err)
	}
	f.lines = next
	if !f.hasState || p.Run.State != f.told.Run.State || p.Waiting != f.told.Waiting || p.Position != f.told.Position {
		if p.Run.State.Live() {
			report.state(p)
		}
		f.hasState = true
	}
	f.ended = !p.Run.State.Live()
	changed, anyEnded := f.changed(p)
	if anyEnded && len(lines) > 0 {
		report.output(p, lines)
		lines = nil
	}
	for _, m := range changed {
		report.milestone(p, m)
	}
	if m, ok := p.Current(); ok && f.further(p) {
		report.percent(p, m)
	}
	if len(lines) > 0 {
		report.output(p, lines)
	}
	if f.ended {
		report.end(p)
	}
	f.told = p
	return nil
}

// percentStep is by how much a percentage must have grown to be told again.
const percentStep = 10

// further reports whether the command that is running is worth a word on how far
// it is, and takes it for told.
func (f *followed) further(p job.Progress) bool {
	if p.Command != f.told.Command || p.Percent < f.percent {
		f.percent = 0
	}
	if p.Percent < f.percent+percentStep {
		return false
	}
	f.percent = p.Percent
	return true
}

// changed returns the milestones that have begun or ended since the last time.
func (f *followed) changed(p job.Progress) (list []job.Milestone, anyEnded bool) {
	for i, m := range p.Milestones {
		before := job.Ahead
		if i < len(f.told.Milestones) {
			before = f.told.Milestones[i].State
		}
		if m.State != before && m.State != job.Ahead {
			list = append(list, m)
			anyEnded = anyEnded || m.State != job.Working
		}
	}
	return list, anyEnded
}

// statusOf is the exit status for runs that have ended.
func (a *app) statusOf(list []*followed) int {
	for _, f := range list {
		if f.told.Run.State != store.RunDone {
			return StatusFailed
		}
	}
	return StatusDone
}

// letGo says what becomes of the runs that are still live.
func (a *app) letGo(list []*followed) {
	for _, f := range list {
		run := f.told.Run
		switch {
		case f.ended:
		case run.State == store.RunQueued:
			fmt.Fprintf(a.Stderr, "%s: run %s has not begun; it begins when brokeforge is next started; to drop it: brokeforge run cancel %[2]s\n",
				run.ServerName, run.ID.Short())
		default:
			fmt.Fprintf(a.Stderr, "%s: the run goes on there; follow it with: brokeforge run show %s\n", run.ServerName, run.ID.Short())
		}
	}
}
