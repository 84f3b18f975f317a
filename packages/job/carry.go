package job

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// lastPause is the longest pause between tries to reach a server again. They
// grow to it from the engine's first one.
const lastPause = 30 * time.Second

// carrier carries one run out: it ships the plan, follows it, and finds it
// again when the connection is lost.
type carrier struct {
	e      *Engine
	server store.Server
	rec    *recorder
}

// carry carries a run out and reports whether it has ended. It hasn't when the
// engine is closed first.
func (e *Engine) carry(ctx context.Context, id store.ID, l *live) (ended bool, err error) {
	release, err := e.slotFor(ctx, l)
	if err != nil {
		return false, nil
	}
	defer release()
	pause := e.firstPause
	for {
		moved, ended, err := e.try(ctx, id, l)
		if ended || ctx.Err() != nil {
			return ended, nil
		}
		if moved {
			pause = e.firstPause
		}
		// A server that can't be reached must not keep others waiting.
		release()
		e.waitLost(ctx, l, err, pause)
		if ctx.Err() != nil {
			return false, nil
		}
		pause = min(2*pause, lastPause)
	}
}

// try carries a run as far as one connection lasts, beginning with what the
// store knows of it. It reports whether anything was learned and whether the
// run has ended; if it hasn't, err says why contact is lost.
func (e *Engine) try(ctx context.Context, id store.ID, l *live) (moved, ended bool, err error) {
	defer func() {
		if r := recover(); r != nil {
			e.cfg.Log.Error("panic", "run", id, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	var run store.Run
	var server store.Server
	err = e.cfg.Store.View(func(tx *store.Tx) (err error) {
		if run, err = tx.Run(id); err != nil {
			return err
		}
		server, err = tx.Server(run.ServerID)
		return err
	})
	if err != nil {
		return false, false, fmt.Errorf("load the run: %w", err)
	}
	rec, err := e.newRecorder(run, l)
	if err != nil {
		return false, false, err
	}
	defer func() { err = errors.Join(err, rec.close()) }()
	c := &carrier{e: e, server: server, rec: rec}
	before := run.Cursor.Offset
	err = c.once(ctx)
	moved = rec.run.Cursor.Offset > before
	if rec.port != 0 && rec.port != server.Port {
		e.forget(server) // nobody finds the server there any more
	}
	var refused *failedError
	switch {
	case rec.ended():
		return moved, true, nil
	case errors.As(err, &refused):
		err = rec.fail(refused.RunError)
		return moved, err == nil, err
	case err == nil:
		err = errors.New("the log on the server ended before the run did")
	}
	return moved, false, err
}

// failedError ends a run because of what it says.
type failedError struct{ store.RunError }

func (e *failedError) Error() string { return e.Summary }

// waitLost shows that contact is lost, and waits before the next try.
func (e *Engine) waitLost(ctx context.Context, l *live, cause error, pause time.Duration) {
	pause += rand.N(pause / 4)
	l.change(func(p *Progress) {
		p.Run.State = store.RunLost
		p.Waiting = fmt.Sprintf("lost contact with %s, trying again in %d s; the run goes on there (%v)",
			p.Run.ServerName, int(pause.Seconds()+0.5), cause)
	})
	e.hub.wake()
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// once ships the run, or finds it again, and follows it as long as it can. It
// returns a *failedError where the run has failed, and any other error where
// it may be going on.
func (c *carrier) once(ctx context.Context) error {
	sent := c.rec.run.Cursor.Sent
	remote, err := c.e.connect(ctx, c.server)
	if err != nil {
		connection, err := connectError(c.server, err)
		// What was sent goes on there whatever the connection says, so the
		// run is not called failed for it.
		if sent {
			return err
		}
		return errors.Join(c.noteConnection(connection, err), failed(err))
	}
	if err = c.learnEnvironment(ctx, remote); err != nil {
		return c.judge(ctx, err, sent)
	}
	if sent {
		err = c.find(ctx, remote)
	} else {
		err = c.ship(ctx, remote)
	}
	return c.judge(ctx, err, sent)
}

// learnEnvironment has the secrets of the .env of the run's site kept out of its
// output.
func (c *carrier) learnEnvironment(ctx context.Context, remote Remote) error {
	if c.rec.run.SiteID == "" {
		return nil
	}
	place, err := c.e.place(c.rec.run.SiteID)
	if err != nil {
		return nil // it is not made yet, or is there no more
	}
	c.rec.redact, err = c.e.redactorOn(ctx, place, remote, c.rec.redact)
	return err
}

// judge tells errors that end a run from those that leave it going on. One that was
// sent before does so also where it can't be looked at, as when sudo wants a password
// and there is nobody to ask.
func (c *carrier) judge(ctx context.Context, err error, sent bool) error {
	var lost *sshrun.LostError
	var died *sshrun.DiedError
	var absent *sshrun.AbsentError
	var unrecorded *recordError
	var become *sshrun.BecomeError
	var session *sshrun.SessionError
	var shell *sshrun.ShellError
	switch {
	case sent && (errors.As(err, &become) || errors.As(err, &session) || errors.As(err, &shell)):
		return err
	case err == nil, ctx.Err() != nil, errors.As(err, &lost), errors.As(err, &unrecorded):
		return err
	case errors.As(err, &absent):
		return c.rec.unknown(fmt.Sprintf("%s no longer knows the run: its folder there is gone", c.server.Name))
	case errors.As(err, &died):
		return &failedError{c.stopped(died)}
	}
	return failed(err)
}

func (c *carrier) ship(ctx context.Context, remote Remote) error {
	shipment, err := c.e.shipment(ctx, c.rec.run, c.rec.steps)
	if err != nil && c.rec.run.Cursor.Sent {
		return &sshrun.LostError{Name: c.server.Name, Err: err} // it may be going on
	}
	if err != nil {
		return fmt.Errorf("nothing was sent to %s: %w", c.server.Name, err)
	}
	if err := c.rec.sending(); err != nil {
		return err
	}
	return c.watch(ctx, func(ctx context.Context, fn func(sshrun.Mark) error) error {
		return remote.Ship(ctx, shipment, fn)
	})
}

// find goes on with a run that was sent: where it was, or from the start if it
// never arrived. A server that has it already does not start it again.
func (c *carrier) find(ctx context.Context, remote Remote) error {
	offset := c.rec.run.Cursor.Offset
	if offset == 0 {
		return c.ship(ctx, remote)
	}
	return c.watch(ctx, func(ctx context.Context, fn func(sshrun.Mark) error) error {
		return remote.Follow(ctx, string(c.rec.run.ID), c.rec.run.Nonce, offset, fn)
	})
}

// stopped says why a run ended on its server before its end.
func (c *carrier) stopped(died *sshrun.DiedError) store.RunError {
	cursor := c.rec.run.Cursor
	e := store.RunError{Step: -1, Advice: "run it again: what is done is skipped"}
	during := ""
	if cursor.BeginStep && cursor.NextStep < len(c.rec.steps) {
		e.Step = cursor.NextStep
		e.Command = packages.Brief(c.rec.steps[e.Step].Command)
		during = " during: " + e.Command
	}
	e.Summary = fmt.Sprintf("the run was stopped on %s%s", c.server.Name, during)
	if died.Rebooted {
		e.Summary = fmt.Sprintf("%s was restarted%s", c.server.Name, during)
	}
	return e
}

// watch records what the server reports, until follow returns. The marks that
// have come in while others were being recorded are recorded together.
func (c *carrier) watch(ctx context.Context, follow func(context.Context, func(sshrun.Mark) error) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	marks := make(chan sshrun.Mark, 1024)
	result := make(chan error, 1)
	c.e.group.Go(func() {
		defer close(marks)
		defer func() {
			if r := recover(); r != nil {
				result <- fmt.Errorf("internal error while following: %v", r)
			}
		}()
		result <- follow(ctx, func(m sshrun.Mark) error {
			select {
			case marks <- m:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	})
	var failed error
	for m := range marks {
		batch := append([]sshrun.Mark{m}, waiting(marks)...)
		if failed == nil {
			if failed = c.take(ctx, batch); failed != nil {
				stop()
			}
		}
	}
	err := <-result
	if failed != nil {
		return failed
	}
	return err
}

// waiting returns the marks that are there already.
func waiting(marks <-chan sshrun.Mark) (list []sshrun.Mark) {
	for {
		select {
		case m, ok := <-marks:
			if !ok {
				return list
			}
			list = append(list, m)
		default:
			return list
		}
	}
}

func (c *carrier) take(ctx context.Context, batch []sshrun.Mark) error {
	if err := c.rec.record(batch); err != nil {
		return err
	}
	for _, m := range batch {
		if m.Kind == sshrun.MarkProve {
			c.prove(ctx, m.Step)
		}
	}
	return nil
}

// prove logs in anew and tells the driver so. Where that fails the driver
// takes the change back by itself, so a failure here is only logged.
func (c *carrier) prove(ctx context.Context, step int) {
	logged := func(err error) {
		c.e.cfg.Log.Warn("prove a new login", "server", c.server.Name, "error", err)
	}
	server, err := c.e.server(c.server.ID) // as an earlier proof may have moved it
	if err != nil {
		logged(err)
		return
	}
	p, _ := c.rec.steps[step].Command.(packages.Prove)
	within := cmp.Or(p.Within, defaultWithin)
	server.Port = cmp.Or(p.Port, server.Port)
	id := string(c.rec.run.ID)
	c.e.spawn("proof of a login", func(context.Context) {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		if err := c.e.proveLogin(ctx, server, id, step); err != nil {
			logged(err)
		}
	}, logged)
}

// defaultWithin is how long the driver waits for a proof unless told otherwise.
const defaultWithin = time.Minute

// proveLogin tries to log in until it succeeds or time is over: an sshd that
// reads its settings anew refuses connections for a moment.
func (e *Engine) proveLogin(ctx context.Context, server store.Server, run string, step int) error {
	for {
		remote, err := e.dial(ctx, server)
		if err == nil {
			return errors.Join(remote.Prove(ctx, run, step), remote.Close())
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(e.firstPause):
		}
	}
}

// failed makes of an error that kept a run from being sent what is recorded of
// it.
func failed(err error) error {
	e := store.RunError{Summary: err.Error(), Step: -1}
	if NotReached(err) {
		e.Advice = "nothing was sent to the server; run it again when it can be reached"
	}
	return &failedError{e}
}

func (c *carrier) noteConnection(connection store.Connection, err error) error {
	return c.e.changeServer(c.server.ID, func(s *store.Server) error {
		s.Connection, s.ConnectionError = connection, err.Error()
		return nil
	})
}

// planOf returns the plan that a run was started with.
func planOf(run store.Run) (plan packages.Plan, err error) {
	if err := json.Unmarshal(run.Plan, &plan); err != nil {
		return plan, fmt.Errorf("read the plan of run %s: %w", run.ID, err)
	}
	return plan, nil
}
