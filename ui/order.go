package ui

import (
	"errors"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// order is what somebody is about to have done.
type order struct {
	action  store.Action
	names   []packages.Want // of packages, without values
	servers []store.ID
	site    *job.SiteView                     // whose packages are chosen; nil for those of servers, and for a site that is to be made
	values  map[packages.Name]packages.Values // what was chosen, kept while one goes back and forth
}

// request is the order as the engine takes it.
func (o order) request() job.Request {
	wants := slices.Clone(o.names)
	for i := range wants {
		switch values := maps.Clone(o.values[wants[i].Name]); o.action {
		case store.Install:
			wants[i].Values = values
		case store.Remove:
			wants[i].Removal = values
		}
	}
	r := job.Request{Action: o.action, Packages: wants, Servers: o.servers}
	if o.site != nil {
		r.Site = o.site.ID
	}
	return r
}

// title says what is done, such as "install nginx, php".
func (o order) title(e env) string {
	title := someOf(packages.Phrases(e.engine.Catalog(), o.action, o.names), 4)
	if o.site != nil {
		return title + " " + o.site.Domain
	}
	if domain := o.values[siteName][packages.DomainOption]; domain != "" {
		title += " " + domain
	}
	return title
}

// labels names the packages.
func (o order) labels() string {
	var names []string
	for _, w := range o.names {
		names = append(names, packages.Label(w.Name, w.Instance))
	}
	return someOf(names, 4)
}

// optionKey names an option of a package within a form.
func optionKey(p packages.Name, o string) string { return string(p) + "." + o }

// fields are the options of the ordered packages: all, or those that have no
// good default.
func (o order) fields(e env, all bool) []widget.Field {
	var out []widget.Field
	for _, w := range o.names {
		p, ok := packages.Find(e.engine.Catalog(), w.Name)
		if !ok {
			continue
		}
		for _, option := range o.options(p) {
			if all || (option.Required && option.Default == "") || o.action == store.Remove {
				out = append(out, o.field(e, p, option))
			}
		}
	}
	return out
}

// options are what may be chosen of a package. What may be chosen when it is
// removed is always asked, as it is about what is lost.
func (o order) options(p packages.Package) []packages.Option {
	switch o.action {
	case store.Install:
		return p.Describe().Options
	case store.Remove:
		return p.Describe().RemoveOptions
	}
	return nil
}

func (o order) field(e env, p packages.Package, option packages.Option) widget.Field {
	kinds := map[packages.Kind]widget.FieldKind{
		packages.Secret: widget.SecretField, packages.Choice: widget.ChoiceField,
		packages.Several: widget.SeveralField, packages.YesNo: widget.YesNoField,
		packages.Lines: widget.LinesField,
	}
	kind := kinds[option.Kind]
	if option.Kind == packages.Secret && option.Lines {
		kind = widget.SecretLinesField
	}
	value := option.Default
	if recorded, ok := o.recorded(e, p, option.Name); ok && o.action != store.Remove {
		value = recorded
	}
	if chosen, ok := o.values[p.Name()][option.Name]; ok {
		value = chosen
	}
	help := option.Help
	if option.Kind == packages.Secret && packages.HasSecrets(value) {
		value, help = "", "is set; left empty it stays as it is"
	} else if option.Generate.Length > 0 {
		help += "; left empty, one is made"
	}
	kept := option.Kind == packages.Secret && (help != option.Help || o.anyRecorded(e, p, option.Name))
	label := option.Label
	if label == "" {
		label = option.Name
	}
	return widget.Field{
		Name: optionKey(p.Name(), option.Name), Label: label, Group: p.Describe().Title, Help: help,
		Kind: kind, Choices: option.Choices, Value: value,
		Check: func(v string) string {
			if v == "" && kept {
				return ""
			}
			if _, err := option.Accept(v); err != nil {
				return err.Error()
			}
			return ""
		},
	}
}

// anyRecorded reports whether an option is recorded on one of the servers.
func (o order) anyRecorded(e env, p packages.Package, option string) bool {
	if o.site != nil {
		r, _ := o.site.Package(p.Name())
		return r.Configuration[option] != ""
	}
	for _, id := range o.servers {
		v, _ := e.data.server(id)
		for _, r := range recordsOf(v, p.Name()) {
			if r.Configuration[option] != "" {
				return true
			}
		}
	}
	return false
}

// recorded is the value that an option was installed with, where that is one
// value on all servers of the order.
func (o order) recorded(e env, p packages.Package, option string) (string, bool) {
	if o.site != nil {
		r, _ := o.site.Package(p.Name())
		value, ok := r.Configuration[option]
		return value, ok
	}
	value, found := "", false
	instance, ok := usualInstance(p)
	if !ok {
		return "", false
	}
	for i, id := range o.servers {
		v, _ := e.data.server(id)
		records := recordsOf(v, p.Name())
		at := slices.IndexFunc(records, func(r store.ServerPackage) bool { return r.Instance == instance })
		if at < 0 {
			return "", false
		}
		this, ok := records[at].Configuration[option]
		if !ok || (i > 0 && this != value) {
			return "", false
		}
		value, found = this, true
	}
	return value, found
}

// usualInstance is the instance of a package that its defaults choose, and
// whether they choose one.
func usualInstance(p packages.Package) (string, bool) {
	of := p.Describe().Instance
	if of == nil {
		return "", true
	}
	values, err := packages.Complete(p, nil)
	if err != nil {
		return "", false
	}
	return of(values), true
}

// choose takes what a form gave: what differs from what it began with, and
// what had to be asked for; all of it where a server may have several of the
// package, as another one may have been recorded with other values.
func (o order) choose(e env, begun []widget.Field, given map[string]string) {
	for _, f := range begun {
		name, option, _ := strings.Cut(f.Name, ".")
		p, there := packages.Find(e.engine.Catalog(), packages.Name(name))
		many := there && p.Describe().Instance != nil
		if !many && given[f.Name] == f.Value && f.Value != "" {
			if _, ok := o.values[packages.Name(name)][option]; !ok {
				continue
			}
		}
		values := o.values[packages.Name(name)]
		if values == nil {
			values = packages.Values{}
			o.values[packages.Name(name)] = values
		}
		values[option] = given[f.Name]
	}
}

// next is the screen after the choice of packages: the form, if something has
// to be asked, else the preview.
func (o order) next(e env) screen {
	fields := o.fields(e, false)
	if len(fields) > 0 {
		return newOptionsScreen(o, fields, o.action == store.Remove)
	}
	return newPreviewScreen(o)
}

// prepareOne goes on with one package.
func prepareOne(e env, action store.Action, w packages.Want, servers []store.ID) effect {
	o := order{action: action, names: []packages.Want{w}, servers: servers, values: map[packages.Name]packages.Values{}}
	return push(o.next(e))
}

// optionProblem returns the field that an error of an option is about.
func optionProblem(err error) (field, reason string, ok bool) {
	var refused *packages.OptionError
	if !errors.As(err, &refused) {
		return "", "", false
	}
	return optionKey(refused.Package, refused.Option), refused.Reason, true
}
