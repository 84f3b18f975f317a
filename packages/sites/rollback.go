package sites

import (
	"errors"
	"fmt"
	"regexp"

	"brokeforge/packages"
)

// Rollback has a site use an earlier release again. Each leaves a record.
type Rollback struct{}

const rollbackName = packages.RollbackName

// releasePattern is what releases are named: UTC down to the second, and the
// beginning of the commit's hash.
var releasePattern = regexp.MustCompile(`^[0-9]{14}-[0-9a-f]{7}$`)

// Name returns "rollback".
func (Rollback) Name() packages.Name { return rollbackName }

// Type returns the category of sites.
func (Rollback) Type() packages.Type { return packages.SiteType }

// Credential returns root; what is done in the site's folders is done as its user.
func (Rollback) Credential() packages.Credential { return packages.Root() }

// Describe tells of the rollback.
func (Rollback) Describe() packages.Description {
	return packages.Description{
		Title:    "Rollback",
		Summary:  "has a site use a release again that is kept; a database is not taken back",
		Requires: []packages.Name{deploymentName},
		Does:     "roll back",
		Options: []packages.Option{{
			Name: packages.ReleaseOption, Label: "Release", Kind: packages.Text,
			Help: "the one to go back to; empty means the one before the one in use", Validate: acceptRelease,
		}},
	}
}

func acceptRelease(value string) error {
	if !releasePattern.MatchString(value) {
		return errors.New("is not the name of a release, such as 20260102150405-3f9c2d1")
	}
	return nil
}

// Install returns the commands that go back to a release.
func (Rollback) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	record, ok := ctx.SiteInstalls(deploymentName)
	if !ok {
		return nil, &packages.RefusedError{Reason: fmt.Sprintf("%s was never deployed: there is nothing to go back to", ctx.Site.Domain)}
	}
	settings, err := packages.Complete(Deployment{}, optionsOf(record.Configuration))
	if err != nil {
		return nil, fmt.Errorf("the record of the deployment is damaged: %w", err)
	}
	choose, err := compose(append(p.variables(), variable{"wanted", ctx.Values[packages.ReleaseOption]}), "common", "choose")
	if err != nil {
		return nil, err
	}
	change, err := p.change(settings, "no")
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{
		packages.Track{Name: "choose_release", Label: "Choosing release"},
		packages.Run{Title: "find the release to go back to", As: p.credential(), Script: choose},
		packages.Track{Name: "switch_release", Label: "Switching to release"},
		packages.Run{Title: "switch to the release, see that the site answers, or go back", Script: change, Touch: p.touch(settings), Settles: true},
		packages.Persist{History: true},
	}, p.notes()...), nil
}

// optionsOf returns those of a deployment's recorded values that are options.
func optionsOf(configuration map[string]string) packages.Values {
	values := packages.Values{}
	for _, o := range (Deployment{}).Describe().Options {
		if v, ok := configuration[o.Name]; ok {
			values[o.Name] = v
		}
	}
	return values
}

// Remove returns the command that forgets the records: nothing of it is on the server.
func (Rollback) Remove(packages.SiteContext) ([]packages.Command, error) {
	return []packages.Command{packages.Track{Name: "forget_rollbacks", Label: "Forgetting rollbacks"}, packages.Forget{}}, nil
}
