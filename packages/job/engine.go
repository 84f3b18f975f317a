package job

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// Config is what an engine works with. Store, Catalog and Connector are
// needed.
type Config struct {
	Store        *store.DB
	Catalog      packages.Catalog
	Connector    Connector
	Credentials  []Credential     // what the record of a server may name to be logged in to with
	SettingsFile string           // where they are written, for messages; empty means that no file was read
	Questions    *Questions       // what connections ask a person; nil where nobody is asked
	Parallel     int              // how many servers are worked on side by side; 0 means 10
	By           string           // the login of who works with this engine, as records name it
	Now          func() time.Time // nil means time.Now
	Log          *slog.Logger     // nil discards
	Notifier     Notifier         // tells people of alerts; nil tells nobody
}

// Engine makes plans, runs them in the background and records what came of
// them. Its methods may be called from several goroutines.
type Engine struct {
	cfg   Config
	hub   hub
	ctx   context.Context // ends when the engine is closed
	stop  context.CancelFunc
	group sync.WaitGroup
	slots chan struct{}

	firstPause time.Duration // before the first try to reach a server again

	mu    sync.Mutex
	live  map[store.ID]*live      // runs that are not ended, and those that ended since the engine was made
	queue map[store.ID][]store.ID // by server, the runs that are not ended; the first is going on
	busy  map[store.ID]int        // by server, how many readings of facts are going on
}

// New returns an engine that does nothing yet.
func New(cfg Config) *Engine {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 10
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Questions == nil {
		cfg.Questions = NewQuestions()
	}
	ctx, stop := context.WithCancel(context.Background())
	e := &Engine{
		cfg: cfg, ctx: ctx, stop: stop,
		slots:      make(chan struct{}, cfg.Parallel),
		firstPause: time.Second,
		live:       make(map[store.ID]*live),
		queue:      make(map[store.ID][]store.ID),
		busy:       make(map[store.ID]int),
	}
	cfg.Questions.tell(e.hub.wake)
	return e
}

// Close ends all watching and waits for it. Runs go on on their servers, and
// Recover of a later engine picks them up; runs that are still queued wait
// for it too.
func (e *Engine) Close() error {
	e.stop()
	e.group.Wait()
	return nil
}

// Subscribe returns a subscription to every change of runs and servers.
func (e *Engine) Subscribe() *Subscription { return e.hub.subscribe() }

// Catalog returns the packages that there are.
func (e *Engine) Catalog() packages.Catalog { return e.cfg.Catalog }

// spawn runs fn in the background until the engine is closed. A panic in it
// ends this fn alone: it is logged with its stack, and then told to failed.
func (e *Engine) spawn(what string, fn func(context.Context), failed func(error)) {
	e.group.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				e.cfg.Log.Error("panic", "in", what, "panic", r, "stack", string(debug.Stack()))
				failed(fmt.Errorf("internal error in %s: %v", what, r))
			}
		}()
		fn(e.ctx)
	})
}

// slot waits for one of the places to work on a server. The returned func
// gives it back; calling it again does nothing.
func (e *Engine) slot(ctx context.Context) (release func(), err error) {
	release = sync.OnceFunc(func() { <-e.slots })
	select {
	case e.slots <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// slotFor is slot for a run, which says that it waits if it does.
func (e *Engine) slotFor(ctx context.Context, l *live) (release func(), err error) {
	if len(e.slots) == cap(e.slots) {
		l.change(func(p *Progress) {
			p.Waiting = fmt.Sprintf("waiting for its turn: %d servers are worked on side by side", cap(e.slots))
		})
		e.hub.wake()
	}
	release, err = e.slot(ctx)
	l.change(func(p *Progress) { p.Waiting = "" })
	return release, err
}
