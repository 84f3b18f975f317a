package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// model is a store as simple as can be: every query looks at every record.
type model struct {
	servers  map[ID]Server
	sites    map[ID]Site
	packages map[ID]ServerPackage
	onSites  map[ID]SitePackage
	runs     map[ID]Run
	events   map[ID]Event
}

func newModel() *model {
	return &model{map[ID]Server{}, map[ID]Site{}, map[ID]ServerPackage{}, map[ID]SitePackage{}, map[ID]Run{}, map[ID]Event{}}
}

// pick returns the records that match, sorted by key.
func pick[T any](all map[ID]T, match func(T) bool, key func(T) string) []T {
	var some []T
	for _, r := range all {
		if match == nil || match(r) {
			some = append(some, r)
		}
	}
	slices.SortFunc(some, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return some
}

func reversed[T any](list []T) []T {
	slices.Reverse(list)
	return list
}

func serverKey(s Server) string         { return s.Name }
func siteKey(s Site) string             { return strings.ToLower(s.Domain) }
func packageKey(p ServerPackage) string { return string(p.Name) + "\x00" + p.Instance }
func onSiteKey(p SitePackage) string    { return string(p.ID) }
func runKey(r Run) string               { return string(r.ID) }
func eventKey(e Event) string           { return string(e.ID) }

// trial is one course of random operations on a store and on the model.
type trial struct {
	*rand.Rand
	t     *testing.T
	db    *DB
	model *model
}

func anyOf[T any](r *rand.Rand, all map[ID]T) (record T) {
	if len(all) > 0 {
		ids := slices.Sorted(maps.Keys(all))
		record = all[ids[r.IntN(len(ids))]]
	}
	return record
}

// try does an operation on the store, and on the model when it succeeded. It is to
// succeed exactly when want is true.
func (tr *trial) try(what string, want bool, fn func(*Tx) error, then func()) {
	tr.t.Helper()
	write := tr.db.Update
	if tr.IntN(2) == 0 {
		write = tr.db.Batch
	}
	err := write(fn)
	if (err == nil) != want {
		tr.t.Fatalf("%s: %v, want success: %t", what, err, want)
	}
	if err == nil {
		then()
	}
}

func (tr *trial) step() {
	m := tr.model
	switch tr.IntN(14) {
	case 0, 1:
		s := Server{}
		if tr.IntN(2) == 0 {
			s = anyOf(tr.Rand, m.servers)
		}
		s.Name, s.Port = fmt.Sprint("web", tr.IntN(8)), tr.IntN(65536)
		free := len(pick(m.servers, func(o Server) bool { return o.Name == s.Name && o.ID != s.ID }, serverKey)) == 0
		tr.try("put server", free, func(tx *Tx) error { return tx.PutServer(&s) }, func() { m.servers[s.ID] = s })
	case 2:
		tr.deleteServer(anyOf(tr.Rand, m.servers).ID)
	case 3, 4:
		tr.putSite()
	case 5:
		id := anyOf(tr.Rand, m.sites).ID
		tr.try("delete site", id != "", func(tx *Tx) error { return tx.DeleteSite(id) }, func() { m.deleteSite(id) })
	case 6, 7:
		tr.putServerPackage()
	case 8:
		p := anyOf(tr.Rand, m.packages)
		tr.try("delete package", true, func(tx *Tx) error { return tx.DeleteServerPackage(p.ServerID, p.Name, p.Instance) },
			func() { delete(m.packages, p.ID) })
	case 9, 10:
		tr.putSitePackage()
	case 11:
		p := anyOf(tr.Rand, m.onSites)
		tr.try("delete site package", true, func(tx *Tx) error { return tx.DeleteSitePackage(p.SiteID, p.Name, p.Instance) }, func() {
			maps.DeleteFunc(m.onSites, func(_ ID, o SitePackage) bool {
				return o.SiteID == p.SiteID && o.Name == p.Name && o.Instance == p.Instance
			})
		})
	case 12:
		tr.putRun()
	case 13:
		tr.putEvent()
	}
}

func (tr *trial) deleteServer(id ID) {
	tr.try("delete server", id != "", func(tx *Tx) error { return tx.DeleteServer(id) }, func() {
		for _, s := range pick(tr.model.sites, func(s Site) bool { return s.ServerID == id }, siteKey) {
			tr.model.deleteSite(s.ID)
		}
		maps.DeleteFunc(tr.model.packages, func(_ ID, p ServerPackage) bool { return p.ServerID == id })
		delete(tr.model.servers, id)
	})
}

func (m *model) deleteSite(id ID) {
	maps.DeleteFunc(m.onSites, func(_ ID, p SitePackage) bool { return p.SiteID == id })
	delete(m.sites, id)
}

func (tr *trial) putSite() {
	m, s := tr.model, Site{ServerID: anyOf(tr.Rand, tr.model.servers).ID}
	if tr.IntN(2) == 0 && len(m.sites) > 0 {
		s = anyOf(tr.Rand, m.sites)
	}
	s.Domain = fmt.Sprintf("%c%d.org", 'A'+rune(tr.IntN(2))*32, tr.IntN(4))
	taken := pick(m.sites, func(o Site) bool { return o.ServerID == s.ServerID && siteKey(o) == siteKey(s) && o.ID != s.ID }, siteKey)
	tr.try("put site", len(taken) == 0 && s.ServerID != "", func(tx *Tx) error { return tx.PutSite(&s) }, func() { m.sites[s.ID] = s })
}

func (tr *trial) putServerPackage() {
	p := ServerPackage{
		ServerID: anyOf(tr.Rand, tr.model.servers).ID, Type: PackageType(fmt.Sprint("t", tr.IntN(3))),
		Name: PackageName(fmt.Sprint("p", tr.IntN(3))), Instance: []string{"", "a", "b"}[tr.IntN(3)],
		Configuration: map[string]string{"port": fmt.Sprint(tr.IntN(3))},
	}
	tr.try("put package", p.ServerID != "", func(tx *Tx) error { return tx.PutServerPackage(&p) }, func() { tr.model.packages[p.ID] = p })
}

func (tr *trial) putSitePackage() {
	p := SitePackage{
		SiteID: anyOf(tr.Rand, tr.model.sites).ID, Type: PackageType(fmt.Sprint("t", tr.IntN(3))),
		Name: PackageName(fmt.Sprint("p", tr.IntN(3))), Status: []PackageStatus{Active, Failed}[tr.IntN(2)],
	}
	put := (*Tx).PutSitePackage
	if tr.IntN(2) == 0 {
		put = (*Tx).AddSitePackage
	}
	tr.try("put site package", p.SiteID != "", func(tx *Tx) error { return put(tx, &p) }, func() { tr.model.onSites[p.ID] = p })
}

func (tr *trial) putRun() {
	r := Run{ServerID: anyOf(tr.Rand, tr.model.servers).ID, Plan: fmt.Appendf(nil, "[%d]", tr.IntN(10))}
	if old := anyOf(tr.Rand, tr.model.runs); tr.IntN(2) == 0 && old.ID != "" {
		r = old
	}
	if site := anyOf(tr.Rand, tr.model.sites); site.ServerID == r.ServerID {
		r.SiteID = site.ID
	}
	was := r.State
	r.State = []RunState{RunQueued, RunRunning, RunLost, RunDone, RunFailed}[tr.IntN(5)]
	allowed := r.ServerID != "" && (was == "" || was.Live() || was == r.State)
	tr.try("put run", allowed, func(tx *Tx) error { return tx.PutRun(&r) }, func() { tr.model.runs[r.ID] = r })
}

func (tr *trial) putEvent() {
	run := anyOf(tr.Rand, tr.model.runs)
	e := Event{RunID: run.ID, ServerID: run.ServerID, Name: PackageName(fmt.Sprint("p", tr.IntN(2))), Action: Install, Total: 4}
	if old := anyOf(tr.Rand, tr.model.events); tr.IntN(2) == 0 && old.ID != "" {
		e = old
	}
	e.Status, e.Step = EventSuccess, tr.IntN(5)
	tr.try("put event", e.RunID != "", func(tx *Tx) error { return tx.PutEvent(&e) }, func() { tr.model.events[e.ID] = e })
}

// compare asks the store and the model the same questions.
func (tr *trial) compare() {
	tr.t.Helper()
	err := tr.db.View(func(tx *Tx) error {
		a := asker{tr: tr, tx: tx}
		a.everywhere()
		for id := range tr.model.servers {
			a.server(id)
		}
		for id := range tr.model.sites {
			a.site(id)
		}
		for id := range tr.model.runs {
			a.run(id)
		}
		return errors.Join(a.errs...)
	})
	if err != nil {
		tr.t.Fatal(err)
	}
}

// asker asks the questions of one comparison.
type asker struct {
	tr   *trial
	tx   *Tx
	errs []error
}

// same compares an answer of the store with the model's.
func same[T any](a *asker, what string, want T) func(got T, err error) {
	return func(got T, err error) {
		a.tr.t.Helper()
		if err != nil {
			a.errs = append(a.errs, fmt.Errorf("%s: %w", what, err))
		} else if diff := gocmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0)); diff != "" {
			a.errs = append(a.errs, fmt.Errorf("%s: %s", what, diff))
		}
	}
}

