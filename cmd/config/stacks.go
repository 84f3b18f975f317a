package config

import (
	"fmt"
	"strings"

	"brokeforge/packages"
)

// Stack is a set of packages that the operator chooses by one name.
type Stack struct {
	Name     string   `toml:"name"`
	Summary  string   `toml:"summary"`
	Packages []string `toml:"packages"`
	// Options are values by PACKAGE.OPTION, as --set takes them.
	Options map[string]string `toml:"options"`
}

// Stacks returns the stacks of the settings. What a catalog refuses of them is not
// known here.
func (c Config) stacks() ([]packages.Stack, error) {
	var list []packages.Stack
	for _, s := range c.Stacks {
		stack := packages.Stack{Name: packages.Name(s.Name), Summary: s.Summary}
		for _, name := range s.Packages {
			stack.Packages = append(stack.Packages, packages.Want{Name: packages.Name(name)})
		}
		for key, value := range s.Options {
			if err := setOption(stack, key, value); err != nil {
				return nil, fmt.Errorf("the stack %q: %w", s.Name, err)
			}
		}
		if stack.Summary == "" {
			stack.Summary = strings.Join(s.Packages, ", ")
		}
		list = append(list, stack)
	}
	return list, nil
}

func setOption(s packages.Stack, key, value string) error {
	name, option, ok := strings.Cut(key, ".")
	for i, w := range s.Packages {
		if ok && string(w.Name) == name {
			if w.Values == nil {
				s.Packages[i].Values = packages.Values{}
			}
			s.Packages[i].Values[option] = value
			return nil
		}
	}
	return fmt.Errorf("its option %q is not one of its packages, in the form PACKAGE.OPTION", key)
}

// AddStacks returns the catalog with the stacks of the settings. It returns an
// *Error for one that can't be.
func (c Config) AddStacks(to packages.Catalog) (packages.Catalog, error) {
	list, err := c.stacks()
	if err == nil {
		to, err = packages.AddStacks(to, list...)
	}
	if err != nil {
		return nil, &Error{File: c.File, Key: "stacks", Reason: err.Error()}
	}
	return to, nil
}
