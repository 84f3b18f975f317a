package packages

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/store"
)

// Catalog finds packages by name.
type Catalog interface {
	// Server returns the server package of that name.
	Server(Name) (ServerPackage, bool)
	// Names returns the names of all server packages in the order in which
	// people see them.
	Names() []Name
	// Site returns the package of a site of that name.
	Site(Name) (SitePackage, bool)
	// SiteNames returns the names of all packages of sites in the order in which
	// people see them. None is the name of a server package.
	SiteNames() []Name
}

// Want is a package that somebody chose.
type Want struct {
	Name     Name   `json:"name"`
	Instance string `json:"instance,omitempty"` // which one to remove, of several
	Values   Values `json:"values,omitempty"`   // only what was chosen; the rest is as recorded, or the default
	Removal  Values `json:"removal,omitempty"`  // of the options of removing, only what was chosen

	// ForSite says that a package of the server which a package of a site needs
	// belongs to that site alone and is removed with it, such as its database.
	ForSite bool `json:"-"`
}

// Parse reads the form that Label writes: a name, or a name, "@" and an
// instance.
func Parse(s string) Want {
	name, instance, _ := strings.Cut(s, "@")
	return Want{Name: Name(name), Instance: instance}
}

// Resolved is a package with all that its commands are made from.
type Resolved struct {
	Package  Package // a ServerPackage or a SitePackage
	Site     string  // the domain of the site that it belongs to; empty for a server's package
	Instance string
	Values   Values  // with references in the place of secrets
	Secrets  Secrets // the values that were given or made now
	Removal  Values  // the options of removing
	Because  string  // why, if nobody chose it

	forSite string // the domain of the site that a server's package goes with
}

// Label names the package for people, with its site and instance.
func (r Resolved) Label() string { return SiteLabel(r.Site, r.Package.Name(), r.Instance) }

// Secret names the secret of an option of the package.
func (r Resolved) Secret(option string) SecretName { return secretOf(r.Label(), option) }

// UnknownError says that the catalog has no package of that name.
type UnknownError struct {
	Name  Name
	Known []Name
}

// Error names the package and those that there are.
func (e *UnknownError) Error() string {
	known := make([]string, len(e.Known))
	for i, n := range e.Known {
		known[i] = string(n)
	}
	return fmt.Sprintf("there is no package %q; there are: %s", e.Name, strings.Join(known, ", "))
}

// RefusedError says why a choice of packages can't be carried out on a server.
type RefusedError struct{ Reason string }

// Error returns the reason.
func (e *RefusedError) Error() string { return e.Reason }

// ResolveInstall puts the wanted packages into the order in which they are to
// be installed, after those that they require and that are not on the server.
// It returns an *UnknownError, *OptionError or *RefusedError.
func ResolveInstall(c Catalog, wants []Want, installed []store.ServerPackage, found map[Name]Presence) ([]Resolved, error) {
	return ResolveSiteInstall(c, wants, SiteContext{Context: Context{Installed: installed, Facts: Facts{Found: found}}})
}

type resolver struct {
	catalog   Catalog
	installed []store.ServerPackage
	found     map[Name]Presence
	wants     []Want
	out       []Resolved
	site      SiteContext // of the site whose packages may be wanted
}

// add resolves one package after what it requires. path holds the packages
// that led to it, to refuse a cycle.
func (r *resolver) add(w Want, because string, path []Name) error {
	if slices.Contains(path, w.Name) {
		return fmt.Errorf("packages require each other: %s", joinNames(append(path, w.Name), " → "))
	}
	if pkg, ok := r.catalog.Site(w.Name); ok {
		return r.addSite(pkg, w, because, path)
	}
	pkg, ok := r.catalog.Server(w.Name)
	if !ok {
		return &UnknownError{w.Name, r.catalog.Names()}
	}
	description := pkg.Describe()
	if description.Instance == nil && w.Instance != "" {
		return onlyOne(w)
	}
	if err := refuseReferences(pkg, w.Values); err != nil {
		return err
	}
	values, err := r.complete(pkg, w)
	if err != nil {
		return err
	}
	for _, required := range requirements(pkg, values) {
		if err := r.require(Want{Name: required}, w.Name, append(path, w.Name)); err != nil {
			return err
		}
	}
	resolved := Resolved{Package: pkg, Because: because}
	if w.ForSite {
		resolved.forSite = r.site.Site.Domain
	}
	return r.put(resolved, values)
}

// put adds a package with its values behind what it requires, once.
func (r *resolver) put(resolved Resolved, values Values) error {
	description := resolved.Package.Describe()
	if description.Instance != nil {
		resolved.Instance = description.Instance(values)
	}
	resolved.Values, resolved.Secrets = seal(resolved.Package, resolved.Label(), values)
	if i := index(r.out, resolved.Site, resolved.Package.Name(), resolved.Instance); i >= 0 {
		if resolved.Because == "" && !maps.Equal(r.out[i].Values, resolved.Values) {
			return &RefusedError{fmt.Sprintf("%s is chosen twice, with different options", resolved.Label())}
		}
		return nil
	}
	r.out = append(r.out, resolved)
	return nil
}