func withoutPlans(runs []Run) []Run {
	for i := range runs {
		runs[i].Plan = nil
	}
	return runs
}

func (a *asker) everywhere() {
	m, tx := a.tr.model, a.tx
	same(a, "servers", pick(m.servers, nil, serverKey))(tx.Servers())
	same(a, "runs", withoutPlans(reversed(pick(m.runs, nil, runKey))))(tx.Runs(0, ""))
	same(a, "live runs", withoutPlans(pick(m.runs, func(r Run) bool { return r.State.Live() }, runKey)))(tx.LiveRuns())
	same(a, "servers with", pick(m.packages,
		func(p ServerPackage) bool { return p.Name == "p1" && p.Configuration["port"] == "2" },
		func(p ServerPackage) string { return string(p.ServerID) + p.Instance },
	))(tx.ServersWith("p1", func(p ServerPackage) bool { return p.Configuration["port"] == "2" }))
	active := func(s Site) bool {
		return len(pick(m.onSites, func(p SitePackage) bool { return p.SiteID == s.ID && p.Type == "t1" && p.Status == Active }, onSiteKey)) > 0
	}
	same(a, "sites with", pick(m.sites, active, func(s Site) string { return string(s.ServerID) + string(s.ID) }))(tx.SitesWith("t1"))
}

