package packages

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Kind is the kind of an option's value.
type Kind int

// The kinds of options. Every value is held as a string.
const (
	Text    Kind = iota // one line
	Secret              // one line that is never shown, recorded or logged
	Number              // a whole number, in decimal
	Choice              // one of the option's choices
	Several             // some of the choices, joined by commas, in their order
	YesNo               // "yes" or "no"
	Lines               // several lines, such as a script
)

// String returns the kind as people read it.
func (k Kind) String() string {
	switch k {
	case Text:
		return "text"
	case Secret:
		return "secret"
	case Number:
		return "number"
	case Choice:
		return "choice"
	case Several:
		return "several of"
	case YesNo:
		return "yes/no"
	case Lines:
		return "several lines"
	}
	return "kind " + strconv.Itoa(int(k))
}

// Option is something that may be chosen when a package is installed.
type Option struct {
	Name     string // in the form that the command line takes, such as "memory-limit"
	Label    string // what the form shows
	Help     string // one line
	Kind     Kind
	Default  string   // empty means none
	Required bool     // it has no good default: the form asks, and an empty value is refused
	Choices  []string // of a Choice or Several
	Min, Max int      // of a Number; no limits where both are 0
	Generate Generate // of a Secret: its value is made where none is given
	Lines    bool     // of a Secret: it may have several lines, such as a key in PEM
	// Validate refuses a value with an error that says what is wrong with
	// it. It is called for non-empty values of the right kind. Nil accepts
	// all.
	Validate func(string) error
}

// Values are chosen options, by name.
type Values map[string]string

// Yes reports whether a yes/no option is chosen.
func (v Values) Yes(name string) bool { return v[name] == "yes" }

// List returns the chosen values of a Several option.
func (v Values) List(name string) []string {
	if v[name] == "" {
		return nil
	}
	return strings.Split(v[name], ",")
}

// OptionError refuses the value of an option.
type OptionError struct {
	Package Name
	Option  string
	Value   string // empty for a secret
	Reason  string
}

// Error names the package, the option and the reason.
func (e *OptionError) Error() string {
	// A reason may repeat a word of the value.
	words := strings.Split(e.Reason, " ")
	for i, word := range words {
		words[i] = cut(word)
	}
	reason := strings.Join(words, " ")
	if e.Value == "" {
		return fmt.Sprintf("%s.%s: %s", e.Package, e.Option, reason)
	}
	return fmt.Sprintf("%s.%s: %q %s", e.Package, e.Option, cut(e.Value), reason)
}

// mostShown is how many characters of a refused value are repeated.
const mostShown = 200

func cut(text string) string {
	if list := []rune(text); len(list) > mostShown {
		return string(list[:mostShown]) + "…"
	}
	return text
}

// Complete returns the values with defaults filled in and each put into its
// one written form. It returns an *OptionError for an unknown option, a
// required one without a value, and a value that the option refuses.
func Complete(p Package, values Values) (Values, error) {
	options := p.Describe().Options
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if !slices.ContainsFunc(options, func(o Option) bool { return o.Name == name }) {
			return nil, &OptionError{p.Name(), name, "", "there is no such option; " + optionNames(options)}
		}
	}
	out := make(Values, len(options))
	for _, o := range options {
		value, given := values[o.Name]
		if !given {
			value = o.Default
		}
		value, err := o.complete(p, value)
		if err != nil {
			shown := value
			if o.Kind == Secret {
				shown = ""
			}
			return nil, &OptionError{p.Name(), o.Name, shown, err.Error()}
		}
		out[o.Name] = value
	}
	return out, nil
}

// complete is Accept for a value that may be recorded: of a secret that is the
// reference to it. A secret that is to be made is made.
func (o Option) complete(p Package, value string) (string, error) {
	if o.Kind == Secret && isReference(p, o, value) {
		return value, nil
	}
	if o.Kind == Secret && value == "" && o.Generate.Length > 0 {
		return o.Generate.value()
	}
	return o.Accept(value)
}

