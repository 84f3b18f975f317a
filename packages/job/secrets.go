package job

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/store"
)

// vaultName is the name under which the store keeps a secret of a server.
func vaultName(server store.ID, name packages.SecretName) string {
	return string(server) + "/" + string(name)
}

// SecretView tells of a secret that is kept, without its value.
type SecretView struct {
	Server string // its name
	Name   packages.SecretName
	store.Secret
}

// Secrets tells of the secrets of the servers, or of all where none is named,
// by server and name. It needs no key.
func (e *Engine) Secrets(servers ...store.ID) (list []SecretView, err error) {
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		all, err := tx.Servers()
		if err != nil {
			return err
		}
		for _, s := range all {
			if len(servers) > 0 && !slices.Contains(servers, s.ID) {
				continue
			}
			kept, err := tx.Secrets(vaultName(s.ID, ""))
			if err != nil {
				return err
			}
			for _, secret := range kept {
				name := strings.TrimPrefix(secret.Name, vaultName(s.ID, ""))
				list = append(list, SecretView{s.Name, packages.SecretName(name), secret})
			}
		}
		return nil
	})
	return list, err
}

// Secret returns the value of a secret of a server. The error wraps
// store.ErrNotFound where there is none.
func (e *Engine) Secret(ctx context.Context, server store.ID, name packages.SecretName) (string, error) {
	values, err := e.kept(ctx, server, []packages.SecretName{name})
	if err != nil {
		return "", err
	}
	value, ok := values[name]
	if !ok {
		return "", fmt.Errorf("secret %q: %w", name, store.ErrNotFound)
	}
	return value, nil
}

// Rekey encrypts all secrets to a new key; see store.DB.Rekey.
func (e *Engine) Rekey(ctx context.Context, r store.Rekey) (forgotten []string, err error) {
	return e.cfg.Store.Rekey(ctx, r)
}

// known returns the names of the secrets that are kept of a server.
func (e *Engine) known(server store.ID) (map[packages.SecretName]bool, error) {
	known := map[packages.SecretName]bool{}
	list, err := e.Secrets(server)
	for _, s := range list {
		known[s.Name] = true
	}
	return known, err
}

// kept returns the values of those of the secrets that are kept of a server. It
// asks for no key where there are none.
func (e *Engine) kept(ctx context.Context, server store.ID, names []packages.SecretName) (packages.Secrets, error) {
	known, err := e.known(server)
	if err != nil {
		return nil, err
	}
	values := packages.Secrets{}
	names = slices.DeleteFunc(slices.Clone(names), func(n packages.SecretName) bool { return !known[n] })
	if len(names) == 0 {
		return values, nil
	}
	if err := e.cfg.Store.Unlock(ctx); err != nil {
		return nil, err
	}
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		for _, name := range names {
			value, err := tx.Secret(vaultName(server, name))
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			values[name] = string(value)
		}
		return nil
	})
	return values, err
}