func (a *asker) server(id ID) {
	m, tx := a.tr.model, a.tx
	same(a, "server", m.servers[id])(tx.Server(id))
	same(a, "server by name", m.servers[id])(tx.ServerByName(m.servers[id].Name))
	same(a, "sites of", pick(m.sites, func(s Site) bool { return s.ServerID == id }, siteKey))(tx.SitesOf(id))
	same(a, "packages", pick(m.packages, func(p ServerPackage) bool { return p.ServerID == id }, packageKey))(tx.ServerPackages(id))
	same(a, "packages by type", pick(m.packages,
		func(p ServerPackage) bool { return p.ServerID == id && p.Type == "t2" }, packageKey))(tx.ServerPackagesByType(id, "t2"))
	same(a, "runs of", withoutPlans(reversed(pick(m.runs, func(r Run) bool { return r.ServerID == id }, runKey))))(tx.RunsOf(id, 0))
	bySite := map[ID][]SitePackage{}
	for _, p := range pick(m.onSites, func(p SitePackage) bool { return p.ServerID == id }, onSiteKey) {
		bySite[p.SiteID] = append(bySite[p.SiteID], p)
	}
	same(a, "site packages of a server", bySite)(tx.SitePackagesOf(id))
	latest := pick(m.events, func(e Event) bool { return e.ServerID == id && e.Name == "p0" }, eventKey)
	progress := 0.0
	if n := len(latest); n > 0 {
		progress = latest[n-1].Progress()
		same(a, "latest event", latest[n-1])(tx.LatestEvent(id, "p0", Install))
	}
	same(a, "progress", progress)(tx.LatestProgress(id, "p0", Install))
}

func (a *asker) site(id ID) {
	m, tx := a.tr.model, a.tx
	same(a, "site", m.sites[id])(tx.Site(id))
	same(a, "site by domain", m.sites[id])(tx.SiteByDomain(m.sites[id].ServerID, strings.ToUpper(m.sites[id].Domain)))
	same(a, "runs of a site", withoutPlans(reversed(pick(m.runs, func(r Run) bool { return r.SiteID == id }, runKey))))(tx.RunsOfSite(id, 0))
	same(a, "site packages", pick(m.onSites, func(p SitePackage) bool { return p.SiteID == id }, onSiteKey))(tx.SitePackages(id))
	of := func(p SitePackage) bool { return p.SiteID == id && p.Type == "t0" }
	same(a, "history", reversed(pick(m.onSites, of, onSiteKey)))(tx.SitePackageHistory(id, "t0", 0))
	active := pick(m.onSites, func(p SitePackage) bool { return of(p) && p.Status == Active }, onSiteKey)
	same(a, "has", len(active) > 0)(tx.HasSitePackage(id, "t0"))
}

func (a *asker) run(id ID) {
	m, tx := a.tr.model, a.tx
	same(a, "run", m.runs[id])(tx.Run(id))
	same(a, "found run", m.runs[id])(tx.FindRun(strings.ToUpper(string(id))))
	same(a, "complete", m.runs[id].State == RunDone)(tx.Complete(id))
	same(a, "events", pick(m.events, func(e Event) bool { return e.RunID == id }, eventKey))(tx.EventsOf(id))
}

func TestRandomOperations(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			dir, opts := t.TempDir()+"/state", Options{Now: newClock().now}
			tr := &trial{Rand: rand.New(rand.NewPCG(seed, 7)), t: t, db: openTest(t, dir, opts), model: newModel()}
			for i := range 300 {
				tr.step()
				if i%10 == 9 {
					tr.compare()
				}
				if tr.IntN(50) == 0 {
					if err := tr.db.Close(); err != nil {
						t.Fatal(err)
					}
					tr.db = openTest(t, dir, opts)
					tr.compare()
				}
			}
			if m := tr.model; len(m.runs)*len(m.events) == 0 {
				t.Errorf("little happened: %d runs, %d events", len(m.runs), len(m.events))
			}
		})
	}
}
