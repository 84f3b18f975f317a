package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/dotenv"
	"brokeforge/sshrun"
	"brokeforge/sshrun/clean"
	"brokeforge/store"
)

// Environment is the .env of a site as it is on its server. Its text is secret.
type Environment struct {
	Site store.Site
	Path string // on the server
	Text string // empty where there is no file yet
	Hash string // by which it is known whether the file has changed since; see packages.HashOf
}

// KeptEnvironments is how many versions of a site's .env are kept.
const KeptEnvironments = packages.KeptEnvironments

// Exists reports whether there is a file.
func (e Environment) Exists() bool { return e.Hash != packages.NoFile }

// String names the file without what it holds.
func (e Environment) String() string { return e.Path }

// GoString is String.
func (e Environment) GoString() string { return e.Path }

// EnvironmentChangedError says that a site's .env is not the one that was edited.
type EnvironmentChangedError struct{ Path string }

// Error names the file.
func (e *EnvironmentChangedError) Error() string {
	return fmt.Sprintf("%s has changed on the server since it was read: nothing was written", e.Path)
}

// Environment reads the .env of a site. The error is store.ErrNotFound for the site,
// a *packages.RefusedError for what is no file of its user's, a *HostKeyError or a
// *ReachError.
func (e *Engine) Environment(ctx context.Context, site store.ID) (Environment, error) {
	place, err := e.place(site)
	if err != nil {
		return Environment{}, err
	}
	remote, err := e.reach(ctx, place.Server)
	if err != nil {
		return Environment{}, err
	}
	return place.environment(ctx, remote)
}

func (p sitePlace) environment(ctx context.Context, remote Remote) (Environment, error) {
	out := Environment{Site: p.Site, Path: p.Environment, Hash: packages.NoFile}
	result, err := remote.Execute(ctx, sshrun.Script{Text: packages.ReadEnvironment(p.User, p.Environment), Become: true})
	if err != nil {
		return out, &ReachError{p.Server.Name, fmt.Errorf("read %s on %s: %w", p.Environment, p.Server.Name, err)}
	}
	switch result.Status {
	case 0:
		out.Text = string(result.Stdout)
		out.Hash = packages.HashOf(out.Text)
		return out, nil
	case packages.EnvironmentAbsent:
		return out, nil
	}
	return out, p.environmentError("read", result)
}

// environmentError says why a script of a site's .env failed.
func (p sitePlace) environmentError(what string, result sshrun.Result) error {
	reason := map[int]string{
		packages.EnvironmentRefused: "it is a symbolic link, or no file",
		packages.EnvironmentNoPlace: "its folder is not there",
		packages.EnvironmentTooBig:  fmt.Sprintf("it has more than %d KiB", dotenv.MaxSize>>10),
	}[result.Status]
	if reason == "" {
		summary, _ := diagnose("the command", result.Status, strings.Split(clean.Text(string(result.Stderr)), "\n"))
		return fmt.Errorf("%s %s on %s: %s", what, p.Environment, p.Server.Name, summary)
	}
	return &packages.RefusedError{Reason: fmt.Sprintf("can't %s %s on %s: %s", what, p.Environment, p.Server.Name, reason)}
}

