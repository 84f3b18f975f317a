package packages_test

import (
	"brokeforge/packages"
	"brokeforge/store"
)

// fake is a package that only says what it is told to.
type fake struct {
	name     packages.Name
	describe packages.Description
	probe    string
	install  []packages.Command
	remove   []packages.Command
	err      error
}

func (f fake) Name() packages.Name                                  { return f.name }
func (f fake) Type() packages.Type                                  { return packages.System }
func (f fake) Credential() packages.Credential                      { return packages.Root() }
func (f fake) Describe() packages.Description                       { return f.describe }
func (f fake) Probe() string                                        { return f.probe }
func (f fake) Install(packages.Context) ([]packages.Command, error) { return f.install, f.err }
func (f fake) Remove(packages.Context) ([]packages.Command, error)  { return f.remove, f.err }
func text(name, value string) packages.Option                       { return packages.Option{Name: name, Default: value} }

func record(name packages.Name, instance string) store.ServerPackage {
	return store.ServerPackage{Name: name, Instance: instance}
}

func requires(name packages.Name, required ...packages.Name) fake {
	return fake{name: name, describe: packages.Description{Requires: required}}
}

// shelf is a catalog of what is put on it.
type shelf []fake

func (s shelf) Server(name packages.Name) (packages.ServerPackage, bool) {
	for _, f := range s {
		if f.name == name {
			return f, true
		}
	}
	return nil, false
}

func (s shelf) Names() []packages.Name {
	var names []packages.Name
	for _, f := range s {
		names = append(names, f.name)
	}
	return names
}

func (s shelf) Site(packages.Name) (packages.SitePackage, bool) { return nil, false }
func (s shelf) SiteNames() []packages.Name                      { return nil }

// house is a catalog like the real one: a web server and two others on a base,
// and rules of which there may be many.
func house() shelf {
	web := requires("web", "base")
	web.describe.Options = []packages.Option{text("size", "1m"), {Name: "site", Kind: packages.YesNo, Default: "yes"}}
	web.describe.Conflicts = []packages.Name{"rival"}
	rival := requires("rival", "base")
	rival.describe.Conflicts = []packages.Name{"web"}
	rule := requires("rule", "wall")
	rule.describe.Options = []packages.Option{{Name: "port", Kind: packages.Number, Required: true, Min: 1, Max: 65535}}
	rule.describe.Instance = func(v packages.Values) string { return "port-" + v["port"] }
	return shelf{requires("base"), web, rival, requires("wall", "base"), rule}
}
