package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) serverCmd() *cobra.Command {
	return a.group("server", "Add, list, show, change and remove servers",
		a.serverAddCmd(), a.serverListCmd(), a.serverShowCmd(), a.serverChangeCmd(), a.serverTrustCmd(), a.serverRemoveCmd())
}

func (a *app) serverListCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List the servers",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				overview, err := s.Engine.Overview()
				if err != nil {
					return err
				}
				return a.printServers(overview.Servers)
			})
		},
	}
}

func (a *app) printServers(servers []job.ServerView) error {
	if a.json {
		list := []serverView{}
		for _, s := range servers {
			list = append(list, viewServer(s))
		}
		return a.printJSON(list)
	}
	if len(servers) == 0 {
		fmt.Fprintln(a.Stderr, "there are no servers yet; add one with: brokeforge server add NAME ADDRESS")
		return nil
	}
	t := a.table("NAME", "LOGIN", "SYSTEM", "PACKAGES", "TAGS", "READ", "STATE")
	for _, s := range servers {
		read := ""
		if !s.Facts.ReadAt.IsZero() {
			read = took(a.Now().Sub(s.Facts.ReadAt)) + " ago"
		}
		t.row(s.Name, login(s.Server), s.Facts.OS.Pretty, packageNames(s.Packages), strings.Join(s.Tags, ","), read, stateOf(s))
	}
	return t.flush()
}

// loginAt is login with where the server is, where its address is only a name of
// ssh's configuration.
func loginAt(v job.ServerView) string {
	if v.Host == "" || v.Host == v.Address {
		return login(v.Server)
	}
	return fmt.Sprintf("%s (%s)", login(v.Server), v.Host)
}

// login shows who logs in where, with the port if it is not the usual one.
func login(s store.Server) string {
	host := s.Address
	if s.Port != 22 {
		host = net.JoinHostPort(s.Address, strconv.Itoa(s.Port))
	}
	return s.User + "@" + host
}

func packageNames(list []store.ServerPackage) string {
	var names []string
	for _, p := range list {
		names = append(names, packages.Label(p.Name, p.Instance))
	}
	return strings.Join(names, " ")
}

// stateOf says in short how a server is: what goes on there, else what is
// wrong, else how far it is prepared.
func stateOf(s job.ServerView) string {
	last := s.Last
	switch {
	case last != nil && last.State.Live():
		return fmt.Sprintf("%s: %s %d/%d", stateWord(last.State), last.Title, last.Finished, last.Total)
	case s.Connection == store.Refused && len(s.HostKeys) == 0:
		return "host key not known yet"
	case s.Connection == store.Refused:
		return "host key refused"
	case s.Connection == store.Unreachable:
		return "unreachable"
	case last != nil && last.State == store.RunFailed:
		return "failed: " + last.Title
	case len(s.Packages) == 0:
		return "not prepared"
	}
	return "active"
}

// stateWord is the state of a run for people.
func stateWord(s store.RunState) string {
	if s == store.RunLost {
		return "contact lost"
	}
	return string(s)
}

func (a *app) serverShowCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "show NAME",
		Short: "Show what is known of a server",
		Long:  "Show what is known of a server. It is not connected to: facts are as they were last read.",
		Args:  exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withNews(c.Context(), func(_ context.Context, s *Session) error {
				view, err := findView(s.Engine, args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(viewServer(view))
				}
				return a.printServer(view)
			})
		},
	}
}

func (a *app) printServer(v job.ServerView) error {
	t := newTable(a.Stdout)
	t.row("Name", v.Name)
	t.row("Login", loginAt(v))
	for _, hop := range v.Hops {
		t.row("By way of", fmt.Sprintf("%s (%s@%s)", hop.Name, hop.User, hop.Address))
		for _, k := range hop.HostKeys {
			t.row("", keyLine(k))
		}
	}
	t.row("Key file", v.KeyFile)
	if v.Credential != "" {
		t.row("Credential", v.Credential)
	}
	t.row("Tags", strings.Join(v.Tags, ", "))
	t.row("State", stateOf(v))
	if v.ConnectionError != "" {
		t.row("Last try", v.ConnectionError)
	}
	for _, k := range v.HostKeys {
		t.row("Host key", keyLine(k))
	}
	for _, note := range notesOf(v) {
		t.row("Note", note)
	}
	if f := v.Facts; !f.ReadAt.IsZero() {
		t.row("System", fmt.Sprintf("%s, %s, Linux %s", f.OS.Pretty, f.Arch, f.Kernel))
		t.row("Hardware", fmt.Sprintf("%d cpu, %s memory, %s of %s disk free",
			f.CPUs, bytesOf(f.MemoryBytes), bytesOf(f.DiskFree), bytesOf(f.DiskBytes)))
		t.row("Addresses", strings.Join(f.Addresses, ", "))
		t.row("Facts read", clock(f.ReadAt))
	}
	if v.Last != nil {
		t.row("Last run", fmt.Sprintf("%s  %s: %s", v.Last.ID.Short(), v.Last.Title, stateWord(v.Last.State)))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if len(v.Packages) == 0 {
		return nil
	}
	fmt.Fprintln(a.Stdout)
	return a.printInstalled([]job.ServerView{v})
}

func keyLine(k store.HostKey) string {
	kind, fingerprint := fingerprintOf(k)
	return fmt.Sprintf("%s %s, accepted %s by %s", kind, fingerprint, clock(k.PinnedAt), k.PinnedBy)
}

// notesOf is what should be known of how a server is reached.
func notesOf(v job.ServerView) []string {
	if v.RouteError != "" {
		return append([]string{v.RouteError}, v.Notes...)
	}
	return v.Notes
}

func (a *app) serverRemoveCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Forget a server; nothing is changed on it",
		Long: `Forget a server: its record, and what is recorded as installed on it. Nothing is
changed on the server itself, and its runs stay in the history.`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				server, err := s.Engine.Find(args[0])
				if err != nil {
					return notFound(err)
				}
				if err := s.Engine.RemoveServer(ctx, server.ID); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(struct {
						Removed string `json:"removed"`
					}{server.Name})
				}
				_, err = fmt.Fprintf(a.Stdout, "%s is forgotten here; nothing was changed on the server\n", server.Name)
				return err
			})
		},
	}
}

// asUsage tells a refusal of what was given from other errors.
func asUsage(c *cobra.Command, err error) error {
	var input *job.InputError
	if errors.As(err, &input) {
		return misuse(c, err)
	}
	return err
}

// notFound is the error of a search, which says in its reason what was looked
// for.
func notFound(err error) error {
	var input *job.InputError
	if errors.As(err, &input) {
		return errors.New(input.Reason)
	}
	return err
}
