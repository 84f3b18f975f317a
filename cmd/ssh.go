package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"al.essio.dev/pkg/shellescape"
	"github.com/spf13/cobra"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/term"
)

func (a *app) sshCmd() *cobra.Command {
	var tty bool
	var as string
	c := &cobra.Command{
		Use:   "ssh [-t] [--as CREDENTIAL] NAME [COMMAND...]",
		Short: "Open a shell on a server, or run a command there",
		Long: `Open a shell on a server, or run a command there, over the same connection that
everything else takes: the same login, and a host key that was accepted.

Without COMMAND it is an interactive shell, or, where standard input is no terminal,
sh with it as its input. A COMMAND of one word is read by the shell there; of several
words, each is passed on as it is. It has no terminal unless -t is given. Flags stand
before NAME.

With --as the login is that of a credential of the configuration file, on a connection
of its own.

What comes from the server is your own session, and passed on byte for byte.

The exit status is that of the command, 128 and the signal's number where a signal
ended it there, and 3 where the server was not reached or the connection was lost.`,
		Example: `  brokeforge ssh web1
  brokeforge ssh web1 'journalctl -u nginx | tail'
  brokeforge ssh -t web1 htop
  brokeforge ssh web1 cat /etc/os-release`,
		Args: atLeastOne("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if a.json {
				return misuse(c, errors.New("a shell has no --json"))
			}
			if c.Flags().Changed("as") && as == "" {
				return misuse(c, errors.New("--as: the name of the credential is empty"))
			}
			command := commandOf(args[1:])
			terminal := isTerminal(a.Stdin) && isTerminal(a.Stdout)
			if tty && !terminal {
				return misuse(c, errors.New("-t: there is no terminal to pass on"))
			}
			return a.openShell(c, args[0], as, command, tty || command == "" && terminal)
		},
	}
	c.Flags().BoolVarP(&tty, "tty", "t", false, "give the command a terminal")
	c.Flags().StringVar(&as, "as", "", "log in with the credential `C` of the configuration file")
	// What follows the name is the command's.
	c.Flags().SetInterspersed(false)
	return c
}

// commandOf makes the text for the shell there. A "--" before it was meant for
// brokeforge.
func commandOf(words []string) string {
	if len(words) > 0 && words[0] == "--" {
		words = words[1:]
	}
	if len(words) == 1 {
		return words[0]
	}
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = shellescape.Quote(w)
	}
	return strings.Join(quoted, " ")
}

// openShell connects with the state folder open, and lets go of it before the
// shell begins: one that is open for days must not keep others from working.
func (a *app) openShell(c *cobra.Command, name, as, command string, terminal bool) error {
	return a.withOpen(c.Context(), func(ctx context.Context, s *Session) error {
		server, err := s.Engine.Find(name)
		if err != nil {
			return notFound(err)
		}
		shell, err := a.askingShell(ctx, s.Engine, server.ID, as)
		if err != nil {
			return asUsage(c, err)
		}
		if err := s.Release(); err != nil {
			return err
		}
		end := job.Terminal{In: a.Stdin, Out: a.Stdout, Err: a.Stderr, Command: command}
		status, err := a.passOn(ctx, shell, end, terminal)
		if err != nil {
			return err
		}
		return endWith(status)
	})
}

// askingShell opens a shell, and asks for what that takes. The terminal is the
// shell's alone when it returns.
func (a *app) askingShell(ctx context.Context, engine Engine, server store.ID, as string) (job.Shell, error) {
	if a.canAsk() {
		defer a.attend(ctx, engine)()
	}
	if as != "" {
		return engine.OpenShellAs(ctx, server, as)
	}
	return engine.OpenShell(ctx, server)
}

// passOn runs the shell, with the terminal given over to it if that is wanted.
func (a *app) passOn(ctx context.Context, shell job.Shell, end job.Terminal, terminal bool) (status int, err error) {
	if !terminal {
		return shell(ctx, end)
	}
	attached, err := term.Attach(a.Stdin, a.Stdout)
	if err != nil {
		return 0, err
	}
	defer func() {
		err = errors.Join(err, attached.Close())
		if err != nil {
			fmt.Fprintln(a.Stderr) // what was shown last may not have ended its line
		}
	}()
	end.In, end.Size, end.Resized = attached, attached.Size, attached.Resized()
	end.UTF8 = a.UTF8
	if end.Term = a.Getenv("TERM"); end.Term == "" {
		end.Term = "dumb"
	}
	return shell(ctx, end)
}
