package cmd

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) serverChangeCmd() *cobra.Command {
	var address, port, user, key, credential string
	var tags []string
	c := &cobra.Command{
		Use:   "change NAME",
		Short: "Change how a server is reached, or its tags",
		Long: `Change the record of a server. It is reached in the new way first, and must show the
host key that it is known by; where any of it fails, nothing is changed.

An empty --port, --user or --key leaves it to the configuration of ssh. --credential
takes the place of the user and the key; an empty one takes it back. --tag replaces all
tags; an empty one removes them.`,
		Example: `  brokeforge server change web1 --address 203.0.113.8
  brokeforge server change web1 --port "" --user ops --tag production --tag web`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			given := c.Flags().Changed
			var change job.ServerChange
			if given("address") {
				change.Address = &address
			}
			if given("port") {
				change.Port = new(int)
				var err error
				if port != "" {
					if *change.Port, err = portOf(port); err != nil {
						return misuse(c, err)
					}
				}
			}
			if given("user") {
				change.User = &user
			}
			if given("key") {
				change.KeyFile = &key
			}
			if given("credential") {
				change.Credential = &credential
			}
			if credential != "" && (user != "" || key != "") {
				return misuse(c, errors.New("--credential says who logs in, and with which key: leave out --user and --key"))
			}
			if given("tag") {
				if len(tags) == 1 && tags[0] == "" {
					tags = nil
				}
				change.Tags = &tags
			}
			if change == (job.ServerChange{}) {
				return misuse(c, errors.New("say what to change: --address, --port, --user, --key, --credential or --tag"))
			}
			return a.changeServer(c, args[0], change)
		},
	}
	flags := c.Flags()
	flags.StringVar(&address, "address", "", "new address, or `NAME` that ssh's configuration knows")
	flags.StringVar(&port, "port", "", "new port `N` of its sshd")
	flags.StringVar(&user, "user", "", "log in as user `U`")
	flags.StringVar(&key, "key", "", "`FILE` of a private key")
	flags.StringVar(&credential, "credential", "", "log in with the credential `C` of the configuration file")
	flags.StringArrayVar(&tags, "tag", nil, "tag `T` of the server; may be repeated")
	return c
}

func (a *app) changeServer(c *cobra.Command, name string, change job.ServerChange) error {
	return a.with(c.Context(), func(ctx context.Context, s *Session) error {
		server, err := s.Engine.Find(name)
		if err != nil {
			return notFound(err)
		}
		if server, err = s.Engine.ChangeServer(ctx, server.ID, change); err != nil {
			return asUsage(c, err)
		}
		view, err := s.Engine.Server(server.ID)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(viewServer(view))
		}
		_, err = fmt.Fprintf(a.Stdout, "%s is changed: %s\n", server.Name, loginAt(view))
		for _, note := range notesOf(view) {
			fmt.Fprintf(a.Stderr, "note: %s\n", oneLine(note))
		}
		return err
	})
}

func (a *app) serverTrustCmd() *cobra.Command {
	var fingerprint string
	c := &cobra.Command{
		Use:   "trust NAME",
		Short: "Accept the new host key of a server, such as one that was installed anew",
		Long: `Accept the host key that a server shows now in place of the one that is known, such as
when it was installed anew; or that of a jump host on the way to it. Both keys are
shown, and you are asked; without a terminal, --fingerprint must say which key it is.
Compare it first: on the server's console, ssh-keygen -lf
/etc/ssh/ssh_host_ed25519_key.pub shows it. The known_hosts files are left as they are.`,
		Example: `  brokeforge server trust web1
  brokeforge server trust web1 --fingerprint SHA256:…`,
		Args: exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if c.Flags().Changed("fingerprint") && fingerprint == "" {
				return misuse(c, errors.New("fingerprint: it is empty"))
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				server, err := s.Engine.Find(args[0])
				if err != nil {
					return notFound(err)
				}
				return a.trust(ctx, s.Engine, server, fingerprint)
			})
		},
	}
	c.Flags().StringVar(&fingerprint, "fingerprint", "", "the new key is the one with this fingerprint, `SHA256:…`; don't ask")
	return c
}

// trust shows what is known and what is shown, and pins the latter if that is wanted.
func (a *app) trust(ctx context.Context, engine Engine, server store.Server, fingerprint string) error {
	if fingerprint == "" {
		_, err := engine.Refresh(ctx, server.ID)
		var key *job.HostKeyError
		switch {
		case err == nil:
			return fmt.Errorf("the host key of %s has not changed", server.Name)
		case !errors.As(err, &key):
			return err
		case !a.canAsk():
			return err
		}
		for _, k := range key.Known {
			fmt.Fprintf(a.Stderr, "known  %s %s, %s\n", oneLine(k.Type), oneLine(k.Fingerprint), oneLine(k.From))
		}
		fmt.Fprintf(a.Stderr, "shown  %s %s, by %s (%s)\n\n", oneLine(key.Type), oneLine(key.Fingerprint), oneLine(key.Whose()), oneLine(key.Address))
		yes, askErr := a.ask(ctx, fmt.Sprintf("Is the key that is shown now the key of %s?", oneLine(key.Whose())))
		if askErr != nil {
			return askErr
		}
		if !yes {
			return err
		}
		fingerprint = key.Fingerprint
	}
	if err := engine.TrustHostKey(ctx, server.ID, fingerprint); err != nil {
		return err
	}
	if a.json {
		view, err := engine.Server(server.ID)
		if err != nil {
			return err
		}
		return a.printJSON(viewServer(view))
	}
	_, err := fmt.Fprintf(a.Stdout, "%s is trusted with the host key %s from now on\n", server.Name, fingerprint)
	return err
}
