package cmd

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// noon is when the tests take place.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// fakePackage is a package that is described and no more.
type fakePackage struct {
	name packages.Name
	packages.Description
}

func (p fakePackage) Name() packages.Name { return p.name }
func (p fakePackage) Type() packages.Type { return packages.System }

func (p fakePackage) Credential() packages.Credential                      { return packages.Root() }
func (p fakePackage) Describe() packages.Description                       { return p.Description }
func (p fakePackage) Probe() string                                        { return "" }
func (p fakePackage) Install(packages.Context) ([]packages.Command, error) { return nil, nil }
func (p fakePackage) Remove(packages.Context) ([]packages.Command, error)  { return nil, nil }

type fakeCatalog []fakePackage

func (c fakeCatalog) Names() []packages.Name {
	var names []packages.Name
	for _, p := range c {
		names = append(names, p.name)
	}
	return names
}

func (c fakeCatalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	i := slices.IndexFunc(c, func(p fakePackage) bool { return p.name == name })
	if i < 0 {
		return nil, false
	}
	return c[i], true
}

func catalog() fakeCatalog {
	return fakeCatalog{
		{"nginx", packages.Description{Title: "nginx", Summary: "a web server", Requires: []packages.Name{"base"}, RemoveOptions: []packages.Option{packages.Purge("logs")}}},
		{"php", packages.Description{Title: "PHP", Summary: "a language", Options: []packages.Option{
			{Name: "memory", Kind: packages.Number, Min: 1, Max: 9, Default: "4", Help: "in GB"},
			{Name: "extensions", Kind: packages.Several, Choices: []string{"xml", "gd"}, Help: "what to add"},
			{Name: "token", Kind: packages.Secret, Help: "a secret"},
		}}},
		{"rule", packages.Description{
			Title: "Rule", Summary: "one rule", Instance: func(v packages.Values) string { return v["port"] },
			Options: []packages.Option{{Name: "port", Kind: packages.Number, Min: 1, Max: 65535, Required: true, Help: "which"}},
		}},
	}
}

// fakeEngine answers as it is told. A run goes through its frames: each look at
// its progress shows the next one.
type fakeEngine struct {
	mu       sync.Mutex
	servers  []job.ServerView
	runs     []store.Run
	frames   map[string][]frame // by server
	prepared map[string]job.Prepared
	sites    []job.SiteView
	add      func(job.NewServer) (store.Server, error)
	cancel   error
	secrets  packages.Secrets // of every server
	tasks    map[string][]packages.TaskRun
	ran      []store.SitePackage // on every site
	dotenv   string              // of every site

	rekeyed       []store.Rekey
	recovered     bool
	shell         job.Shell
	shellErr      error
	shellAs       []string         // credentials
	items         []job.ImportItem // what an import does
	imports       []job.ImportRequest
	imported      int
	alerts        []store.Alert
	releases      []job.ReleaseView
	monitored     bool
	requests      []job.Request
	started       []string // servers
	cancelled     []store.ID
	added         []job.NewServer
	forgotten     []store.ID
	changes       []job.ServerChange
	trusted       []string
	refresh       error // what reaching a server fails with
	questions     []job.Question
	answers       chan string
	subscriptions []fakeSubscription
	out           map[store.ID][]string
	idle          func(server string) // called when a run that has no further frame is looked at
}

// frame is a state of a run, and the output that comes with it.
type frame struct {
	job.Progress
	lines []string
}

func newEngine(servers ...string) *fakeEngine {
	e := &fakeEngine{
		frames: map[string][]frame{}, prepared: map[string]job.Prepared{},
		answers: make(chan string, 10),
		out:     map[store.ID][]string{}, idle: func(string) {},
	}
	for i, name := range servers {
		e.servers = append(e.servers, job.ServerView{Server: store.Server{
			ID: store.ID(fmt.Sprint("server", i)), Name: name, Address: "192.0.2.1", Port: 22, User: "root", CreatedAt: noon,
		}})
	}
	return e
}

func (e *fakeEngine) Releases(store.ID, int) ([]job.ReleaseView, error) { return e.releases, nil }

func (e *fakeEngine) StartMonitor() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.monitored = true
	e.wake()
}

func (e *fakeEngine) Sample(_ context.Context, id store.ID) (store.Sample, error) {
	view, err := e.Server(id)
	if err == nil && view.Sample == nil {
		err = &job.ReachError{Server: view.Name, Err: errors.New("no answer")}
	}
	if err != nil {
		return store.Sample{}, err
	}
	return *view.Sample, nil
}

func (e *fakeEngine) Alerts(limit int) ([]store.Alert, error) {
	return e.alerts[:min(limit, len(e.alerts))], nil
}

func (e *fakeEngine) Recover(context.Context) error { e.recovered = true; return nil }
func (e *fakeEngine) Subscribe() Subscription {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := make(fakeSubscription, 100)
	e.subscriptions = append(e.subscriptions, s)
	return s
}

// fakeSubscription is told of each change by itself, as one of a real engine is.
type fakeSubscription chan struct{}

