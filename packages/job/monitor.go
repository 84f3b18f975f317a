package job

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

const (
	// sampling is how many servers are asked for a sample side by side.
	sampling = 8
	// sampleTimeout is how long a server may take for its answer.
	sampleTimeout = 30 * time.Second
	// certificateInterval is how often the certificates of a watched server's sites are
	// read.
	certificateInterval = 6 * time.Hour
	// unreachableKind is the alert of a server that does not answer.
	unreachableKind = "unreachable"
)

// A Notifier tells people of an alert that was raised or cleared.
type Notifier interface {
	Notify(ctx context.Context, w packages.Watch, a store.Alert) error
}

// A Monitor is the watching of servers, begun by StartMonitor.
type Monitor struct {
	e      *Engine
	places chan struct{}

	mu     sync.Mutex
	due    map[store.ID]time.Time // when each watched server is to be asked next
	read   map[store.ID]time.Time // when the certificates of each are to be read next
	missed map[store.ID]int       // tries in a row that gave no sample
}

// StartMonitor asks the servers that are to be watched for samples, each at its
// interval, until the engine is closed. What is over its limits becomes an alert.
// Call it once.
func (e *Engine) StartMonitor() {
	m := newMonitor(e)
	e.spawn("monitoring", m.run, func(error) {})
}

func newMonitor(e *Engine) *Monitor {
	return &Monitor{
		e: e, places: make(chan struct{}, sampling),
		due: map[store.ID]time.Time{}, read: map[store.ID]time.Time{}, missed: map[store.ID]int{},
	}
}

// run asks whoever is due, and sleeps until the next one is or the records change.
func (m *Monitor) run(ctx context.Context) {
	sub := m.e.Subscribe()
	defer sub.Close()
	for {
		wait := m.askDue(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-sub.Changed():
			timer.Stop()
			// Changes come in crowds, and a second more or less is nothing here.
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// watched is a server that is to be asked, and how.
type watched struct {
	server store.Server
	watch  packages.Watch
}

// askDue begins the asking of all servers that are due, and returns how long it is
// until the next one is.
func (m *Monitor) askDue(ctx context.Context) time.Duration {
	const idle = time.Minute
	all, err := m.e.watchedServers()
	if err != nil {
		m.e.cfg.Log.Error("monitoring", "error", err)
		return idle
	}
	now := m.e.cfg.Now()
	next := idle
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, w := range all {
		due, known := m.due[w.server.ID]
		if known && now.Before(due) {
			next = min(next, due.Sub(now))
			continue
		}
		m.due[w.server.ID] = now.Add(w.watch.Interval)
		next = min(next, w.watch.Interval)
		m.e.spawn("a sample of "+w.server.Name, func(ctx context.Context) {
			select {
			case m.places <- struct{}{}:
				defer func() { <-m.places }()
			case <-ctx.Done():
				return
			}
			if err := m.sample(ctx, w); err != nil && ctx.Err() == nil {
				m.e.cfg.Log.Warn("take a sample", "server", w.server.Name, "error", err)
			}
		}, func(error) {})
	}
	return max(next, time.Second)
}

// watchedServers returns the servers whose records say that they are watched.
func (e *Engine) watchedServers() (all []watched, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		servers, err := tx.Servers()
		if err != nil {
			return err
		}
		for _, s := range servers {
			watch, ok, err := e.watchOf(tx, s.ID)
			if err != nil {
				return err
			}
			if ok {
				all = append(all, watched{s, watch})
			}
		}
		return nil
	})
	return all, err
}

// watchOf returns how a server is watched, and whether it is.
func (e *Engine) watchOf(tx *store.Tx, id store.ID) (packages.Watch, bool, error) {
	installed, err := tx.ServerPackages(id)
	if err != nil {
		return packages.Watch{}, false, err
	}
	for _, p := range installed {
		pkg, ok := e.cfg.Catalog.Server(p.Name)
		if !ok {
			continue
		}
		if watcher, ok := pkg.(packages.Watcher); ok {
			w, err := watcher.Watch(p.Configuration)
			return w, err == nil, err
		}
	}
	return packages.Watch{}, false, nil
}

// watches reports whether a package is one that has servers watched.
func (e *Engine) watches(name packages.Name) bool {
	pkg, ok := e.cfg.Catalog.Server(name)
	if !ok {
		return false
	}
	_, ok = pkg.(packages.Watcher)
	return ok
}

// Sample asks a server now, whether it is watched or not, and returns the answer.
// That of a watched one is kept, and judged.
func (e *Engine) Sample(ctx context.Context, id store.ID) (store.Sample, error) {
	w := watched{}
	known := false
	err := e.cfg.Store.View(func(tx *store.Tx) (err error) {
		if w.server, err = tx.Server(id); err != nil {
			return err
		}
		w.watch, known, err = e.watchOf(tx, id)
		return err
	})
	if err != nil {
		return store.Sample{}, err
	}
	sample, err := e.readSample(ctx, w)
	if err != nil || !known {
		return sample, err
	}
	return sample, e.keepSample(ctx, w, sample)
}

// sample asks a server once and keeps what it says.
func (m *Monitor) sample(ctx context.Context, w watched) error {
	ctx, cancel := context.WithTimeout(ctx, sampleTimeout)
	defer cancel()
	sample, err := m.e.readSample(ctx, w)
	if err == nil {
		m.mu.Lock()
		m.missed[w.server.ID] = 0
		m.mu.Unlock()
		return errors.Join(m.e.keepSample(ctx, w, sample), m.readCertificates(ctx, w.server.ID))
	}
	m.mu.Lock()
	m.missed[w.server.ID]++
	missed := m.missed[w.server.ID]
	m.mu.Unlock()
	if missed < w.watch.InARow {
		return err
	}
	f := finding{kind: unreachableKind, text: "it does not answer: " + err.Error()}
	return errors.Join(err, m.e.judge(context.WithoutCancel(ctx), w, []finding{f}, func(a store.Alert) bool { return false }))
}

// readSample asks a server over the shared connection.
func (e *Engine) readSample(ctx context.Context, w watched) (store.Sample, error) {
	remote, err := e.connect(ctx, w.server)
	if err != nil {
		_, err = connectError(w.server, err)
		return store.Sample{}, err
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: packages.SampleScript(w.watch.Units)})
	if err != nil {
		return store.Sample{}, &ReachError{w.server.Name, fmt.Errorf("take a sample of %s: %w", w.server.Name, err)}
	}
	before, err := e.samples(w.server.ID, 1)
	if err != nil {
		return store.Sample{}, err
	}
	var last *store.Sample
	if len(before) > 0 {
		last = &before[0]
	}
	sample, err := packages.ParseSample(result.Stdout, e.cfg.Now(), last)
	if err != nil {
		return store.Sample{}, fmt.Errorf("take a sample of %s: %w", w.server.Name, err)
	}
	return sample, nil
}

