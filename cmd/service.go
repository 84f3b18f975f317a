package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) serviceCmd() *cobra.Command {
	commands := []*cobra.Command{a.serviceListCmd(), a.serviceLogCmd()}
	for _, action := range packages.ServiceActions() {
		commands = append(commands, a.serviceActionCmd(action))
	}
	return a.group("service", "Start, stop and restart services, and read their logs", commands...)
}

// serviceShort says what an action with a service is.
func serviceShort(action store.Action) string {
	return map[store.Action]string{
		store.StartService:   "Start the services of packages",
		store.StopService:    "Stop the services of packages",
		store.RestartService: "Restart the services of packages",
		store.ReloadService:  "Have services read their configuration again",
		store.EnableService:  "Have services start at a boot",
		store.DisableService: "Keep services from starting at a boot",
	}[action]
}

// interrupts reports whether an action takes a service away from who uses it, so
// that it is asked about.
func interrupts(action store.Action) bool {
	return slices.Contains([]store.Action{store.StopService, store.RestartService, store.DisableService}, action)
}

func (a *app) serviceActionCmd(action store.Action) *cobra.Command {
	ch := change{app: a, action: action}
	name := string(action)
	c := &cobra.Command{
		Use:   name + " PACKAGE[@INSTANCE]... --on SERVER[,SERVER...]",
		Short: serviceShort(action),
		Long: serviceShort(action) + `.

PACKAGE is one that is installed by BrokeForge or was adopted. It is a run like any
other: shown first, queued, recorded.`,
		Example: "  brokeforge service " + name + " nginx --on web1",
		Args:    atLeastOne("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error {
			ch.yes = ch.yes || !interrupts(action)
			return ch.run(c, args)
		},
	}
	if interrupts(action) {
		c.Long += "\nIt is asked about; without a terminal --yes must be given."
	}
	ch.flags(c)
	return c
}

// serviceView is a service as JSON shows it.
type serviceView struct {
	Server   string `json:"server"`
	Package  string `json:"package"`
	Instance string `json:"instance"`
	Unit     string `json:"unit"`
	Active   string `json:"active"`  // as systemd names it
	Sub      string `json:"sub"`     // more of it
	Enabled  string `json:"enabled"` // as systemd names it; empty where the unit is not there
	Memory   int64  `json:"memory_bytes"`
	Restarts int    `json:"restarts"` // how often systemd has restarted it by itself
}

func (a *app) serviceListCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "list [--on SERVER[,SERVER...]]",
		Short: "List the services of what is installed, as they are now",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.askServers(c, on, a.listServices)
		},
	}
	onFlag(c, &on)
	return c
}

// listServices lists the services of those servers that can be reached, and
// complains of the others.
func (a *app) listServices(ctx context.Context, engine Engine, servers []job.ServerView) error {
	list, status := []serviceView{}, StatusDone
	for _, server := range servers {
		services, err := engine.Services(ctx, server.ID)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			a.complainOf(server.Name, err)
			status = worst(status, Status(err))
			continue
		}
		for _, v := range services {
			list = append(list, serviceView{
				server.Name, string(v.Package), v.Instance, v.Unit, v.Active, v.Sub, v.Enabled, v.Memory, v.Restart,
			})
		}
	}
	if a.json {
		if err := a.printJSON(list); err != nil {
			return err
		}
		return endWith(status)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "there are no services of packages that BrokeForge has installed")
		return endWith(status)
	}
	t := a.table("SERVER", "PACKAGE", "UNIT", "STATE", "AT BOOT", "MEMORY", "RESTARTS")
	for _, v := range list {
		memory := ""
		if v.Memory > 0 {
			memory = bytesOf(v.Memory)
		}
		t.row(v.Server, packages.Label(packages.Name(v.Package), v.Instance), v.Unit, v.Active+" ("+v.Sub+")", v.Enabled, memory, strconv.Itoa(v.Restarts))
	}
	if err := t.flush(); err != nil {
		return err
	}
	return endWith(status)
}

func (a *app) serviceLogCmd() *cobra.Command {
	var on string
	var follow bool
	lines := 50
	c := &cobra.Command{
		Use:   "log PACKAGE[@INSTANCE] --on SERVER",
		Short: "Show the log of a service, and follow it",
		Long: `Show the last lines of the log of a package's services, as the server's journal has
them. With --follow lines that come are shown until ctrl+c.

With --json every line is an object with "server" and "line".`,
		Example: "  brokeforge service log nginx --on web1 --follow",
		Args:    exactly("PACKAGE"),
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case on == "":
				return misuse(c, errors.New("--on is missing: say on which server"))
			case lines < 0 || lines > job.MaxJournal:
				return misuse(c, fmt.Errorf("--lines: %d is not between 0 and %d", lines, job.MaxJournal))
			}
			list, err := wants(a.Catalog, store.StartService, args, nil, nil)
			if err != nil {
				return misuse(c, err)
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				servers, err := findServers(c, s.Engine, []string{on})
				if err != nil {
					return err
				}
				return a.printJournal(ctx, s.Engine, servers[0], list[0], lines, follow)
			})
		},
	}
	c.Flags().StringVar(&on, "on", "", "`SERVER` by name")
	c.Flags().BoolVarP(&follow, "follow", "f", false, "show lines that come, until ctrl+c")
	c.Flags().IntVarP(&lines, "lines", "n", lines, "begin with the last `N` lines")
	return c
}

// journalLine is a line of a log as JSON shows it.
type journalLine struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Server string    `json:"server"`
	Line   string    `json:"line"`
}

func (a *app) printJournal(ctx context.Context, engine Engine, server store.Server, w packages.Want, lines int, follow bool) error {
	out := jsonLines{env: a.Env}
	return engine.Journal(ctx, server.ID, w, lines, follow, func(line string) error {
		if a.json {
			out.write(journalLine{a.Now().UTC(), "output", server.Name, line})
			return out.err
		}
		_, err := fmt.Fprintln(a.Stdout, visible(line))
		return err
	})
}
