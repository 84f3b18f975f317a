package sites

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"brokeforge/packages"
)

// Deployment puts a release of a site in place of the one before. Each leaves a record.
type Deployment struct{}

const deploymentName = packages.DeploymentName

const (
	presetOption  = "preset"
	scriptOption  = "script"
	afterOption   = "after-script"
	sharedOption  = "shared"
	keepOption    = "keep"
	timeoutOption = "timeout"
	checkOption   = "check"
	pathOption    = "check-path"
	statusOption  = "check-status"
	reloadOption  = "reload"
)

// Name returns "deployment".
func (Deployment) Name() packages.Name { return deploymentName }

// Type returns the category of sites.
func (Deployment) Type() packages.Type { return packages.SiteType }

// Credential returns root; what is done in the site's folders is done as its user.
func (Deployment) Credential() packages.Credential { return packages.Root() }

// Describe tells of the deployment.
func (Deployment) Describe() packages.Description {
	return packages.Description{
		Title:     "Deployment",
		Summary:   "builds a release beside the one in use, switches in one step, and goes back where the site doesn't answer",
		Requires:  []packages.Name{gitName},
		Conflicts: []packages.Name{packages.WordPressName},
		Does:      "deploy",
		Options: []packages.Option{
			{
				Name: refOption, Label: "Branch, tag or commit", Kind: packages.Text,
				Help: "empty means that of the repository", Validate: acceptRef,
			},
			{
				Name: presetOption, Label: "Preset", Kind: packages.Choice, Default: "none", Required: true, Choices: presetNames(),
				Help: "fills in scripts and shared paths where none are given",
			},
			{
				Name: scriptOption, Label: "Script", Kind: packages.Lines,
				Help: "builds the release before it is used; sh, or bash where its first line says so", Validate: acceptScript,
			},
			{
				Name: afterOption, Label: "Script after the switch", Kind: packages.Lines,
				Help: "where it fails the site goes back to the release before", Validate: acceptScript,
			},
			{
				Name: sharedOption, Label: "Shared paths", Kind: packages.Text,
				Help: "what all releases have in common, such as storage/,.env; a folder ends with a slash", Validate: acceptShared,
			},
			{
				Name: keepOption, Label: "Releases kept", Kind: packages.Number, Default: "5", Required: true, Min: 2, Max: 50,
				Help: "older ones are deleted, never the one in use or the one before it",
			},
			{
				Name: timeoutOption, Label: "Longest time", Kind: packages.Number, Default: "900", Required: true, Min: 1, Max: 24 * 3600,
				Help: "seconds after which a script is ended",
			},
			{
				Name: checkOption, Label: "Check", Kind: packages.YesNo, Default: "yes",
				Help: "asks the site for a page after the switch, and goes back where the answer is another one",
			},
			{
				Name: pathOption, Label: "Page of the check", Kind: packages.Text, Default: "/", Required: true,
				Help: "such as /up", Validate: acceptPath,
			},
			{
				Name: statusOption, Label: "Expected status", Kind: packages.Number, Default: "200", Required: true, Min: 100, Max: 599,
				Help: "of the answer, such as 200, or 401 for a page with a password",
			},
			{
				Name: reloadOption, Label: "Reload PHP-FPM", Kind: packages.Choice, Default: "graceful", Required: true,
				Choices: []string{"graceful", "always", "never"},
				Help:    "graceful: where it lets requests end first (process_control_timeout), or Apache serves; behind nginx releases are seen without it",
			},
		},
	}
}

// maxScript is the longest script, in characters.
const maxScript = 32000

func acceptScript(value string) error {
	if utf8.RuneCountInString(value) > maxScript {
		return fmt.Errorf("is longer than %d characters: put it into the repository, and run it from there", maxScript)
	}
	return nil
}

