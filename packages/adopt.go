package packages

import (
	"fmt"
	"maps"
	"slices"

	"brokeforge/store"
)

// AdoptedKey is what it is recorded under that a package was on the server before
// BrokeForge, with the value "yes". It stays when the package is installed later.
const AdoptedKey = "adopted"

// An Adopter tells more of a package that is on a server already than that it is
// there and in which version. Of a package of which a server may have several
// only an Adopter can be adopted.
type Adopter interface {
	ServerPackage
	// Adopt returns what is to be seen and recorded. The context's Facts tell
	// what the probe found, its Values what was chosen.
	Adopt(Context) (Adoption, error)
}

// Adoption is what is to be seen and recorded of a package that is on a server
// already.
type Adoption struct {
	// Version is POSIX sh that prints the version, if there is one. It fails, and
	// says why, where what is chosen is not on the server. Empty means the probe.
	Version string
	// Configuration is recorded over the values.
	Configuration map[string]string
	// Notes are values that the server tells.
	Notes []Note
}

// A Namer is an Adopter of which a server may have several.
type Namer interface {
	Adopter
	// Named returns the values that choose the instance of a name, or nil where
	// no values do.
	Named(instance string) Values
}

// A Releaser has something to take back when a package that was adopted is
// removed: what BrokeForge has brought since. Of other packages only the record
// is forgotten.
type Releaser interface {
	ServerPackage
	// Release returns the commands that remove what BrokeForge has brought to a
	// package that was there before, which stays and goes on working.
	Release(Context) ([]Command, error)
}

// BuildAdopt makes the plan that records packages which are on a server though
// BrokeForge has not installed them. It changes nothing there. It returns an
// *UnknownError or *OptionError, or a *RefusedError for a package that is not
// there, doesn't work, or is recorded already.
func BuildAdopt(c Catalog, wants []Want, ctx Context) (Plan, error) {
	plan := Plan{Action: store.Adopt}
	for _, w := range wants {
		pkg, ok := c.Server(w.Name)
		if !ok {
			return Plan{}, &UnknownError{w.Name, c.Names()}
		}
		part, err := adopt(pkg, w, ctx)
		if err != nil {
			return Plan{}, err
		}
		plan.Parts = append(plan.Parts, part)
		ctx = after(store.Adopt, SiteContext{Context: ctx}, part).Context
	}
	return plan, nil
}

// Unmanaged returns the instances of a package that its probe has found and that
// can be adopted, sorted.
func Unmanaged(c Catalog, name Name, ctx Context) []string {
	var list []string
	for _, label := range slices.Sorted(maps.Keys(ctx.Facts.Found)) {
		w := Parse(string(label))
		if w.Name != name || w.Instance == "" {
			continue
		}
		if _, err := BuildAdopt(c, []Want{w}, ctx); err == nil {
			list = append(list, w.Instance)
		}
	}
	return list
}

// meant returns the values that choose what is to be adopted, and which of
// several that is.
func meant(pkg ServerPackage, w Want) (values Values, instance string, err error) {
	of := pkg.Describe().Instance
	if of == nil {
		if w.Instance != "" {
			return nil, "", onlyOne(w)
		}
		values, err = Complete(pkg, w.Values)
		return values, "", err
	}
	namer, ok := pkg.(Namer)
	if !ok {
		return nil, "", &RefusedError{fmt.Sprintf("%s can't be adopted: BrokeForge keeps it in files of its own, so install it with the same options, and take the other away", w.Name)}
	}
	chosen := Values{}
	if w.Instance != "" || len(w.Values) == 0 {
		named := namer.Named(w.Instance)
		if named == nil {
			return nil, "", &RefusedError{fmt.Sprintf("which %s? say %s@INSTANCE, or give its options", w.Name, w.Name)}
		}
		maps.Copy(chosen, named)
	}
	maps.Copy(chosen, w.Values)
	if values, err = Complete(pkg, chosen); err != nil {
		return nil, "", err
	}
	if instance = of(values); w.Instance != "" && instance != w.Instance {
		return nil, "", &RefusedError{fmt.Sprintf("the options choose %s, and not %s", Label(w.Name, instance), Label(w.Name, w.Instance))}
	}
	return values, instance, nil
}

