package packages

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// A Stack is a set of packages with options that are chosen together by one name.
// Choosing it is the same as choosing each of them.
type Stack struct {
	Name     Name // unlike that of any package
	Summary  string
	Packages []Want
}

// A StackCatalog is a catalog that has stacks too.
type StackCatalog interface {
	// Stacks returns the stacks in the order in which people see them.
	Stacks() []Stack
}

// StacksOf returns the stacks of a catalog, none for one that has no stacks.
func StacksOf(c Catalog) []Stack {
	if s, ok := c.(StackCatalog); ok {
		return s.Stacks()
	}
	return nil
}

// FindStack returns the stack of that name, and whether there is one.
func FindStack(c Catalog, name Name) (Stack, bool) {
	for _, s := range StacksOf(c) {
		if s.Name == name {
			return s, true
		}
	}
	return Stack{}, false
}

// Spread puts the packages of a stack behind those that are wanted already. Of one
// that is wanted already, the options that were given there count.
func (s Stack) Spread(wanted []Want) []Want {
	for _, w := range s.Packages {
		i := slices.IndexFunc(wanted, func(o Want) bool { return o.Name == w.Name })
		if i < 0 {
			wanted = append(wanted, Want{Name: w.Name, Values: maps.Clone(w.Values)})
			continue
		}
		values := maps.Clone(w.Values)
		if values == nil {
			values = Values{}
		}
		maps.Copy(values, wanted[i].Values)
		wanted[i].Values = values
	}
	return wanted
}

// withStacks is a catalog with more stacks than it has by itself.
type withStacks struct {
	Catalog
	own []Stack
}

// Stacks returns those of the catalog, and then the others.
func (c withStacks) Stacks() []Stack { return append(slices.Clone(StacksOf(c.Catalog)), c.own...) }

var stackName = regexp.MustCompile(`^[a-z][a-z0-9-]{0,40}$`)

// AddStacks returns the catalog with more stacks. It returns an error for a name
// that can't be one or is taken, a package that there is not or that a server may
// have several of, and an option that the package refuses.
func AddStacks(c Catalog, own ...Stack) (Catalog, error) {
	out := withStacks{Catalog: c}
	for _, s := range own {
		if err := checkStack(out, s); err != nil {
			return nil, fmt.Errorf("the stack %q: %w", s.Name, err)
		}
		out.own = append(out.own, s)
	}
	return out, nil
}

func checkStack(c Catalog, s Stack) error {
	if !stackName.MatchString(string(s.Name)) {
		return fmt.Errorf("can't be called that: use small letters, digits and dashes")
	}
	if _, taken := c.Server(s.Name); taken {
		return fmt.Errorf("there is a package of that name")
	}
	if _, taken := FindStack(c, s.Name); taken {
		return fmt.Errorf("there is another of that name")
	}
	if len(s.Packages) == 0 {
		return fmt.Errorf("has no packages")
	}
	for i, w := range s.Packages {
		p, ok := c.Server(w.Name)
		switch {
		case !ok:
			return &UnknownError{w.Name, c.Names()}
		case slices.ContainsFunc(s.Packages[:i], func(o Want) bool { return o.Name == w.Name }):
			return fmt.Errorf("names %s twice", w.Name)
		}
		for _, option := range slices.Sorted(maps.Keys(w.Values)) {
			if j := slices.IndexFunc(p.Describe().Options, func(o Option) bool { return o.Name == option }); j >= 0 && p.Describe().Options[j].Kind == Secret {
				return &OptionError{w.Name, option, "", "is a secret, which can't stand in a configuration file"}
			}
		}
		if _, err := Complete(optional{p}, w.Values); err != nil {
			return err
		}
	}
	return nil
}

// optional is a package whose options may all be left away: they are asked for when
// the stack is installed.
type optional struct{ Package }

func (o optional) Describe() Description {
	d := o.Package.Describe()
	d.Options = slices.Clone(d.Options)
	for i := range d.Options {
		d.Options[i].Required = false
	}
	return d
}
