package ui

import (
	"context"
	"errors"
	"fmt"
	"io"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/term"
)

// shellOpenedMsg says that a server is connected to for a shell, or why not.
type shellOpenedMsg struct {
	screen int // that asked for it
	server store.ID
	name   string
	shell  job.Shell
	err    error
}

// shellEndedMsg says that a shell has ended.
type shellEndedMsg struct {
	name string
	err  error
}

// openShell connects to a server in the background; the shell begins when that
// is done.
func openShell(e env, id store.ID) effect {
	v, ok := e.data.server(id)
	if !ok {
		return refuse("the server is not there any more")
	}
	self := e.self
	return say("connecting to " + v.Name + " for a shell…").and(command(func() tea.Msg {
		shell, err := e.engine.OpenShell(e.ctx, id)
		return shellOpenedMsg{self, id, v.Name, shell, err}
	}))
}

// shellBinding is the key for a shell on a server; off says why there can be
// none.
func shellBinding(e env, id store.ID, off string) binding {
	return binding{keys: []string{"s"}, help: "shell", more: "open a shell on the server; leaving it comes back here", off: off, run: func() effect {
		return openShell(e, id)
	}}
}

// shellOpened gives the terminal over to the shell, unless something else has
// come on the screen meanwhile: what is typed there is not for a server.
func (a *app) shellOpened(m shellOpenedMsg) tea.Cmd {
	a.said = sayMsg{}
	if m.err != nil {
		if box := hostKeyBox(a.env, m.server, m.err); box != nil {
			return a.apply(open(box))
		}
		return a.apply(complain(m.err))
	}
	if a.top().id != m.screen || len(a.boxes) > 0 {
		return a.apply(say(m.name + " is connected now; s opens the shell"))
	}
	sh := &shellCommand{ctx: a.env.ctx, name: m.name, shell: m.shell, in: a.options.In, out: a.options.Out, environ: a.options.Environ}
	return tea.Exec(sh, func(err error) tea.Msg { return shellEndedMsg{m.name, err} })
}

// shellEnded draws the screens anew.
func (a *app) shellEnded(m shellEndedMsg) tea.Cmd {
	out := say("the shell on " + m.name + " has ended")
	if m.err != nil {
		out = complain(m.err)
	}
	return tea.Batch(a.apply(out), tea.ClearScreen, a.snapshot(false))
}

// shellCommand is a shell in the place of the screens.
type shellCommand struct {
	ctx     context.Context
	name    string
	shell   job.Shell
	in      io.Reader
	out     io.Writer
	environ []string
}

// SetStdin does nothing: the shell works on the terminal itself.
func (c *shellCommand) SetStdin(io.Reader) {}

// SetStdout does nothing: the shell works on the terminal itself.
func (c *shellCommand) SetStdout(io.Writer) {}

// SetStderr does nothing: the shell works on the terminal itself.
func (c *shellCommand) SetStderr(io.Writer) {}

// Run runs the shell to its end. That it ends with a status is its own affair.
func (c *shellCommand) Run() (err error) {
	attached, err := term.Attach(c.in, c.out)
	if err != nil {
		return fmt.Errorf("open a shell on %s: %w", c.name, err)
	}
	defer func() { err = errors.Join(err, attached.Close(), term.Tidy(c.out)) }()
	if _, err := fmt.Fprintf(c.out, "\r\nA shell on %s. Leaving it (exit, ctrl+d) comes back to BrokeForge.\r\n", c.name); err != nil {
		return err
	}
	kind := term.Env(c.environ, "TERM")
	_, err = c.shell(c.ctx, job.Terminal{
		In: attached, Out: c.out, Err: c.out, Term: kind, UTF8: term.UTF8(c.environ), Size: attached.Size, Resized: attached.Resized(),
	})
	return err
}
