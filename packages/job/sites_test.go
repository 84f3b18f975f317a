package job

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
)

// fakeSite is a package of a site whose commands are given.
type fakeSite struct {
	name    packages.Name
	needs   []packages.Want
	options []packages.Option
	history bool
}

func (p fakeSite) Name() packages.Name                        { return p.name }
func (p fakeSite) Type() packages.Type                        { return packages.SiteType }
func (p fakeSite) Credential() packages.Credential            { return packages.User("app") }
func (p fakeSite) Needs(packages.SiteContext) []packages.Want { return p.needs }
func (p fakeSite) Describe() packages.Description {
	return packages.Description{Title: string(p.name), Options: p.options}
}

func (p fakeSite) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	content := map[string]string{}
	for _, o := range p.options {
		if o.Kind == packages.Secret {
			content["secret"] = packages.SecretRef(ctx.SecretOf(p.name, "", o.Name), packages.AsIs)
		}
	}
	return []packages.Command{
		packages.Track{Name: "do_it", Label: "Doing " + string(p.name)},
		packages.Run{Script: "do " + string(p.name) + " for " + ctx.Site.Domain, Secrets: content},
		packages.Persist{History: p.history, Configuration: map[string]string{"root": "/srv/" + ctx.Site.Domain}},
		packages.Note{Name: "said", Script: "say"},
	}, nil
}

func (p fakeSite) Remove(packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{packages.Track{Name: "undo", Label: "Undoing"}, packages.Run{Script: "undo " + string(p.name)}, packages.Forget{}}, nil
}

// fakeMaker is the package that makes a site.
type fakeMaker struct{ fakeSite }

func (fakeMaker) Domain(v packages.Values) string { return strings.ToLower(v[packages.DomainOption]) }

func (fakeMaker) Files(ctx packages.SiteContext) []string { return []string{"/srv/" + ctx.Site.Domain} }

func (fakeMaker) Fill(s *store.Site, configuration map[string]string) {
	s.DocumentRoot = configuration["root"]
}

// siteCatalog has packages of sites too.
type siteCatalog struct {
	fakeCatalog
	sites []packages.SitePackage
}

func (c siteCatalog) Site(name packages.Name) (packages.SitePackage, bool) {
	for _, p := range c.sites {
		if p.Name() == name {
			return p, true
		}
	}
	return nil, false
}

func (c siteCatalog) SiteNames() (names []packages.Name) {
	for _, p := range c.sites {
		names = append(names, p.Name())
	}
	return names
}

func hosting() siteCatalog {
	maker := fakeMaker{fakeSite{name: "site", needs: []packages.Want{{Name: "nginx"}}, options: []packages.Option{
		{Name: packages.DomainOption, Required: true}, {Name: "password", Kind: packages.Secret, Generate: packages.Generate{Length: 12}},
	}}}
	app := fakeSite{name: "app", needs: []packages.Want{{Name: "site"}, {Name: "db", ForSite: true}}}
	command := fakeSite{name: "command", history: true, needs: []packages.Want{{Name: "site"}}, options: []packages.Option{{Name: "line"}}}
	return siteCatalog{
		fakeCatalog{simple("base"), simple("nginx", "base"), simple("db", "base")},
		[]packages.SitePackage{maker, app, command},
	}
}

// do prepares and carries out a request on the only server.
func (b *bench) do(r Request) (Prepared, Progress) {
	b.Helper()
	p := b.Prepare(b.Context(), r)
	if p[0].Err != nil {
		b.Fatalf("prepare: %v", p[0].Err)
	}
	runs, err := b.Start(b.Context(), r.Action, p)
	if err != nil || len(runs) != 1 {
		b.Fatalf("%d runs, %v", len(runs), err)
	}
	return p[0], b.end(runs[0])
}

func wantSite(domain string) packages.Want {
	return packages.Want{Name: "site", Values: packages.Values{packages.DomainOption: domain}}
}

func planLabels(p packages.Plan) (out []string) {
	for _, part := range p.Parts {
		out = append(out, part.Label())
	}
	return out
}

func TestSiteFromAnEmptyServer(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, hosting(), map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	on := []store.ID{server.ID}
	p, done := b.do(Request{Action: store.Install, Servers: on, Packages: []packages.Want{wantSite("Example.org")}})
	if got, want := planLabels(p.Plan), []string{"base", "nginx", "example.org/site"}; !slices.Equal(got, want) {
		t.Errorf("plan %q, want %q", got, want)
	}
	if done.Run.State != store.RunDone || done.Run.SiteID == "" || done.Run.Title != "install site example.org" {
		t.Errorf("run is %s, of site %q, %q: %v", done.Run.State, done.Run.SiteID, done.Run.Title, done.Run.Error)
	}
	view, err := b.Site(done.Run.SiteID)
	if err != nil {
		t.Fatal(err)
	}
	if view.Domain != "example.org" || view.Status != store.Prepared || view.DocumentRoot != "/srv/example.org" || view.Last == nil || view.Last.ID != done.Run.ID {
		t.Errorf("site is %+v", view)
	}
	record, ok := view.Package("site")
	if !ok || record.Configuration["said"] != "1.2.3" || record.By != "ops" || record.RunID != done.Run.ID || record.InstalledAt.IsZero() {
		t.Errorf("record is %+v", record)
	}
	if _, err := b.Secret(t.Context(), server.ID, "example.org/site.password"); err != nil {
		t.Error(err)
	}
	var events []store.Event
	if err := b.db.View(func(tx *store.Tx) (err error) { events, err = tx.EventsOf(done.Run.ID); return err }); err != nil {
		t.Fatal(err)
	}
	if len(events) == 0 || slices.ContainsFunc(events, func(e store.Event) bool { return e.SiteID != done.Run.SiteID }) {
		t.Errorf("events %+v", events)
	}

	// The same site, by its domain: nothing is made anew, and its secret stays.
	again := b.Prepare(t.Context(), Request{Action: store.Install, Servers: on, Packages: []packages.Want{wantSite("example.org")}})[0]
	if again.Err != nil || again.Site.ID != view.ID || len(again.secrets) != 0 {
		t.Errorf("again: site %q, %d secrets, %v", again.Site.ID, len(again.secrets), again.Err)
	}
}

