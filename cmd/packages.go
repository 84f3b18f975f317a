package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"brokeforge/packages"
)

func (a *app) packagesCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "packages",
		Short: "List what can be installed, with its options",
		Args:  exactly(),
		RunE: func(*cobra.Command, []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			list := catalogOf(c)
			if a.json {
				return a.printJSON(append(list, stacksOf(c)...))
			}
			return a.printCatalog(list, stacksOf(c))
		},
	}
}

// packageView is a package of the catalog, as JSON shows it.
type packageView struct {
	Name      string       `json:"name"`
	Category  string       `json:"category"`
	Title     string       `json:"title"`
	Summary   string       `json:"summary"`
	Requires  []string     `json:"requires"`
	Conflicts []string     `json:"conflicts"`
	Many      bool         `json:"many"` // a server may have several
	Options   []optionView `json:"options"`
	Removal   []optionView `json:"remove_options"` // what may be chosen when it is removed
}

type optionView struct {
	Name     string   `json:"name"`
	Label    string   `json:"label"`
	Help     string   `json:"help"`
	Kind     string   `json:"kind"`
	Default  string   `json:"default"`
	Required bool     `json:"required"`
	Choices  []string `json:"choices"`
	Min      *int     `json:"min,omitempty"`
	Max      *int     `json:"max,omitempty"`
	Made     bool     `json:"made,omitempty"` // of a secret: one is made where none is given
}

func catalogOf(c packages.Catalog) []packageView {
	list := []packageView{}
	for _, name := range append(slices.Clone(c.Names()), c.SiteNames()...) {
		p, ok := packages.Find(c, name)
		if !ok {
			continue
		}
		d := p.Describe()
		view := packageView{
			Name: string(name), Category: string(p.Type()), Title: d.Title, Summary: d.Summary,
			Requires: namesOf(d.Requires), Conflicts: namesOf(d.Conflicts),
			Many: d.Instance != nil, Options: []optionView{}, Removal: []optionView{},
		}
		for _, o := range d.RemoveOptions {
			view.Removal = append(view.Removal, viewOption(o))
		}
		for _, o := range d.Options {
			view.Options = append(view.Options, viewOption(o))
		}
		list = append(list, view)
	}
	return list
}

func namesOf(names []packages.Name) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = string(n)
	}
	return out
}

func viewOption(o packages.Option) optionView {
	v := optionView{
		Name: o.Name, Label: o.Label, Help: o.Help, Kind: o.Kind.String(),
		Default: o.Default, Required: o.Required, Choices: append([]string{}, o.Choices...),
		Made: o.Generate.Length > 0,
	}
	if o.Min != 0 || o.Max != 0 {
		v.Min, v.Max = &o.Min, &o.Max
	}
	return v
}

// stacksOf shows stacks as packages of a category of their own, which require those
// that they stand for.
func stacksOf(c packages.Catalog) []packageView {
	list := []packageView{}
	for _, s := range packages.StacksOf(c) {
		view := packageView{
			Name: string(s.Name), Category: "stack", Title: string(s.Name), Summary: s.Summary,
			Requires: []string{}, Conflicts: []string{}, Options: []optionView{}, Removal: []optionView{},
		}
		for _, w := range s.Packages {
			view.Requires = append(view.Requires, string(w.Name))
		}
		list = append(list, view)
	}
	return list
}

func (a *app) printCatalog(list, stacks []packageView) error {
	t := a.table("NAME", "CATEGORY", "WHAT IT IS")
	for _, p := range append(slices.Clone(list), stacks...) {
		t.row(p.Name, p.Category, p.Summary)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintln(a.Stdout)
	t = a.table("OPTION", "WHAT IT IS")
	for _, p := range list {
		for _, o := range p.Options {
			t.row(p.Name+"."+o.Name, o.Help)
			t.more(o.values() + o.shownDefault())
		}
		for _, o := range p.Removal {
			t.row(p.Name+"."+o.Name, "when it is removed: "+o.Help)
			t.more(o.values() + o.shownDefault())
		}
	}
	return t.flush()
}

// values says in short what an option takes.
func (o optionView) values() string {
	switch {
	case o.Kind == packages.Several.String():
		return "several of " + strings.Join(o.Choices, ",")
	case len(o.Choices) > 0:
		return strings.Join(o.Choices, "|")
	case o.Min != nil:
		return fmt.Sprintf("%d to %d", *o.Min, *o.Max)
	}
	return o.Kind
}

// shownDefault says what holds where no value is given.
func (o optionView) shownDefault() string {
	switch {
	case o.Default != "":
		return "; default " + o.Default
	case o.Made:
		return "; made where none is given"
	case o.Required:
		return "; must be given"
	}
	return ""
}
