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
}

// Milestones returns the plan's milestones in order.
func (p *Plan) Milestones() []Milestone {
	var list []Milestone
	for _, part := range p.Parts {
		for _, cmd := range part.Commands {
			if track, ok := cmd.(Track); ok {
				list = append(list, Milestone{track, part.Package, part.Type, part.Instance})
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

// Label names the part for people: its package, and its instance where there
// are several.
func (p *Part) Label() string { return Label(p.Package, p.Instance) }

// Label names a package for people, in the form that Parse reads.
func Label(name Name, instance string) string {
	if instance == "" {
		return string(name)
	}
	return fmt.Sprintf("%s@%s", name, instance)
}

// Build makes the plan that does what the resolved parts ask for on a server.
func Build(action store.Action, resolved []Resolved, ctx Context) (Plan, error) {
	plan := Plan{Action: action}
	installed := slices.Clone(ctx.Installed)
	for _, r := range resolved {
		values, _ := Seal(r.Package, r.Instance, r.Values)
		partCtx := ctx
		partCtx.Values, partCtx.Instance, partCtx.Installed = values, r.Instance, installed
		partCtx.Removal = r.Removal
		commands, err := commandsOf(action, r.Package, partCtx)
		if err != nil {
			return Plan{}, fmt.Errorf("plan to %s %s: %w", action, Label(r.Package.Name(), r.Instance), err)
		}
		part := Part{
			Package:    r.Package.Name(),
			Type:       r.Package.Type(),
			Instance:   r.Instance,
			Credential: r.Package.Credential(),
			Because:    r.Because,
			Values:     values,
			Removal:    r.Removal,
			Commands:   commands,
		}
		if err := checkReferences(part); err != nil {
			return Plan{}, fmt.Errorf("plan to %s %s: %w", action, part.Label(), err)
		}
		plan.Parts = append(plan.Parts, part)
		installed = after(action, installed, part)
		for _, cmd := range commands {
			if prove, ok := cmd.(Prove); ok && prove.Port != 0 {
				ctx.Server.Port, ctx.Facts.SSHPorts = prove.Port, []int{prove.Port}
			}
		}
	}
	return plan, nil
}

// commandsOf returns the commands of one package.
func commandsOf(action store.Action, pkg ServerPackage, ctx Context) ([]Command, error) {
	switch {
	case action == store.Remove && Adopted(ctx.Values):
		return release(pkg, ctx)
	case action == store.Remove:
		return pkg.Remove(ctx)
	}
	commands, err := pkg.Install(ctx)
	if record, ok := ctx.Installs(pkg.Name()); ok && pkg.Describe().Instance == nil {
		commands = keepAdopted(commands, record)
	}
	return commands, err
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

// after returns the records as they will be once the part is carried out, so
// that later parts see what earlier ones made.
func after(action store.Action, installed []store.ServerPackage, part Part) []store.ServerPackage {
	out := slices.DeleteFunc(slices.Clone(installed), func(p store.ServerPackage) bool {
		return p.Name == part.Package && p.Instance == part.Instance
	})
	if action == store.Remove {
		return out
	}
	configuration := maps.Clone(map[string]string(part.Values))
	for _, cmd := range part.Commands {
		if persist, ok := cmd.(Persist); ok {
			maps.Copy(configuration, persist.Configuration)
		}
	}
	return append(out, store.ServerPackage{
		Type: part.Type, Name: part.Package, Instance: part.Instance,
		Configuration: configuration, Status: store.Active,
	})
}
