package job

import (
	"fmt"

	"brokeforge/packages"
	"brokeforge/store"
)

// sitePlace is a site with where its parts are.
type sitePlace struct {
	Server store.Server
	Site   store.Site
	packages.SitePlace
}

// place finds a site and its parts. The error wraps store.ErrNotFound where there is
// no such site.
func (e *Engine) place(id store.ID) (sitePlace, error) {
	var p sitePlace
	var ctx packages.SiteContext
	err := e.cfg.Store.View(func(tx *store.Tx) (err error) {
		if p.Site, err = tx.Site(id); err != nil {
			return err
		}
		if p.Server, err = tx.Server(p.Site.ServerID); err != nil {
			return err
		}
		if ctx.Installed, err = tx.ServerPackages(p.Server.ID); err != nil {
			return err
		}
		ctx.SiteInstalled, err = tx.SitePackages(id)
		return err
	})
	if err != nil {
		return p, err
	}
	ctx.Server, ctx.Site = p.Server, p.Site
	place, ok := packages.PlaceOf(e.cfg.Catalog, ctx)
	if !ok {
		return p, fmt.Errorf("it is not known where the files of %s are", p.Site.Domain)
	}
	p.SitePlace = place
	return p, nil
}
