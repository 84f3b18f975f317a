package cmd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) execCmd() *cobra.Command {
	var on []string
	var history bool
	timeout := 2 * time.Minute
	limit := 20
	c := &cobra.Command{
		Use:   "exec [--on SERVER] [--timeout D] DOMAIN -- COMMAND...",
		Short: "Run a command in a site's folder, as the site's user",
		Long: `Run a command in a site's folder, as the site's user, and show what it prints. A
COMMAND of one word is read by sh there; of several words, each is passed on as it is.
It is a run like any other: it waits for those before it on the server, goes on when
the connection is lost, and is kept with its exit status and how long it took, also
where it failed. Flags stand before DOMAIN.

With --history the commands that were run are listed, newest first.

The exit status is 0 where the command's was, else 1, and the command's is told. A
command is no place for secrets, as it is recorded; what it prints is cleared of those
that BrokeForge keeps, and of those in the site's .env.

With --json every line is one object, as install has them.`,
		Example: `  brokeforge exec shop.example.org -- php artisan migrate --force
  brokeforge exec shop.example.org -- 'du -sh . | sort'
  brokeforge exec --history shop.example.org`,
		Args: atLeastOne("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			command := commandOf(args[1:])
			switch {
			case history && command != "":
				return misuse(c, errors.New("--history lists commands and runs none"))
			case !history && strings.TrimSpace(command) == "":
				return misuse(c, errors.New("COMMAND is missing"))
			case timeout < time.Second || timeout > 24*time.Hour:
				return misuse(c, fmt.Errorf("--timeout: %s is not between 1s and 24h", timeout))
			case limit < 0:
				return misuse(c, fmt.Errorf("--limit: %d is less than 0", limit))
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				site, err := findSite(c, s.Engine, args[0], on)
				if err != nil {
					return err
				}
				if history {
					return a.printCommands(s.Engine, site, limit)
				}
				values := packages.Values{packages.CommandOption: command, "timeout": strconv.Itoa(int(math.Ceil(timeout.Seconds())))}
				return a.runOnSite(ctx, s.Engine, site, packages.Want{Name: packages.CommandName, Values: values})
			})
		},
	}
	onFlag(c, &on)
	c.Flags().DurationVar(&timeout, "timeout", timeout, "end it when it takes longer than `D`, such as 90s or 1h")
	c.Flags().BoolVar(&history, "history", false, "list the commands that were run")
	c.Flags().IntVarP(&limit, "limit", "n", limit, "of the history, list `N` at most; 0 means all")
	// What follows the domain is the command's.
	c.Flags().SetInterspersed(false)
	return c
}

// runOnSite runs a package that leaves a history once, and shows its output as it
// comes.
func (a *app) runOnSite(ctx context.Context, engine Engine, site job.SiteView, w packages.Want) error {
	prepared := engine.Prepare(ctx, job.Request{
		Action: store.Install, Packages: []packages.Want{w}, Servers: []store.ID{site.ServerID}, Site: site.ID,
	})
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, p := range prepared {
		if p.Err != nil {
			return p.Err
		}
	}
	runs, err := engine.Start(ctx, store.Install, prepared)
	if err != nil {
		return err
	}
	var report reporter = &plainOutput{textLines{Env: a.Env, glyphs: a.glyphs()}}
	if a.json {
		report = &jsonLines{env: a.Env, withOutput: true}
	}
	status, err := a.followWith(ctx, engine, runs, report, func([]*followed) error { return nil })
	if err != nil {
		return err
	}
	return endWith(status)
}

// plainOutput shows what a command prints and little else: where it waits, and how
// it failed.
type plainOutput struct{ textLines }

func (t *plainOutput) state(p job.Progress) {
	text := p.Waiting
	switch {
	case text != "":
	case p.Run.State == store.RunLost:
		text = "contact is lost; the run goes on there and is picked up again"
	case p.Run.State == store.RunQueued && p.Position > 0:
		text = fmt.Sprintf("waiting behind %s on this server", count(p.Position, "run", "runs"))
	default:
		return
	}
	fmt.Fprintln(t.Stderr, oneLine(p.Run.ServerName+": "+text))
}

func (t *plainOutput) milestone(job.Progress, job.Milestone) {}
func (t *plainOutput) percent(job.Progress, job.Milestone)   {}

func (t *plainOutput) output(_ job.Progress, lines []string) {
	for _, line := range lines {
		fmt.Fprintln(t.Stdout, visible(line))
	}
}

func (t *plainOutput) end(p job.Progress) {
	e := p.Run.Error
	if p.Run.State == store.RunDone {
		return
	}
	text := "the run " + stateWord(p.Run.State)
	switch {
	case e != nil && e.Status > 0 && p.Run.State == store.RunFailed:
		text = fmt.Sprintf("exit status %d", e.Status)
		if e.Status == 124 || e.Status == 137 {
			text += ", as of one that took too long and was ended"
		}
	case e != nil:
		text = e.Summary
	}
	fmt.Fprintf(t.Stderr, "brokeforge: %s (run %s)\n", oneLine(p.Run.ServerName+": "+text), p.Run.ID.Short())
}

// siteCommandView is a command that was run, as JSON shows it.
type siteCommandView struct {
	Command string    `json:"command"`
	State   string    `json:"state"` // "done" or "failed"
	Status  int       `json:"exit_status"`
	Started time.Time `json:"started_at"`
	Seconds float64   `json:"seconds"`
	By      string    `json:"by"`
	Run     store.ID  `json:"run"`
}

func viewSiteCommand(p store.SitePackage) siteCommandView {
	c := job.ResultOf(p)
	out := siteCommandView{
		Command: p.Configuration[packages.CommandOption], State: "done", Status: c.Status,
		Started: p.InstalledAt, Seconds: c.Took.Seconds(), By: p.By, Run: p.RunID,
	}
	if p.Status == store.Failed {
		out.State = "failed"
	}
	return out
}

func (a *app) printCommands(engine Engine, site job.SiteView, limit int) error {
	records, err := engine.SitePackages(site.ID, packages.CommandName, limit)
	if err != nil {
		return err
	}
	list := []siteCommandView{}
	for _, r := range records {
		list = append(list, viewSiteCommand(r))
	}
	if a.json {
		return a.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "no command was run there yet")
		return nil
	}
	t := a.table("STARTED", "STATE", "EXIT", "TOOK", "RUN", "BY", "COMMAND")
	for _, v := range list {
		t.row(clock(v.Started), v.State, strconv.Itoa(v.Status), took(time.Duration(v.Seconds*float64(time.Second))), v.Run.Short(), v.By, v.Command)
	}
	return t.flush()
}
