package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) serverAddCmd() *cobra.Command {
	var n job.NewServer
	var port string
	c := &cobra.Command{
		Use:   "add NAME ADDRESS",
		Short: "Add a server",
		Long: `Add a server: log in to it, verify its host key, read its facts and record it.
Nothing is changed on the server. Where any of it fails, nothing is recorded.

The host key is looked up in the known_hosts files. One that is not known there is
shown with its fingerprint, and you are asked; without a terminal it is refused with
exit status 3, unless --accept-new is given.

ADDRESS may be a name that ~/.ssh/config knows. What no flag says is then as that file
says: address, port, user, keys and jump hosts, each of whose host keys is verified
too. --credential names one of the configuration file, which says who logs in and with
which key.`,
		Example: `  brokeforge server add web1 203.0.113.7
  brokeforge server add web2 web2.example.org --port 2222 --user ops --key ~/.ssh/id_web`,
		Args: exactly("NAME", "ADDRESS"),
		RunE: func(c *cobra.Command, args []string) error {
			n.Name, n.Address = args[0], args[1]
			return a.addServer(c, n, port)
		},
	}
	flags := c.Flags()
	flags.StringVar(&port, "port", "", "port `N` of its sshd (default: as ssh's configuration says, else 22)")
	flags.StringVar(&n.User, "user", "", "log in as user `U` (default: as ssh's configuration says, else root)")
	flags.StringVar(&n.KeyFile, "key", "", "`FILE` of a private key (default: as ssh's configuration says, else the agent and the usual keys)")
	flags.StringVar(&n.Credential, "credential", "", "log in with the credential `C` of the configuration file, in the place of --user and --key")
	flags.StringArrayVar(&n.Tags, "tag", nil, "tag `T` of the server; may be repeated")
	flags.BoolVar(&n.AcceptNew, "accept-new", false, "accept a host key that is not known yet, without asking; a changed one is always refused")
	return c
}

func (a *app) addServer(c *cobra.Command, n job.NewServer, port string) error {
	given := c.Flags().Changed
	if given("port") {
		var err error
		if n.Port, err = portOf(port); err != nil {
			return misuse(c, err)
		}
	}
	if given("user") {
		// An empty one would silently become the default.
		if err := job.CheckField(job.FieldUser, n.User); err != nil {
			return misuse(c, err)
		}
	}
	if given("key") && n.KeyFile == "" {
		return misuse(c, errors.New("key: the name of the file is empty"))
	}
	if given("credential") && n.Credential == "" {
		return misuse(c, errors.New("credential: its name is empty"))
	}
	if err := n.Check(); err != nil {
		return asUsage(c, err)
	}
	return a.with(c.Context(), func(ctx context.Context, s *Session) error {
		server, err := a.acceptAndAdd(ctx, s.Engine, n)
		if err != nil {
			return asUsage(c, err)
		}
		return a.printAdded(s.Engine, server)
	})
}

// portOf reads a port.
func portOf(text string) (port int, err error) {
	if err := job.CheckField(job.FieldPort, text); err != nil {
		return 0, err
	}
	if port, err = strconv.Atoi(text); err != nil {
		return 0, fmt.Errorf("port: %w", err)
	}
	return port, nil
}

// acceptAndAdd adds the server, and asks about its host key, and those of the jump
// hosts on the way, if one is not known and there is somebody to ask.
func (a *app) acceptAndAdd(ctx context.Context, engine Engine, n job.NewServer) (store.Server, error) {
	for {
		server, err := engine.AddServer(ctx, n)
		var key *job.HostKeyError
		if !errors.As(err, &key) || key.Changed() || !a.canAsk() || strings.Contains(n.Accept, key.Fingerprint) {
			return server, err
		}
		fmt.Fprintf(a.Stderr, "The host key of %s (%s) is not known. It shows:\n\n  %s %s\n\n",
			oneLine(key.Whose()), oneLine(key.Address), oneLine(key.Type), oneLine(key.Fingerprint))
		yes, askErr := a.ask(ctx, fmt.Sprintf("Is this the key of %s?", oneLine(key.Whose())))
		if askErr != nil {
			return store.Server{}, askErr
		}
		if !yes {
			return store.Server{}, err
		}
		n.Accept = strings.TrimSpace(n.Accept + " " + key.Fingerprint)
	}
}

func (a *app) printAdded(engine Engine, server store.Server) error {
	view, err := engine.Server(server.ID)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(viewServer(view))
	}
	fmt.Fprintf(a.Stdout, "%s is added: %s, %s\n", server.Name, loginAt(view), view.Facts.OS.Pretty)
	for _, k := range server.HostKeys {
		kind, fingerprint := fingerprintOf(k)
		fmt.Fprintf(a.Stdout, "its host key is %s %s\n", kind, fingerprint)
	}
	for _, hop := range view.Hops {
		fmt.Fprintf(a.Stdout, "it is reached by way of %s@%s\n", hop.User, hop.Address)
	}
	for _, note := range notesOf(view) {
		fmt.Fprintf(a.Stderr, "note: %s\n", oneLine(note))
	}
	return nil
}
