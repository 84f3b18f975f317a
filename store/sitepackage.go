package store

import (
	"errors"
	"fmt"
)

// PutSitePackage records a package on a site. Without an ID it changes the site's
// newest record of the same name and instance, or makes one; with an ID it changes
// or makes that one. It fills in ID, ServerID, CreatedAt and UpdatedAt. A site that
// isn't recorded is refused with an error that wraps [ErrNotFound].
func (tx *Tx) PutSitePackage(p *SitePackage) error {
	if p.ID == "" {
		old, err := tx.SitePackage(p.SiteID, p.Name, p.Instance)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
		p.ID = old.ID
	}
	return tx.AddSitePackage(p)
}

// AddSitePackage records a package that leaves a history, such as a command: it
// makes a record beside those that there are already. With an ID that is recorded
// it changes that one. Otherwise it does what [Tx.PutSitePackage] does.
func (tx *Tx) AddSitePackage(p *SitePackage) error {
	if err := checkText("the package's name", string(p.Name)); err != nil {
		return err
	}
	if err := checkText("the package's type", string(p.Type)); err != nil {
		return err
	}
	site, err := tx.Site(p.SiteID)
	if err != nil {
		return fmt.Errorf("record package %s: %w", p.Name, err)
	}
	p.ServerID = site.ServerID
	if err := tx.identify("package", &p.ID); err != nil {
		return err
	}
	old, found, err := readRecord[SitePackage](tx, sitePackagesBucket, sitePackageKey(*p))
	if err != nil {
		return err
	}
	if found && old.Type != p.Type {
		if err := tx.remove(sitePackagesByTypeBucket, sitePackageTypeKey(old)); err != nil {
			return err
		}
	}
	tx.stamp(&p.CreatedAt, &p.UpdatedAt, old.CreatedAt)
	if err := tx.write(sitePackagesByTypeBucket, sitePackageTypeKey(*p), nil); err != nil {
		return err
	}
	return writeRecord(tx, sitePackagesBucket, sitePackageKey(*p), p)
}

func sitePackageKey(p SitePackage) string {
	return string(p.ServerID) + string(p.SiteID) + string(p.ID)
}

func sitePackageTypeKey(p SitePackage) string {
	return string(p.Type) + "\x00" + sitePackageKey(p)
}

// sitePrefix is what the keys of a site's packages begin with. It is false where
// there is no such site.
func (tx *Tx) sitePrefix(site ID) (string, bool, error) {
	s, err := tx.Site(site)
	if errors.Is(err, ErrNotFound) {
		return "", false, nil
	}
	return string(s.ServerID) + string(site), err == nil, err
}

// SitePackage returns the newest record of a package on a site, or an error that
// wraps [ErrNotFound].
func (tx *Tx) SitePackage(site ID, name PackageName, instance string) (SitePackage, error) {
	var newest SitePackage
	found := false
	err := tx.siteHistory(site, func(p SitePackage) bool {
		if found = p.Name == name && p.Instance == instance; found {
			newest = p
		}
		return !found
	})
	if err == nil && !found {
		err = notFound("package", string(name))
	}
	return newest, err
}

// siteHistory calls fn with the records of a site, newest first, until it returns
// false.
func (tx *Tx) siteHistory(site ID, fn func(SitePackage) bool) error {
	prefix, found, err := tx.sitePrefix(site)
	if err != nil || !found {
		return err
	}
	for key, value := range tx.backward(sitePackagesBucket, prefix, "") {
		p, err := decodeRecord[SitePackage](tx, sitePackagesBucket, key, value)
		if err != nil || !fn(p) {
			return err
		}
	}
	return nil
}

// SitePackages returns all records of a site's packages, oldest first.
func (tx *Tx) SitePackages(site ID) ([]SitePackage, error) {
	prefix, found, err := tx.sitePrefix(site)
	if err != nil || !found {
		return nil, err
	}
	return records[SitePackage](tx, sitePackagesBucket, prefix)
}

// SitePackageHistory returns the records of one category of a site's packages,
// newest first, such as the commands that were run there. A limit of 0 is none.
func (tx *Tx) SitePackageHistory(site ID, t PackageType, limit int) ([]SitePackage, error) {
	var some []SitePackage
	err := tx.siteHistory(site, func(p SitePackage) bool {
		if p.Type == t {
			some = append(some, p)
		}
		return limit <= 0 || len(some) < limit
	})
	return some, err
}

// HasSitePackage reports whether a package of the category is active on a site.
func (tx *Tx) HasSitePackage(site ID, t PackageType) (bool, error) {
	has := false
	err := tx.siteHistory(site, func(p SitePackage) bool {
		has = p.Type == t && p.installed()
		return !has
	})
	return has, err
}

// installed reports whether the package is on its site now.
func (p SitePackage) installed() bool {
	return p.Status == Active && p.UninstalledAt.IsZero()
}

// SitePackagesOf returns the records of the packages of all sites on a server, by
// site, each oldest first.
func (tx *Tx) SitePackagesOf(server ID) (map[ID][]SitePackage, error) {
	bySite := make(map[ID][]SitePackage)
	if server.check() != nil {
		return bySite, nil
	}
	all, err := records[SitePackage](tx, sitePackagesBucket, string(server))
	for _, p := range all {
		bySite[p.SiteID] = append(bySite[p.SiteID], p)
	}
	return bySite, err
}

// SitesWith returns the sites on all servers on which a package of the category is
// active, sorted by server ID and site ID.
func (tx *Tx) SitesWith(t PackageType) ([]Site, error) {
	var sites []Site
	var last ID
	prefix := string(t) + "\x00"
	for key := range tx.forward(sitePackagesByTypeBucket, prefix) {
		p, err := indexed[SitePackage](tx, sitePackagesBucket, key[len(prefix):])
		if err != nil {
			return nil, err
		}
		if p.SiteID == last || !p.installed() {
			continue
		}
		site, err := indexed[Site](tx, sitesBucket, string(p.SiteID))
		if err != nil {
			return nil, err
		}
		sites, last = append(sites, site), p.SiteID
	}
	return sites, nil
}

// DeleteSitePackage forgets all records of a package of a site. It is no error when
// there are none, so that a removal that is done again succeeds.
func (tx *Tx) DeleteSitePackage(site ID, name PackageName, instance string) error {
	all, err := tx.SitePackages(site)
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Name != name || p.Instance != instance {
			continue
		}
		if err := tx.deleteSitePackage(p); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) deleteSitePackage(p SitePackage) error {
	if err := tx.remove(sitePackagesByTypeBucket, sitePackageTypeKey(p)); err != nil {
		return err
	}
	return tx.remove(sitePackagesBucket, sitePackageKey(p))
}
