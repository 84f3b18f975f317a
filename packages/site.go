package packages

import (
	"fmt"
	"maps"
	"slices"

	"brokeforge/store"
)

// DomainOption is the option of a [SiteMaker] that names the site.
const DomainOption = "domain"

// A SiteMaker is the package that makes a site. All others of a site work on one
// that is there. Its record is the last to go: everything of the site goes with it.
type SiteMaker interface {
	SitePackage
	// Domain returns the domain that the values choose, in its one written form.
	Domain(Values) string
	// Fill writes what is recorded of the package into the site's own record.
	Fill(site *store.Site, configuration map[string]string)
	// Files returns the files and folders that go with the site when it is removed.
	Files(SiteContext) []string
}

// A SiteChooser is a package of a site that needs other packages by what is chosen
// and by what is there, besides those that its description requires. A want without
// an instance or values is content with whatever is installed under its name; of
// another one, what it chooses must be.
type SiteChooser interface {
	Needs(SiteContext) []Want
}

// SiteRecord is a site with what is recorded of its packages, oldest first.
type SiteRecord struct {
	store.Site
	Packages []store.SitePackage
}

// SiteContext is all that the commands of a site's package are made from. Its zero
// value is that of no site.
type SiteContext struct {
	Context
	Site          store.Site          // with no ID where it is to be made
	SiteInstalled []store.SitePackage // what is recorded on the site, oldest first
	Neighbours    []SiteRecord        // the other sites of the server, by domain
}

// SiteInstalls returns the newest record of the named package on the site, and
// whether there is one. Of a package with several instances it returns the newest
// of all.
func (c SiteContext) SiteInstalls(name Name) (store.SitePackage, bool) {
	for _, p := range slices.Backward(c.SiteInstalled) {
		if p.Name == name {
			return p, true
		}
	}
	return store.SitePackage{}, false
}

// SecretOf names the secret of an option of a package of the site.
func (c SiteContext) SecretOf(name Name, instance, option string) SecretName {
	return secretOf(SiteLabel(c.Site.Domain, name, instance), option)
}

// SiteLabel names a package of a site for people: the domain, "/" and what Label
// writes. Without a domain it is Label.
func SiteLabel(domain string, name Name, instance string) string {
	if domain == "" {
		return Label(name, instance)
	}
	return domain + "/" + Label(name, instance)
}

// Find returns the package of that name, be it a server's or a site's.
func Find(c Catalog, name Name) (Package, bool) {
	if p, ok := c.Server(name); ok {
		return p, true
	}
	if p, ok := c.Site(name); ok {
		return p, true
	}
	return nil, false
}

// WantedSite returns the domain of the site that a choice makes or changes; empty
// where no [SiteMaker] is among it. The error is an *OptionError.
func WantedSite(c Catalog, wants []Want) (domain string, err error) {
	for _, w := range wants {
		pkg, _ := c.Site(w.Name)
		maker, ok := pkg.(SiteMaker)
		if !ok || w.Values[DomainOption] == "" {
			continue
		}
		for _, o := range maker.Describe().Options {
			if o.Name != DomainOption {
				continue
			}
			value, err := o.Accept(w.Values[DomainOption])
			if err != nil {
				return "", &OptionError{w.Name, o.Name, value, err.Error()}
			}
			return maker.Domain(Values{DomainOption: value}), nil
		}
	}
	return "", nil
}

// MakesSite reports whether the plan makes a site, or changes how it is made.
func (p *Plan) MakesSite(c Catalog) bool {
	return slices.ContainsFunc(p.Parts, func(part Part) bool {
		pkg, _ := c.Site(part.Package)
		_, ok := pkg.(SiteMaker)
		return ok && part.Site != ""
	})
}

// siteRequirements returns what must be installed before a package of a site that
// has these values.
func siteRequirements(p SitePackage, ctx SiteContext, values Values) []Want {
	var list []Want
	for _, name := range p.Describe().Requires {
		list = append(list, Want{Name: name})
	}
	ctx.Values = values
	if chooser, ok := p.(SiteChooser); ok {
		list = append(list, chooser.Needs(ctx)...)
	}
	return list
}

// instanceOf returns the instance that a want means, and whether it means one.
func instanceOf(c Catalog, w Want) (instance string, chosen bool) {
	pkg, ok := Find(c, w.Name)
	if !ok || pkg.Describe().Instance == nil {
		return "", false
	}
	if len(w.Values) == 0 {
		return w.Instance, w.Instance != ""
	}
	values, err := Complete(pkg, w.Values)
	if err != nil {
		return "", false
	}
	return pkg.Describe().Instance(values), true
}

