package job

import (
	"context"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// shipment makes of a run's plan what the driver on the server carries out. A
// step of the shipment is a step of the plan, under the same index, with the
// values of secrets in the place of their references.
func (e *Engine) shipment(ctx context.Context, run store.Run, steps []packages.Step) (sshrun.Shipment, error) {
	s := sshrun.Shipment{RunID: string(run.ID), Nonce: run.Nonce, Steps: make([]sshrun.Step, len(steps))}
	values, err := e.kept(ctx, run.ServerID, secretsIn(steps))
	if err != nil {
		return s, err
	}
	for i, step := range steps {
		s.Steps[i] = shipped(step)
		pkg, _ := packages.Find(e.cfg.Catalog, step.Part.Package)
		switch c := step.Command.(type) {
		case packages.Write:
			var content string
			content, err = packages.Expand(c.Content, values, pkg)
			s.Steps[i].Content = []byte(content)
		case packages.Run:
			s.Steps[i].Secrets, err = expandFiles(c.Secrets, values, pkg)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// shipped is a step without what holds secrets.
func shipped(step packages.Step) sshrun.Step {
	out := sshrun.Step{Group: step.Part.Label(), User: step.Part.Credential.User}
	switch c := step.Command.(type) {
	case packages.Track:
		out.Kind, out.Label = sshrun.StepMark, c.Name
	case packages.Run:
		out.Kind, out.Script, out.Check = sshrun.StepRun, c.Script, c.Check
		out.IfChanged, out.Timeout, out.Percent, out.Settles = c.IfChanged, c.Timeout, c.Percent, c.Settles
		if c.As.User != "" {
			out.User = c.As.User
		}
	case packages.Write:
		out.Kind, out.Path = sshrun.StepWrite, c.Path
		out.Owner, out.GroupName, out.Mode = ownership(c)
	case packages.Prove:
		out.Kind, out.Script, out.Check = sshrun.StepProve, c.Script, c.Check
		out.Undo, out.Within = c.Undo, c.Within
	case packages.Persist:
		out.Kind, out.Label = sshrun.StepMark, "persist"
		if c.Version != "" {
			out.Kind, out.Script = sshrun.StepValue, c.Version
		}
	case packages.Make:
		out.Kind, out.Label = sshrun.StepMark, "make" // done before it is shipped
	case packages.Note:
		out.Kind, out.Script = sshrun.StepValue, c.Script
		if c.As.User != "" {
			out.User = c.As.User
		}
	case packages.Forget:
		out.Kind, out.Label = sshrun.StepMark, "forget"
	}
	if out.Kind == sshrun.StepMark {
		out.Group = "" // a group lasts until its last step that does something
	}
	return out
}