func (e *Engine) samples(id store.ID, limit int) (list []store.Sample, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		list, err = tx.Samples(id, limit)
		return err
	})
	return list, err
}

// keepSample records a sample, and raises and clears alerts by it.
func (e *Engine) keepSample(ctx context.Context, w watched, s store.Sample) error {
	var recent []store.Sample
	var open []store.Alert
	err := e.cfg.Store.Batch(func(tx *store.Tx) (err error) {
		if _, known, err := e.watchOf(tx, w.server.ID); err != nil || !known {
			return err // its watching ended meanwhile
		}
		if err = tx.PutSample(w.server.ID, s, w.watch.Keep); err != nil {
			return err
		}
		if recent, err = tx.Samples(w.server.ID, max(w.watch.InARow, 1)); err != nil {
			return err
		}
		open, err = tx.OpenAlerts(w.server.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("keep a sample of %s: %w", w.server.Name, err)
	}
	return e.judge(ctx, w, alarming(w.watch, recent, open), func(a store.Alert) bool { return !ofCertificate(a) })
}

// readCertificates reads now and then when the certificates of a server's sites
// expire: a timer on the server renews them. They are judged in any case, as the time
// goes on.
func (m *Monitor) readCertificates(ctx context.Context, id store.ID) error {
	server, err := m.e.server(id)
	if err != nil {
		return err
	}
	certificates, err := m.e.certificates(id)
	if err != nil || len(certificates) == 0 {
		return err
	}
	now := m.e.cfg.Now()
	m.mu.Lock()
	due := !now.Before(m.read[id])
	if due {
		m.read[id] = now.Add(certificateInterval)
	}
	m.mu.Unlock()
	if !due {
		return m.e.judgeCertificates(ctx, server)
	}
	_, err = m.e.Refresh(ctx, id)
	return err
}

// judge raises an alert for each finding that has none, clears those open ones
// that are not found any more and that over accepts, and tells people of both.
func (e *Engine) judge(ctx context.Context, w watched, found []finding, over func(store.Alert) bool) error {
	var changed []store.Alert
	err := e.cfg.Store.Update(func(tx *store.Tx) error {
		changed = nil
		open, err := tx.OpenAlerts(w.server.ID)
		if err != nil {
			return err
		}
		now := e.cfg.Now()
		for _, f := range found {
			i := slices.IndexFunc(open, func(a store.Alert) bool { return a.Kind == f.kind })
			a := store.Alert{ServerID: w.server.ID, ServerName: w.server.Name, Kind: f.kind, RaisedAt: now}
			if i >= 0 {
				a = open[i]
			}
			a.Text = f.text
			if err := tx.PutAlert(&a); err != nil {
				return err
			}
			if i < 0 {
				changed = append(changed, a)
			}
		}
		for _, a := range open {
			if over(a) && !slices.ContainsFunc(found, func(f finding) bool { return f.kind == a.Kind }) {
				a.ClearedAt = now
				if err := tx.PutAlert(&a); err != nil {
					return err
				}
				changed = append(changed, a)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record alerts of %s: %w", w.server.Name, err)
	}
	e.hub.wake()
	return e.tell(ctx, w.watch, changed)
}

// tell notifies people of alerts, and notes at each why that failed. What is recorded
// is told also where the program ends meanwhile.
func (e *Engine) tell(ctx context.Context, w packages.Watch, alerts []store.Alert) error {
	if e.cfg.Notifier == nil {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	for _, a := range alerts {
		err := e.cfg.Notifier.Notify(ctx, w, a)
		if err == nil {
			continue
		}
		a.NotifyError = err.Error()
		if err := e.cfg.Store.Update(func(tx *store.Tx) error { return tx.PutAlert(&a) }); err != nil {
			return fmt.Errorf("record that nobody was told: %w", err)
		}
		e.hub.wake()
	}
	return nil
}

// Samples returns the newest samples of a server, oldest first.
func (e *Engine) Samples(id store.ID, limit int) ([]store.Sample, error) {
	return e.samples(id, limit)
}

// Alerts returns the newest alerts of all servers, newest first.
func (e *Engine) Alerts(limit int) (list []store.Alert, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		list, err = tx.Alerts(limit)
		return err
	})
	return list, err
}
