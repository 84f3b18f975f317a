package job

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// Overview returns everything that the list of servers shows.
func (e *Engine) Overview() (Overview, error) {
	var out Overview
	err := e.cfg.Store.View(func(tx *store.Tx) error {
		servers, err := tx.Servers()
		if err != nil {
			return err
		}
		for _, s := range servers {
			view, err := e.view(tx, s)
			if err != nil {
				return err
			}
			out.Servers = append(out.Servers, view)
			out.Alerts = append(out.Alerts, view.Alerts...)
		}
		return nil
	})
	if err != nil {
		return Overview{}, err
	}
	out.Live = e.liveProgress()
	out.Questions = e.cfg.Questions.list()
	return out, nil
}

func (e *Engine) liveProgress() []Progress {
	e.mu.Lock()
	var list []*live
	for _, queue := range e.queue {
		for _, id := range queue {
			list = append(list, e.live[id])
		}
	}
	e.mu.Unlock()
	var out []Progress
	for _, l := range list {
		out = append(out, l.snapshot())
	}
	slices.SortFunc(out, func(a, b Progress) int { return cmp.Compare(a.Run.ID, b.Run.ID) })
	return out
}

// inEffect returns a server with the address, port, user and key file by which it is
// reached, as far as the configuration of ssh can be read.
func (e *Engine) inEffect(s store.Server) store.Server {
	// Without a route, what the record says counts; a dial tells what is wrong.
	route, _ := e.route(s)
	return inEffect(s, route)
}

func inEffect(s store.Server, route sshrun.Route) store.Server {
	s.Port, s.User = cmp.Or(route.Port, s.Port, 22), cmp.Or(route.User, s.User, "root")
	if len(route.KeyFiles) > 0 {
		s.KeyFile = route.KeyFiles[0]
	}
	return s
}

// view composes a server's view. Facts that can't be read count as none.
func (e *Engine) view(tx *store.Tx, s store.Server) (ServerView, error) {
	route, err := e.route(s)
	v := ServerView{Server: inEffect(s, route), Host: s.Address}
	if err != nil {
		v.RouteError = err.Error()
	} else {
		v.Host, v.Notes = route.Address, route.Notes
		for _, hop := range route.Hops {
			v.Hops = append(v.Hops, Hop{Name: hop.Name, Address: hop.Address, User: hop.User, HostKeys: s.HopKeys[hop.Address]})
		}
	}
	if len(s.Facts) > 0 {
		if err := json.Unmarshal(s.Facts, &v.Facts); err != nil {
			return v, fmt.Errorf("read the stored facts of %s: %w", s.Name, err)
		}
	}
	if v.Packages, err = tx.ServerPackages(s.ID); err != nil {
		return v, err
	}
	sites, err := tx.SitesOf(s.ID)
	if err != nil {
		return v, err
	}
	v.Sites = len(sites)
	runs, err := tx.RunsOf(s.ID, 1)
	if err != nil {
		return v, err
	}
	if len(runs) > 0 {
		v.Last = &runs[0]
		if l := e.liveRun(v.Last.ID); l != nil {
			run := l.snapshot().Run
			v.Last = &run
		}
	}
	samples, err := tx.Samples(s.ID, 1)
	if err != nil {
		return v, err
	}
	if len(samples) > 0 {
		v.Sample = &samples[0]
	}
	if v.Alerts, err = tx.OpenAlerts(s.ID); err != nil {
		return v, err
	}
	v.Watched = slices.ContainsFunc(v.Packages, func(p store.ServerPackage) bool { return e.watches(p.Name) })
	e.mu.Lock()
	v.Busy = e.busy[s.ID] > 0
	e.mu.Unlock()
	return v, nil
}

// Server returns one server with what is known of it, or an error that is
// store.ErrNotFound.
func (e *Engine) Server(id store.ID) (view ServerView, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		server, err := tx.Server(id)
		if err != nil {
			return err
		}
		view, err = e.view(tx, server)
		return err
	})
	return view, err
}

// Progress returns the state of a run: of a live one as it is now, of an ended
// one as it is stored.
func (e *Engine) Progress(id store.ID) (Progress, error) {
	if l := e.liveRun(id); l != nil {
		return l.snapshot(), nil
	}
	var run store.Run
	var events []store.Event
	err := e.cfg.Store.View(func(tx *store.Tx) (err error) {
		if run, err = tx.Run(id); err != nil {
			return err
		}
		events, err = tx.EventsOf(id)
		return err
	})
	if err != nil {
		return Progress{}, err
	}
	plan, err := planOf(run)
	if err != nil {
		return Progress{}, err
	}
	p := newLive(run, plan).progress
	p.show(run, events)
	return p, nil
}

// Lines returns the output of a run from line number since on, and the number
// to ask with next time. Of a long output only the last lines are there: the
// answer then begins later than asked for. The whole is in the log.
func (e *Engine) Lines(id store.ID, since int) (lines []string, next int, err error) {
	if l := e.liveRun(id); l != nil {
		lines, next = l.since(since)
		return lines, next, nil
	}
	all, err := e.cfg.Store.LogTail(id, maxLines)
	if err != nil {
		return nil, since, err
	}
	if since >= len(all) {
		return nil, since, nil
	}
	return all[since:], len(all), nil
}

// LogPath returns where the whole output of a run is kept on this machine, or
// nothing for what is no run.
func (e *Engine) LogPath(id store.ID) string {
	path, err := e.cfg.Store.LogPath(id)
	if err != nil {
		return ""
	}
	return path
}

// Runs returns the latest runs, newest first, without their plans.
func (e *Engine) Runs(limit int) (runs []store.Run, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		runs, err = tx.Runs(limit, "")
		return err
	})
	return e.asLive(runs), err
}

// RunsOf returns the latest runs on a server, newest first, without their
// plans.
func (e *Engine) RunsOf(server store.ID, limit int) (runs []store.Run, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		runs, err = tx.RunsOf(server, limit)
		return err
	})
	return e.asLive(runs), err
}

// asLive puts the latest state of live runs in place of the stored one.
func (e *Engine) asLive(runs []store.Run) []store.Run {
	for i, run := range runs {
		if l := e.liveRun(run.ID); l != nil {
			runs[i] = l.snapshot().Run
		}
	}
	return runs
}

// FindRun returns the run with that id, or whose id ends or begins so, with
// its plan. None or several are an *InputError.
func (e *Engine) FindRun(s string) (run store.Run, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		run, err = tx.FindRun(s)
		return err
	})
	var ambiguous *store.AmbiguousError
	if errors.Is(err, store.ErrNotFound) || errors.As(err, &ambiguous) {
		return store.Run{}, &InputError{"run", err.Error()}
	}
	return run, err
}

// Plan returns the plan that a run was started with.
func (e *Engine) Plan(id store.ID) (plan packages.Plan, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		run, err := tx.Run(id)
		if err != nil {
			return err
		}
		plan, err = planOf(run)
		return err
	})
	return plan, err
}