// require adds a required package unless it is there already: as somebody
// chose it, if so, else with what the want chooses, or default options.
func (r *resolver) require(required Want, by Name, path []Name) error {
	name := required.Name
	instance, chosen := instanceOf(r.catalog, required)
	if i := slices.IndexFunc(r.wants, func(w Want) bool { return r.meets(w, name, instance, chosen) }); i >= 0 {
		return r.add(r.wants[i], "", path)
	}
	fits := func(recorded Name, of string) bool { return recorded == name && (!chosen || of == instance) }
	if slices.ContainsFunc(r.out, func(o Resolved) bool { return fits(o.Package.Name(), o.Instance) }) {
		return nil // on its way already, for something else that needs it
	}
	because := fmt.Sprintf("needed by %s", by)
	if _, ok := r.catalog.Site(name); ok {
		if slices.ContainsFunc(r.site.SiteInstalled, func(p store.SitePackage) bool { return fits(p.Name, p.Instance) }) {
			return nil
		}
		return r.add(required, because, path)
	}
	recorded := slices.ContainsFunc(r.installed, func(p store.ServerPackage) bool { return fits(p.Name, p.Instance) })
	presence, probed := r.found[Name(Label(name, instance))]
	if recorded {
		if !probed || presence.State == Present {
			return nil
		}
		because = fmt.Sprintf("needed by %s; recorded, but %s on the server", by, presence.State)
	}
	return r.add(required, because, path)
}

// meets reports whether a wanted package is the one that is required.
func (r *resolver) meets(w Want, name Name, instance string, chosen bool) bool {
	if w.Name != name {
		return false
	}
	of, _ := instanceOf(r.catalog, w)
	return !chosen || of == instance
}

// recordedValues returns what was chosen now over what was chosen when the
// package, or the instance of it that is chosen, was installed, as far as it
// still has those options.
func (r *resolver) recordedValues(pkg ServerPackage, chosen Values) Values {
	for _, record := range r.installed {
		if record.Name == pkg.Name() && isInstance(pkg, record, chosen) {
			return over(pkg, record, chosen, func(Option) bool { return true })
		}
	}
	return chosen
}

// isInstance reports whether a record is of what is chosen: with its secrets,
// which a person need not give again, the choice must be complete.
func isInstance(pkg Package, record store.ServerPackage, chosen Values) bool {
	of := pkg.Describe().Instance
	if of == nil {
		return true
	}
	values, err := Complete(pkg, over(pkg, record, chosen, func(o Option) bool { return o.Kind == Secret }))
	return err == nil && of(values) == record.Instance
}

// over returns what was chosen over what is recorded of some options.
func over(pkg Package, record store.ServerPackage, chosen Values, of func(Option) bool) Values {
	out := Values{}
	for _, o := range pkg.Describe().Options {
		if v, ok := record.Configuration[o.Name]; ok && of(o) {
			out[o.Name] = v
		}
	}
	copyChosen(out, chosen, pkg)
	return out
}

// copyChosen copies what was chosen over what is recorded. A secret that is left
// empty keeps its recorded value.
func copyChosen(out, chosen Values, pkg Package) {
	for name, value := range chosen {
		if value != "" || out[name] == "" || !isSecret(pkg, name) {
			out[name] = value
		}
	}
}

func isSecret(pkg Package, option string) bool {
	return slices.ContainsFunc(pkg.Describe().Options, func(o Option) bool { return o.Name == option && o.Kind == Secret })
}

// refuseReferences refuses a reference to a secret among what a person chose.
func refuseReferences(pkg Package, chosen Values) error {
	for _, name := range slices.Sorted(maps.Keys(chosen)) {
		if HasSecrets(chosen[name]) {
			return &OptionError{pkg.Name(), name, "", fmt.Sprintf("may not hold %q, which stands for secrets in plans", secretMark)}
		}
	}
	return nil
}

// index finds a package; site is empty for a server's.
func index(list []Resolved, site string, name Name, instance string) int {
	return slices.IndexFunc(list, func(have Resolved) bool {
		return have.Site == site && have.Package.Name() == name && have.Instance == instance
	})
}

func (r *resolver) conflicts() error {
	there := func(name Name) string {
		switch {
		case slices.ContainsFunc(r.out, func(o Resolved) bool { return o.Package.Name() == name }):
			return "is chosen too"
		case slices.ContainsFunc(r.installed, func(p store.ServerPackage) bool { return p.Name == name }):
			return "is installed"
		case r.found[name].State == Present:
			return "is on the server, though not installed by BrokeForge"
		case slices.ContainsFunc(r.site.SiteInstalled, func(p store.SitePackage) bool { return p.Name == name }):
			return "is on the site"
		}
		return ""
	}
	for _, o := range r.out {
		for _, other := range o.Package.Describe().Conflicts {
			if how := there(other); how != "" {
				return &RefusedError{fmt.Sprintf("%s can't be installed beside %s, which %s", o.Package.Name(), other, how)}
			}
		}
	}
	return nil
}

