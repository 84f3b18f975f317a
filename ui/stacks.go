package ui

import (
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// stackPrefix tells the row of a stack from that of a package of the same name.
const stackPrefix = "stack "

// stack is the stack of a row, and whether the row is one.
func (s *pickScreen) stack(e env, label string) (packages.Stack, bool) {
	name, ok := strings.CutPrefix(label, stackPrefix)
	if !ok {
		return packages.Stack{}, false
	}
	return packages.FindStack(e.engine.Catalog(), packages.Name(name))
}

// stackRows are the stacks, which stand before the packages: one choice marks all
// that they are made of.
func (s *pickScreen) stackRows(e env) []widget.Row {
	if s.action != store.Install {
		return nil
	}
	var rows []widget.Row
	for _, stack := range packages.StacksOf(e.engine.Catalog()) {
		if !matches(s.filter.value(), nil, string(stack.Name), stack.Summary) {
			continue
		}
		box := widget.Of(widget.Dim, "[ ]")
		if s.marked(stack) {
			box = widget.Of(widget.Accent, "[✓]")
		}
		rows = append(rows, widget.Row{ID: stackPrefix + string(stack.Name), Cells: []widget.Line{
			box, widget.Of(widget.Plain, string(stack.Name)), widget.Of(widget.Dim, count(len(stack.Packages), "package")), widget.Of(widget.Dim, stack.Summary),
		}})
	}
	if len(rows) == 0 {
		return nil
	}
	head := widget.Row{ID: "stacks", Head: true, Cells: []widget.Line{widget.Of(widget.Strong, "STACKS")}}
	return append([]widget.Row{head}, rows...)
}

// marked reports whether all packages of a stack are marked.
func (s *pickScreen) marked(stack packages.Stack) bool {
	return !slices.ContainsFunc(stack.Packages, func(w packages.Want) bool { return !slices.Contains(s.marks, string(w.Name)) })
}

// markStack marks all packages of a stack with its options, or unmarks them.
func (s *pickScreen) markStack(stack packages.Stack) {
	all := s.marked(stack)
	for _, w := range stack.Packages {
		label := string(w.Name)
		switch {
		case all:
			s.marks = slices.DeleteFunc(s.marks, func(m string) bool { return m == label })
		case !slices.Contains(s.marks, label):
			s.marks = append(s.marks, label)
		}
		if !all {
			takeStackOptions(s.values, w)
		}
	}
}

// takeStackOptions takes the options of a stack, but for those that were chosen by
// hand.
func takeStackOptions(values map[packages.Name]packages.Values, w packages.Want) {
	if len(w.Values) == 0 {
		return
	}
	chosen := maps.Clone(w.Values)
	maps.Copy(chosen, values[w.Name])
	values[w.Name] = chosen
}
