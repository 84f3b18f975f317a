package job

import (
	"cmp"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
)

// SiteView is a site with what is known of it.
type SiteView struct {
	store.Site
	Server   string              // its name
	Packages []store.SitePackage // as recorded: of each name and instance the newest, oldest first
	WarnDays int                 // how many days before its certificate expires people are warned
	Last     *store.Run          // its latest run, live or ended, without its plan; nil where there was none
}

// Package returns the newest record of a package on the site, and whether there is
// one.
func (v SiteView) Package(name packages.Name) (store.SitePackage, bool) {
	for _, p := range slices.Backward(v.Packages) {
		if p.Name == name {
			return p, true
		}
	}
	return store.SitePackage{}, false
}

// Sites returns the sites of all servers, or of those that are named, by domain and
// server.
func (e *Engine) Sites(servers ...store.ID) (views []SiteView, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		views = nil
		all, err := tx.Servers()
		if err != nil {
			return err
		}
		for _, s := range all {
			if len(servers) > 0 && !slices.Contains(servers, s.ID) {
				continue
			}
			of, err := e.sitesOf(tx, s)
			if err != nil {
				return err
			}
			views = append(views, of...)
		}
		return nil
	})
	slices.SortStableFunc(views, func(a, b SiteView) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Server, b.Server))
	})
	return views, err
}

func (e *Engine) sitesOf(tx *store.Tx, server store.Server) ([]SiteView, error) {
	sites, err := tx.SitesOf(server.ID)
	if err != nil || len(sites) == 0 {
		return nil, err
	}
	recorded, err := tx.SitePackagesOf(server.ID)
	if err != nil {
		return nil, err
	}
	warn, _, err := e.warnDays(tx, server.ID)
	if err != nil {
		return nil, err
	}
	var views []SiteView
	for _, site := range sites {
		v := SiteView{Site: site, Server: server.Name, Packages: newest(recorded[site.ID]), WarnDays: warn}
		runs, err := tx.RunsOfSite(site.ID, 1)
		if err != nil {
			return nil, err
		}
		if len(runs) > 0 {
			v.Last = &e.asLive(runs)[0]
		}
		views = append(views, v)
	}
	return views, nil
}

// newest returns of each name and instance the newest of records that are sorted
// oldest first.
func newest(all []store.SitePackage) (out []store.SitePackage) {
	type key struct {
		name     store.PackageName
		instance string
	}
	seen := map[key]bool{}
	for _, p := range slices.Backward(all) {
		if k := (key{p.Name, p.Instance}); !seen[k] {
			seen[k] = true
			out = append(out, p)
		}
	}
	slices.Reverse(out)
	return out
}

// Site returns one site with what is known of it, or an error that is
// store.ErrNotFound.
func (e *Engine) Site(id store.ID) (view SiteView, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		site, err := tx.Site(id)
		if err != nil {
			return err
		}
		server, err := tx.Server(site.ServerID)
		if err != nil {
			return err
		}
		views, err := e.sitesOf(tx, server)
		if err != nil {
			return err
		}
		view = views[slices.IndexFunc(views, func(v SiteView) bool { return v.ID == id })]
		return nil
	})
	return view, err
}

// SitePackages returns the records of a package of a site, newest first, up to a
// limit; 0 is none. Of a package that leaves a history there is one for each time.
func (e *Engine) SitePackages(site store.ID, name packages.Name, limit int) (list []store.SitePackage, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		list = nil
		all, err := tx.SitePackages(site)
		if err != nil {
			return err
		}
		for _, p := range slices.Backward(all) {
			if p.Name == name && (limit <= 0 || len(list) < limit) {
				list = append(list, p)
			}
		}
		return nil
	})
	return list, err
}

// RunsOfSite returns the latest runs on a site, newest first, without their plans,
// up to a limit; 0 is none.
func (e *Engine) RunsOfSite(site store.ID, limit int) (runs []store.Run, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		if _, err = tx.Site(site); err != nil {
			return err
		}
		runs, err = tx.RunsOfSite(site, limit)
		return err
	})
	return e.asLive(runs), err
}

// Release returns the release that is live; empty before the first deployment.
func (v SiteView) Release() string {
	for _, p := range slices.Backward(v.Packages) {
		if release := p.Configuration[packages.ReleaseKey]; release != "" {
			return release
		}
	}
	return ""
}
