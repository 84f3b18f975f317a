package job

import (
	"errors"
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// endStep takes in that a step has ended well, and what that makes true.
func (r *recorder) endStep(m sshrun.Mark, ch *changes) {
	step := r.steps[m.Step]
	r.run.Cursor.NextStep, r.run.Cursor.BeginStep = m.Step+1, false
	switch c := step.Command.(type) {
	case packages.Prove:
		// One that was skipped has proven nothing.
		if m.Kind == sshrun.MarkEnd && c.Port != 0 {
			ch.port, r.port = c.Port, c.Port
		}
	case packages.Persist:
		if c.History && step.Part.Site != "" {
			r.keepResult(step.Part, c, 0, m.At, ch)
			return
		}
		r.persist(step, c, ch)
	case packages.Note:
		r.note(step, c, ch)
	case packages.Forget:
		server, name, instance := r.run.ServerID, step.Part.Package, step.Part.Instance
		if step.Part.Site != "" {
			r.forgetOnSite(step, ch)
			return
		}
		ch.records = append(ch.records, func(tx *store.Tx) error {
			if err := tx.DeleteSecrets(vaultName(server, packages.SecretName(packages.SecretsOf(step.Part)))); err != nil {
				return err
			}
			if r.e.watches(name) {
				if err := tx.EndWatch(server); err != nil {
					return err
				}
			}
			return tx.DeleteServerPackage(server, name, instance)
		})
		if name == packages.Base {
			ch.server = unprepared
		}
	}
}

func (r *recorder) persist(step packages.Step, c packages.Persist, ch *changes) {
	if step.Part.Site != "" {
		r.persistOnSite(step, c, ch)
		return
	}
	record := store.ServerPackage{
		ServerID: r.run.ServerID, Type: step.Part.Type, Name: step.Part.Package, Instance: step.Part.Instance,
		Version: store.PackageVersion(r.values[step.Index]), Configuration: configuration(*step.Part, c),
		Status: store.Active, RunID: r.run.ID, By: r.run.By,
	}
	ch.records = append(ch.records, func(tx *store.Tx) error {
		fresh := record // the transaction may run twice
		return tx.PutServerPackage(&fresh)
	})
	if record.Name == packages.Base {
		ch.server = store.Prepared
	}
}

// note adds what the server told to the record of the step's package.
func (r *recorder) note(step packages.Step, c packages.Note, ch *changes) {
	server, part, value := r.run.ServerID, step.Part, r.values[step.Index]
	if part.Site != "" {
		r.noteOnSite(step, c, ch)
		return
	}
	ch.records = append(ch.records, func(tx *store.Tx) error {
		p, err := tx.ServerPackage(server, part.Package, part.Instance)
		if err != nil {
			return fmt.Errorf("record its %s: %w", c.Name, err)
		}
		if p.Configuration == nil {
			p.Configuration = map[string]string{}
		}
		p.Configuration[c.Name] = value
		return tx.PutServerPackage(&p)
	})
}

// unprepared stands for NotPrepared, whose value is empty, among changes.
const unprepared store.ProvisionStatus = "not prepared"

// writeStatus changes how far the server is prepared. A failed run does not
// take back what an earlier one prepared.
func (r *recorder) writeStatus(tx *store.Tx, status store.ProvisionStatus) error {
	server, err := tx.Server(r.run.ServerID)
	if err != nil {
		return err
	}
	_, err = tx.ServerPackage(server.ID, packages.Base, "")
	based := err == nil
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch {
	case based:
		server.Status = store.Prepared
	case status == unprepared:
		server.Status = store.NotPrepared
	default:
		server.Status = status
	}
	return tx.PutServer(&server)
}

// writePort records where a new login has found the server.
func (r *recorder) writePort(tx *store.Tx, port int) error {
	server, err := tx.Server(r.run.ServerID)
	if err != nil {
		return err
	}
	server.Port = port
	return tx.PutServer(&server)
}

// preparesServer reports whether the run installs base.
func (r *recorder) preparesServer() bool {
	return r.run.Action == store.Install && slices.ContainsFunc(r.steps, func(s packages.Step) bool {
		return s.Part.Package == packages.Base
	})
}
