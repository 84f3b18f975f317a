package widget

import (
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"
)

// FieldKind is the kind of a form's field.
type FieldKind int

// The kinds of fields.
const (
	TextField        FieldKind = iota
	SecretField                // shown as dots
	ChoiceField                // one of its choices
	SeveralField               // some of its choices, joined by commas
	YesNoField                 // "yes" or "no"
	LinesField                 // several lines
	SecretLinesField           // several lines, of which only the number is shown
)

// Field is a field of a form.
type Field struct {
	Name    string
	Label   string
	Group   string // a heading over the fields that share it
	Help    string
	Kind    FieldKind
	Choices []string
	Value   string
	// Check returns why a value is refused, or nothing. Nil accepts all.
	Check func(string) string
}

type field struct {
	Field
	input   *Input
	area    *Area // of the kinds with several lines
	touched bool
	choice  int    // the choice under the cursor, of several
	refused string // by others than Check, until the value changes
}

// Form is a list of fields, of which one has the focus.
type Form struct {
	fields []*field
	scroll Scroll
	begun  []string
}

// NewForm returns a form of fields.
func NewForm(fields []Field) *Form {
	f := &Form{}
	for _, one := range fields {
		f.fields = append(f.fields, &field{Field: one, input: NewInput(one.Value), area: NewArea(one.Value)})
	}
	for _, one := range f.fields {
		one.input.secret = one.Kind == SecretField
		one.area.secret = one.Kind == SecretLinesField
		f.begun = append(f.begun, one.value())
	}
	return f
}

func (f *field) value() string {
	switch f.Kind {
	case TextField, SecretField:
		return f.input.Value()
	case LinesField, SecretLinesField:
		return f.area.Value()
	}
	return f.Value
}

func (f *field) problem() string {
	if f.refused != "" {
		return f.refused
	}
	if f.Check != nil {
		return f.Check(f.value())
	}
	return ""
}

// Values returns what the fields hold, by name.
func (f *Form) Values() map[string]string {
	out := make(map[string]string, len(f.fields))
	for _, one := range f.fields {
		out[one.Name] = one.value()
	}
	return out
}

// Changed reports whether anything was typed or chosen.
func (f *Form) Changed() bool {
	return slices.ContainsFunc(f.fields, func(one *field) bool {
		return one.value() != f.begun[slices.Index(f.fields, one)]
	})
}

// Valid reports whether every field accepts what it holds. Where not, the
// focus goes to the first that doesn't, and all say why.
func (f *Form) Valid() bool {
	first := -1
	for i, one := range f.fields {
		one.touched = true
		if one.problem() != "" && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		f.scroll.To(first, len(f.fields))
	}
	return first < 0
}

// Refuse marks a field as refused, and puts the focus there. It reports
// whether there is such a field.
func (f *Form) Refuse(name, reason string) bool {
	i := slices.IndexFunc(f.fields, func(one *field) bool { return one.Name == name })
	if i < 0 {
		return false
	}
	f.fields[i].refused, f.fields[i].touched = reason, true
	f.scroll.To(i, len(f.fields))
	return true
}

// OnLast reports whether the last field has the focus.
func (f *Form) OnLast() bool { return f.scroll.Cursor() == len(f.fields)-1 }

// Next moves the focus by some fields.
func (f *Form) Next(by int) {
	f.focused().touched = true
	n := len(f.fields)
	f.scroll.To((f.scroll.Cursor()+by+n)%n, n)
}

func (f *Form) focused() *field { return f.fields[f.scroll.Cursor()] }

// Several returns the name and the text of the field with the focus, and whether
// that may have several lines: enter, up and down are keys of the field then.
func (f *Form) Several() (name, text string, ok bool) {
	one := f.focused()
	return one.Name, one.value(), one.Kind == LinesField || one.Kind == SecretLinesField
}

// Set replaces the text of a field that may have several lines. The end of the last
// line, which files have, is not part of it.
func (f *Form) Set(name, text string) {
	for _, one := range f.fields {
		if one.Name == name {
			one.area.Set(strings.TrimSuffix(text, "\n"))
			one.refused = ""
		}
	}
}

// Update takes a key or a paste for the field with the focus, and says why it took
// none of it; mostly nothing. From the ends of several lines, up and down lead to the
// fields beside.
func (f *Form) Update(msg tea.Msg) (refused string) {
	one := f.focused()
	before := one.value()
	key, isKey := msg.(tea.KeyPressMsg)
	switch _, _, several := f.Several(); {
	case several && isKey && key.String() == "up" && len(one.area.above) == 0:
		f.Next(-1)
	case several && isKey && key.String() == "down" && len(one.area.below) == 0:
		f.Next(1)
	case several:
		refused = one.area.Update(msg)
	case one.Kind == TextField || one.Kind == SecretField:
		one.input.Update(msg)
	case isKey:
		one.choose(key.String())
	}
	if one.value() != before {
		one.refused = ""
	}
	return refused
}

func (f *field) choose(key string) {
	switch f.Kind {
	case YesNoField:
		switch key {
		case "space", "left", "right", "h", "l":
			f.Value = map[bool]string{true: "no", false: "yes"}[f.Value == "yes"]
		case "y":
			f.Value = "yes"
		case "n":
			f.Value = "no"
		}
	case ChoiceField:
		f.choice = slices.Index(f.Choices, f.Value)
		if f.turn(key) {
			f.Value = f.Choices[f.choice]
		}
	case SeveralField:
		if !f.turn(key) && key == "space" && f.choice < len(f.Choices) {
			f.toggle(f.Choices[f.choice])
		}
	}
}

// turn moves the cursor among the choices, and reports whether it did.
func (f *field) turn(key string) bool {
	n := len(f.Choices)
	if n == 0 {
		return false
	}
	switch {
	case key == "left" || key == "h":
		f.choice = (f.choice + n - 1) % n
	case key == "right" || key == "l", key == "space" && f.Kind == ChoiceField:
		f.choice = (f.choice + 1) % n
	default:
		return false
	}
	f.choice = max(f.choice, 0) % n
	return true
}

func (f *field) toggle(choice string) {
	var out []string
	chosen := splitList(f.Value)
	for _, c := range f.Choices {
		if slices.Contains(chosen, c) != (c == choice) {
			out = append(out, c)
		}
	}
	f.Value = strings.Join(out, ",")
}

func splitList(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}
