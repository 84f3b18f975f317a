package job

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"brokeforge/packages"
	"brokeforge/store"
)

// Prepare reads the facts of the servers and makes the plan for each, side by
// side. It changes nothing on them. The answer has the order of the request's
// servers; what kept a server from a plan is in its Err.
func (e *Engine) Prepare(ctx context.Context, r Request) []Prepared {
	out := make([]Prepared, len(r.Servers))
	var group sync.WaitGroup
	for i, id := range r.Servers {
		group.Go(func() { out[i] = e.prepare(ctx, id, r) })
	}
	group.Wait()
	return out
}

func (e *Engine) prepare(ctx context.Context, id store.ID, r Request) (p Prepared) {
	defer func() {
		if v := recover(); v != nil {
			p.Err = fmt.Errorf("internal error while making the plan: %v", v)
		}
	}()
	var err error
	if p.Server, err = e.server(id); err != nil {
		p.Err = err
		return p
	}
	release, err := e.slot(ctx)
	if err != nil {
		p.Err = err
		return p
	}
	defer release()
	remote, facts, err := e.readFacts(ctx, p.Server)
	if err != nil {
		p.Err = err
		return p
	}
	p.Facts = facts
	now, err := e.recordsFor(id, r)
	if err != nil {
		p.Err = err
		return p
	}
	now.Server, now.Facts, p.Site = p.Server, p.Facts, now.Site
	kept, err := e.plan(ctx, &p, now, r)
	if err != nil {
		p.Err = err
		return p
	}
	if p.Plan.Empty() {
		p.Nothing = true
		return p
	}
	check, err := e.checkScript(p.Plan.Steps(), kept)
	if err != nil {
		p.Err = err
		return p
	}
	if p.Already, p.Effects, err = already(ctx, remote, check, p.Plan.Steps()); err != nil {
		_, p.Err = connectError(p.Server, err)
		return p
	}
	switch {
	case r.Action == store.Install:
		p.Nothing = len(p.secrets) == 0 && allSo(p.Plan, p.Already) && recorded(p.Plan, now)
	case packages.IsServiceAction(r.Action):
		p.Nothing = allSo(p.Plan, p.Already)
	}
	if !p.Nothing {
		followsChanges(p.Plan, p.Already)
	}
	return p
}

// followsChanges takes back that steps which follow changes have nothing to
// do: something will have changed before them.
func followsChanges(plan packages.Plan, already []bool) {
	for i, step := range plan.Steps() {
		if run, ok := step.Command.(packages.Run); ok && run.IfChanged {
			already[i] = false
		}
	}
}

// plan resolves what was chosen and builds the plan of it. It returns the secrets
// of the plan that are kept already.
func (e *Engine) plan(ctx context.Context, p *Prepared, now packages.SiteContext, r Request) (packages.Secrets, error) {
	switch {
	case packages.IsServiceAction(r.Action):
		var err error
		p.Plan, err = packages.BuildService(e.cfg.Catalog, r.Action, r.Packages, now.Context)
		return nil, err
	case r.Action == store.Adopt:
		var err error
		p.Plan, err = packages.BuildAdopt(e.cfg.Catalog, r.Packages, now.Context)
		return nil, err
	}
	resolve := packages.ResolveSiteInstall
	if r.Action == store.Remove {
		resolve = packages.ResolveSiteRemove
	}
	known, err := e.known(p.Server.ID)
	if err != nil {
		return nil, err
	}
	now = withoutLost(now, known)
	resolved, err := resolve(e.cfg.Catalog, r.Packages, now)
	if err != nil {
		return nil, err
	}
	now.Server = e.inEffect(p.Server)
	p.Plan, err = packages.BuildSite(r.Action, resolved, now)
	if err != nil {
		return nil, err
	}
	p.Stays = now.Staying(e.cfg.Catalog, p.Plan)
	var kept packages.Secrets
	p.secrets, kept, err = e.secretsOf(ctx, p.Server.ID, p.Plan, resolved, r)
	return kept, err
}

// allSo reports whether every step that could change something is as it should
// be.
func allSo(plan packages.Plan, already []bool) bool {
	for i, step := range plan.Steps() {
		if mayChange(step) && !already[i] {
			return false
		}
	}
	return true
}

// recorded reports whether the records hold every part of the plan as it would
// record it.
func recorded(plan packages.Plan, now packages.SiteContext) bool {
	for _, part := range plan.Parts {
		configured, ok := recordOf(part, now)
		if !ok {
			return false
		}
		for _, cmd := range part.Commands {
			if note, ok := cmd.(packages.Note); ok {
				delete(configured, note.Name)
			}
		}
		for _, cmd := range part.Commands {
			persist, ok := cmd.(packages.Persist)
			if ok && (persist.History || !maps.Equal(configured, configuration(part, persist))) {
				return false
			}
		}
	}
	return true
}

// recordOf returns a copy of what is recorded of a part's package, and whether it
// is and is active.
func recordOf(part packages.Part, now packages.SiteContext) (configuration map[string]string, ok bool) {
	if part.Site != "" {
		for _, p := range slices.Backward(now.SiteInstalled) {
			if p.Name == part.Package && p.Instance == part.Instance {
				return maps.Clone(p.Configuration), p.Status == store.Active
			}
		}
		return nil, false
	}
	for _, p := range now.Installed {
		if p.Name == part.Package && p.Instance == part.Instance {
			return maps.Clone(p.Configuration), p.Status == store.Active
		}
	}
	return nil, false
}

// configuration is what a Persist records of its part.
func configuration(part packages.Part, persist packages.Persist) map[string]string {
	out := map[string]string{}
	maps.Copy(out, part.Values)
	maps.Copy(out, persist.Configuration)
	return out
}
