package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"brokeforge/cmd/config"
	"brokeforge/packages"
)

// app is what the commands of one call share.
type app struct {
	Env
	stateDir   string // --state
	configFile string // --config
	json       bool   // --json
	config     config.Config
	terminal   sync.Mutex // held by who asks something there
}

// New returns the command tree.
func New(env Env) *cobra.Command {
	a := &app{Env: env, config: config.Default()}
	root := &cobra.Command{
		Use:   "brokeforge",
		Short: "Install and manage software on Debian and Ubuntu servers over SSH",
		Long: `BrokeForge installs and manages software on Debian and Ubuntu servers over SSH.
Nothing is installed on the servers for it.

Without a command it opens the screens. Every command can be used in scripts:
see --json and the exit statuses below.

Exit status:
  0  done
  1  a run failed
  2  used wrongly, or nothing could be done
  3  a server could not be reached, or its host key was refused
  128 and the signal's number where a signal ended it; runs go on on their servers`,
		Args:          a.noCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return a.screens(c.Context()) },
		SilenceUsage:  true,
		SilenceErrors: true,
		// The default completion command would print to standard output in
		// forms that --json doesn't know; it is there, but not advertised.
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetIn(env.Stdin)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return misuse(c, err) })
	flags := root.PersistentFlags()
	flags.StringVar(&a.stateDir, "state", "", "`DIR` that keeps what is known (default $"+config.StateEnv+", then ~/.local/state/brokeforge)")
	flags.StringVar(&a.configFile, "config", "", "`FILE` with settings (default ~/.config/brokeforge/config.toml)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(
		a.serverCmd(), a.siteCmd(), a.deployCmd(), a.rollbackCmd(), a.filesCmd(), a.importCmd(), a.sshCmd(),
		a.packagesCmd(), a.installCmd(), a.removeCmd(), a.adoptCmd(), a.statusCmd(), a.serviceCmd(), a.runCmd(),
		a.execCmd(), a.envCmd(), a.logsCmd(), a.certCmd(), a.wordpressCmd(),
		a.taskCmd(), a.monitorCmd(), a.alertsCmd(),
		a.keyCmd(), a.secretCmd(), a.rekeyCmd(),
		a.versionCmd(),
	)
	return root
}

// noCommand refuses a first word that is no command.
func (a *app) noCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	reason := fmt.Sprintf("there is no command %q", args[0])
	if c.HasParent() {
		reason = fmt.Sprintf("there is no command %q", c.Name()+" "+args[0])
	}
	if near := c.SuggestionsFor(args[0]); len(near) > 0 {
		reason += "; is " + strings.Join(near, " or ") + " meant?"
	}
	return misuse(c, errors.New(reason))
}

// group returns a command that only holds others.
func (a *app) group(use, short string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  a.noCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			var names []string
			for _, sub := range c.Commands() {
				names = append(names, sub.Name())
			}
			return misuse(c, fmt.Errorf("say what to do: %s", strings.Join(names, ", ")))
		},
		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(commands...)
	return c
}

// exactly refuses another number of arguments than those that are named.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) < len(names):
			return misuse(c, fmt.Errorf("%s is missing", strings.Join(names[len(args):], " and ")))
		case len(args) > len(names):
			return misuse(c, fmt.Errorf("%q is too much", args[len(names)]))
		}
		return nil
	}
}

// atLeastOne refuses to have no argument of that name.
func atLeastOne(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return misuse(c, fmt.Errorf("%s is missing", name))
		}
		return nil
	}
}

// with opens the state folder, takes up the runs that a former call left, and
// calls fn.
//
// On a terminal, whoever is there is asked for the passwords that are needed.
func (a *app) with(ctx context.Context, fn func(context.Context, *Session) error) error {
	return a.withOpen(ctx, func(ctx context.Context, s *Session) error {
		if a.canAsk() {
			defer a.attend(ctx, s.Engine)()
		}
		if err := s.Engine.Recover(ctx); err != nil {
			return err
		}
		return fn(ctx, s)
	})
}

// withOpen opens the state folder and calls fn.
func (a *app) withOpen(ctx context.Context, fn func(context.Context, *Session) error) (err error) {
	settings, err := a.settings()
	if err != nil {
		return err
	}
	session, err := a.Open(ctx, settings)
	if err != nil {
		return err
	}
	defer func() {
		closeErr := session.Close()
		if err == nil {
			err = closeErr
		} else {
			a.report(closeErr)
		}
	}()
	if session.Notice != "" {
		a.complain(session.Notice, "")
	}
	return fn(ctx, session)
}

// catalog is the catalog with the stacks of the configuration file.
func (a *app) catalog() (packages.Catalog, error) {
	if err := a.readConfig(); err != nil {
		return nil, err
	}
	return a.config.AddStacks(a.Catalog)
}

// readConfig reads the configuration file.
func (a *app) readConfig() error {
	file, must := a.configFile, a.configFile != ""
	if !must {
		file, _ = config.File(a.Getenv)
	}
	var err error
	if a.config, err = config.Load(file, must); err != nil {
		return err
	}
	a.config, err = a.config.Expand(a.Getenv("HOME"))
	return err
}

// settings reads the configuration file and finds the state folder.
func (a *app) settings() (Settings, error) {
	if err := a.readConfig(); err != nil {
		return Settings{}, err
	}
	if a.config.Secrets.KeyFile == "" {
		a.config.Secrets.KeyFile, _ = config.KeyFile(a.Getenv) // without a place it is missed when it is needed
	}
	dir, err := config.StateDir(a.stateDir, a.Getenv)
	return Settings{Config: a.config, StateDir: dir, Passphrase: a.passphrase}, err
}

// screens opens the screens.
func (a *app) screens(ctx context.Context) error {
	if err := a.CanShow(); err != nil {
		return err
	}
	if a.json {
		return errors.New("the screens have no --json: give a command, such as brokeforge status --json")
	}
	return a.withOpen(ctx, func(ctx context.Context, s *Session) error {
		if err := s.Engine.Recover(ctx); err != nil {
			return err
		}
		return s.Screens(ctx)
	})
}
