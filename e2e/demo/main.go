// Demo shows BrokeForge at work: it starts two practice servers, a Debian 12 and a Debian 13, opens
// the screens with both listed on a throw-away state folder, and takes all of it away when they are
// quit.
//
//	demo BROKEFORGE
//
// BROKEFORGE is the program to show. Where practice servers can't run, demo says why in one line and
// opens the screens on an empty list. Its exit status is that of the screens.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"

	"brokeforge/e2e/hosts"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: demo BROKEFORGE")
		os.Exit(2)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) || !term.IsTerminal(int(os.Stdout.Fd())) {
		fmt.Fprintln(os.Stderr, "demo: the screens need a terminal, and this is none")
		os.Exit(2)
	}
	// SIGHUP is a closed terminal window: the hosts must go all the same, so a failing write to the
	// terminal is no reason to end early. Caught rather than ignored, as programs started from here
	// would inherit the latter.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	err := show(ctx, os.Args[1])
	interrupted := ctx.Err() != nil
	stop()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Exited():
		os.Exit(exit.ExitCode())
	case interrupted && errors.Is(err, context.Canceled):
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

// demo is one showing.
type demo struct {
	program string
	state   string // throw-away folder
}

// show runs the demonstration from start to end. What it made is gone when it returns.
func show(ctx context.Context, program string) (err error) {
	program, err = filepath.Abs(program)
	if err != nil {
		return err
	}
	if _, err := exec.LookPath(program); err != nil {
		return fmt.Errorf("find the program to show: %w", err)
	}
	state, err := os.MkdirTemp("", "brokeforge-demo-")
	if err != nil {
		return fmt.Errorf("make a throw-away state: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(state)) }()
	d := demo{program: program, state: state}

	if err := hosts.Check(); err != nil {
		say("no practice servers, the list is empty: %v", err)
		return d.screens(ctx)
	}
	begun := time.Now()
	lab, err := hosts.Open(ctx, hosts.Options{Progress: func(line string) { say("%s", line) }})
	if err != nil {
		return err
	}
	defer func() {
		say("removing the practice servers…")
		if closeErr := lab.Close(); closeErr != nil {
			say("demo: %v", closeErr)
			err = errors.Join(err, closeErr)
		}
	}()
	if err := d.addServers(ctx, lab); err != nil {
		return err
	}
	say("ready after %.1f s", time.Since(begun).Seconds())
	return d.screens(ctx)
}

// addServers starts the practice servers side by side and enters them as an operator would.
func (d demo) addServers(ctx context.Context, lab *hosts.Lab) error {
	specs := []hosts.Spec{{Name: "demo1", Suite: hosts.Bookworm}, {Name: "demo2", Suite: hosts.Trixie}}
	started, errs := make([]*hosts.Host, len(specs)), make([]error, len(specs))
	var wg sync.WaitGroup
	for i, spec := range specs {
		say("starting %s (%s)…", spec.Name, spec.Suite)
		wg.Go(func() { started[i], errs[i] = lab.Start(ctx, spec) })
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	for _, h := range started {
		cmd := d.command(ctx, "server", "add", h.Name, h.Address(), "--user", "root", "--key", lab.Key(), "--accept-new")
		if said, err := cmd.CombinedOutput(); err != nil {
			// Not wrapped: the status of this command is not the one of the screens.
			return fmt.Errorf("add %s: %v: %s", h.Name, err, said)
		}
	}
	return nil
}

// screens shows the screens until they are quit, or ctx ends.
func (d demo) screens(ctx context.Context) error {
	cmd := d.command(ctx)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("the screens: %w", err)
	}
	return nil
}

// command makes a call of the program on the throw-away state. When ctx ends it is asked to end,
// which leaves the terminal clean, and killed if it doesn't in time.
func (d demo) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.program, args...)
	cmd.Env = append(os.Environ(), "BROKEFORGE_STATE="+d.state)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}
