package job

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
)

// Start records a run for each preview that has something to do, and queues
// it. It returns at once; the runs go on in the background, each after those
// that are queued before it on its server.
//
// The secrets that were chosen or made for the plans are stored with the runs, for
// which a person may be asked for the passphrase of their key.
func (e *Engine) Start(ctx context.Context, action store.Action, prepared []Prepared) ([]store.Run, error) {
	if needsVault(prepared) {
		if err := e.cfg.Store.Unlock(ctx); err != nil {
			return nil, fmt.Errorf("store the secrets: %w", err)
		}
	}
	group := e.cfg.Store.NewID()
	var runs []store.Run
	var started []Prepared
	for _, p := range prepared {
		if p.Err != nil || p.Nothing {
			continue
		}
		if p.Site.Domain != "" && p.Site.ID == "" {
			p.Site.ID = e.cfg.Store.NewID()
		}
		run, err := e.newRun(group, action, p)
		if err != nil {
			return nil, err
		}
		runs, started = append(runs, run), append(started, p)
	}
	err := e.cfg.Store.Update(func(tx *store.Tx) error {
		for i := range runs {
			if err := e.putSecrets(tx, started[i]); err != nil {
				return err
			}
			if err := e.putSite(tx, started[i]); err != nil {
				return err
			}
			if err := tx.PutRun(&runs[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("record the runs: %w", err)
	}
	for i, run := range runs {
		e.enqueue(run, newLive(run, started[i].Plan))
	}
	return runs, nil
}

func (e *Engine) newRun(group store.ID, action store.Action, p Prepared) (store.Run, error) {
	plan, err := json.Marshal(p.Plan)
	if err != nil {
		return store.Run{}, fmt.Errorf("store the plan for %s: %w", p.Server.Name, err)
	}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return store.Run{}, fmt.Errorf("make a nonce: %w", err)
	}
	return store.Run{
		ID: e.cfg.Store.NewID(), Group: group,
		ServerID: p.Server.ID, ServerName: p.Server.Name, SiteID: p.Site.ID,
		Action: action, Title: e.title(action, p.Plan), Plan: plan,
		Nonce: hex.EncodeToString(nonce), State: store.RunQueued,
		Total: len(p.Plan.Milestones()), By: e.cfg.By, QueuedAt: e.cfg.Now(),
	}, nil
}

// title names a run by what was chosen; what is only required is left out.
func (e *Engine) title(action store.Action, plan packages.Plan) string {
	var chosen []packages.Want
	site := ""
	for _, part := range plan.Parts {
		if part.Because == "" {
			chosen, site = append(chosen, packages.Want{Name: part.Package, Instance: part.Instance}), part.Site
		}
	}
	title := strings.Join(packages.Phrases(e.cfg.Catalog, action, chosen), ", ")
	if site != "" {
		title += " " + site
	}
	return title
}

// enqueue puts a run behind those on its server, and begins it if there is
// none.
func (e *Engine) enqueue(run store.Run, l *live) {
	e.mu.Lock()
	e.live[run.ID] = l
	e.forgetOldest()
	e.queue[run.ServerID] = append(e.queue[run.ServerID], run.ID)
	first := len(e.queue[run.ServerID]) == 1
	e.mu.Unlock()
	e.placeQueued(run.ServerID)
	if first {
		e.begin(run.ID)
	}
	e.hub.wake()
}

// maxEnded is how many ended runs are held in memory.
const maxEnded = 100

// forgetOldest drops the oldest ended runs from memory when there are many.
// The engine's lock is held.
func (e *Engine) forgetOldest() {
	if len(e.live) <= maxEnded {
		return
	}
	queued := make(map[store.ID]bool)
	for _, queue := range e.queue {
		for _, id := range queue {
			queued[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(e.live)) {
		if len(e.live) <= maxEnded {
			return
		}
		if !queued[id] {
			delete(e.live, id)
		}
	}
}

// dequeue takes an ended run off its server's queue and begins the next.
func (e *Engine) dequeue(server, run store.ID) {
	e.mu.Lock()
	rest := slices.DeleteFunc(e.queue[server], func(id store.ID) bool { return id == run })
	e.queue[server] = rest
	var next store.ID
	if len(rest) == 0 {
		delete(e.queue, server)
	} else {
		next = rest[0]
	}
	e.mu.Unlock()
	e.placeQueued(server)
	if next != "" && e.ctx.Err() == nil {
		e.begin(next)
	}
	e.hub.wake()
}

// placeQueued tells each queued run how many go before it.
func (e *Engine) placeQueued(server store.ID) {
	e.mu.Lock()
	queue := slices.Clone(e.queue[server])
	e.mu.Unlock()
	for i, id := range queue {
		if l := e.liveRun(id); l != nil {
			l.change(func(p *Progress) { p.Position = i })
		}
	}
}

func (e *Engine) liveRun(id store.ID) *live {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.live[id]
}

// begin carries a run out in the background.
func (e *Engine) begin(id store.ID) {
	l := e.liveRun(id)
	server := l.snapshot().Run.ServerID
	crashed := func(err error) {
		l.change(func(p *Progress) {
			p.Run.State, p.Waiting = store.RunLost, err.Error()+"; the next start picks it up"
		})
		e.hub.wake()
	}
	e.spawn("run "+string(id), func(ctx context.Context) {
		ended, err := e.carry(ctx, id, l)
		if err != nil {
			e.cfg.Log.Error("run", "id", id, "error", err)
			crashed(err)
			return
		}
		if ended {
			e.dequeue(server, id)
			e.afterRun(ctx, server)
		}
	}, crashed)
}

// afterRun reads the facts anew, so that the lists show what is now so.
func (e *Engine) afterRun(ctx context.Context, id store.ID) {
	if _, err := e.Refresh(ctx, id); err != nil && ctx.Err() == nil {
		e.cfg.Log.Warn("read facts after a run", "server", id, "error", err)
	}
}

// Cancel ends a run: a queued one never starts, a live one's current step is
// ended on the server, and the steps after it are not begun.
func (e *Engine) Cancel(ctx context.Context, id store.ID) error {
	l := e.liveRun(id)
	if l == nil {
		return &packages.RefusedError{Reason: "the run has ended"}
	}
	p := l.snapshot()
	if !p.Run.State.Live() {
		return &packages.RefusedError{Reason: "the run has ended"}
	}
	cancelled, err := e.cancelQueued(p.Run)
	if err != nil || cancelled {
		return err
	}
	server, err := e.server(p.Run.ServerID)
	if err != nil {
		return err
	}
	remote, err := e.reach(ctx, server)
	if err != nil {
		return err
	}
	l.change(func(p *Progress) { p.Waiting = "cancelling: the current step is being ended" })
	e.hub.wake()
	if err := remote.Cancel(ctx, string(id)); err != nil {
		return fmt.Errorf("cancel the run on %s: %w", server.Name, err)
	}
	return nil
}

// cancelQueued cancels a run that has not begun, and reports whether it did.
func (e *Engine) cancelQueued(run store.Run) (bool, error) {
	e.mu.Lock()
	queue := e.queue[run.ServerID]
	i := slices.Index(queue, run.ID)
	if i <= 0 {
		e.mu.Unlock()
		return false, nil
	}
	e.queue[run.ServerID] = slices.Delete(queue, i, i+1)
	e.mu.Unlock()
	var ended store.Run
	err := e.cfg.Store.Update(func(tx *store.Tx) error {
		stored, err := tx.Run(run.ID)
		if err != nil {
			return err
		}
		stored.State, stored.EndedAt = store.RunCancelled, e.cfg.Now()
		ended = stored
		if plan, err := planOf(stored); err == nil && plan.Action == store.Install && plan.MakesSite(e.cfg.Catalog) {
			if err := e.failSite(tx, stored.SiteID); err != nil {
				return err
			}
		}
		return tx.PutRun(&stored)
	})
	if err != nil {
		return false, fmt.Errorf("record that the run is cancelled: %w", err)
	}
	e.liveRun(run.ID).change(func(p *Progress) { p.Run = withoutPlan(ended) })
	e.placeQueued(run.ServerID)
	e.hub.wake()
	return true, nil
}
