package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) statusCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is recorded as installed, by server",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				servers, err := a.viewsOf(c, s.Engine, on)
				if err != nil {
					return err
				}
				return a.printStatus(servers)
			})
		},
	}
	onFlag(c, &on)
	return c
}

func onFlag(c *cobra.Command, on *[]string) {
	c.Flags().StringArrayVar(on, "on", nil, "`SERVER`[,SERVER...] by name; may be repeated")
}

// askServers does something with the named servers, or all where none is named.
func (a *app) askServers(c *cobra.Command, on []string, do func(context.Context, Engine, []job.ServerView) error) error {
	return a.with(c.Context(), func(ctx context.Context, s *Session) error {
		servers, err := a.viewsOf(c, s.Engine, on)
		if err != nil {
			return err
		}
		return do(ctx, s.Engine, servers)
	})
}

// viewsOf returns the named servers, or all where none is named.
func (a *app) viewsOf(c *cobra.Command, engine Engine, on []string) ([]job.ServerView, error) {
	if !c.Flags().Changed("on") {
		overview, err := engine.Overview()
		return overview.Servers, err
	}
	servers, err := findServers(c, engine, on)
	if err != nil {
		return nil, err
	}
	var views []job.ServerView
	for _, s := range servers {
		view, err := engine.Server(s.ID)
		if err != nil {
			return nil, err
		}
		views = append(views, view)
	}
	return views, nil
}

// findView returns what is known of the server of that name.
func findView(engine Engine, name string) (job.ServerView, error) {
	server, err := engine.Find(name)
	if err != nil {
		return job.ServerView{}, notFound(err)
	}
	return engine.Server(server.ID)
}

// findServers returns the servers that --on names, each once.
func findServers(c *cobra.Command, engine Engine, on []string) ([]store.Server, error) {
	var servers []store.Server
	for _, name := range strings.Split(strings.Join(on, ","), ",") {
		if name == "" {
			return nil, misuse(c, fmt.Errorf("--on: the name of a server is empty"))
		}
		server, err := engine.Find(name)
		if err != nil {
			return nil, notFound(err)
		}
		if !slices.ContainsFunc(servers, func(s store.Server) bool { return s.ID == server.ID }) {
			servers = append(servers, server)
		}
	}
	return servers, nil
}

// statusView is a server with what is recorded as installed there.
type statusView struct {
	Server   string          `json:"server"`
	State    string          `json:"state"`
	Packages []installedView `json:"packages"`
	LastRun  *runView        `json:"last_run"`
}

func (a *app) printStatus(servers []job.ServerView) error {
	if a.json {
		list := []statusView{}
		for _, s := range servers {
			view := viewServer(s)
			list = append(list, statusView{s.Name, stateOf(s), view.Packages, view.LastRun})
		}
		return a.printJSON(list)
	}
	if len(servers) == 0 {
		return a.printServers(nil)
	}
	return a.printInstalled(servers)
}

func (a *app) printInstalled(servers []job.ServerView) error {
	t := a.table("SERVER", "PACKAGE", "VERSION", "STATUS", "INSTALLED", "BY", "RUN", "OPTIONS")
	var notes []string
	for _, s := range servers {
		for _, p := range s.Packages {
			t.row(s.Name, packages.Label(p.Name, p.Instance), string(p.Version), string(p.Status),
				clock(p.CreatedAt), p.By, p.RunID.Short(), options(p.Configuration))
		}
		if len(s.Packages) == 0 {
			t.row(s.Name, "")
		}
		if s.Last != nil && s.Last.State.Live() {
			notes = append(notes, fmt.Sprintf("%s: run %s is %s: %s", s.Name, s.Last.ID.Short(), stateWord(s.Last.State), s.Last.Title))
		}
	}
	if err := t.flush(); err != nil {
		return err
	}
	for _, note := range notes {
		fmt.Fprintln(a.Stderr, oneLine(note))
	}
	return nil
}

// options shows values in the form that --set takes. Public keys have a command of
// their own.
func options(values map[string]string) string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if values[name] != "" && !strings.HasPrefix(name, packages.PublicKeyPrefix) {
			list = append(list, name+"="+packages.Shown(values[name]))
		}
	}
	return strings.Join(list, " ")
}
