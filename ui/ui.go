package ui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/packages/job/inventory"
	"brokeforge/sshrun/clean"
	"brokeforge/ui/term"
)

// Options is what Run works with. Engine is needed.
type Options struct {
	Engine  Engine
	In      io.Reader // nil means os.Stdin
	Out     io.Writer // nil means os.Stdout
	Environ []string  // nil means os.Environ
	Theme   string    // "auto", "dark", "light" or "mono"; empty means "auto"
	Mouse   bool      // take the mouse from the terminal, for the wheel
	ASCII   bool      // use no characters beyond ASCII, whatever the locale
	By      string    // login of who sits there
	Host    string    // name of this machine
	Clock   func() time.Time
	// Hosts reads the hosts that the person has in ~/.ssh/config. Nil means
	// that there are none.
	Hosts func() (inventory.List, error)
}

func (o Options) complete() Options {
	if o.In == nil {
		o.In = os.Stdin
	}
	if o.Out == nil {
		o.Out = os.Stdout
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Theme == "" {
		o.Theme = "auto"
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Hosts == nil {
		o.Hosts = func() (inventory.List, error) { return inventory.List{}, nil }
	}
	o.ASCII = o.ASCII || !term.UTF8(o.Environ)
	return o
}

// Run shows the screens until somebody quits, and then tells in a few lines on
// the normal screen what is still going on. The terminal is left as it was in
// any case.
//
// It returns a *term.RefusedError where there is no terminal that can show
// screens, a *term.SignalError where SIGHUP, SIGTERM or SIGINT ended it, a
// *term.PanicError for an internal error, and the cause where ctx ended it.
// The engine is left to its owner.
func Run(ctx context.Context, o Options) error {
	o = o.complete()
	if err := term.Check(o.In, o.Out, o.Environ); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	sub := o.Engine.Subscribe()
	defer sub.Close()
	defer o.Engine.Attend()()
	model := newApp(newEnv(ctx, o), o, sub.Changed())
	guard := term.NewGuard()
	program := tea.NewProgram(model, tea.WithInput(o.In), tea.WithOutput(o.Out), tea.WithEnvironment(o.Environ),
		tea.WithoutSignalHandler(), tea.WithFPS(30))
	if _, err := term.Run(ctx, program, o.In, o.Out, guard); err != nil {
		var signal *term.SignalError
		if errors.As(err, &signal) {
			return err
		}
		return fmt.Errorf("show the screens: %w", err)
	}
	overview, err := o.Engine.Overview()
	if err != nil {
		return fmt.Errorf("read what is going on: %w", err)
	}
	_, err = io.WriteString(o.Out, farewell(overview.Live))
	return err
}

func newEnv(ctx context.Context, o Options) env {
	return env{
		ctx: ctx, engine: o.Engine, now: o.Clock, by: o.By, hosts: o.Hosts,
		remote: term.Remote(o.Environ), tmux: term.InTmux(o.Environ), pager: term.Env(o.Environ, "PAGER"),
		getenv: func(name string) string { return term.Env(o.Environ, name) },
	}
}

// farewell tells in at most five lines what is still going on.
func farewell(live []job.Progress) string {
	if len(live) == 0 {
		return ""
	}
	out := "Not ended yet; the next start follows it again:\n"
	for i, p := range live {
		if i == 3 && len(live) > 3 {
			out += fmt.Sprintf("  and %d more: see brokeforge run list\n", len(live)-3)
			return out
		}
		out += fmt.Sprintf("  %s  %s on %s (%s)\n", p.Run.ID.Short(), clean.Line(p.Run.Title), clean.Line(p.Run.ServerName), runState(p.Run.State).word)
	}
	return out + "To see them: brokeforge run list\n"
}
