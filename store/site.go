package store

import (
	"fmt"
	"strings"
)

// PutSite records a site that is new, which includes one without an ID, or changes
// the one with its ID. It fills in ID, CreatedAt and UpdatedAt. A domain that
// another site on the server has, in whatever case, is refused with an
// [*ExistsError]; a server that isn't recorded with an error that wraps
// [ErrNotFound]. A site does not move to another server.
func (tx *Tx) PutSite(s *Site) error {
	if err := checkText("the site's domain", s.Domain); err != nil {
		return err
	}
	if err := tx.identify("site", &s.ID); err != nil {
		return err
	}
	if _, err := tx.Server(s.ServerID); err != nil {
		return fmt.Errorf("record site %s: %w", s.Domain, err)
	}
	key := domainKey(s.ServerID, s.Domain)
	if holder := tx.bucket(siteDomainsBucket).Get([]byte(key)); holder != nil && ID(holder) != s.ID {
		return &ExistsError{Kind: "site", Name: s.Domain}
	}
	old, found, err := readRecord[Site](tx, sitesBucket, string(s.ID))
	if err != nil {
		return err
	}
	if found {
		if old.ServerID != s.ServerID {
			return fmt.Errorf("site %s is on server %s and cannot move to %s", s.Domain, old.ServerID, s.ServerID)
		}
		if err := tx.remove(siteDomainsBucket, domainKey(old.ServerID, old.Domain)); err != nil {
			return err
		}
	}
	tx.stamp(&s.CreatedAt, &s.UpdatedAt, old.CreatedAt)
	if err := tx.write(siteDomainsBucket, key, []byte(s.ID)); err != nil {
		return err
	}
	return writeRecord(tx, sitesBucket, string(s.ID), s)
}

// domainKey is a site's key in the index of domains, which know no case: RFC 4343.
func domainKey(server ID, domain string) string {
	return string(server) + strings.ToLower(domain)
}

// Site returns the site with the ID, or an error that wraps [ErrNotFound].
func (tx *Tx) Site(id ID) (Site, error) {
	s, found, err := readRecord[Site](tx, sitesBucket, string(id))
	if err == nil && !found {
		err = notFound("site", string(id))
	}
	return s, err
}

// SiteByDomain returns the site of that domain on a server, in whatever case it is
// written, or an error that wraps [ErrNotFound].
func (tx *Tx) SiteByDomain(server ID, domain string) (Site, error) {
	id := tx.bucket(siteDomainsBucket).Get([]byte(domainKey(server, domain)))
	if id == nil {
		return Site{}, notFound("site", domain)
	}
	return indexed[Site](tx, sitesBucket, string(id))
}

// SitesOf returns the sites on a server, sorted by domain.
func (tx *Tx) SitesOf(server ID) ([]Site, error) {
	if server.check() != nil {
		return nil, nil
	}
	var all []Site
	for _, id := range tx.forward(siteDomainsBucket, string(server)) {
		s, err := indexed[Site](tx, sitesBucket, string(id))
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// DeleteSite forgets a site and its packages. The error wraps [ErrNotFound] where
// there is no such site.
func (tx *Tx) DeleteSite(id ID) error {
	s, err := tx.Site(id)
	if err != nil {
		return fmt.Errorf("delete %w", err)
	}
	packages, err := tx.SitePackages(id)
	if err != nil {
		return err
	}
	for _, p := range packages {
		if err := tx.deleteSitePackage(p); err != nil {
			return err
		}
	}
	if err := tx.remove(siteDomainsBucket, domainKey(s.ServerID, s.Domain)); err != nil {
		return err
	}
	return tx.remove(sitesBucket, string(id))
}