// ResolveRemove puts the wanted packages into the order in which they are to
// be removed: each before those that it requires. What is not recorded is left
// out. It returns an *UnknownError, or a *RefusedError where another recorded
// package still needs one of them.
func ResolveRemove(c Catalog, wants []Want, installed []store.ServerPackage, found map[Name]Presence) ([]Resolved, error) {
	var out []Resolved
	for _, w := range wants {
		pkg, ok := c.Server(w.Name)
		if !ok {
			return nil, &UnknownError{w.Name, c.Names()}
		}
		records, err := recordsToRemove(pkg, w, installed)
		if err != nil {
			return nil, err
		}
		if label := Label(w.Name, w.Instance); len(records) == 0 && found[Name(label)].State == Present {
			return nil, &RefusedError{fmt.Sprintf("%s is on the server, but was not installed by BrokeForge, so it is not removed; install it first to take it over", label)}
		}
		removal, err := CompleteRemoval(pkg, w.Removal)
		if err != nil {
			return nil, err
		}
		for _, record := range records {
			if index(out, "", record.Name, record.Instance) >= 0 {
				continue
			}
			out = append(out, Resolved{Package: pkg, Instance: record.Instance, Values: record.Configuration, Removal: removal})
		}
	}
	if err := stillNeeded(c, out, installed); err != nil {
		return nil, err
	}
	return dependentsFirst(out), nil
}

// recordsToRemove returns the records that a want names: the instance named or
// chosen by values, or the only one.
func recordsToRemove(pkg ServerPackage, w Want, installed []store.ServerPackage) ([]store.ServerPackage, error) {
	var records []store.ServerPackage
	var instances []string
	for _, p := range installed {
		if p.Name == w.Name {
			records, instances = append(records, p), append(instances, p.Instance)
		}
	}
	description := pkg.Describe()
	instance := w.Instance
	switch {
	case description.Instance == nil && instance != "":
		return nil, onlyOne(w)
	case description.Instance == nil:
		return records, nil
	case instance == "" && len(w.Values) > 0:
		values, err := Complete(pkg, w.Values)
		if err != nil {
			return nil, err
		}
		instance = description.Instance(values)
	case instance == "" && len(records) > 0 && !slices.Contains(instances, ""):
		return nil, &RefusedError{fmt.Sprintf("which %s? say %s@INSTANCE; there are: %s", w.Name, w.Name, strings.Join(instances, ", "))}
	}
	return slices.DeleteFunc(records, func(p store.ServerPackage) bool { return p.Instance != instance }), nil
}

func onlyOne(w Want) error {
	return &RefusedError{fmt.Sprintf("there is only one %s on a server: leave %q away", w.Name, "@"+w.Instance)}
}

func stillNeeded(c Catalog, removed []Resolved, installed []store.ServerPackage) error {
	for _, r := range removed {
		name := r.Package.Name()
		another := func(p store.ServerPackage) bool { return p.Name == name && index(removed, "", name, p.Instance) < 0 }
		if slices.ContainsFunc(installed, another) {
			continue
		}
		var by []string
		for _, p := range installed {
			pkg, ok := c.Server(p.Name)
			if ok && index(removed, "", p.Name, p.Instance) < 0 && slices.Contains(requirements(pkg, p.Configuration), name) {
				by = append(by, Label(p.Name, p.Instance))
			}
		}
		if len(by) > 0 {
			return &RefusedError{fmt.Sprintf("%s is still needed by %s: remove that first, or with it", name, strings.Join(by, ", "))}
		}
	}
	return nil
}

// dependentsFirst orders packages so that each comes before those it requires.
func dependentsFirst(list []Resolved) []Resolved {
	return sortDependentsFirst(list, func(r Resolved, name Name) bool {
		return slices.Contains(requirements(r.Package, r.Values), name)
	})
}

// sortDependentsFirst orders packages so that each comes before those that it needs.
func sortDependentsFirst(list []Resolved, needs func(Resolved, Name) bool) []Resolved {
	var out []Resolved
	rest := slices.Clone(list)
	for len(rest) > 0 {
		i := slices.IndexFunc(rest, func(r Resolved) bool {
			return !slices.ContainsFunc(rest, func(other Resolved) bool { return needs(other, r.Package.Name()) })
		})
		// A cycle can't be: the catalog's test refuses it.
		i = max(i, 0)
		out = append(out, rest[i])
		rest = slices.Delete(rest, i, i+1)
	}
	return out
}

func joinNames(names []Name, sep string) string {
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = string(n)
	}
	return strings.Join(parts, sep)
}
