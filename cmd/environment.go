package cmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages/dotenv"
	"brokeforge/packages/job"
	"brokeforge/ui/editor"
)

// environment is what the commands for a site's .env have in common.
type environment struct {
	*app
	on  []string // --on
	yes bool     // --yes
}

func (a *app) envCmd() *cobra.Command {
	return a.group("env", "Show, edit and restore the .env of a site",
		a.envShowCmd(), a.envEditCmd(), a.envSetCmd(), a.envHistoryCmd(), a.envRestoreCmd())
}

// command completes a command that works on the .env of one site.
func (e *environment) command(c *cobra.Command, run func(context.Context, Engine, job.SiteView, []string) error) *cobra.Command {
	onFlag(c, &e.on)
	c.RunE = func(c *cobra.Command, args []string) error {
		return e.with(c.Context(), func(ctx context.Context, s *Session) error {
			site, err := findSite(c, s.Engine, args[0], e.on)
			if err != nil {
				return err
			}
			return run(ctx, s.Engine, site, args[1:])
		})
	}
	return c
}

func (e *environment) yesFlag(c *cobra.Command) {
	c.Flags().BoolVarP(&e.yes, "yes", "y", false, "don't ask")
}

// variableView is a variable as JSON shows it. Value is null where it was not asked
// for.
type variableView struct {
	Name  string  `json:"name"`
	Value *string `json:"value"`
}

type environmentView struct {
	Site      string         `json:"site"`
	Server    string         `json:"server"`
	Path      string         `json:"path"`
	Exists    bool           `json:"exists"`
	Variables []variableView `json:"variables"`
}

func (a *app) envShowCmd() *cobra.Command {
	e := &environment{app: a}
	reveal := false
	c := &cobra.Command{
		Use:   "show DOMAIN",
		Short: "Show the variables of a site's .env, without their values",
		Long: `Show the variables of a site's .env, as the file is on the server. Their values are
shown with --reveal; without --json that is the file as it is, to the byte.`,
		Args: exactly("DOMAIN"),
	}
	c.Flags().BoolVar(&reveal, "reveal", false, "show the values too")
	return e.command(c, func(ctx context.Context, engine Engine, site job.SiteView, _ []string) error {
		env, err := engine.Environment(ctx, site.ID)
		if err != nil {
			return err
		}
		if reveal && !a.json {
			_, err := fmt.Fprint(a.Stdout, env.Text)
			return err
		}
		list, err := dotenv.Parse(env.Text)
		if err != nil {
			return err
		}
		return e.show(site, env, list, reveal)
	})
}

func (e *environment) show(site job.SiteView, env job.Environment, list []dotenv.Variable, reveal bool) error {
	if e.json {
		out := environmentView{site.Domain, site.Server, env.Path, env.Exists(), []variableView{}}
		for _, v := range list {
			view := variableView{Name: v.Name}
			if reveal {
				view.Value = &v.Value
			}
			out.Variables = append(out.Variables, view)
		}
		return e.printJSON(out)
	}
	if !env.Exists() {
		fmt.Fprintf(e.Stderr, "there is no %s on %s yet\n", oneLine(env.Path), site.Server)
	}
	for _, v := range list {
		value := dotenv.Mask
		if v.Value == "" {
			value = ""
		}
		if _, err := fmt.Fprintf(e.Stdout, "%s=%s\n", v.Name, value); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) envEditCmd() *cobra.Command {
	e := &environment{app: a}
	c := &cobra.Command{
		Use:   "edit DOMAIN",
		Short: "Edit a site's .env",
		Long: `Edit a site's .env with the editor that VISUAL or EDITOR name. What would change is
shown, without values, and asked about. The file that is edited is for you alone and
deleted afterwards. A file that has changed on the server meanwhile is only written
over when you say so.`,
		Args: exactly("DOMAIN"),
	}
	return e.command(c, func(ctx context.Context, engine Engine, site job.SiteView, _ []string) error {
		if !a.canAsk() || !isTerminal(a.Stdout) {
			return errors.New("there is no terminal to edit on; brokeforge env set changes variables without one")
		}
		was, err := engine.Environment(ctx, site.ID)
		if err != nil {
			return err
		}
		return e.edit(ctx, was.Text, func(text string) error { return e.save(ctx, engine, site, was, text) })
	})
}

// edit has the person edit a text until it is a dotenv file that is saved, or they
// give up: what could not be saved is not lost before.
func (e *environment) edit(ctx context.Context, text string, save func(string) error) (err error) {
	draft, err := editor.New(".env", text, e.Getenv)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, draft.Close()) }()
	for {
		if err := draft.Command(ctx, e.Stdin, e.Stdout, e.Stderr).Run(); err != nil {
			return fmt.Errorf("the editor failed, so nothing was changed: %w", err)
		}
		text, err := draft.Text()
		if err != nil {
			return err
		}
		_, wrong := dotenv.Parse(text)
		if wrong == nil {
			wrong = save(text)
		}
		var given *ended // up by the person
		if wrong == nil || errors.As(wrong, &given) || ctx.Err() != nil {
			return wrong
		}
		e.complain(wrong.Error(), "")
		if again, err := e.ask(ctx, "Edit it again?"); err != nil || !again {
			return errors.Join(err, errors.New("nothing was changed"))
		}
	}
}

