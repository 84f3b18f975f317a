// Package uitest has an engine of made-up servers, on which the screens can be
// tested and looked at. Nothing happens on it but what its owner lets happen:
// Advance takes every live run a milestone further.
package uitest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// Engine is a made-up engine. Its fields may be set before it is used, and,
// with Change, afterwards.
type Engine struct {
	mu       sync.Mutex
	sub      *job.Subscription
	wake     func()
	runs     int
	Now      func() time.Time
	Servers  []job.ServerView
	All      []job.Progress // every run, the oldest first
	Output   map[store.ID][]string
	Hosted   []job.SiteView
	Released []job.ReleaseView // of every site, newest first
	Measured map[store.ID][]store.Sample
	Pkgs     Catalog
	Stacks   []packages.Stack
	Kept     packages.Secrets // of every server

	AddError     func(job.NewServer) error // what adding a server gives
	PrepareError func(store.Server) error  // what preparing gives
	PrepareWait  <-chan struct{}           // preparing waits for it, or until it is given up
	RefreshError error                     // what reading facts gives
	Staying      []string                  // what stays when a site goes
	Added        []job.NewServer           // what was asked for
	Open         []job.Question            // that wait for an answer
	Answers      []string                  // what was answered, by question: "1=secret", and "1" for declined
	Trusted      []string                  // fingerprints
	Started      [][]job.Prepared          // what was started
	Cancelled    []store.ID                // what was cancelled
	Asked        []job.Request             // what was to be prepared
	Nothing      map[store.ID]bool         // servers on which nothing is to be done
	ShellError   error                     // what opening a shell gives
	Shell        job.Shell                 // what a shell does; nil means Echo
	Shells       []store.ID                // on which shells were opened
	Imported     []job.Import              // what was imported
	ImportError  error                     // what importing gives
	Logged       string                    // stands at the end of each line of a log
	JournalError error                     // what reading a log ends with
	Explored     *Files                    // the files of every site; nil means those of NewFiles
	FilesError   error                     // what opening files gives
	Dotenv       string                    // of every site; empty means that there is no file
	DotenvError  error                     // that saving it gives
}

// New returns an engine without servers.
func New(now func() time.Time) *Engine {
	e := &Engine{Now: now, Output: map[store.ID][]string{}, Pkgs: MadeUp(), Nothing: map[store.ID]bool{}}
	e.sub, e.wake = job.Signal()
	return e
}

// Change changes the engine and wakes who watches it.
func (e *Engine) Change(fn func()) {
	e.mu.Lock()
	fn()
	e.mu.Unlock()
	e.wake()
}

// Subscribe returns the only subscription.
func (e *Engine) Subscribe() *job.Subscription { return e.sub }

// Catalog returns the made-up packages, and stacks where there are some.
func (e *Engine) Catalog() packages.Catalog {
	c, err := packages.AddStacks(e.Pkgs, e.Stacks...)
	if err != nil {
		panic(err) // a test that made up a stack that can't be
	}
	return c
}

// Overview returns the servers, with their latest runs.
func (e *Engine) Overview() (job.Overview, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := job.Overview{Servers: slices.Clone(e.Servers), Questions: slices.Clone(e.Open)}
	for _, s := range e.Servers {
		out.Alerts = append(out.Alerts, s.Alerts...)
	}
	for _, p := range e.All {
		if p.Run.State.Live() {
			out.Live = append(out.Live, p)
		}
		for i := range out.Servers {
			if out.Servers[i].ID == p.Run.ServerID {
				out.Servers[i].Last = &p.Run
			}
		}
	}
	return out, nil
}

// Sites returns the sites.
func (e *Engine) Sites(servers ...store.ID) ([]job.SiteView, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []job.SiteView
	for _, v := range e.Hosted {
		if len(servers) == 0 || slices.Contains(servers, v.ServerID) {
			out = append(out, v)
		}
	}
	return out, nil
}

// Site returns a site.
func (e *Engine) Site(id store.ID) (job.SiteView, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.Hosted, func(v job.SiteView) bool { return v.ID == id })
	if i < 0 {
		return job.SiteView{}, store.ErrNotFound
	}
	return e.Hosted[i], nil
}

// SitePackages returns the records of a package of a site, newest first.
func (e *Engine) SitePackages(site store.ID, name packages.Name, limit int) ([]store.SitePackage, error) {
	v, err := e.Site(site)
	var out []store.SitePackage
	for _, p := range slices.Backward(v.Packages) {
		if p.Name == name && (limit <= 0 || len(out) < limit) {
			out = append(out, p)
		}
	}
	return out, err
}

// SiteFiles returns made-up files.
func (e *Engine) SiteFiles(context.Context, store.ID) ([]job.SiteFile, error) {
	return []job.SiteFile{
		{Path: "/srv/sites/blog.example.org", Bytes: 214 << 20},
		{Path: "/etc/nginx/sites-available/brokeforge-blog.example.org.conf", Bytes: 4 << 10},
		{Path: "/var/log/nginx/blog.example.org.access.log", Bytes: 3 << 20},
	}, nil
}