// ResolveSiteInstall is ResolveInstall where packages of the context's site may be
// among the wanted ones.
func ResolveSiteInstall(c Catalog, wants []Want, ctx SiteContext) ([]Resolved, error) {
	r := resolver{catalog: c, installed: ctx.Installed, found: ctx.Facts.Found, wants: wants, site: ctx}
	for _, w := range wants {
		if err := r.add(w, "", nil); err != nil {
			return nil, err
		}
	}
	return r.out, r.conflicts()
}

// addSite is add for a package of a site.
func (r *resolver) addSite(pkg SitePackage, w Want, because string, path []Name) error {
	domain := r.site.Site.Domain
	if domain == "" {
		return &RefusedError{fmt.Sprintf("%s belongs to a site: say which", w.Name)}
	}
	description := pkg.Describe()
	if description.Instance == nil && w.Instance != "" {
		return onlyOne(w)
	}
	if err := refuseReferences(pkg, w.Values); err != nil {
		return err
	}
	chosen := r.site.recordedValues(pkg, w.Values)
	if _, ok := pkg.(SiteMaker); ok && chosen[DomainOption] == "" {
		chosen = maps.Clone(chosen)
		if chosen == nil {
			chosen = Values{}
		}
		chosen[DomainOption] = domain
	}
	values, err := Complete(pkg, chosen)
	if err != nil {
		return err
	}
	if maker, ok := pkg.(SiteMaker); ok && maker.Domain(values) != domain {
		return &RefusedError{fmt.Sprintf("the domain of a site stays what it is, here %s: add another site, or an alias", domain)}
	}
	for _, required := range siteRequirements(pkg, r.site, values) {
		if err := r.require(required, w.Name, append(path, w.Name)); err != nil {
			return err
		}
	}
	return r.put(Resolved{Package: pkg, Site: domain, Because: because}, values)
}

// recordedValues is that of resolver for a package of the site.
func (c SiteContext) recordedValues(pkg Package, chosen Values) Values {
	for _, record := range slices.Backward(c.SiteInstalled) {
		as := store.ServerPackage{Instance: record.Instance, Configuration: record.Configuration}
		if record.Name == pkg.Name() && isInstance(pkg, as, chosen) {
			return over(pkg, as, chosen, func(Option) bool { return true })
		}
	}
	return chosen
}

// ResolveSiteRemove is ResolveRemove where packages of the context's site may be
// among the wanted ones, and where what the sites of the server need is refused.
// With a [SiteMaker] goes all that is recorded of its site, and what of the server's
// packages belongs to it; databases only where that is chosen.
func ResolveSiteRemove(c Catalog, wants []Want, ctx SiteContext) ([]Resolved, error) {
	var server, before []Want
	because := map[string]string{} // by the label of a server's package
	var out []Resolved
	for _, w := range wants {
		pkg, ok := c.Site(w.Name)
		if !ok {
			server = append(server, w)
			continue
		}
		if ctx.Site.Domain == "" {
			return nil, &RefusedError{fmt.Sprintf("%s belongs to a site: say which", w.Name)}
		}
		list, err := ctx.toRemove(pkg, w, "")
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
		if _, ok := pkg.(SiteMaker); ok {
			why := becauseOf(ctx.Site.Domain)
			rest, err := ctx.restToRemove(c, why)
			if err != nil {
				return nil, err
			}
			out = append(rest, out...)
			first, last := ctx.belongingsToRemove(c, list[0].Removal, out)
			before, server = append(before, first...), append(server, last...)
			for _, w := range append(slices.Clone(first), last...) {
				because[Label(w.Name, w.Instance)] = why
			}
		}
	}
	if err := ctx.stillNeededOnSite(c, out); err != nil {
		return nil, err
	}
	servers, err := ResolveRemove(c, append(slices.Clone(before), server...), ctx.Installed, ctx.Facts.Found)
	if err != nil {
		return nil, err
	}
	if err := ctx.stillNeededBySites(c, servers, out); err != nil {
		return nil, err
	}
	for i, s := range servers {
		servers[i].Because = because[s.Label()]
	}
	goesFirst := func(r Resolved) bool {
		return slices.ContainsFunc(before, func(w Want) bool { return w.Name == r.Package.Name() && w.Instance == r.Instance })
	}
	first := slices.DeleteFunc(slices.Clone(servers), func(r Resolved) bool { return !goesFirst(r) })
	last := slices.DeleteFunc(servers, goesFirst)
	return slices.Concat(first, ctx.dependentsFirst(c, out), last), nil
}