// isReference reports whether a value is the reference to this option's secret,
// of whichever instance.
func isReference(p Package, o Option, value string) bool {
	m := references.FindStringSubmatch(value)
	if m == nil || m[0] != value || m[2] != "" || !strings.HasSuffix(m[1], "."+o.Name) {
		return false
	}
	_, ofSite, _ := strings.Cut(m[1], "/")
	return strings.HasPrefix(m[1], string(p.Name())) || strings.HasPrefix(ofSite, string(p.Name()))
}

func optionNames(options []Option) string {
	if len(options) == 0 {
		return "this package has none"
	}
	names := make([]string, len(options))
	for i, o := range options {
		names[i] = o.Name
	}
	return "there are: " + strings.Join(names, ", ")
}

// Accept checks a value and returns it in its one written form. On an error it
// returns the value as it was given.
func (o Option) Accept(value string) (string, error) {
	if o.Kind == Secret {
		if err := acceptSecret(value, o.Lines); err != nil {
			return value, err
		}
	}
	if o.several() {
		value = strings.ReplaceAll(value, "\r\n", "\n")
	}
	if o.Lines {
		value = strings.TrimRight(value, "\n")
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, o.refuses) {
		return value, fmt.Errorf("has characters that can't be printed")
	}
	if o.Kind != Secret {
		value = strings.TrimSpace(value)
	}
	if HasSecrets(value) {
		return value, fmt.Errorf("may not hold %q, which stands for secrets in plans", secretMark)
	}
	if value == "" {
		if o.Required {
			return value, fmt.Errorf("a value is needed")
		}
		if o.Kind == YesNo {
			return "no", nil
		}
		return value, nil
	}
	accepted, err := o.acceptKind(value)
	if err != nil {
		return value, err
	}
	if accepted == "" && o.Required {
		return value, fmt.Errorf("a value is needed")
	}
	if o.Validate != nil && accepted != "" {
		if err := o.Validate(accepted); err != nil && o.Kind == Secret && strings.Contains(err.Error(), accepted) {
			return value, fmt.Errorf("is refused") // the reason repeats it
		} else if err != nil {
			return value, err
		}
	}
	return accepted, nil
}

// several reports whether a value of the option may have several lines.
func (o Option) several() bool { return o.Kind == Lines || o.Lines }

// refuses reports whether no value of the option may hold the character.
func (o Option) refuses(r rune) bool {
	return unprintable(r) && (!o.several() || r != '\n' && r != '\t')
}

func unprintable(r rune) bool { return !unicode.IsPrint(r) }

func (o Option) acceptKind(value string) (string, error) {
	switch o.Kind {
	case Number:
		return o.acceptNumber(value)
	case Choice:
		if !slices.Contains(o.Choices, value) {
			return value, fmt.Errorf("is not one of %s", strings.Join(o.Choices, ", "))
		}
	case Several:
		return o.acceptSeveral(value)
	case YesNo:
		switch strings.ToLower(value) {
		case "yes", "y", "true", "on", "1":
			return "yes", nil
		case "no", "n", "false", "off", "0":
			return "no", nil
		}
		return value, fmt.Errorf("is neither yes nor no")
	}
	return value, nil
}

func (o Option) acceptNumber(value string) (string, error) {
	n, err := strconv.Atoi(value)
	if err != nil {
		return value, fmt.Errorf("is not a whole number")
	}
	if (o.Min != 0 || o.Max != 0) && (n < o.Min || n > o.Max) {
		return value, fmt.Errorf("is not between %d and %d", o.Min, o.Max)
	}
	return strconv.Itoa(n), nil
}

func (o Option) acceptSeveral(value string) (string, error) {
	chosen := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	for _, c := range chosen {
		if !slices.Contains(o.Choices, c) {
			return value, fmt.Errorf("has %q, which is not one of %s", c, strings.Join(o.Choices, ", "))
		}
	}
	var ordered []string
	for _, c := range o.Choices {
		if slices.Contains(chosen, c) {
			ordered = append(ordered, c)
		}
	}
	return strings.Join(ordered, ","), nil
}
