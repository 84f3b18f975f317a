package uitest

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// SiteLog tells made-up lines of a site's log.
func (e *Engine) SiteLog(ctx context.Context, site store.ID, l job.SiteLog, tell func(string) error) error {
	v, err := e.Site(site)
	if err != nil {
		return err
	}
	kind := "GET / 200"
	if l.Errors {
		kind = "open() failed"
	}
	for i := range 3 {
		if line := fmt.Sprintf("%s %d of %s", kind, i, v.Domain); strings.Contains(line, l.Text) {
			if err := tell(line); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

// Environment returns Dotenv, whichever the site.
func (e *Engine) Environment(_ context.Context, site store.ID) (job.Environment, error) {
	v, err := e.Site(site)
	if err != nil {
		return job.Environment{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	out := job.Environment{Site: v.Site, Path: "/srv/sites/" + v.Domain + "/shared/.env", Text: e.Dotenv, Hash: packages.NoFile}
	if e.Dotenv != "" {
		out.Hash = packages.HashOf(e.Dotenv)
	}
	return out, nil
}

// SaveEnvironment changes Dotenv.
func (e *Engine) SaveEnvironment(ctx context.Context, was job.Environment, text string, over bool) error {
	now, err := e.Environment(ctx, was.Site.ID)
	if err = cmp.Or(err, e.DotenvError); err != nil {
		return err
	}
	if now.Hash != was.Hash && !over {
		return &job.EnvironmentChangedError{Path: now.Path}
	}
	e.Change(func() { e.Dotenv = text })
	return nil
}

// onSite is a made-up package of a site.
type onSite struct {
	name  packages.Name
	title string
}

func (p onSite) Name() packages.Name             { return p.name }
func (p onSite) Type() packages.Type             { return packages.SiteType }
func (p onSite) Credential() packages.Credential { return packages.Root() }

func (p onSite) Describe() packages.Description {
	d := packages.Description{Title: p.title, Summary: "made up", Requires: []packages.Name{SitePackage{}.Name()}}
	switch p.name {
	case packages.CertificateName:
		d.Options = []packages.Option{
			{Name: "source", Label: "From", Kind: packages.Choice, Choices: []string{"letsencrypt", "own", "self-signed"}, Default: "letsencrypt"},
			{Name: "chain", Label: "Chain", Kind: packages.Secret, Lines: true, Help: "of an own one: the certificate and those that signed it, in PEM"},
			{Name: "key", Label: "Private key", Kind: packages.Secret, Lines: true, Help: "of an own one: in PEM, without a passphrase"},
			{Name: "days", Label: "Days", Kind: packages.Number, Default: "90", Min: 1, Max: 365},
		}
	case packages.DeploymentName:
		d.Options = []packages.Option{
			{Name: packages.RefOption, Label: "Branch, tag or commit", Help: "empty means that of the repository"},
			{Name: "script", Label: "Script", Kind: packages.Lines, Help: "builds the release before it is used"},
			{Name: "keep", Label: "Releases kept", Kind: packages.Number, Default: "5", Min: 2, Max: 50},
		}
	case packages.CommandName:
		d.Options = []packages.Option{{Name: packages.CommandOption, Label: "Command", Required: true}, {Name: "timeout", Kind: packages.Number, Default: "120"}}
	}
	return d
}

func (p onSite) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{
		packages.Track{Name: "do", Label: "Doing it"},
		packages.Run{Script: "do " + ctx.Values[packages.CommandOption]},
		packages.Persist{History: p.name == packages.CommandName},
	}, nil
}

func (p onSite) Remove(packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{packages.Track{Name: "undo", Label: "Undoing it"}, packages.Forget{}}, nil
}