// toRemove returns the packages of the site that a want names, each once.
func (c SiteContext) toRemove(pkg SitePackage, w Want, because string) ([]Resolved, error) {
	removal, err := CompleteRemoval(pkg, w.Removal)
	if err != nil {
		return nil, err
	}
	var out []Resolved
	for _, p := range slices.Backward(c.SiteInstalled) {
		if p.Name != w.Name || w.Instance != "" && p.Instance != w.Instance || index(out, c.Site.Domain, p.Name, p.Instance) >= 0 {
			continue
		}
		out = append(out, Resolved{Package: pkg, Site: c.Site.Domain, Instance: p.Instance, Values: p.Configuration, Removal: removal, Because: because})
	}
	// What failed before it was recorded is taken away too.
	if _, ok := pkg.(SiteMaker); ok && len(out) == 0 {
		values, err := Complete(pkg, Values{DomainOption: c.Site.Domain})
		if err != nil {
			return nil, err
		}
		out = append(out, Resolved{Package: pkg, Site: c.Site.Domain, Values: values, Removal: removal, Because: because})
	}
	return out, nil
}

// restToRemove returns all that is recorded of the site but its maker.
func (c SiteContext) restToRemove(catalog Catalog, because string) (out []Resolved, err error) {
	for _, name := range catalog.SiteNames() {
		pkg, _ := catalog.Site(name)
		if _, ok := pkg.(SiteMaker); ok {
			continue
		}
		list, err := c.toRemove(pkg, Want{Name: name}, because)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// stillNeededOnSite refuses to remove what other packages of the site need.
func (c SiteContext) stillNeededOnSite(catalog Catalog, removed []Resolved) error {
	for _, p := range c.SiteInstalled {
		pkg, ok := catalog.Site(p.Name)
		if !ok || index(removed, c.Site.Domain, p.Name, p.Instance) >= 0 {
			continue
		}
		for _, w := range siteRequirements(pkg, c, p.Configuration) {
			if slices.ContainsFunc(removed, func(r Resolved) bool { return r.Package.Name() == w.Name }) {
				return &RefusedError{fmt.Sprintf("%s is still needed by %s: remove that first, or with it", w.Name, Label(p.Name, p.Instance))}
			}
		}
	}
	return nil
}

// stillNeededBySites refuses to remove packages of the server that sites need.
func (c SiteContext) stillNeededBySites(catalog Catalog, removed, ofSite []Resolved) error {
	sites := c.Neighbours
	if c.Site.Domain != "" {
		sites = append(slices.Clone(sites), SiteRecord{c.Site, c.SiteInstalled})
	}
	for _, site := range sites {
		ctx := c
		ctx.Site, ctx.SiteInstalled = site.Site, site.Packages
		for _, p := range site.Packages {
			pkg, ok := catalog.Site(p.Name)
			if !ok || index(ofSite, site.Domain, p.Name, p.Instance) >= 0 {
				continue
			}
			for _, w := range siteRequirements(pkg, ctx, p.Configuration) {
				if c.isTaken(catalog, w, removed) {
					return &RefusedError{fmt.Sprintf("%s is still needed by the site %s: remove that first", w.Name, site.Domain)}
				}
			}
		}
	}
	return nil
}

// isTaken reports whether nothing that a want is content with is left.
func (c SiteContext) isTaken(catalog Catalog, w Want, removed []Resolved) bool {
	instance, chosen := instanceOf(catalog, w)
	taken, left := false, false
	for _, p := range c.Installed {
		if p.Name != w.Name || chosen && p.Instance != instance {
			continue
		}
		if index(removed, "", p.Name, p.Instance) >= 0 {
			taken = true
		} else {
			left = true
		}
	}
	return taken && !left
}

// dependentsFirst orders packages of the site so that each comes before those that
// it requires.
func (c SiteContext) dependentsFirst(catalog Catalog, list []Resolved) []Resolved {
	return sortDependentsFirst(list, func(r Resolved, name Name) bool {
		pkg, ok := catalog.Site(r.Package.Name())
		return ok && slices.ContainsFunc(siteRequirements(pkg, c, r.Values), func(w Want) bool { return w.Name == name })
	})
}
