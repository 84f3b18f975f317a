package cmd

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) siteReleasesCmd() *cobra.Command {
	var on []string
	limit := 20
	c := &cobra.Command{
		Use:   "releases DOMAIN",
		Short: "List the deployments and rollbacks of a site, newest first",
		Args:  exactly("DOMAIN"),
		RunE: func(c *cobra.Command, args []string) error {
			if limit < 0 {
				return misuse(c, fmt.Errorf("--limit: %d is less than 0", limit))
			}
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				v, err := findSite(c, s.Engine, args[0], on)
				if err != nil {
					return err
				}
				list, err := s.Engine.Releases(v.ID, limit)
				if err != nil {
					return err
				}
				return a.printReleases(list)
			})
		},
	}
	onFlag(c, &on)
	c.Flags().IntVarP(&limit, "limit", "n", limit, "list `N` at most; 0 means all")
	return c
}

// releaseView is a deployment or rollback, as JSON shows it.
type releaseView struct {
	Run     string    `json:"run"`
	Package string    `json:"package"` // "deployment" or "rollback"
	State   string    `json:"state"`   // of the run
	Release string    `json:"release"`
	Commit  string    `json:"commit"`
	Author  string    `json:"author"`
	Message string    `json:"message"`
	Current bool      `json:"current"`
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	By      string    `json:"by"`
	Error   string    `json:"error"`
}

func (a *app) printReleases(list []job.ReleaseView) error {
	if a.json {
		views := []releaseView{}
		for _, v := range list {
			views = append(views, releaseView{
				string(v.Run), string(v.Package), string(v.State), v.Release, v.Commit, v.Author, v.Message, v.Current, v.At, v.Took.Seconds(), v.By, v.Error,
			})
		}
		return a.printJSON(views)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "nothing was deployed yet; do so with: brokeforge deploy DOMAIN --repository ADDRESS")
		return nil
	}
	t := a.table("RELEASE", "MESSAGE", "RESULT", "WHEN", "TOOK", "BY", "RUN")
	for _, v := range list {
		t.row(v.Release, v.Message, releaseResult(v), ago(a.Now(), v.At), took(v.Took), v.By, v.Run.Short())
	}
	return t.flush()
}

// releaseResult says what became of a deployment or rollback.
func releaseResult(v job.ReleaseView) string {
	what := "deployed"
	if v.Package == packages.RollbackName {
		what = "rolled back"
	}
	switch {
	case v.Current:
		return what + ", in use"
	case v.State == store.RunDone:
		return what
	case v.Error != "":
		return stateWord(v.State) + ": " + v.Error
	}
	return stateWord(v.State)
}