// SaveEnvironment puts a new .env in the place of the one that was read, and keeps
// both in the vault, which holds the last packages.KeptEnvironments versions. With over
// it is put there whatever is there. The error is a *dotenv.Error for the text,
// an *EnvironmentChangedError, or one of Environment's; nothing was written then.
func (e *Engine) SaveEnvironment(ctx context.Context, was Environment, text string, over bool) error {
	if _, err := dotenv.Parse(text); err != nil {
		return err
	}
	place, err := e.place(was.Site.ID)
	if err != nil {
		return err
	}
	if err := e.cfg.Store.Unlock(ctx); err != nil {
		return err
	}
	remote, err := e.reach(ctx, place.Server)
	if err != nil {
		return err
	}
	now, err := place.environment(ctx, remote)
	switch {
	case err != nil:
		return err
	case now.Hash != was.Hash && !over:
		return &EnvironmentChangedError{place.Environment}
	case now.Hash == packages.HashOf(text):
		return nil
	}
	if now.Hash != packages.NoFile {
		if err := e.keepEnvironment(place, now.Text); err != nil {
			return err
		}
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: packages.WriteEnvironment(place.User, place.Environment, text, now.Hash), Become: true})
	switch {
	case err != nil:
		return &ReachError{place.Server.Name, fmt.Errorf("write %s on %s: %w", place.Environment, place.Server.Name, err)}
	case result.Status == packages.EnvironmentChanged:
		return &EnvironmentChangedError{place.Environment}
	case result.Status != 0:
		return place.environmentError("write", result)
	}
	e.cfg.Log.Info("environment saved", "server", place.Server.Name, "site", place.Site.Domain, "by", e.cfg.By)
	defer e.hub.wake()
	if err := e.keepEnvironment(place, text); err != nil {
		return fmt.Errorf("%s was written, but not kept in the vault: %w", place.Environment, err)
	}
	return nil
}

// keepEnvironment keeps a version in the vault, unless it is the newest there, and
// forgets the oldest of too many.
func (e *Engine) keepEnvironment(p sitePlace, text string) error {
	prefix := vaultName(p.Server.ID, packages.SecretName(packages.EnvironmentsOf(p.Site.Domain)))
	return e.cfg.Store.Update(func(tx *store.Tx) error {
		kept, err := tx.Secrets(prefix)
		if err != nil {
			return err
		}
		if len(kept) > 0 {
			newest, err := tx.Secret(kept[len(kept)-1].Name)
			if err != nil || string(newest) == text {
				return err
			}
		}
		for _, old := range kept[:max(0, len(kept)+1-packages.KeptEnvironments)] {
			if err := tx.DeleteSecret(old.Name); err != nil {
				return err
			}
		}
		return tx.PutSecret(prefix+string(e.cfg.Store.NewID()), []byte(text), e.cfg.By)
	})
}

// EnvironmentVersion is a version of a site's .env that is kept, without what it
// holds.
type EnvironmentVersion struct {
	Number int // from 1, the newest
	At     time.Time
	By     string
	id     string
}

// EnvironmentVersions tells of the versions of a site's .env that are kept, newest
// first. They need no key and no server.
func (e *Engine) EnvironmentVersions(site store.ID) (list []EnvironmentVersion, err error) {
	place, err := e.place(site)
	if err != nil {
		return nil, err
	}
	kept, err := e.Secrets(place.Server.ID)
	if err != nil {
		return nil, err
	}
	for _, s := range kept {
		if id, ok := strings.CutPrefix(string(s.Name), packages.EnvironmentsOf(place.Site.Domain)); ok {
			list = append(list, EnvironmentVersion{At: s.CreatedAt, By: s.By, id: id})
		}
	}
	slices.SortFunc(list, func(a, b EnvironmentVersion) int { return cmp.Compare(b.id, a.id) })
	for i := range list {
		list[i].Number = i + 1
	}
	return list, nil
}

// EnvironmentText returns a version of a site's .env that is kept. The error is an
// *InputError where there is none of that number.
func (e *Engine) EnvironmentText(ctx context.Context, site store.ID, number int) (string, error) {
	list, err := e.EnvironmentVersions(site)
	if err != nil {
		return "", err
	}
	if number < 1 || number > len(list) {
		return "", &InputError{"version", fmt.Sprintf("there is no version %d; %d are kept", number, len(list))}
	}
	place, err := e.place(site)
	if err != nil {
		return "", err
	}
	name := packages.SecretName(packages.EnvironmentsOf(place.Site.Domain) + list[number-1].id)
	text, err := e.Secret(ctx, place.Server.ID, name)
	if errors.Is(err, store.ErrNotFound) {
		return "", &InputError{"version", fmt.Sprintf("version %d was forgotten meanwhile", number)}
	}
	return text, err
}
