package packages

import (
	"fmt"
	"maps"
	"slices"

	"brokeforge/store"
)

// SiteKey is the option of a server's package, such as a database or a program, that
// names the site which it belongs to by its domain, and what that is recorded under.
const SiteKey = "site"

// SiteOption returns the option that names the site which a server's package belongs
// to.
func SiteOption() Option {
	return Option{
		Name: SiteKey, Label: "Site", Kind: Text,
		Help: "the domain of the site that it belongs to and is removed with; a database only where that is chosen",
		Validate: func(value string) error {
			_, err := CleanDomain(value)
			return err
		},
	}
}

// DropDatabasesOption is the option of removing of a [SiteMaker] that takes the
// databases away, and their users, which belong to the site. Else they stay.
const DropDatabasesOption = "databases"

// A Belonger is a server's package that may belong to a site though no option says so.
type Belonger interface {
	// Belongs reports whether what was installed with the context's values belongs
	// to the context's site, whose parts are at a place.
	Belongs(SiteContext, SitePlace) bool
}

// SiteOf returns the domain of the site that a server's package is recorded to belong
// to; empty where it is none.
func SiteOf(configuration map[string]string) string {
	domain, err := CleanDomain(configuration[SiteKey])
	if err != nil {
		return ""
	}
	return domain
}

func hasOption(p Package, name string) bool {
	return slices.ContainsFunc(p.Describe().Options, func(o Option) bool { return o.Name == name })
}

// complete returns the values of a server's package that is wanted. The site that it is
// to belong to is in its one written form; the error is an *OptionError where the server
// has no such site.
func (r *resolver) complete(pkg ServerPackage, w Want) (Values, error) {
	chosen := w.Values
	if w.ForSite && hasOption(pkg, SiteKey) {
		chosen = Values{SiteKey: r.site.Site.Domain}
		maps.Copy(chosen, w.Values)
	}
	values, err := Complete(pkg, r.recordedValues(pkg, chosen))
	domain := SiteOf(values)
	if err != nil || domain == "" {
		return values, err
	}
	values[SiteKey] = domain
	known := domain == r.site.Site.Domain || slices.ContainsFunc(r.site.Neighbours, func(n SiteRecord) bool { return n.Domain == domain })
	if chosen[SiteKey] != "" && !known {
		return nil, &OptionError{pkg.Name(), SiteKey, domain, "is no site of this server"}
	}
	return values, nil
}

// Belongings returns the packages of the server that belong to the context's site, as
// they are recorded.
func (c SiteContext) Belongings(catalog Catalog) (out []store.ServerPackage) {
	if c.Site.Domain == "" {
		return nil
	}
	place, _ := PlaceOf(catalog, c)
	for _, p := range c.Installed {
		of := c
		of.Values, of.Instance = p.Configuration, p.Instance
		pkg, _ := catalog.Server(p.Name)
		belonger, ok := pkg.(Belonger)
		if SiteOf(p.Configuration) == c.Site.Domain || ok && belonger.Belongs(of, place) {
			out = append(out, p)
		}
	}
	return out
}

// belongingsToRemove returns which of the site's belongings go with it: first those
// that must have ended before it goes, such as programs that run as its user, then
// those that it needs as long as it is there, such as its databases.
func (c SiteContext) belongingsToRemove(catalog Catalog, removal Values, ofSite []Resolved) (before, after []Want) {
	needed := func(name Name) bool {
		return slices.ContainsFunc(ofSite, func(r Resolved) bool {
			pkg, ok := r.Package.(SitePackage)
			return ok && slices.ContainsFunc(siteRequirements(pkg, c, r.Values), func(w Want) bool { return w.Name == name })
		})
	}
	for _, p := range c.Belongings(catalog) {
		w := Want{Name: p.Name, Instance: p.Instance}
		switch {
		case p.Type == Database && !removal.Yes(DropDatabasesOption):
		case p.Type == Database, needed(p.Name):
			after = append(after, w)
		default:
			before = append(before, w)
		}
	}
	return before, after
}

// Staying returns the labels of what belongs to the context's site and stays on the
// server though the site goes with a plan.
func (c SiteContext) Staying(catalog Catalog, plan Plan) (labels []string) {
	goes := func(name Name, instance string) bool {
		return slices.ContainsFunc(plan.Parts, func(p Part) bool { return p.Site == "" && p.Package == name && p.Instance == instance })
	}
	makes := slices.ContainsFunc(plan.Parts, func(p Part) bool {
		pkg, _ := catalog.Site(p.Package)
		_, ok := pkg.(SiteMaker)
		return ok
	})
	if plan.Action != store.Remove || !makes {
		return nil
	}
	for _, p := range c.Belongings(catalog) {
		if !goes(p.Name, p.Instance) {
			labels = append(labels, Label(p.Name, p.Instance))
		}
	}
	return labels
}

// becauseOf says why something is removed that nobody chose.
func becauseOf(domain string) string { return fmt.Sprintf("goes with the site %s", domain) }
