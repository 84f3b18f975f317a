package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) runCmd() *cobra.Command {
	return a.group("run", "List, show, follow and cancel runs", a.runListCmd(), a.runShowCmd(), a.runCancelCmd())
}

func (a *app) runListCmd() *cobra.Command {
	limit := 20
	c := &cobra.Command{
		Use:   "list",
		Short: "List the runs, newest first",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 0 {
				return misuse(c, fmt.Errorf("--limit: %d is less than 0", limit))
			}
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				runs, err := s.Engine.Runs(limit)
				if err != nil {
					return err
				}
				live, err := liveRuns(s.Engine)
				if err != nil {
					return err
				}
				return a.printRuns(runs, live)
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", limit, "how many at most; 0 lists `ALL`")
	c.Flags().Lookup("limit").Usage = "list `N` at most; 0 means all"
	return c
}

// printRuns prints runs. Of those that are live, what is known now is given.
func (a *app) printRuns(runs []store.Run, live map[store.ID]job.Progress) error {
	if a.json {
		list := []runView{}
		for _, r := range runs {
			view := viewRun(r)
			view.Waiting = live[r.ID].Waiting
			list = append(list, view)
		}
		return a.printJSON(list)
	}
	if len(runs) == 0 {
		fmt.Fprintln(a.Stderr, "there are no runs yet")
		return nil
	}
	t := a.table("RUN", "SERVER", "WHAT", "STATE", "STEPS", "TOOK", "QUEUED", "BY")
	for _, r := range runs {
		p, ok := live[r.ID]
		if !ok {
			p = job.Progress{Run: r}
		}
		span := ""
		if !r.StartedAt.IsZero() {
			span = took(p.Elapsed(a.Now()))
		}
		t.row(r.ID.Short(), r.ServerName, r.Title, stateLine(p), fmt.Sprintf("%d/%d", r.Finished, r.Total),
			span, ago(a.Now(), r.QueuedAt), r.By)
	}
	return t.flush()
}

func (a *app) runShowCmd() *cobra.Command {
	var follow, output bool
	c := &cobra.Command{
		Use:   "show ID",
		Short: "Show a run, and follow it while it goes on",
		Long: `Show a run: its milestones and, where it failed, why. ID is what "run list" shows.

A run that is still going on is followed to its end on a terminal, or with --follow;
else it is shown as it is now. With --json a run that is followed is shown as an object
a line, as install does, else as one document.`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				run, err := s.Engine.FindRun(args[0])
				if err != nil {
					return notFound(err)
				}
				p, err := s.Engine.Progress(run.ID)
				if err != nil {
					return err
				}
				if p.Run.State.Live() && (follow || isTerminal(a.Stdout)) {
					return a.followOne(ctx, s.Engine, p.Run, output)
				}
				return a.showSettled(ctx, s.Engine, p, output)
			})
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "follow it to its end, also without a terminal")
	c.Flags().BoolVarP(&output, "output", "v", false, "show its output too")
	return c
}

// followOne follows a run to its end. Its exit status is that of the run.
func (a *app) followOne(ctx context.Context, engine Engine, run store.Run, output bool) error {
	status, err := a.follow(ctx, engine, []store.Run{run}, output)
	if err != nil {
		return err
	}
	return endWith(status)
}

// showSettled shows a run with what there is of news.
func (a *app) showSettled(ctx context.Context, engine Engine, p job.Progress, output bool) error {
	if p.Run.State.Live() {
		if err := a.settle(ctx, engine); err != nil {
			return err
		}
		var err error
		if p, err = engine.Progress(p.Run.ID); err != nil {
			return err
		}
	}
	return a.showRun(engine, p, output)
}