// secretsIn returns the names of all secrets that steps refer to.
func secretsIn(steps []packages.Step) (names []packages.SecretName) {
	for _, step := range steps {
		names = append(names, step.Secrets()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// made returns the keys that a plan makes where there are none.
func made(plan packages.Plan) (list []packages.Make) {
	for _, step := range plan.Steps() {
		if m, ok := step.Command.(packages.Make); ok {
			list = append(list, m)
		}
	}
	return list
}

// withoutLost takes the references to secrets that are not kept any more out of
// the records, so that they count as not given.
func withoutLost(now packages.SiteContext, known map[packages.SecretName]bool) packages.SiteContext {
	cleared := func(configuration map[string]string) map[string]string {
		out := maps.Clone(configuration)
		for option, value := range configuration {
			for _, name := range packages.SecretsIn(value) {
				if !known[name] {
					delete(out, option)
				}
			}
		}
		return out
	}
	now.Installed, now.SiteInstalled = slices.Clone(now.Installed), slices.Clone(now.SiteInstalled)
	for i, p := range now.Installed {
		now.Installed[i].Configuration = cleared(p.Configuration)
	}
	for i, p := range now.SiteInstalled {
		now.SiteInstalled[i].Configuration = cleared(p.Configuration)
	}
	return now
}

// fresh returns the values that a choice brings and that are not kept already. A
// secret that was made for want of one is dropped where one is kept: it may be on
// the server, from a run that failed later.
func fresh(resolved []packages.Resolved, r Request, kept packages.Secrets) packages.Secrets {
	out := packages.Secrets{}
	for _, one := range resolved {
		for _, o := range one.Package.Describe().Options {
			name := one.Secret(o.Name)
			value, ok := one.Secrets[name]
			if !ok {
				continue
			}
			old, has := kept[name]
			chosen := slices.ContainsFunc(r.Packages, func(w packages.Want) bool {
				return w.Name == one.Package.Name() && w.Values[o.Name] == value
			})
			if !has || chosen && old != value {
				out[name] = value
			}
		}
	}
	return out
}

// secretsOf returns the secrets that a plan needs: those that are chosen or made
// now, which are stored when a run is started, and the others as they are kept.
func (e *Engine) secretsOf(ctx context.Context, server store.ID, plan packages.Plan, resolved []packages.Resolved, r Request) (now, kept packages.Secrets, err error) {
	needed := secretsIn(plan.Steps())
	for _, one := range resolved {
		needed = append(needed, slices.Collect(maps.Keys(one.Secrets))...)
	}
	if kept, err = e.kept(ctx, server, needed); err != nil {
		return nil, nil, err
	}
	now = fresh(resolved, r, kept)
	maps.DeleteFunc(kept, func(name packages.SecretName, _ string) bool { _, is := now[name]; return is })
	for _, name := range secretsIn(plan.Steps()) {
		_, isNow := now[name]
		_, isKept := kept[name]
		isMade := slices.ContainsFunc(made(plan), func(m packages.Make) bool { return m.Secret == name })
		if !isNow && !isKept && !isMade {
			return nil, nil, &packages.MissingSecretError{Name: name}
		}
	}
	return now, kept, nil
}

// putSecrets stores, when a run is started, what was chosen and made for it.
func (e *Engine) putSecrets(tx *store.Tx, p Prepared) error {
	for _, name := range slices.Sorted(maps.Keys(p.secrets)) {
		if err := tx.PutSecret(vaultName(p.Server.ID, name), []byte(p.secrets[name]), e.cfg.By); err != nil {
			return err
		}
	}
	for _, m := range made(p.Plan) {
		name := vaultName(p.Server.ID, m.Secret)
		_, err := tx.Secret(name)
		if err == nil {
			continue
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		key, err := m.Key()
		if err != nil {
			return err
		}
		if err := tx.PutSecret(name, []byte(key), e.cfg.By); err != nil {
			return err
		}
	}
	return nil
}

// needsVault reports whether starting runs stores secrets.
func needsVault(prepared []Prepared) bool {
	return slices.ContainsFunc(prepared, func(p Prepared) bool {
		return p.Err == nil && !p.Nothing && (len(p.secrets) > 0 || len(made(p.Plan)) > 0)
	})
}

// redactorOf returns what takes the secrets of a server out of its output. Where
// their key is lost the output is withheld; on any other error it is better left
// on the server until that is mended.
func (e *Engine) redactorOf(ctx context.Context, server store.ID) (*redactor, error) {
	known, err := e.known(server)
	if err != nil || len(known) == 0 {
		return nil, err
	}
	values, err := e.kept(ctx, server, slices.Collect(maps.Keys(known)))
	var lost *store.LostKeyError
	if errors.As(err, &lost) {
		e.cfg.Log.Warn("read the secrets of a server", "server", server, "error", err)
		return &redactor{blind: true}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the secrets, to keep them out of the log: %w", err)
	}
	return newRedactor(redactedValues(values)), nil
}
