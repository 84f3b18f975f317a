package packages

import (
	"slices"

	"brokeforge/store"
)

// Name is a product that can be installed.
type Name = store.PackageName

// Type is the category of a package.
type Type = store.PackageType

// Version is the version of an installed package.
type Version = store.PackageVersion

// The categories of packages, in the order in which people see them.
const (
	System    Type = "system"
	Firewall  Type = "firewall"
	WebServer Type = "webserver"
	Runtime   Type = "runtime"
	Database  Type = "database"
	SiteType  Type = "site"
)

// Types lists the categories in the order in which people see them.
func Types() []Type {
	return []Type{System, Firewall, WebServer, Runtime, Database, SiteType}
}

// Base is the package that prepares a server. Every other one requires it.
const Base Name = "base"

// A Package is something that can be put on a server or a site and taken away
// again.
type Package interface {
	// Name is the product's name, unique in the catalog.
	Name() Name
	// Type is its category.
	Type() Type
	// Credential says as whom its commands run unless one says otherwise.
	Credential() Credential
	// Describe tells what people and the resolver need to know of it.
	Describe() Description
}

// Description tells what people and the resolver need to know of a package.
type Description struct {
	Title     string   // as its makers write it, such as "PHP"
	Summary   string   // one line on what it is for
	Options   []Option // what may be chosen, in the order of the form
	Requires  []Name   // packages that must be installed before it
	Conflicts []Name   // packages that can't be installed beside it

	// Does is what a run is said to do that installs it, such as "roll back", for
	// a package that is done rather than installed. Empty means that it installs
	// the package.
	Does string

	// RemoveOptions is what may be chosen when it is removed. By their defaults
	// data and settings of people stay.
	RemoveOptions []Option

	// Instance is set for a package of which a server may have several, such
	// as firewall rules: it names the one that the values choose. The name
	// has no spaces and is the same for the same choice; one of them may have
	// none, which people name by the package alone. It is nil for a package
	// of which there is one.
	Instance func(Values) string
}

// A ServerPackage works on a whole server.
type ServerPackage interface {
	Package
	// Probe is a POSIX sh script that tells whether the package is on the
	// server, changing nothing. It exits with 0 where the package is there
	// and works, with 1 where it is not there, and with 2 where it is there
	// in part or doesn't work; its first line of output is the version or,
	// with 2, what is wrong. An empty script is never run: presence is then
	// known from the records alone. Of a package of which a server may have
	// several that is told of them as a whole, or of the one without a name;
	// further lines tell of the others: "@", the instance, the status as
	// above, and the version or what is wrong, with spaces between them.
	Probe() string
	// Install returns the commands that install the package.
	Install(Context) ([]Command, error)
	// Remove returns the commands that remove it. The context's Values are
	// those that it was installed with.
	Remove(Context) ([]Command, error)
}

// A Chooser is a package that needs other packages by what is chosen, besides
// those that its description requires.
type Chooser interface {
	// Needs returns the packages that must be installed before it.
	Needs(Values) []Name
}

// requirements returns the packages that must be installed before one that has
// these values.
func requirements(p Package, values Values) []Name {
	list := p.Describe().Requires
	if chooser, ok := p.(Chooser); ok {
		list = append(slices.Clone(list), chooser.Needs(values)...)
	}
	return list
}

// A SitePackage works on one site of a server.
type SitePackage interface {
	Package
	// Install returns the commands that install the package on the site.
	Install(SiteContext) ([]Command, error)
	// Remove returns the commands that remove it from the site.
	Remove(SiteContext) ([]Command, error)
}

// Context is all that the commands of a server's package are made from.
type Context struct {
	Server    store.Server
	Facts     Facts
	Values    Values                // the chosen options, with defaults filled in
	Removal   Values                // the chosen options of removing, with defaults filled in
	Instance  string                // which of several; empty where there is one
	Installed []store.ServerPackage // what is recorded on the server
}

// Installs returns the record of the named package, and whether there is one.
// Of a package with several instances it returns the first.
func (c Context) Installs(name Name) (store.ServerPackage, bool) {
	for _, p := range c.Installed {
		if p.Name == name {
			return p, true
		}
	}
	return store.ServerPackage{}, false
}
