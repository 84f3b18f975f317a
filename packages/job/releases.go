package job

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// ReleaseView tells of one deployment or rollback of a site.
type ReleaseView struct {
	Run     store.ID
	Package packages.Name // of deployments or of rollbacks
	State   store.RunState
	Release string // its name; empty of one that has not come to its end
	Commit  string // its hash; empty as Release is
	Author  string // of the commit
	Message string // the first line of the commit's
	Current bool   // the site uses this release, and came to by this run
	At      time.Time
	Took    time.Duration // 0 where it is not known
	By      string        // login of who started it
	Error   string        // why it failed
}

// Releases returns the deployments and rollbacks of a site, newest first, with those
// that failed or go on, up to a limit; 0 is none. Of failed ones the site uses nothing.
func (e *Engine) Releases(site store.ID, limit int) (list []ReleaseView, err error) {
	var records []store.SitePackage
	for _, name := range []packages.Name{packages.DeploymentName, packages.RollbackName} {
		of, err := e.SitePackages(site, name, 0)
		if err != nil {
			return nil, err
		}
		records = append(records, of...)
	}
	for _, p := range records {
		list = append(list, viewRelease(p))
	}
	unrecorded, err := e.unrecorded(site, list)
	if err != nil {
		return nil, err
	}
	list = append(list, unrecorded...)
	// The IDs of runs rise.
	slices.SortStableFunc(list, func(a, b ReleaseView) int { return cmp.Compare(b.Run, a.Run) })
	if i := slices.IndexFunc(list, func(v ReleaseView) bool { return v.Release != "" }); i >= 0 {
		list[i].Current = true
	}
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list, nil
}

// unrecorded returns the deployments and rollbacks of a site that go on or have
// failed: they have no records.
func (e *Engine) unrecorded(site store.ID, recorded []ReleaseView) (list []ReleaseView, err error) {
	var runs []store.Run
	var names []packages.Name
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		runs, names = nil, nil
		all, err := tx.RunsOfSite(site, 0)
		if err != nil {
			return err
		}
		for _, r := range all {
			if r.Action != store.Install || slices.ContainsFunc(recorded, func(v ReleaseView) bool { return v.Run == r.ID }) {
				continue
			}
			whole, err := tx.Run(r.ID)
			if err != nil {
				return err
			}
			if name, ok := releases(whole); ok {
				runs, names = append(runs, r), append(names, name)
			}
		}
		return nil
	})
	for i, r := range e.asLive(runs) {
		list = append(list, viewUnrecorded(r, names[i]))
	}
	return list, err
}

func viewRelease(p store.SitePackage) ReleaseView {
	c := p.Configuration
	v := ReleaseView{
		Run: p.RunID, Package: p.Name, State: store.RunDone, Release: c[packages.ReleaseKey], Commit: c[packages.CommitKey],
		Author: c[packages.AuthorKey], Message: c[packages.MessageKey], At: p.CreatedAt, By: p.By,
	}
	if seconds, err := strconv.Atoi(c[packages.SecondsKey]); err == nil {
		v.Took = time.Duration(seconds) * time.Second
	}
	return v
}

// releases returns which of the packages that make releases a run installs. One whose
// plan can't be read any more installs none.
func releases(r store.Run) (packages.Name, bool) {
	plan, err := planOf(r)
	if err != nil {
		return "", false
	}
	for _, part := range plan.Parts {
		if part.Package == packages.DeploymentName || part.Package == packages.RollbackName {
			return part.Package, true
		}
	}
	return "", false
}

func viewUnrecorded(r store.Run, name packages.Name) ReleaseView {
	v := ReleaseView{Run: r.ID, Package: name, State: r.State, At: r.QueuedAt, By: r.By}
	if !r.EndedAt.IsZero() && !r.StartedAt.IsZero() {
		v.Took = r.EndedAt.Sub(r.StartedAt)
	}
	if r.Error != nil {
		v.Error = r.Error.Summary
	}
	return v
}
