package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
)

// siteLine is a line of a site's log as JSON shows it.
type siteLine struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Server string    `json:"server"`
	Site   string    `json:"site"`
	Line   string    `json:"line"`
}

func (a *app) logsCmd() *cobra.Command {
	log := job.SiteLog{Lines: 50}
	var on []string
	c := &cobra.Command{
		Use:   "logs DOMAIN",
		Short: "Show the log of a site, and follow it",
		Long: `Show the last lines of the log of a site's requests or, with --error, of what went
wrong. With --follow lines that come are shown until ctrl+c, also after the log was
rotated. With --grep only lines that hold the text as it is count.

With --json every line is an object with "server", "site" and "line".`,
		Example: "  brokeforge logs shop.example.org --follow --grep ' 500 '",
		Args:    exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			if log.Lines < 0 || log.Lines > job.MaxJournal {
				return misuse(c, fmt.Errorf("--lines: %d is not between 0 and %d", log.Lines, job.MaxJournal))
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				site, err := findSite(c, s.Engine, args[0], on)
				if err != nil {
					return err
				}
				return a.printSiteLog(ctx, s.Engine, site, log)
			})
		},
	}
	onFlag(c, &on)
	c.Flags().BoolVar(&log.Errors, "error", false, "the log of errors in place of that of requests")
	c.Flags().BoolVarP(&log.Follow, "follow", "f", false, "show lines that come, until ctrl+c")
	c.Flags().IntVarP(&log.Lines, "lines", "n", log.Lines, "begin with the last `N` lines")
	c.Flags().StringVar(&log.Text, "grep", "", "only lines that hold `TEXT`")
	return c
}

func (a *app) printSiteLog(ctx context.Context, engine Engine, site job.SiteView, log job.SiteLog) error {
	out := jsonLines{env: a.Env}
	return engine.SiteLog(ctx, site.ID, log, func(line string) error {
		if a.json {
			out.write(siteLine{a.Now().UTC(), "output", site.Server, site.Domain, line})
			return out.err
		}
		_, err := fmt.Fprintln(a.Stdout, visible(line))
		return err
	})
}
