package cmd

import (
	"context"
	"time"

	"brokeforge/packages/job"
	"brokeforge/store"
)

// withNews is with for commands that show runs. Only one program works on a
// state folder, so a run that is live at the start was left by a former call,
// and may have ended since. There is some patience for the news of it; after
// that, what is shown is what was last known.
func (a *app) withNews(ctx context.Context, fn func(context.Context, *Session) error) error {
	return a.with(ctx, func(ctx context.Context, s *Session) error {
		if err := a.settle(ctx, s.Engine); err != nil {
			return err
		}
		return fn(ctx, s)
	})
}

// settle waits until no run is live, or patience is at its end.
func (a *app) settle(ctx context.Context, engine Engine) error {
	changes := engine.Subscribe()
	defer changes.Close()
	timer := time.NewTimer(a.Patience)
	defer timer.Stop()
	for {
		live, err := liveRuns(engine)
		if err != nil || len(live) == 0 {
			return err
		}
		select {
		case <-changes.Changed():
		case <-timer.C:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// liveRuns returns the runs that are not ended.
func liveRuns(engine Engine) (map[store.ID]job.Progress, error) {
	overview, err := engine.Overview()
	if err != nil {
		return nil, err
	}
	live := make(map[store.ID]job.Progress, len(overview.Live))
	for _, p := range overview.Live {
		live[p.Run.ID] = p
	}
	return live, nil
}
