package job

import (
	"errors"
	"fmt"

	"brokeforge/packages"
	"brokeforge/store"
)

// recordsFor returns what is recorded of a server, of the site that a request is
// about, and of the other sites. A site that is not recorded yet has no ID.
func (e *Engine) recordsFor(server store.ID, r Request) (now packages.SiteContext, err error) {
	domain, err := packages.WantedSite(e.cfg.Catalog, r.Packages)
	if err != nil {
		return now, err
	}
	if r.Site != "" && len(r.Servers) > 1 {
		return now, &packages.RefusedError{Reason: "a site is on one server: choose that alone"}
	}
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		if now.Installed, err = tx.ServerPackages(server); err != nil {
			return err
		}
		sites, err := tx.SitesOf(server)
		if err != nil {
			return err
		}
		recorded, err := tx.SitePackagesOf(server)
		if err != nil {
			return err
		}
		for _, s := range sites {
			if s.ID == r.Site || r.Site == "" && domain != "" && s.Domain == domain {
				now.Site, now.SiteInstalled = s, recorded[s.ID]
				continue
			}
			now.Neighbours = append(now.Neighbours, packages.SiteRecord{Site: s, Packages: recorded[s.ID]})
		}
		if now.Site.ID == "" && r.Site != "" {
			return fmt.Errorf("site %q on this server: %w", r.Site, store.ErrNotFound)
		}
		if now.Site.ID == "" && domain != "" && r.Action == store.Install {
			now.Site = store.Site{ServerID: server, Domain: domain}
		}
		return nil
	})
	return now, err
}

// putSite records, when a run is started, the site that it makes.
func (e *Engine) putSite(tx *store.Tx, p Prepared) error {
	if p.Plan.Action != store.Install || !p.Plan.MakesSite(e.cfg.Catalog) {
		return nil
	}
	site, err := tx.Site(p.Site.ID)
	if errors.Is(err, store.ErrNotFound) {
		site, err = p.Site, nil
	}
	if err != nil || site.Status == store.Prepared {
		return err
	}
	site.Status = store.Preparing
	return tx.PutSite(&site)
}

// makesSite reports whether the run makes its site, or changes how it is made.
func (r *recorder) makesSite() bool {
	if r.run.Action != store.Install {
		return false
	}
	for _, s := range r.steps {
		pkg, _ := r.e.cfg.Catalog.Site(s.Part.Package)
		if _, ok := pkg.(packages.SiteMaker); ok {
			return true
		}
	}
	return false
}

// failSite says of a site that was never made that making it has failed.
func (e *Engine) failSite(tx *store.Tx, id store.ID) error {
	site, err := tx.Site(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil || site.Status == store.Prepared {
		return err
	}
	site.Status = store.PrepFailed
	return tx.PutSite(&site)
}

// persistOnSite is persist for a package of the run's site.
func (r *recorder) persistOnSite(step packages.Step, c packages.Persist, ch *changes) {
	record := store.SitePackage{
		SiteID: r.run.SiteID, Type: step.Part.Type, Name: step.Part.Package, Instance: step.Part.Instance,
		Version: store.PackageVersion(r.values[step.Index]), Configuration: configuration(*step.Part, c),
		Status: store.Active, RunID: r.run.ID, By: r.run.By, InstalledAt: r.e.cfg.Now(),
	}
	pkg, _ := r.e.cfg.Catalog.Site(record.Name)
	maker, makes := pkg.(packages.SiteMaker)
	ch.records = append(ch.records, func(tx *store.Tx) error {
		fresh := record // the transaction may run twice
		if c.History {
			return tx.AddSitePackage(&fresh)
		}
		if makes {
			site, err := tx.Site(record.SiteID)
			if err != nil {
				return err
			}
			site.Status = store.Prepared
			maker.Fill(&site, record.Configuration)
			if err := tx.PutSite(&site); err != nil {
				return err
			}
		}
		return tx.PutSitePackage(&fresh)
	})
}

// noteOnSite is note for a package of the run's site: of one that leaves a history
// the newest record is meant, which the Persist before it has made.
func (r *recorder) noteOnSite(step packages.Step, c packages.Note, ch *changes) {
	site, part, value := r.run.SiteID, step.Part, r.values[step.Index]
	ch.records = append(ch.records, func(tx *store.Tx) error {
		p, err := tx.SitePackage(site, part.Package, part.Instance)
		if err != nil {
			return fmt.Errorf("record its %s: %w", c.Name, err)
		}
		if p.Configuration == nil {
			p.Configuration = map[string]string{}
		}
		p.Configuration[c.Name] = value
		return tx.PutSitePackage(&p)
	})
}

// forgetOnSite deletes the records of a package of the run's site, and with those
// of its maker the site.
func (r *recorder) forgetOnSite(step packages.Step, ch *changes) {
	server, site, part := r.run.ServerID, r.run.SiteID, step.Part
	pkg, _ := r.e.cfg.Catalog.Site(part.Package)
	_, makes := pkg.(packages.SiteMaker)
	ch.records = append(ch.records, func(tx *store.Tx) error {
		secrets := packages.SecretsOf(part)
		if makes {
			secrets = packages.SecretsOfSite(part.Site)
		}
		if err := tx.DeleteSecrets(vaultName(server, packages.SecretName(secrets))); err != nil {
			return err
		}
		if !makes {
			return tx.DeleteSitePackage(site, part.Package, part.Instance)
		}
		if err := tx.DeleteSite(site); err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		return nil
	})
}
