package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
)

// changedMsg says that the engine knows something new.
type changedMsg struct{}

// snapshotMsg is what the engine knows, and what the screen on top asked for.
type snapshotMsg struct {
	overview job.Overview
	err      error
	screen   int
	extra    tea.Msg
	feed     bool // the feed asked for it, and is to be waited for again
}

// tickMsg lets times be shown anew. It counts only if it is of the latest
// series.
type tickMsg struct{ series int }

// interval is the least time between two snapshots: 100 ms, or 250 ms where
// the terminal is far away.
func (e env) interval() time.Duration {
	if e.remote {
		return 250 * time.Millisecond
	}
	return 100 * time.Millisecond
}

// waitFeed waits until something has changed, and then for the rest of the
// interval since the last snapshot, so that many changes are one message.
func waitFeed(ctx context.Context, changed <-chan struct{}, last time.Time, interval time.Duration) tea.Cmd {
	return func() tea.Msg {
		select {
		case <-changed:
		case <-ctx.Done():
			return nil
		}
		timer := time.NewTimer(interval - time.Since(last))
		defer timer.Stop()
		select {
		case <-timer.C:
			return changedMsg{}
		case <-ctx.Done():
			return nil
		}
	}
}

// snapshot takes a snapshot for the screen on top.
func (a *app) snapshot(feed bool) tea.Cmd {
	e := a.env
	id, load := 0, func() tea.Msg { return nil }
	if top := a.top(); top != nil {
		id = top.id
		if l, ok := top.screen.(loader); ok {
			load = l.load(a.envFor(top))
		}
	}
	return func() tea.Msg {
		overview, err := e.engine.Overview()
		return snapshotMsg{overview, err, id, load(), feed}
	}
}

// took takes a snapshot in.
func (a *app) took(m snapshotMsg) tea.Cmd {
	var cmds []tea.Cmd
	if m.err == nil {
		a.env.data.overview, a.env.data.loaded = m.overview, true
		a.askQuestions()
	}
	a.env.data.err = m.err
	if m.extra != nil {
		cmds = append(cmds, a.deliver(toScreen{m.screen, m.extra}))
	}
	if m.feed {
		cmds = append(cmds, a.wait(time.Now()))
	}
	return tea.Batch(append(cmds, a.refreshMore(), a.tick())...)
}

// tick has times shown anew: often while something goes on, seldom otherwise.
func (a *app) tick() tea.Cmd {
	every := 20 * time.Second
	if a.busy() {
		every = time.Second
		if a.env.remote {
			every = 2 * time.Second
		}
	}
	if every == a.every {
		return nil
	}
	a.every = every
	a.series++
	return a.nextTick()
}

func (a *app) nextTick() tea.Cmd {
	return a.after(a.every, tickMsg{a.series})
}

func (a *app) busy() bool {
	if len(a.env.data.overview.Live) > 0 {
		return true
	}
	w, ok := a.top().screen.(worker)
	return ok && w.working()
}

// refreshing is how many servers have their facts read at the same time by
// the screens.
const refreshing = 4

// refreshedMsg says that the facts of a server were read, or why not.
type refreshedMsg struct {
	server store.ID
	err    error
}

// refreshQueue holds the servers whose facts are to be read.
type refreshQueue struct {
	begun   bool // the servers that there are at the start are in it
	waiting []store.ID
	going   map[store.ID]bool
	asked   map[store.ID]bool // by a key: a failure is told
}

func (q *refreshQueue) add(ids []store.ID, asked bool) {
	for _, id := range ids {
		if !q.going[id] {
			q.waiting = append(q.waiting, id)
		}
		if asked {
			q.asked[id] = true
		}
	}
}

// refreshMore begins the reading of facts where there is room.
func (a *app) refreshMore() tea.Cmd {
	q := &a.refresh
	if !q.begun && a.env.data.loaded {
		q.begun = true
		for _, s := range a.env.data.overview.Servers {
			q.add([]store.ID{s.ID}, false)
		}
	}
	var cmds []tea.Cmd
	for len(q.waiting) > 0 && len(q.going) < refreshing {
		id := q.waiting[0]
		q.waiting = q.waiting[1:]
		if q.going[id] {
			continue
		}
		q.going[id] = true
		e := a.env
		cmds = append(cmds, func() tea.Msg {
			_, err := e.engine.Refresh(e.ctx, id)
			return refreshedMsg{id, err}
		})
	}
	return tea.Batch(cmds...)
}

// refreshed takes the end of a reading in.
func (a *app) refreshed(m refreshedMsg) tea.Cmd {
	q := &a.refresh
	asked := q.asked[m.server]
	delete(q.going, m.server)
	delete(q.asked, m.server)
	var cmd tea.Cmd
	if asked {
		cmd = a.tell(m)
	}
	return tea.Batch(cmd, a.refreshMore())
}

func (a *app) tell(m refreshedMsg) tea.Cmd {
	s, _ := a.env.data.server(m.server)
	if m.err == nil {
		return a.apply(say("read the facts of " + s.Name))
	}
	if box := hostKeyBox(a.env, m.server, m.err); box != nil {
		return a.apply(open(box))
	}
	return a.apply(complain(m.err))
}