func adoptable(pkg ServerPackage, instance string, ctx Context) error {
	label := Label(pkg.Name(), instance)
	found := ctx.Facts.Found[Name(label)]
	_, recorded := recordOf(ctx.Installed, pkg.Name(), instance)
	probed := pkg.Probe() != ""
	_, adopts := pkg.(Adopter)
	switch {
	case !probed && !adopts:
		return &RefusedError{fmt.Sprintf("%s can't be adopted: nobody can tell what of it is there", label)}
	case recorded:
		return &RefusedError{fmt.Sprintf("%s is managed by BrokeForge already", label)}
	case found.State == Partial:
		return &RefusedError{fmt.Sprintf("%s is on the server in part or does not work: %s; mend it, or install it over", label, found.Detail)}
	case probed && found.State != Present:
		return &RefusedError{fmt.Sprintf("%s is not on the server", label)}
	}
	return nil
}

// adopted returns the commands that record a package as it is.
func adopted(pkg ServerPackage, label string, ctx Context) (Commands, error) {
	var adoption Adoption
	if adopter, ok := pkg.(Adopter); ok {
		var err error
		if adoption, err = adopter.Adopt(ctx); err != nil {
			return nil, fmt.Errorf("adopt %s: %w", label, err)
		}
	}
	commands := Commands{Track{Name: "adopt", Label: "Adopting " + label + " as it is"}}
	if adoption.Version == "" {
		// The probe prints the version, and fails where nothing is there.
		adoption.Version = pkg.Probe()
	}
	configuration := map[string]string{AdoptedKey: "yes"}
	maps.Copy(configuration, adoption.Configuration)
	commands = append(commands, Persist{Version: adoption.Version, Configuration: configuration})
	for _, note := range adoption.Notes {
		commands = append(commands, note)
	}
	return commands, nil
}

func adopt(pkg ServerPackage, w Want, ctx Context) (Part, error) {
	values, instance, err := meant(pkg, w)
	if err != nil {
		return Part{}, err
	}
	if err := adoptable(pkg, instance, ctx); err != nil {
		return Part{}, err
	}
	label := Label(pkg.Name(), instance)
	if pkg.Describe().Instance != nil {
		for _, name := range requirements(pkg, values) {
			if _, ok := ctx.Installs(name); !ok && name != Base {
				return Part{}, &RefusedError{fmt.Sprintf("%s needs %s, which is not managed by BrokeForge: adopt or install that first", label, name)}
			}
		}
	}
	ctx.Instance = instance
	ctx.Values, _ = Seal(pkg, instance, values)
	commands, err := adopted(pkg, label, ctx)
	if err != nil {
		return Part{}, err
	}
	return Part{
		Package: pkg.Name(), Type: pkg.Type(), Instance: instance, Credential: Root(),
		Values: recordable(pkg, ctx.Values), Commands: commands,
	}, nil
}

// recordable are the values without those of secrets, which nobody knows of what
// somebody else has installed.
func recordable(pkg Package, values Values) Values {
	out := maps.Clone(values)
	maps.DeleteFunc(out, func(name, _ string) bool { return isSecret(pkg, name) })
	return out
}

// Adopted reports whether the record is of a package that was on the server
// before BrokeForge.
func Adopted(values map[string]string) bool { return values[AdoptedKey] == "yes" }

// release returns the commands that remove an adopted package: only what
// BrokeForge has brought.
func release(pkg ServerPackage, ctx Context) ([]Command, error) {
	if releaser, ok := pkg.(Releaser); ok {
		return releaser.Release(ctx)
	}
	return []Command{
		Track{Name: "release", Label: "Letting go of " + string(pkg.Name()) + ": it was there before, and stays"},
		Forget{},
	}, nil
}

// keepAdopted has the record of a package that is installed over an adopted one
// say so again.
func keepAdopted(commands []Command, record store.ServerPackage) []Command {
	if !Adopted(record.Configuration) {
		return commands
	}
	return keepRecorded(commands, AdoptedKey, "yes")
}

// keepRecorded has what the commands record hold a value too, unless that is empty.
func keepRecorded(commands []Command, key, value string) []Command {
	if value == "" {
		return commands
	}
	commands = slices.Clone(commands)
	for i, cmd := range commands {
		if persist, ok := cmd.(Persist); ok {
			configuration := map[string]string{key: value}
			maps.Copy(configuration, persist.Configuration)
			persist.Configuration = configuration
			commands[i] = persist
		}
	}
	return commands
}