// acceptPath refuses what is no path of a page, by RFC 3986, without escapes.
func acceptPath(value string) error {
	switch {
	case !strings.HasPrefix(value, "/") || len(value) > 500:
		return errors.New("is no path of a page: it begins with a slash, 500 characters at most")
	case strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\"<>\\^`{|}[]#", r) }):
		return errors.New("has characters that an address has not: write them as % and two digits")
	}
	return nil
}

// deploys is a deployment that is about to be made.
type deploys struct {
	source
	values packages.Values
	shared []sharedPath
	preset preset
}

func deploysOf(ctx packages.SiteContext) (deploys, error) {
	record, ok := ctx.SiteInstalls(gitName)
	if !ok {
		return deploys{}, &packages.RefusedError{Reason: fmt.Sprintf("%s has no repository to deploy from: install git-repository there first", ctx.Site.Domain)}
	}
	s, err := sourceOf(ctx, record.Configuration)
	if err != nil {
		return deploys{}, err
	}
	d := deploys{source: s, values: ctx.Values, preset: presetOf(ctx.Values[presetOption])}
	if ref := ctx.Values[refOption]; ref != "" {
		if err := acceptRef(ref); err != nil {
			return deploys{}, fmt.Errorf("the branch, tag or commit %w", err)
		}
		d.ref = ref
	}
	d.shared, err = parseShared(chosenOr(ctx.Values, sharedOption, d.preset.shared))
	return d, err
}

// hashPattern says which refs may also be commits.
func isHash(ref string) bool {
	return len(ref) >= 7 && len(ref) <= 40 && strings.Trim(ref, "0123456789abcdef") == ""
}

// Install returns the commands that deploy.
func (Deployment) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	d, err := deploysOf(ctx)
	if err != nil {
		return nil, err
	}
	seconds, err := strconv.Atoi(d.values[timeoutOption])
	if err != nil {
		return nil, fmt.Errorf("the longest time %q is no number", d.values[timeoutOption])
	}
	steps, err := d.scripts()
	if err != nil {
		return nil, err
	}
	as, building := d.credential(), time.Duration(seconds+60)*time.Second
	return append([]packages.Command{
		packages.Track{Name: "prepare_deployment", Label: "Preparing deployment"},
		packages.Run{Title: "read the scripts, and refuse what the shell can't read", As: as, Script: steps.prepare},
		packages.Track{Name: "fetch_commit", Label: "Fetching commit"},
		packages.Run{Title: "fetch " + d.ref + " of " + d.address, As: as, Secrets: d.secrets(), Timeout: fetchTime, Script: steps.fetch},
		packages.Track{Name: "make_release", Label: "Making release"},
		packages.Run{Title: "make the release, with its shared paths", As: as, Secrets: d.secrets(), Timeout: fetchTime, Script: steps.checkout},
		packages.Track{Name: "build_release", Label: "Building release"},
		packages.Run{Title: "run the script in the release", As: as, Timeout: building, Script: steps.build},
		packages.Track{Name: "switch_release", Label: "Switching to release"},
		packages.Run{Title: "switch to the release, see that the site answers, or go back", Script: steps.change, Touch: d.touch(d.values), Settles: true},
		packages.Persist{History: true},
	}, append(d.notes(),
		packages.Track{Name: "clean_up", Label: "Cleaning up"},
		packages.Run{Title: "delete old releases", As: as, Script: steps.prune},
	)...), nil
}

// deployScripts are the scripts of a deployment's steps.
type deployScripts struct{ prepare, fetch, checkout, build, change, prune string }