func (a *app) showRun(engine Engine, p job.Progress, output bool) error {
	log := engine.LogPath(p.Run.ID)
	if a.json {
		return a.printJSON(viewProgress(p, log))
	}
	t := newTable(a.Stdout)
	t.row("Run", string(p.Run.ID))
	t.row("Server", p.Run.ServerName)
	t.row("What", p.Run.Title)
	t.row("State", stateLine(p))
	if p.Run.State.Live() && p.Command != "" {
		t.row("Command", p.Command)
	}
	t.row("Queued", clock(p.Run.QueuedAt)+" by "+p.Run.By)
	if !p.Run.StartedAt.IsZero() {
		t.row("Took", took(p.Elapsed(a.Now())))
	}
	t.row("Output", log)
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout)
	for _, m := range p.Milestones {
		fmt.Fprintln(a.Stdout, a.milestoneLine(p, m))
	}
	if !p.Run.State.Live() && p.Run.State != store.RunDone {
		fmt.Fprintln(a.Stdout)
		explainEnd(a.Stdout, p.Run)
	}
	if output {
		fmt.Fprintln(a.Stdout)
		return a.copyLog(log)
	}
	return nil
}

// stateLine is the state of a run with what is known of it.
func stateLine(p job.Progress) string {
	text := stateWord(p.Run.State)
	switch {
	case p.Waiting != "":
		text += ": " + p.Waiting
	case p.Run.State == store.RunQueued && p.Position > 0:
		text += ": behind " + count(p.Position, "run", "runs") + " on this server"
	}
	return text
}

func (a *app) milestoneLine(p job.Progress, m job.Milestone) string {
	g := a.glyphs()
	mark := map[job.MilestoneState]string{
		job.Ahead: g.waiting, job.Working: g.working, job.Done: g.done, job.Unchanged: g.same, job.Broken: g.failed,
	}[m.State]
	word := map[job.MilestoneState]string{
		job.Ahead: "not begun", job.Working: "going on", job.Unchanged: "already so", job.Broken: "failed",
	}[m.State]
	if m.State == job.Done {
		word = took(m.Ended.Sub(m.Begun))
	}
	return oneLine(fmt.Sprintf("%s %s  %s", mark, labelOf(p, m), word))
}

// copyLog prints the file with a run's output, which holds it cleaned.
func (a *app) copyLog(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil // it has printed nothing
	}
	if err != nil {
		return fmt.Errorf("open the output: %w", err)
	}
	defer f.Close() // nothing was written
	if _, err := io.Copy(a.Stdout, f); err != nil {
		return fmt.Errorf("print the output of %s: %w", path, err)
	}
	return nil
}

func (a *app) runCancelCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "cancel ID",
		Short: "End a run",
		Long: `End a run: its current step is ended on the server, and no further one is begun. What
was done stays done. It waits for the end.`,
		Args: exactly("ID"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				run, err := s.Engine.FindRun(args[0])
				if err != nil {
					return notFound(err)
				}
				if !run.State.Live() {
					return fmt.Errorf("run %s has ended already: %s", run.ID.Short(), stateWord(run.State))
				}
				if err := s.Engine.Cancel(ctx, run.ID); err != nil {
					return err
				}
				return a.awaitEnd(ctx, s.Engine, run)
			})
		},
	}
}

// awaitEnd waits for a cancelled run. One that came to another end before is
// no success of the cancelling.
func (a *app) awaitEnd(ctx context.Context, engine Engine, run store.Run) error {
	changes := engine.Subscribe()
	defer changes.Close()
	for {
		p, err := engine.Progress(run.ID)
		if err != nil {
			return err
		}
		if !p.Run.State.Live() {
			return a.printCancelled(p.Run)
		}
		select {
		case <-changes.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) printCancelled(run store.Run) error {
	if a.json {
		if err := a.printJSON(viewRun(run)); err != nil {
			return err
		}
	} else if run.State == store.RunCancelled {
		_, err := fmt.Fprintf(a.Stdout, "%s: %s is cancelled; what was done stays done\n", run.ServerName, run.Title)
		return err
	}
	if run.State != store.RunCancelled {
		return fmt.Errorf("%s: %s came to its end before: %s", run.ServerName, run.Title, stateWord(run.State))
	}
	return nil
}
