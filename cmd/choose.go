package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
)

// wants reads the packages of a command line and the values that --set gives
// them, and checks what can be checked without any server. The values of secrets
// are read by secret.
func wants(c packages.Catalog, action store.Action, args, set []string, secret secretReader) ([]packages.Want, error) {
	var list []packages.Want
	var stacks []packages.Stack
	for _, arg := range args {
		w := packages.Parse(arg)
		if s, ok := packages.FindStack(c, packages.Name(arg)); ok {
			if action != store.Install {
				return nil, fmt.Errorf("%s is a set of packages: name those of it that are meant: %s", arg, stackLine(s))
			}
			stacks = append(stacks, s)
			continue
		}
		p, ok := c.Server(w.Name)
		if !ok {
			return nil, &packages.UnknownError{Name: w.Name, Known: names(c)}
		}
		if w.Instance == "" && strings.Contains(arg, "@") {
			return nil, fmt.Errorf("%q names no instance after the @", arg)
		}
		if w.Instance != "" && action == store.Install {
			return nil, fmt.Errorf("%q: to install, say which %s with --set %[2]s.OPTION=VALUE", arg, w.Name)
		}
		if w.Instance != "" && p.Describe().Instance == nil {
			return nil, fmt.Errorf("%q: there is only one %s on a server: leave %q away", arg, w.Name, "@"+w.Instance)
		}
		if slices.ContainsFunc(list, func(o packages.Want) bool { return o.Name == w.Name && o.Instance == w.Instance }) {
			return nil, givenTwice(arg, p)
		}
		list = append(list, w)
	}
	for _, s := range stacks {
		list = s.Spread(list)
	}
	return list, setValues(c, list, set, secret)
}

// names lists packages and stacks.
func names(c packages.Catalog) []packages.Name {
	list := c.Names()
	for _, s := range packages.StacksOf(c) {
		list = append(list, s.Name)
	}
	return list
}

// stackLine names the packages of a stack with their options, as the command line
// takes them.
func stackLine(s packages.Stack) string {
	var words []string
	for _, w := range s.Packages {
		words = append(words, string(w.Name))
	}
	return strings.Join(words, " ")
}

func givenTwice(arg string, p packages.ServerPackage) error {
	if p.Describe().Instance != nil {
		return fmt.Errorf("%s is given twice; --set belongs to a package by its name, so install each %s with a call of its own", arg, p.Name())
	}
	return fmt.Errorf("%s is given twice", arg)
}

// setValues puts the values of --set into the wants that they belong to.
func setValues(c packages.Catalog, list []packages.Want, set []string, secret secretReader) error {
	given := map[string]bool{}
	for _, s := range set {
		key, value, ok := strings.Cut(s, "=")
		name, option, ok2 := strings.Cut(key, ".")
		if !ok || !ok2 || name == "" || option == "" {
			return fmt.Errorf("--set %q is not in the form PACKAGE.OPTION=VALUE", key)
		}
		i := slices.IndexFunc(list, func(w packages.Want) bool { return string(w.Name) == name })
		if i < 0 {
			return fmt.Errorf("--set %q: %s is not among the packages of this call", key, name)
		}
		if list[i].Values == nil {
			list[i].Values = packages.Values{}
		}
		if given[key] {
			return fmt.Errorf("--set gives %s.%s twice", name, option)
		}
		given[key] = true
		if isSecret(c, list[i].Name, option) {
			var err error
			if value, err = secret(key, value); err != nil {
				return err
			}
		}
		list[i].Values[option] = value
	}
	for _, w := range list {
		p, _ := packages.Find(c, w.Name)
		if err := checkValues(p, w.Values); err != nil {
			return err
		}
	}
	return nil
}

func isSecret(c packages.Catalog, name packages.Name, option string) bool {
	p, ok := packages.Find(c, name)
	return ok && slices.ContainsFunc(p.Describe().Options, func(o packages.Option) bool {
		return o.Name == option && o.Kind == packages.Secret
	})
}

// checkValues refuses values that no server could make right. What is not
// given may be recorded on a server, so it is not missed here.
func checkValues(p packages.Package, values packages.Values) error {
	options := p.Describe().Options
	for _, name := range slices.Sorted(maps.Keys(values)) {
		i := slices.IndexFunc(options, func(o packages.Option) bool { return o.Name == name })
		if i < 0 {
			return &packages.OptionError{Package: p.Name(), Option: name, Reason: noSuchOption(options)}
		}
		if options[i].Kind == packages.Secret && values[name] == "" {
			continue // keeps the one that is recorded
		}
		if _, err := options[i].Accept(values[name]); err != nil {
			refused := &packages.OptionError{Package: p.Name(), Option: name, Reason: err.Error()}
			if options[i].Kind != packages.Secret {
				refused.Value = values[name]
			}
			return refused
		}
	}
	return nil
}

func noSuchOption(options []packages.Option) string {
	if len(options) == 0 {
		return "there is no such option; this package has none"
	}
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return "there is no such option; there are: " + strings.Join(names, ", ")
}