func (s fakeSubscription) Changed() <-chan struct{} { return s }
func (s fakeSubscription) Close()                   {}

// wake tells of a change. The lock is held.
func (e *fakeEngine) wake() {
	for _, s := range e.subscriptions {
		s <- struct{}{}
	}
}

func (e *fakeEngine) Overview() (job.Overview, error) {
	out := job.Overview{Servers: e.servers}
	for i := range e.runs {
		p, err := e.Progress(e.runs[i].ID)
		if err != nil {
			return out, err
		}
		if e.runs[i] = p.Run; p.Run.State.Live() {
			out.Live = append(out.Live, p)
		}
	}
	return out, nil
}

func (e *fakeEngine) Server(id store.ID) (job.ServerView, error) {
	for _, s := range e.servers {
		if s.ID == id {
			return s, nil
		}
	}
	return job.ServerView{}, store.ErrNotFound
}

func (e *fakeEngine) Find(name string) (store.Server, error) {
	for _, s := range e.servers {
		if s.Name == name {
			return s.Server, nil
		}
	}
	return store.Server{}, &job.InputError{Field: "server", Reason: fmt.Sprintf("there is no server %q", name)}
}

func (e *fakeEngine) AddServer(_ context.Context, n job.NewServer) (store.Server, error) {
	e.added = append(e.added, n)
	server, err := e.add(n)
	if err == nil {
		e.servers = append(e.servers, job.ServerView{Server: server})
	}
	return server, err
}

func (e *fakeEngine) RemoveServer(_ context.Context, id store.ID) error {
	e.forgotten = append(e.forgotten, id)
	return nil
}

func (e *fakeEngine) Files(context.Context, job.FilesAt) (job.Files, error) {
	return nil, errors.New("there are no files")
}

func (e *fakeEngine) FilesOfSite(domain, _ string) (job.FilesAt, error) {
	return job.FilesAt{}, &job.InputError{Field: "site", Reason: "there is no site " + domain}
}

func (e *fakeEngine) OpenShell(context.Context, store.ID) (job.Shell, error) {
	return e.shell, e.shellErr
}

func (e *fakeEngine) OpenShellAs(_ context.Context, _ store.ID, credential string) (job.Shell, error) {
	e.shellAs = append(e.shellAs, credential)
	return e.shell, e.shellErr
}

func (e *fakeEngine) PrepareImport(_ context.Context, r job.ImportRequest) (job.Import, error) {
	e.imports = append(e.imports, r)
	return job.Import{Items: e.items}, nil
}

func (e *fakeEngine) Import(context.Context, job.Import) error { e.imported++; return nil }

func (e *fakeEngine) ChangeServer(_ context.Context, id store.ID, c job.ServerChange) (store.Server, error) {
	e.changes = append(e.changes, c)
	view, err := e.Server(id)
	return view.Server, err
}

func (e *fakeEngine) TrustHostKey(_ context.Context, _ store.ID, fingerprint string) error {
	e.trusted = append(e.trusted, fingerprint)
	return nil
}

func (e *fakeEngine) Refresh(_ context.Context, id store.ID) (job.ServerView, error) {
	if e.refresh != nil {
		return job.ServerView{}, e.refresh
	}
	return e.Server(id)
}

func (e *fakeEngine) Attend() func()            { return func() {} }
func (e *fakeEngine) Decline(id string)         { e.settle(id, "declined") }
func (e *fakeEngine) Answer(id, v string) error { e.settle(id, v); return nil }

func (e *fakeEngine) Questions() []job.Question {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.questions)
}

func (e *fakeEngine) settle(id, answer string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.questions = slices.DeleteFunc(e.questions, func(q job.Question) bool { return q.ID == id })
	e.answers <- answer
}

func (e *fakeEngine) Prepare(_ context.Context, r job.Request) []job.Prepared {
	e.requests = append(e.requests, r)
	var out []job.Prepared
	for _, id := range r.Servers {
		server, _ := e.Server(id)
		p, ok := e.prepared[server.Name]
		if !ok {
			p.Plan, p.Already = plan(r.Action)
		}
		p.Server = server.Server
		out = append(out, p)
	}
	return out
}

func (e *fakeEngine) Start(_ context.Context, action store.Action, prepared []job.Prepared) ([]store.Run, error) {
	var runs []store.Run
	for _, p := range prepared {
		if p.Err != nil || p.Nothing {
			return nil, errors.New("started what has nothing to do")
		}
		run := runOn(p.Server.Name, store.RunQueued)
		run.Action = action
		e.started, runs = append(e.started, p.Server.Name), append(runs, run)
	}
	e.runs = append(e.runs, runs...)
	return runs, nil
}

func (e *fakeEngine) Services(_ context.Context, id store.ID) ([]job.ServiceView, error) {
	if id != "server0" {
		return nil, &job.ReachError{Server: string(id), Err: errors.New("no answer")}
	}
	return []job.ServiceView{{Package: "nginx", Unit: "nginx", ServiceState: packages.ServiceState{Active: "active", Sub: "running", Enabled: "enabled", Memory: 5 << 20, Restart: 2}}}, nil
}