// save shows what would change, asks, and saves.
func (e *environment) save(ctx context.Context, engine Engine, site job.SiteView, was job.Environment, text string) error {
	if text == was.Text && was.Exists() {
		fmt.Fprintln(e.Stdout, "nothing to do: nothing would change")
		return nil
	}
	if !e.json {
		for _, line := range dotenv.DiffLines(was.Text, text, false) {
			fmt.Fprintln(e.Stdout, line)
		}
	}
	if !e.yes {
		if err := e.sure(ctx, fmt.Sprintf("Save this on %s?", site.Server)); err != nil {
			return err
		}
	}
	err := engine.SaveEnvironment(ctx, was, text, false)
	var changed *job.EnvironmentChangedError
	if errors.As(err, &changed) && e.canAsk() {
		e.complain(err.Error(), "")
		if err := e.sure(ctx, "Write over it all the same? What is there now is kept in the history."); err != nil {
			return err
		}
		err = engine.SaveEnvironment(ctx, was, text, true)
	}
	if err != nil {
		return err
	}
	if e.json {
		return e.printJSON(struct {
			Site  string `json:"site"`
			Saved bool   `json:"saved"`
		}{site.Domain, true})
	}
	_, err = fmt.Fprintf(e.Stdout, "%s is saved on %s; the one before is kept: brokeforge env history %s\n", oneLine(was.Path), site.Server, site.Domain)
	return err
}

// sure asks, and returns an error unless the answer is yes.
func (e *environment) sure(ctx context.Context, question string) error {
	if !e.canAsk() {
		return errors.New("there is no terminal to ask on: give --yes to go ahead; nothing was changed")
	}
	yes, err := e.ask(ctx, question)
	if err != nil {
		return err
	}
	if !yes {
		fmt.Fprintln(e.Stderr, "nothing was changed")
		return &ended{StatusRefused}
	}
	return nil
}

func (a *app) envSetCmd() *cobra.Command {
	e := &environment{app: a}
	c := &cobra.Command{
		Use:   "set DOMAIN NAME=@FILE|NAME=-...",
		Short: "Set variables of a site's .env",
		Long: `Set variables of a site's .env. A value is read from a file, where NAME=@FILE is said,
or from standard input, where NAME=- is: it is typed without being shown, or piped, of
several a line each. On the command line itself it is refused, as others would see it
there. NAME= sets an empty value. Everything else in the file stays as it is.`,
		Example: "  brokeforge env set shop.example.org DB_PASSWORD=- --yes <password.txt",
		Args:    atLeastOne("DOMAIN"),
	}
	e.yesFlag(c)
	return e.command(c, func(ctx context.Context, engine Engine, site job.SiteView, args []string) error {
		if len(args) == 0 {
			return misuse(c, errors.New("NAME=@FILE or NAME=- is missing"))
		}
		values, err := e.values(ctx, args)
		if err != nil {
			return misuse(c, err)
		}
		was, err := engine.Environment(ctx, site.ID)
		if err != nil {
			return err
		}
		text := was.Text
		for _, v := range values {
			if text, err = dotenv.Set(text, v.Name, v.Value); err != nil {
				return err
			}
		}
		return e.save(ctx, engine, site, was, text)
	})
}

// values reads the values of NAME=SOURCE.
func (e *environment) values(ctx context.Context, args []string) ([]dotenv.Variable, error) {
	read := e.secretsFrom(ctx, "", args)
	var list []dotenv.Variable
	for _, arg := range args {
		name, source, ok := strings.Cut(arg, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not in the form NAME=@FILE or NAME=-", name)
		}
		value, err := read(name, source)
		if err != nil {
			return nil, err
		}
		list = append(list, dotenv.Variable{Name: name, Value: value})
	}
	return list, nil
}

// environmentVersionView is a kept version as JSON shows it.
type environmentVersionView struct {
	Number int       `json:"number"`
	At     time.Time `json:"at"`
	By     string    `json:"by"`
}

func (a *app) envHistoryCmd() *cobra.Command {
	e := &environment{app: a}
	c := &cobra.Command{
		Use:   "history DOMAIN",
		Short: "List the versions of a site's .env that are kept, newest first",
		Long: fmt.Sprintf(`List the versions of a site's .env that are kept, encrypted, on this machine, newest
first. The last %d are. The first is what was saved last.`, job.KeptEnvironments),
		Args: exactly("DOMAIN"),
	}
	return e.command(c, func(_ context.Context, engine Engine, site job.SiteView, _ []string) error {
		versions, err := engine.EnvironmentVersions(site.ID)
		if err != nil {
			return err
		}
		if a.json {
			list := []environmentVersionView{}
			for _, v := range versions {
				list = append(list, environmentVersionView{v.Number, v.At, v.By})
			}
			return a.printJSON(list)
		}
		if len(versions) == 0 {
			fmt.Fprintln(a.Stderr, "no versions are kept: it was not saved by BrokeForge yet")
			return nil
		}
		t := a.table("NUMBER", "KEPT", "BY")
		for _, v := range versions {
			t.row(strconv.Itoa(v.Number), clock(v.At), v.By)
		}
		return t.flush()
	})
}

func (a *app) envRestoreCmd() *cobra.Command {
	e := &environment{app: a}
	c := &cobra.Command{
		Use:   "restore DOMAIN NUMBER",
		Short: "Put a kept version of a site's .env back",
		Long: `Put a kept version of a site's .env back, by the number that "env history" shows. What
would change is shown, without values, and asked about.`,
		Args: exactly("DOMAIN", "NUMBER"),
	}
	e.yesFlag(c)
	return e.command(c, func(ctx context.Context, engine Engine, site job.SiteView, args []string) error {
		number, err := strconv.Atoi(args[0])
		if err != nil {
			return misuse(c, fmt.Errorf("%q is not a number", args[0]))
		}
		text, err := engine.EnvironmentText(ctx, site.ID, number)
		if err != nil {
			return err
		}
		was, err := engine.Environment(ctx, site.ID)
		if err != nil {
			return err
		}
		return e.save(ctx, engine, site, was, text)
	})
}