func TestSitePackagesAndTheirEnd(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, hosting(), map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	on := []store.ID{server.ID}
	_, made := b.do(Request{Action: store.Install, Servers: on, Packages: []packages.Want{wantSite("a.org")}})
	_, other := b.do(Request{Action: store.Install, Servers: on, Packages: []packages.Want{wantSite("b.org")}})
	site := made.Run.SiteID
	on1 := func(action store.Action, wants ...packages.Want) Request {
		return Request{Action: action, Servers: on, Site: site, Packages: wants}
	}
	b.do(on1(store.Install, packages.Want{Name: "app"}))
	for _, line := range []string{"one", "two"} {
		b.do(on1(store.Install, packages.Want{Name: "command", Values: packages.Values{"line": line}}))
	}
	history, err := b.SitePackages(site, "command", 0)
	if err != nil || len(history) != 2 || history[0].Configuration["line"] != "two" || history[0].Configuration["said"] != "1.2.3" {
		t.Errorf("history %+v, %v", history, err)
	}
	if one, err := b.SitePackages(site, "command", 1); err != nil || len(one) != 1 {
		t.Errorf("%d of the history, %v", len(one), err)
	}
	if view, err := b.Site(site); err != nil || len(view.Packages) != 3 {
		t.Errorf("the newest are %+v, %v", view.Packages, err)
	}
	if runs, err := b.RunsOfSite(site, 2); err != nil || len(runs) != 2 || runs[0].SiteID != site {
		t.Errorf("runs %+v, %v", runs, err)
	}
	for _, r := range []Request{
		{Action: store.Remove, Servers: on, Packages: []packages.Want{{Name: "nginx"}}},
		{Action: store.Remove, Servers: on, Packages: []packages.Want{{Name: "db"}}},
		{Action: store.Install, Servers: on, Packages: []packages.Want{{Name: "app"}}},
		{Action: store.Remove, Servers: on, Packages: []packages.Want{{Name: "site"}}},
		on1(store.Install, wantSite("c.org")),
	} {
		var refused *packages.RefusedError
		if p := b.Prepare(t.Context(), r)[0]; !errors.As(p.Err, &refused) {
			t.Errorf("%s %s: %v", r.Action, r.Packages[0].Name, p.Err)
		}
	}
	p, gone := b.do(on1(store.Remove, packages.Want{Name: "site"}))
	if got, want := planLabels(p.Plan), []string{"a.org/app", "a.org/command", "a.org/site", "db"}; !slices.Equal(got, want) {
		t.Errorf("removal is %q, want %q", got, want)
	}
	if gone.Run.State != store.RunDone {
		t.Fatalf("removal is %s: %v", gone.Run.State, gone.Run.Error)
	}
	views, err := b.Sites()
	if err != nil || len(views) != 1 || views[0].ID != other.Run.SiteID || len(views[0].Packages) != 1 {
		t.Errorf("left are %+v, %v", views, err)
	}
	if got := b.records(server); !slices.Equal(got, []string{"base 1.2.3", "nginx 1.2.3"}) {
		t.Errorf("the server keeps %q", got)
	}
	secrets, err := b.Secrets(server.ID)
	if err != nil || len(secrets) != 1 || secrets[0].Name != "b.org/site.password" {
		t.Errorf("secrets %+v, %v", secrets, err)
	}
}

func TestSiteThatFails(t *testing.T) {
	host := newFakeHost()
	host.outcome["do site"] = func(step) error { return exitStatus(1) }
	b := newBench(t, hosting(), map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	request := Request{Action: store.Install, Servers: []store.ID{server.ID}, Packages: []packages.Want{wantSite("a.org")}}
	_, failed := b.do(request)
	view, err := b.Site(failed.Run.SiteID)
	if err != nil || view.Status != store.PrepFailed {
		t.Fatalf("site is %q, %v", view.Status, err)
	}
	// What failed half-way can be taken away, and can be made after all.
	p := b.Prepare(t.Context(), Request{Action: store.Remove, Servers: request.Servers, Site: view.ID, Packages: []packages.Want{{Name: "site"}}})[0]
	if got := planLabels(p.Plan); p.Err != nil || !slices.Equal(got, []string{"a.org/site"}) {
		t.Errorf("removal is %q, %v", got, p.Err)
	}
	host.mu.Lock()
	delete(host.outcome, "do site")
	host.mu.Unlock()
	_, done := b.do(request)
	if view, err = b.Site(done.Run.SiteID); err != nil || view.Status != store.Prepared || done.Run.SiteID != failed.Run.SiteID {
		t.Errorf("site %s is %q, %v", view.ID, view.Status, err)
	}
}
