package packages

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/store"
)

// Plan is what a run does on one server: exactly what the preview showed.
type Plan struct {
	Action store.Action `json:"action"`
	Parts  []Part       `json:"parts"`
}

// Part is one package's share of a plan.
type Part struct {
	Package    Name       `json:"package"`
	Type       Type       `json:"type"`
	Instance   string     `json:"instance,omitempty"`
	Site       string     `json:"site,omitempty"` // the domain of the site that it belongs to; empty for a server's package
	Credential Credential `json:"credential"`
	Because    string     `json:"because,omitempty"` // why it is in the plan although nobody chose it
	Values     Values     `json:"values,omitempty"`  // with references in the place of secrets
	Removal    Values     `json:"removal,omitempty"` // the options of removing
	Commands   Commands   `json:"commands"`
}

// Step is one command of a plan, in its place.
type Step struct {
	Index     int   // among all commands of the plan, from 0
	Milestone int   // which of the plan's milestones covers it, from 0
	Part      *Part // the part it belongs to
	Command   Command
}

// Steps returns all commands of the plan in order.
func (p *Plan) Steps() []Step {
	var steps []Step
	milestone := -1
	for i := range p.Parts {
		for _, cmd := range p.Parts[i].Commands {
			if _, ok := cmd.(Track); ok {
				milestone++
			}
			steps = append(steps, Step{Index: len(steps), Milestone: milestone, Part: &p.Parts[i], Command: cmd})
		}
	}
	return steps
}

// Secrets returns the names of the secrets that the command refers to, sorted.
func (s Step) Secrets() []SecretName {
	switch c := s.Command.(type) {
	case Write:
		return SecretsIn(c.Content)
	case Run:
		return SecretsIn(slices.Collect(maps.Values(c.Secrets))...)
	}
	return nil
}

// Milestone is one Track of a plan, in its place.
type Milestone struct {
	Track
	Package  Name
	Type     Type
	Instance string
	Site     string // the domain of the site that it belongs to; empty for a server's package
}

// Whose names the milestone's package for people.
func (m Milestone) Whose() string { return SiteLabel(m.Site, m.Package, m.Instance) }

// Milestones returns the plan's milestones in order.
func (p *Plan) Milestones() []Milestone {
	var list []Milestone
	for _, part := range p.Parts {
		for _, cmd := range part.Commands {
			if track, ok := cmd.(Track); ok {
				list = append(list, Milestone{track, part.Package, part.Type, part.Instance, part.Site})
			}
		}
	}
	return list
}

// Count returns how many commands the plan runs and how many files it writes.
func (p *Plan) Count() (commands, files int) {
	for _, part := range p.Parts {
		for _, cmd := range part.Commands {
			switch cmd.(type) {
			case Run, Prove:
				commands++
			case Write:
				files++
			}
		}
	}
	return commands, files
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Parts) == 0 }

// Label names the part for people: its package, its instance where there are
// several, and its site if it belongs to one.
func (p *Part) Label() string { return SiteLabel(p.Site, p.Package, p.Instance) }

// Label names a package for people, in the form that Parse reads.
func Label(name Name, instance string) string {
	if instance == "" {
		return string(name)
	}
	return fmt.Sprintf("%s@%s", name, instance)
}

// Build makes the plan that does what the resolved parts ask for on a server.
func Build(action store.Action, resolved []Resolved, ctx Context) (Plan, error) {
	return BuildSite(action, resolved, SiteContext{Context: ctx})
}

// BuildSite is Build where packages of the context's site may be among the parts.
func BuildSite(action store.Action, resolved []Resolved, ctx SiteContext) (Plan, error) {
	plan := Plan{Action: action}
	for _, r := range resolved {
		values, _ := seal(r.Package, r.Label(), r.Values)
		partCtx := ctx
		partCtx.Values, partCtx.Instance, partCtx.Removal = values, r.Instance, r.Removal
		commands, err := commandsOf(action, r, partCtx)
		if err != nil {
			return Plan{}, fmt.Errorf("plan to %s %s: %w", action, r.Label(), err)
		}
		part := Part{
			Package:    r.Package.Name(),
			Type:       r.Package.Type(),
			Instance:   r.Instance,
			Site:       r.Site,
			Credential: credentialOf(r.Package, partCtx),
			Because:    r.Because,
			Values:     values,
			Removal:    r.Removal,
			Commands:   commands,
		}
		if err := checkReferences(part); err != nil {
			return Plan{}, fmt.Errorf("plan to %s %s: %w", action, part.Label(), err)
		}
		plan.Parts = append(plan.Parts, part)
		ctx = after(action, ctx, part)
		for _, cmd := range commands {
			if prove, ok := cmd.(Prove); ok && prove.Port != 0 {
				ctx.Server.Port, ctx.Facts.SSHPorts = prove.Port, []int{prove.Port}
			}
		}
	}
	return plan, nil
}