// RunsOfSite returns the runs of a site, newest first.
func (e *Engine) RunsOfSite(site store.ID, limit int) ([]store.Run, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []store.Run
	for _, p := range slices.Backward(e.All) {
		if p.Run.SiteID == site && (limit <= 0 || len(out) < limit) {
			out = append(out, p.Run)
		}
	}
	return out, nil
}

// Releases returns the deployments of every site, newest first.
func (e *Engine) Releases(store.ID, int) ([]job.ReleaseView, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.Released), nil
}

// Prepare makes plans with the resolver.
func (e *Engine) Prepare(ctx context.Context, r job.Request) []job.Prepared {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.Asked = append(e.Asked, r)
	if e.PrepareWait != nil {
		select {
		case <-e.PrepareWait:
		case <-ctx.Done():
		}
	}
	var out []job.Prepared
	for _, id := range r.Servers {
		for _, v := range e.Servers {
			if v.ID == id {
				out = append(out, e.prepare(r, v))
			}
		}
	}
	return out
}

// Start makes runs that are running at once.
func (e *Engine) Start(_ context.Context, action store.Action, list []job.Prepared) ([]store.Run, error) {
	e.mu.Lock()
	e.Started = append(e.Started, list)
	var out []store.Run
	for _, p := range list {
		if p.Err != nil || p.Nothing {
			continue
		}
		var names []string
		for _, part := range p.Plan.Parts {
			names = append(names, part.Label())
		}
		e.runs++
		run := store.Run{
			ID: store.ID(fmt.Sprintf("00000000000000000000start%d", e.runs)), ServerID: p.Server.ID, ServerName: p.Server.Name, Action: action,
			Title: string(action) + " " + strings.Join(names, ", "), State: store.RunRunning, By: "ops", QueuedAt: e.Now(), StartedAt: e.Now(),
		}
		progress := job.Progress{Run: run}
		for _, m := range p.Plan.Milestones() {
			progress.Milestones = append(progress.Milestones, job.Milestone{Milestone: m, State: job.Ahead})
		}
		e.All = append(e.All, progress)
		out = append(out, run)
	}
	e.mu.Unlock()
	e.wake()
	return out, nil
}

// Cancel ends a run.
func (e *Engine) Cancel(_ context.Context, id store.ID) error {
	e.Change(func() {
		e.Cancelled = append(e.Cancelled, id)
		for i := range e.All {
			if r := &e.All[i].Run; r.ID == id {
				r.State, r.EndedAt = store.RunCancelled, e.Now()
			}
		}
	})
	return nil
}

// Advance takes every running run a milestone further, with some output.
func (e *Engine) Advance() {
	e.Change(func() {
		for i := range e.All {
			if e.All[i].Run.State == store.RunRunning {
				e.advance(&e.All[i])
			}
		}
	})
}

func (e *Engine) advance(p *job.Progress) {
	p.Version++
	p.Milestones = slices.Clone(p.Milestones)
	for i := range p.Milestones {
		m := &p.Milestones[i]
		switch m.State {
		case job.Working:
			m.State, m.Ended = job.Done, e.Now()
			p.Run.Finished++
		case job.Ahead:
			m.State, m.Begun = job.Working, e.Now()
			p.Command = "apt-get install -y " + string(m.Package)
			e.Output[p.Run.ID] = append(e.Output[p.Run.ID], "== "+m.Label, "Reading package lists...", "Setting up "+string(m.Package)+" (1.26.3-1+deb13u1) ...")
			return
		}
	}
	p.Run.State, p.Run.EndedAt = store.RunDone, e.Now()
}

// Progress returns a run.
func (e *Engine) Progress(id store.ID) (job.Progress, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, p := range e.All {
		if p.Run.ID == id {
			return p, nil
		}
	}
	return job.Progress{}, store.ErrNotFound
}

// Lines returns the output of a run from a line on.
func (e *Engine) Lines(id store.ID, since int) ([]string, int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	lines := e.Output[id]
	return slices.Clone(lines[min(since, len(lines)):]), len(lines), nil
}

// LogPath is a path at which nothing is.
func (e *Engine) LogPath(id store.ID) string { return "/nowhere/" + string(id) + ".log" }

// Runs returns the runs, the newest first.
func (e *Engine) Runs(limit int) ([]store.Run, error) { return e.list("", limit), nil }

// RunsOf returns the runs of a server, the newest first.
func (e *Engine) RunsOf(server store.ID, limit int) ([]store.Run, error) {
	return e.list(server, limit), nil
}

func (e *Engine) list(server store.ID, limit int) []store.Run {
	e.mu.Lock()
	defer e.mu.Unlock()
	var out []store.Run
	for _, p := range slices.Backward(e.All) {
		if (server == "" || p.Run.ServerID == server) && len(out) < limit {
			out = append(out, p.Run)
		}
	}
	return out
}
