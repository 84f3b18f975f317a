package uitest

import (
	"context"
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func (e *Engine) prepare(r job.Request, v job.ServerView) job.Prepared {
	p := job.Prepared{Server: v.Server, Facts: v.Facts, Nothing: e.Nothing[v.ID]}
	if e.PrepareError != nil {
		if p.Err = e.PrepareError(v.Server); p.Err != nil {
			return p
		}
	}
	ctx := packages.Context{Server: v.Server, Facts: v.Facts, Installed: v.Packages}
	if packages.IsServiceAction(r.Action) {
		p.Plan, p.Err = packages.BuildService(e.Pkgs, r.Action, r.Packages, ctx)
		p.Already = make([]bool, len(p.Plan.Steps()))
		return p
	}
	if r.Action == store.Adopt {
		p.Plan, p.Err = packages.BuildAdopt(e.Pkgs, r.Packages, ctx)
		p.Already = make([]bool, len(p.Plan.Steps()))
		return p
	}
	resolve := packages.ResolveSiteInstall
	if r.Action == store.Remove {
		resolve = packages.ResolveSiteRemove
	}
	site := packages.SiteContext{Context: ctx}
	site.Site.Domain, p.Err = packages.WantedSite(e.Pkgs, r.Packages)
	for _, hosted := range e.Hosted {
		if hosted.ID == r.Site {
			site.Site, site.SiteInstalled = hosted.Site, hosted.Packages
			p.Site = hosted.Site
		}
	}
	var resolved []packages.Resolved
	if resolved, p.Err = resolve(e.Pkgs, r.Packages, site); p.Err != nil {
		return p
	}
	p.Plan, p.Err = packages.BuildSite(r.Action, resolved, site)
	p.Already = make([]bool, len(p.Plan.Steps()))
	if len(p.Already) > 1 && r.Action == store.Install {
		p.Already[1] = true
	}
	p.Effects = effects(p)
	if r.Action == store.Remove && r.Site != "" && !r.Packages[0].Removal.Yes(packages.DropDatabasesOption) {
		p.Stays = e.Staying
	}
	return p
}

// effects makes up what comes of a plan.
func effects(p job.Prepared) map[int]job.Effect {
	out := map[int]job.Effect{}
	for i, step := range p.Plan.Steps() {
		if p.Already[i] {
			continue
		}
		switch c := step.Command.(type) {
		case packages.Run:
			deb := job.Deb{Name: string(step.Part.Package), From: "1.26.3-3", To: "1.26.3-3+deb13u1"}
			switch {
			case strings.Contains(c.Script, "apt-get purge"):
				out[i] = job.Effect{Debs: &job.DebsEffect{Removes: []job.Deb{deb, {Name: deb.Name + "-common"}}}}
			case strings.Contains(c.Script, "apt-get install"):
				out[i] = job.Effect{Debs: &job.DebsEffect{
					Adds:     []job.Deb{{Name: deb.Name}, {Name: deb.Name + "-common"}, {Name: "libargon2-1"}, {Name: "libsodium23"}, {Name: "psmisc"}},
					Upgrades: []job.Deb{{Name: "libc6", From: "2.41-12", To: "2.41-12+deb13u1"}},
				}}
			}
		case packages.Write:
			out[i] = job.Effect{File: &job.FileEffect{State: job.NoFile, Added: strings.Count(c.Content, "\n")}}
			if p.Site.ID != "" {
				out[i] = job.Effect{File: &job.FileEffect{
					Path: c.Path, State: job.OtherFile, Added: 1, Removed: 2, ByHand: true, From: "root:root 0644", To: "root:root 0644",
					Diff: []string{"@@ -1,4 +1,3 @@", " server {", "     listen 80;", "-    server_name blog.example.org blog.example.net;", "-    return 302 https://elsewhere.example.net/;", "+    server_name blog.example.org;", " }"},
				}}
			}
			if step.Part.Package == "php" {
				out[i] = job.Effect{File: &job.FileEffect{
					State: job.OtherFile, Added: 1, Removed: 1, ByHand: true, From: "root:root 0644", To: "root:root 0644",
					Diff: []string{"@@ -1,3 +1,3 @@", " # PHP", " worker_processes auto;", "-server_tokens on;", "+server_tokens off;"},
				}}
			}
		}
	}
	return out
}

// Journal tells a few lines, and ends.
func (e *Engine) Journal(_ context.Context, _ store.ID, w packages.Want, _ int, _ bool, tell func(string) error) error {
	for i := range 40 {
		if err := tell(fmt.Sprintf("2026-11-24T09:%02d:00+0000 web1 %s[812]: request %d answered%s", i, w.Name, i, e.Logged)); err != nil {
			return err
		}
	}
	return e.JournalError
}
