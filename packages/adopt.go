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

// An Adopter reads more of a package that is on a server already than that it is
// there and in which version.
type Adopter interface {
	ServerPackage
	// Adopt returns what is recorded beside the values, which are the defaults
	// unless others were given. The context's Facts tell what the probe found.
	Adopt(Context) (map[string]string, error)
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
		if err := adoptable(pkg, ctx); err != nil {
			return Plan{}, err
		}
		part, err := adopt(pkg, w, ctx)
		if err != nil {
			return Plan{}, err
		}
		plan.Parts = append(plan.Parts, part)
	}
	return plan, nil
}

func adoptable(pkg ServerPackage, ctx Context) error {
	name := pkg.Name()
	found := ctx.Facts.Found[name]
	_, recorded := ctx.Installs(name)
	switch {
	case pkg.Probe() == "" || pkg.Describe().Instance != nil:
		return &RefusedError{fmt.Sprintf("%s can't be adopted: nobody can tell what of it is there", name)}
	case recorded:
		return &RefusedError{fmt.Sprintf("%s is managed by BrokeForge already", name)}
	case found.State == Partial:
		return &RefusedError{fmt.Sprintf("%s is on the server in part or does not work: %s; mend it, or install it over", name, found.Detail)}
	case found.State != Present:
		return &RefusedError{fmt.Sprintf("%s is not on the server", name)}
	}
	return nil
}

func adopt(pkg ServerPackage, w Want, ctx Context) (Part, error) {
	values, err := Complete(pkg, w.Values)
	if err != nil {
		return Part{}, err
	}
	configuration := map[string]string{AdoptedKey: "yes"}
	ctx.Values, _ = Seal(pkg, "", values)
	if adopter, ok := pkg.(Adopter); ok {
		more, err := adopter.Adopt(ctx)
		if err != nil {
			return Part{}, fmt.Errorf("adopt %s: %w", pkg.Name(), err)
		}
		maps.Copy(configuration, more)
	}
	return Part{
		Package: pkg.Name(), Type: pkg.Type(), Credential: Root(), Values: recordable(pkg, ctx.Values),
		Commands: Commands{
			Track{Name: "adopt", Label: "Adopting " + string(pkg.Name()) + " as it is"},
			// The probe prints the version, and fails where nothing is there.
			Persist{Version: pkg.Probe(), Configuration: configuration},
		},
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