func (e *fakeEngine) Journal(_ context.Context, _ store.ID, w packages.Want, lines int, follow bool, tell func(string) error) error {
	return tell(fmt.Sprintf("%s %d %t\x1b[2J", w.Name, lines, follow))
}

func (e *fakeEngine) Cancel(_ context.Context, id store.ID) error {
	e.cancelled = append(e.cancelled, id)
	return e.cancel
}

func (e *fakeEngine) Runs(limit int) ([]store.Run, error) {
	if limit > 0 && limit < len(e.runs) {
		return e.runs[:limit], nil
	}
	return e.runs, nil
}

func (e *fakeEngine) FindRun(id string) (store.Run, error) {
	for _, r := range e.runs {
		if strings.HasSuffix(string(r.ID), id) {
			return r, nil
		}
	}
	return store.Run{}, &job.InputError{Field: "run", Reason: "there is none"}
}

func (e *fakeEngine) Progress(id store.ID) (job.Progress, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	i := slices.IndexFunc(e.runs, func(r store.Run) bool { return r.ID == id })
	if i < 0 {
		return job.Progress{}, store.ErrNotFound
	}
	server := e.runs[i].ServerName
	frames := e.frames[server]
	if len(frames) == 0 {
		return job.Progress{Run: e.runs[i]}, nil
	}
	f := frames[0]
	if f.Run.ID != id {
		f.Run.ID = id
	}
	e.out[id] = append(e.out[id], f.lines...)
	frames[0].lines = nil
	if len(frames) > 1 {
		e.frames[server] = frames[1:]
		e.wake()
	} else {
		e.idle(server)
	}
	return f.Progress, nil
}

func (e *fakeEngine) Lines(id store.ID, since int) ([]string, int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.out[id][since:], len(e.out[id]), nil
}

func (e *fakeEngine) Secrets(servers ...store.ID) (list []job.SecretView, err error) {
	for _, s := range e.servers {
		if len(servers) > 0 && !slices.Contains(servers, s.ID) {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(e.secrets)) {
			list = append(list, job.SecretView{Server: s.Name, Name: name, Secret: store.Secret{By: "ann", UpdatedAt: noon}})
		}
	}
	return list, nil
}

func (e *fakeEngine) Secret(_ context.Context, _ store.ID, name packages.SecretName) (string, error) {
	value, ok := e.secrets[name]
	if !ok {
		return "", store.ErrNotFound
	}
	return value, nil
}

func (e *fakeEngine) SitePackages(_ store.ID, name packages.Name, _ int) (list []store.SitePackage, err error) {
	for _, p := range e.ran {
		if p.Name == name {
			list = append(list, p)
		}
	}
	return list, nil
}

func (e *fakeEngine) SiteLog(_ context.Context, _ store.ID, l job.SiteLog, tell func(string) error) error {
	return tell(fmt.Sprintf("%+v\x1b[2J", l))
}

func (e *fakeEngine) Environment(_ context.Context, site store.ID) (job.Environment, error) {
	return job.Environment{Site: store.Site{ID: site}, Path: "/srv/.env", Text: e.dotenv, Hash: packages.HashOf(e.dotenv)}, nil
}

func (e *fakeEngine) SaveEnvironment(_ context.Context, _ job.Environment, text string, _ bool) error {
	e.dotenv = text
	return nil
}

func (e *fakeEngine) EnvironmentVersions(store.ID) ([]job.EnvironmentVersion, error) {
	return []job.EnvironmentVersion{{Number: 1, At: noon, By: "ann"}}, nil
}

func (e *fakeEngine) EnvironmentText(context.Context, store.ID, int) (string, error) {
	return "A=old\n", nil
}

func (e *fakeEngine) Rekey(_ context.Context, r store.Rekey) ([]string, error) {
	e.rekeyed = append(e.rekeyed, r)
	if r.ForgetLost {
		return []string{"web1/php.token"}, nil
	}
	return nil, nil
}

func (e *fakeEngine) LogPath(id store.ID) string { return "/logs/" + string(id) }

func (e *fakeEngine) TaskRuns(_ context.Context, _ store.ID, name string) ([]packages.TaskRun, error) {
	runs, ok := e.tasks[name]
	if !ok {
		return nil, &job.InputError{Field: "task", Reason: fmt.Sprintf("there is no scheduled task %q on the server", name)}
	}
	return runs, nil
}

func (fakeCatalog) Site(packages.Name) (packages.SitePackage, bool) { return nil, false }
func (fakeCatalog) SiteNames() []packages.Name                      { return nil }

func (e *fakeEngine) Sites(servers ...store.ID) ([]job.SiteView, error) {
	var out []job.SiteView
	for _, v := range e.sites {
		if len(servers) == 0 || slices.Contains(servers, v.ServerID) {
			out = append(out, v)
		}
	}
	return out, nil
}

func (e *fakeEngine) SiteFiles(context.Context, store.ID) ([]job.SiteFile, error) {
	return []job.SiteFile{{Path: "/srv/sites/a.org", Bytes: 3 << 20}}, nil
}
