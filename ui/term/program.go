package term

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	tea "charm.land/bubbletea/v2"
	"golang.org/x/term"
)

// SignalError says that a signal ended the screens.
type SignalError struct{ Signal syscall.Signal }

// Error names the signal.
func (e *SignalError) Error() string { return "ended by signal: " + e.Signal.String() }

// deadline is how long a program has to end by itself. A terminal that takes
// no more bytes stops its event loop for good.
const deadline = 2 * time.Second

// leave turns off what a full-screen program may have turned on: the alternate
// screen, a hidden cursor, the mouse, bracketed paste, colours (xterm's control
// sequences, DEC private modes).
const leave = "\x1b[?1049l" + modes

// modes is leave without the alternate screen.
const modes = "\x1b[?25h\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?2004l\x1b[m"

// Run runs a program to its end and leaves the terminal as it was, also after
// a panic in it or in a goroutine of the guard, and when a signal ends it: the
// waiting for signals is not done by the program, which may be stuck. It
// returns a *SignalError, a *PanicError, or what the program returned. The
// program is to be made without its own signal handler.
func Run(ctx context.Context, p *tea.Program, in, out any, guard *Guard) (tea.Model, error) {
	ended := make(chan result, 1)
	saved := save(in)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, syscall.SIGINT)
	defer signal.Stop(signals)
	guard.Go("the screens", func() {
		model, err := p.Run()
		ended <- result{model, err}
	})
	var why error
	select {
	case r := <-ended:
		return r.model, r.err
	case s := <-signals:
		why = &SignalError{s.(syscall.Signal)}
		guard.Go("quitting", p.Quit)
	case <-ctx.Done():
		why = context.Cause(ctx)
		guard.Go("quitting", p.Quit)
	case err := <-guard.Failed():
		why = err
		guard.Go("quitting", p.Kill)
	}
	return wait(p, ended, guard, why, func() { restore(in, out, saved, guard) })
}

type result struct {
	model tea.Model
	err   error
}

func wait(p *tea.Program, ended <-chan result, guard *Guard, why error, clean func()) (tea.Model, error) {
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case r := <-ended:
		if _, panicked := why.(*PanicError); panicked {
			clean()
		}
		return r.model, why
	case <-timer.C:
	}
	guard.Go("ending the screens", p.Kill)
	clean()
	return nil, why
}

func save(in any) *term.State {
	f, ok := in.(File)
	if !ok {
		return nil
	}
	state, err := term.GetState(int(f.Fd()))
	if err != nil {
		return nil
	}
	return state
}

func restore(in, out any, saved *term.State, guard *Guard) {
	if f, ok := in.(File); ok && saved != nil {
		if err := term.Restore(int(f.Fd()), saved); err != nil {
			fmt.Fprintln(os.Stderr, "restore the terminal:", err)
		}
	}
	w, ok := out.(io.Writer)
	if !ok {
		return
	}
	written := make(chan struct{})
	guard.Go("restoring the terminal", func() {
		defer close(written)
		_, _ = io.WriteString(w, leave)
	})
	timer := time.NewTimer(deadline / 4)
	defer timer.Stop()
	select {
	case <-written:
	case <-timer.C:
	}
}
