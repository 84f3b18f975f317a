package cmd

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
)

func (a *app) taskCmd() *cobra.Command {
	return a.group("task", "Show what came of scheduled tasks", a.taskRunsCmd())
}

func (a *app) taskRunsCmd() *cobra.Command {
	limit := 10
	output := false
	c := &cobra.Command{
		Use:   "runs SERVER NAME",
		Short: "Show the runs of a scheduled task, newest first",
		Long: fmt.Sprintf(`Show what a server keeps of the runs of a scheduled task, newest first. NAME is the task's
own, as "status" shows it behind scheduled-task@. A server keeps the last %d runs of each
task, and of each the end of what it printed.`, packages.MaxTaskRuns),
		Args: exactly("SERVER", "NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 0 {
				return misuse(c, fmt.Errorf("--limit: %d is less than 0", limit))
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				server, err := s.Engine.Find(args[0])
				if err != nil {
					return notFound(err)
				}
				runs, err := s.Engine.TaskRuns(ctx, server.ID, args[1])
				if err != nil {
					return err
				}
				if limit > 0 {
					runs = runs[:min(limit, len(runs))]
				}
				return a.printTaskRuns(runs, output)
			})
		},
	}
	c.Flags().IntVarP(&limit, "limit", "n", limit, "show `N` at most; 0 means all")
	c.Flags().BoolVarP(&output, "output", "v", false, "show what they printed too")
	return c
}

// taskRunView is a run of a scheduled task. Ended and Status are null where
// there is none.
type taskRunView struct {
	ID      string     `json:"id"`
	State   string     `json:"state"`
	User    string     `json:"user"`
	Started time.Time  `json:"started_at"`
	Ended   *time.Time `json:"ended_at"`
	Status  *int       `json:"exit_status"`
	Skipped int        `json:"skipped"`
	Cut     int64      `json:"output_cut_bytes"`
	Output  []string   `json:"output"`
}

func viewTaskRun(r packages.TaskRun) taskRunView {
	v := taskRunView{
		ID: r.ID, State: string(r.State), User: r.User, Started: r.Started,
		Skipped: r.Skipped, Cut: r.Cut, Output: append([]string{}, r.Output...),
	}
	if !r.Ended.IsZero() {
		v.Ended = &r.Ended
	}
	if r.Status >= 0 {
		v.Status = &r.Status
	}
	return v
}

func (a *app) printTaskRuns(runs []packages.TaskRun, output bool) error {
	if a.json {
		list := []taskRunView{}
		for _, r := range runs {
			list = append(list, viewTaskRun(r))
		}
		return a.printJSON(list)
	}
	if len(runs) == 0 {
		fmt.Fprintln(a.Stderr, "the task has not run yet")
		return nil
	}
	if output {
		return a.printTaskOutput(runs)
	}
	t := a.table("STARTED", "STATE", "EXIT", "TOOK", "USER", "LAST LINE")
	for _, r := range runs {
		last := ""
		if len(r.Output) > 0 {
			last = r.Output[len(r.Output)-1]
		}
		t.row(clock(r.Started), taskState(r), exitOf(r), tookOf(r), r.User, last)
	}
	return t.flush()
}

// printTaskOutput prints each run with what it printed below it.
func (a *app) printTaskOutput(runs []packages.TaskRun) error {
	for i, r := range runs {
		if i > 0 {
			fmt.Fprintln(a.Stdout)
		}
		line := clock(r.Started) + "  " + taskState(r)
		if exit := exitOf(r); exit != "" {
			line += "  exit status " + exit
		}
		if span := tookOf(r); span != "" {
			line += "  " + span
		}
		fmt.Fprintln(a.Stdout, oneLine(line))
		if r.Cut > 0 {
			fmt.Fprintf(a.Stdout, "    (%s before this are not kept)\n", bytesOf(r.Cut))
		}
		for _, text := range r.Output {
			if _, err := fmt.Fprintln(a.Stdout, "    "+oneLine("|" + text)[1:]); err != nil {
				return err
			}
		}
	}
	return nil
}

func taskState(r packages.TaskRun) string {
	switch r.State {
	case packages.TaskTimeout:
		return "took too long"
	case packages.TaskBroken:
		return "broke off"
	case packages.TaskSkipped:
		return fmt.Sprintf("skipped, %d in a row", r.Skipped)
	}
	return string(r.State)
}

func exitOf(r packages.TaskRun) string {
	if r.Status < 0 {
		return ""
	}
	return strconv.Itoa(r.Status)
}

// tookOf shows how long a run took, to the second that the server keeps.
func tookOf(r packages.TaskRun) string {
	if r.Ended.IsZero() || r.State == packages.TaskSkipped {
		return ""
	}
	return r.Ended.Sub(r.Started).String()
}
