package cmd

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"
)

// Main runs the command that the arguments name and returns the exit status.
//
// The first SIGINT, SIGTERM or SIGHUP ends it in order: what it waits for is
// let go, and runs go on on their servers. The next one ends the program at
// once.
func Main(ctx context.Context, args []string, env Env) int {
	ctx, stop := untilSignal(ctx)
	defer stop()
	return run(ctx, args, env)
}

func run(ctx context.Context, args []string, env Env) int {
	root := New(env)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var cut *SignalError
	if errors.As(err, &cut) || errors.Is(err, context.Canceled) && errors.As(context.Cause(ctx), &cut) {
		err = cut
	}
	env.report(err)
	return Status(err)
}

// untilSignal returns a context that ends at the first signal that asks for
// the end. Its cause is then a *SignalError.
func untilSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		select {
		case s := <-signals:
			signal.Stop(signals)
			number, _ := s.(syscall.Signal) // every signal of a unix system is one
			cancel(&SignalError{number})
		case <-ctx.Done():
			signal.Stop(signals)
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}
