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
)

func (a *app) keyCmd() *cobra.Command {
	return a.group("key", "Show the SSH keys of servers", a.keyShowCmd())
}

func (a *app) keyShowCmd() *cobra.Command {
	toClipboard := false
	c := &cobra.Command{
		Use:   "show SERVER [USER]",
		Short: "Print the public SSH key of a server's user",
		Long: `Print the public SSH key that a user has on a server, to be allowed elsewhere, such as
on a git server. USER is one that the package base has made; without it the app user.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 2 {
				return nil
			}
			return exactly("SERVER")(c, args)
		},
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(c.Context(), func(ctx context.Context, s *Session) error {
				view, err := findView(s.Engine, args[0])
				if err != nil {
					return err
				}
				user, key, err := publicKey(view, args[1:])
				if err != nil {
					return err
				}
				if toClipboard {
					return a.copied(ctx, "the public key of "+user+" on "+view.Name, key)
				}
				if a.json {
					return a.printJSON(struct {
						Server    string `json:"server"`
						User      string `json:"user"`
						PublicKey string `json:"public_key"`
					}{view.Name, user, key})
				}
				_, err = fmt.Fprintln(a.Stdout, oneLine(key))
				return err
			})
		},
	}
	c.Flags().BoolVar(&toClipboard, "copy", false, "copy it to the clipboard of the terminal (OSC 52) in place of printing it")
	return c
}

// publicKey returns the recorded public key of a user, by default the app user.
func publicKey(v job.ServerView, user []string) (string, string, error) {
	for _, p := range v.Packages {
		if p.Name != packages.Base {
			continue
		}
		name := p.Configuration[packages.AppUserOption]
		if len(user) > 0 {
			name = user[0]
		}
		if key := p.Configuration[packages.PublicKeyPrefix+name]; key != "" {
			return name, key, nil
		}
		var known []string
		for _, option := range slices.Sorted(maps.Keys(p.Configuration)) {
			if login, ok := strings.CutPrefix(option, packages.PublicKeyPrefix); ok && p.Configuration[option] != "" {
				known = append(known, login)
			}
		}
		if len(known) == 0 {
			return "", "", fmt.Errorf("no public key is recorded on %s; install base there once more to make them", v.Name)
		}
		return "", "", fmt.Errorf("no public key of %q is recorded on %s; there are those of: %s", name, v.Name, strings.Join(known, ", "))
	}
	return "", "", fmt.Errorf("%s has no keys: base is not installed there", v.Name)
}