// commandsOf returns the commands of one package.
func commandsOf(action store.Action, r Resolved, ctx SiteContext) ([]Command, error) {
	switch pkg := r.Package.(type) {
	case SitePackage:
		if action == store.Remove {
			return pkg.Remove(ctx)
		}
		return pkg.Install(ctx)
	case ServerPackage:
		commands, err := serverCommands(action, pkg, ctx.Context)
		if hasOption(pkg, SiteKey) {
			return commands, err // it is among the values
		}
		if record, ok := recordOf(ctx.Installed, pkg.Name(), r.Instance); ok {
			commands = keepRecorded(commands, SiteKey, record.Configuration[SiteKey])
		}
		return keepRecorded(commands, SiteKey, r.forSite), err
	}
	return nil, fmt.Errorf("%s is a package neither of a server nor of a site", r.Package.Name())
}

func serverCommands(action store.Action, pkg ServerPackage, ctx Context) ([]Command, error) {
	switch {
	case action == store.Remove && Adopted(ctx.Values):
		return release(pkg, ctx)
	case action == store.Remove:
		return pkg.Remove(ctx)
	}
	commands, err := pkg.Install(ctx)
	if record, ok := recordOf(ctx.Installed, pkg.Name(), ctx.Instance); ok {
		commands = keepAdopted(commands, record)
	}
	return commands, err
}

func recordOf(installed []store.ServerPackage, name Name, instance string) (store.ServerPackage, bool) {
	for _, p := range installed {
		if p.Name == name && p.Instance == instance {
			return p, true
		}
	}
	return store.ServerPackage{}, false
}

// A SiteCredential is a package of a site whose commands run as a user that depends
// on the site.
type SiteCredential interface {
	// CredentialOn is who runs them, in place of Credential.
	CredentialOn(SiteContext) Credential
}

func credentialOf(pkg Package, ctx SiteContext) Credential {
	if of, ok := pkg.(SiteCredential); ok {
		return of.CredentialOn(ctx)
	}
	return pkg.Credential()
}

// checkReferences refuses a reference to a secret where no value may stand.
func checkReferences(part Part) error {
	for i, cmd := range part.Commands {
		switch c := cmd.(type) {
		case Write:
			c.Content = ""
			cmd = c
		case Run:
			c.Secrets = nil
			cmd = c
		}
		text := new(strings.Builder)
		encoder := json.NewEncoder(text)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(cmd); err != nil {
			return err
		}
		if HasSecrets(text.String()) {
			return fmt.Errorf("command %d (%s) holds a secret where it would be seen", i, cmd.kind())
		}
	}
	return nil
}

// after returns the context with the records as they will be once the part is
// carried out, so that later parts see what earlier ones made.
func after(action store.Action, ctx SiteContext, part Part) SiteContext {
	configuration := maps.Clone(map[string]string(part.Values))
	for _, cmd := range part.Commands {
		if persist, ok := cmd.(Persist); ok {
			if configuration == nil {
				configuration = map[string]string{}
			}
			maps.Copy(configuration, persist.Configuration)
		}
	}
	if part.Site != "" {
		ctx.SiteInstalled = slices.DeleteFunc(slices.Clone(ctx.SiteInstalled), func(p store.SitePackage) bool {
			return p.Name == part.Package && p.Instance == part.Instance
		})
		if action != store.Remove {
			ctx.SiteInstalled = append(ctx.SiteInstalled, store.SitePackage{
				Type: part.Type, Name: part.Package, Instance: part.Instance,
				Configuration: configuration, Status: store.Active,
			})
		}
		return ctx
	}
	ctx.Installed = slices.DeleteFunc(slices.Clone(ctx.Installed), func(p store.ServerPackage) bool {
		return p.Name == part.Package && p.Instance == part.Instance
	})
	if action != store.Remove {
		ctx.Installed = append(ctx.Installed, store.ServerPackage{
			Type: part.Type, Name: part.Package, Instance: part.Instance,
			Configuration: configuration, Status: store.Active,
		})
	}
	return ctx
}