func (d deploys) scripts() (s deployScripts, err error) {
	hash := ""
	if isHash(d.ref) {
		hash = d.ref
	}
	v := append(d.variables(), variable{"hash", hash}, variable{"limit", d.values[timeoutOption]}, variable{"keep", d.values[keepOption]})
	texts := append(d.place.variables(),
		variable{"build", ended(chosenOr(d.values, scriptOption, d.preset.script))},
		variable{"after", ended(chosenOr(d.values, afterOption, d.preset.after))})
	for _, one := range []struct {
		into      *string
		variables []variable
		parts     []string
	}{
		{&s.prepare, texts, []string{"common", "prepare"}},
		{&s.fetch, v, []string{"common", "git", "fetch"}},
		{&s.checkout, v, []string{"common", "git", "undo", "checkout", "share"}},
		{&s.build, v, []string{"common", "environment", "undo", "build"}},
		{&s.prune, v, []string{"common", "prune"}},
	} {
		if *one.into, err = compose(one.variables, one.parts...); err != nil {
			return s, err
		}
	}
	s.checkout += linksTo(d.shared)
	s.change, err = d.change(d.values, "yes")
	return s, err
}

// ended returns a text with a newline at its end, unless it is empty.
func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// linksTo has the release use what all have in common.
func linksTo(shared []sharedPath) string {
	var b strings.Builder
	for _, p := range shared {
		kind := "file"
		if p.folder {
			kind = "folder"
		}
		up := "../.." + strings.Repeat("/..", strings.Count(p.path, "/"))
		fmt.Fprintf(&b, "\nshare %s %s %s || exit 1", kind, quote(p.path), up)
	}
	return b.String()
}

// change returns the script that switches to the release that was noted, and goes back
// where the site then doesn't answer; discard says whether the release then goes.
func (p place) change(values packages.Values, discard string) (string, error) {
	limit := values[timeoutOption]
	after, err := compose(append(p.variables(), variable{"limit", limit}), "common", "environment", "after")
	if err != nil {
		return "", err
	}
	if discard == "no" {
		after = "exit 0" // of an old release nothing is run again
	}
	return compose(append(p.variables(),
		variable{"discard", discard}, variable{"check", values[checkOption]}, variable{"path", values[pathOption]},
		variable{"expected", values[statusOption]}, variable{"reload", values[reloadOption]}, variable{"after_step", after},
	), "common", "release", "finish", "switch")
}

// touch tells a preview what switching reloads.
func (p place) touch(values packages.Values) packages.Touch {
	if p.php == "" || values[reloadOption] == "never" {
		return packages.Touch{}
	}
	return packages.Touch{Reloads: []string{"php" + p.php + "-fpm"}}
}

// notes returns the commands that record what was deployed.
func (p place) notes() []packages.Command {
	next := quote(p.root + "/deployments/next")
	var commands []packages.Command
	for _, key := range []string{packages.ReleaseKey, packages.CommitKey, packages.AuthorKey, packages.MessageKey} {
		commands = append(commands, packages.Note{
			Name: key, As: p.credential(), Script: fmt.Sprintf("sed -n 's/^%s=//p' %s | head -n 1", key, next),
		})
	}
	return append(commands, packages.Note{
		Name: packages.SecondsKey, As: p.credential(),
		Script: fmt.Sprintf("began=$(sed -n 's/^started=//p' %s | head -n 1)\necho $(($(date +%%s) - began))", next),
	})
}

// Remove returns the commands that take away what deployments have noted, and all
// releases but the one in use and the one before it.
func (Deployment) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	prune, err := compose(append(p.variables(), variable{"keep", "0"}), "common", "prune")
	if err != nil {
		return nil, err
	}
	folder := quote(p.root + "/deployments")
	return []packages.Command{
		packages.Track{Name: "remove_releases", Label: "Removing releases"},
		packages.Run{
			Title: "delete all releases but the one in use and the one before it", As: p.credential(),
			Script: "[ -d " + quote(p.root+"/releases") + " ] || exit 0\n" + prune, Check: "[ ! -d " + folder + " ]",
		},
		packages.Run{
			Title: "remove what deployments have noted", As: p.credential(),
			Script: "rm -rf " + folder, Check: "[ ! -e " + folder + " ]",
		},
		packages.Forget{},
	}, nil
}
