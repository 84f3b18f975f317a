package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) secretCmd() *cobra.Command {
	return a.group("secret", "List, show and copy the secrets that are kept", a.secretListCmd(), a.secretShowCmd(), a.secretCopyCmd())
}

// secretView is a secret without its value, as JSON shows it.
type secretView struct {
	Server    string    `json:"server"`
	Name      string    `json:"name"`
	By        string    `json:"by"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

func (a *app) secretListCmd() *cobra.Command {
	var on []string
	c := &cobra.Command{
		Use:   "list",
		Short: "List the secrets that are kept, without their values",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(c.Context(), func(_ context.Context, s *Session) error {
				var servers []store.ID
				if len(on) > 0 {
					found, err := findServers(c, s.Engine, on)
					if err != nil {
						return err
					}
					for _, server := range found {
						servers = append(servers, server.ID)
					}
				}
				list, err := s.Engine.Secrets(servers...)
				if err != nil {
					return err
				}
				return a.printSecrets(list)
			})
		},
	}
	onFlag(c, &on)
	return c
}

func (a *app) printSecrets(list []job.SecretView) error {
	if a.json {
		out := []secretView{}
		for _, s := range list {
			out = append(out, secretView{s.Server, string(s.Name), s.By, s.CreatedAt, s.UpdatedAt})
		}
		return a.printJSON(out)
	}
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "no secrets are kept")
		return nil
	}
	t := a.table("NAME", "SET", "BY")
	for _, s := range list {
		t.row(s.Server+"/"+string(s.Name), clock(s.UpdatedAt), s.By)
	}
	return t.flush()
}

func (a *app) secretShowCmd() *cobra.Command {
	yes := false
	c := &cobra.Command{
		Use:   "show SERVER/NAME",
		Short: "Print the value of a secret",
		Long: `Print the value of a secret, by the name that "secret list" shows. It is only printed
to a terminal, or with --yes.`,
		Args: exactly("SERVER/NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if !yes && !isTerminal(a.Stdout) {
				return misuse(c, errors.New("standard output is not a terminal: give --yes to print the value all the same"))
			}
			return a.withSecret(c, args[0], func(_ context.Context, value string) error {
				if a.json {
					return a.printJSON(struct {
						Name  string `json:"name"`
						Value string `json:"value"`
					}{args[0], value})
				}
				_, err := fmt.Fprintln(a.Stdout, strings.TrimSuffix(value, "\n"))
				return err
			})
		},
	}
	c.Flags().BoolVarP(&yes, "yes", "y", false, "print it also where standard output is no terminal")
	return c
}

func (a *app) secretCopyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "copy SERVER/NAME",
		Short: "Copy the value of a secret to the clipboard",
		Long: `Copy the value of a secret to the clipboard of the terminal that you sit at, also over
SSH (by the control sequence OSC 52, which the terminal must allow).`,
		Args: exactly("SERVER/NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withSecret(c, args[0], func(ctx context.Context, value string) error {
				return a.copied(ctx, args[0], value)
			})
		},
	}
}

// copied puts a text into the clipboard and says so.
func (a *app) copied(ctx context.Context, name, text string) error {
	if err := a.Copy(ctx, text); err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	fmt.Fprintf(a.Stderr, "%s was sent to the clipboard of the terminal\n", oneLine(name))
	return nil
}

// withSecret calls fn with the value of the secret that is named SERVER/NAME.
func (a *app) withSecret(c *cobra.Command, name string, fn func(context.Context, string) error) error {
	on, secret, ok := strings.Cut(name, "/")
	if !ok || on == "" || secret == "" {
		return misuse(c, fmt.Errorf("%q is not in the form SERVER/NAME", name))
	}
	return a.with(c.Context(), func(ctx context.Context, s *Session) error {
		server, err := s.Engine.Find(on)
		if err != nil {
			return notFound(err)
		}
		value, err := s.Engine.Secret(ctx, server.ID, packages.SecretName(secret))
		if errors.Is(err, store.ErrNotFound) {
			return fmt.Errorf("no secret %s is kept; brokeforge secret list shows those that are", name)
		}
		if err != nil {
			return err
		}
		return fn(ctx, value)
	})
}

func (a *app) rekeyCmd() *cobra.Command {
	var with, without, forget bool
	c := &cobra.Command{
		Use:   "rekey",
		Short: "Encrypt all secrets with a new key",
		Long: `Make a new key for the secrets and encrypt all of them with it. The old key file is
replaced. Cut off at any point it leaves all secrets readable.`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if with && without {
				return misuse(c, errors.New("--passphrase and --no-passphrase exclude each other"))
			}
			r := store.Rekey{ForgetLost: forget}
			if with || without {
				r.Wrap = &with
			}
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				forgotten, err := s.Engine.Rekey(ctx, r)
				if err != nil {
					return err
				}
				return a.printRekeyed(forgotten)
			})
		},
	}
	c.Flags().BoolVar(&with, "passphrase", false, "wrap the new key with a passphrase, which is asked for")
	c.Flags().BoolVar(&without, "no-passphrase", false, "don't wrap the new key")
	c.Flags().BoolVar(&forget, "forget-lost", false, "where the key is lost, delete the secrets that went with it")
	return c
}

func (a *app) printRekeyed(forgotten []string) error {
	if a.json {
		return a.printJSON(struct {
			Forgotten []string `json:"forgotten"`
		}{append([]string{}, forgotten...)})
	}
	if len(forgotten) > 0 {
		fmt.Fprintf(a.Stderr, "%s, whose key was lost, are forgotten\n", count(len(forgotten), "secret", "secrets"))
	}
	_, err := fmt.Fprintln(a.Stdout, "the secrets are encrypted with a new key; make a backup of its file")
	return err
}
