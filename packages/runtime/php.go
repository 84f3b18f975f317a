// Package runtime holds the languages that sites are written in.
package runtime

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// PHP is PHP with its FastCGI process manager. A server may have several
// versions side by side. The one of its distribution is the instance without a
// name, as it always was; the others are named after their branch and come from
// Sury's repository.
type PHP struct {
	Sury apt.Repository
}

const (
	versionOption     = "version"
	extensionsOption  = "extensions"
	memoryLimitOption = "memory-limit"
	uploadMaxOption   = "upload-max"
	iniOption         = "ini"
	cliDefaultOption  = "cli-default"
	siteDefaultOption = "site-default"

	// distribution is the version that the server's distribution has.
	distribution = "distribution"

	// branchKey is what the installed branch, such as "8.2", is recorded as,
	// and repositoryKey the repository that it is from, if any.
	branchKey     = "branch"
	repositoryKey = "repository"
)

// Name returns "php".
func (PHP) Name() packages.Name { return "php" }

// Type returns the category of runtimes.
func (PHP) Type() packages.Type { return packages.Runtime }

// Credential returns root.
func (PHP) Credential() packages.Credential { return packages.Root() }

// Describe tells of PHP.
func (PHP) Describe() packages.Description {
	var extensions []string
	for _, m := range modules() {
		extensions = append(extensions, m[0])
	}
	return packages.Description{
		Title:    "PHP",
		Summary:  "PHP-FPM and the command line; several versions side by side",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: versionOption, Label: "Version", Kind: packages.Choice, Default: distribution, Required: true,
				Choices: append([]string{distribution}, branches()...),
				Help:    "the distribution's own, or one from packages.sury.org, beside those that are there",
			},
			{
				Name: extensionsOption, Label: "Extensions", Kind: packages.Several, Choices: extensions,
				Default: "bcmath,curl,intl,mbstring,mysql,xml,zip",
				Help:    "gd and imagick bring some forty libraries",
			},
			{
				Name: memoryLimitOption, Label: "Memory limit", Kind: packages.Text, Default: "256M", Required: true,
				Help: "of one request to a site, such as 256M; -1 means none", Validate: acceptMemory,
			},
			{
				Name: uploadMaxOption, Label: "Largest upload", Kind: packages.Text, Default: "64M", Required: true,
				Help: "of one request to a site, such as 64M", Validate: acceptSize,
			},
			{
				Name: iniOption, Label: "php.ini", Kind: packages.Text, Validate: acceptINI,
				Help: "more settings for sites: max_execution_time=60; date.timezone=Europe/Berlin",
			},
			{
				Name: cliDefaultOption, Label: "Default on the command line", Kind: packages.YesNo, Default: "no",
				Help: `"php" runs this version; else it stays what it was`,
			},
			{
				Name: siteDefaultOption, Label: "Default of sites", Kind: packages.YesNo, Default: "no",
				Help: "sites that choose no version, and the default site, use it; else it stays what it was",
			},
		},
		Instance: func(v packages.Values) string {
			if v[versionOption] == distribution {
				return ""
			}
			return v[versionOption]
		},
	}
}

// Probe tells whether PHP-FPM is installed and runs: first the version of the
// distribution or, where that is not there, the highest; then each version.
func (PHP) Probe() string { return probePHP() }

// installation is what the commands of one version are made from.
type installation struct {
	php        PHP
	ctx        packages.Context
	branch     string // such as "8.2"
	own        bool   // it is the distribution's
	extensions []string
}

func (p PHP) installation(ctx packages.Context) (installation, error) {
	branch, err := branchOf(ctx.Facts.OS)
	if err != nil {
		return installation{}, err
	}
	i := installation{php: p, ctx: ctx, branch: branch, own: true, extensions: ctx.Values.List(extensionsOption)}
	switch version := ctx.Values[versionOption]; version {
	case distribution, "":
	case branch:
		return installation{}, fmt.Errorf("PHP %s is what this server's own distribution has: choose version=%s for it", branch, distribution)
	default:
		i.branch, i.own = version, false
	}
	return i, i.sharesNoDefault()
}

// sharesNoDefault refuses to make two versions the default of one thing.
func (i installation) sharesNoDefault() error {
	for _, option := range []string{cliDefaultOption, siteDefaultOption} {
		for _, record := range i.ctx.Installed {
			if record.Name == i.php.Name() && record.Instance != i.ctx.Instance &&
				record.Configuration[option] == "yes" && i.ctx.Values.Yes(option) {
				label := packages.Label(record.Name, record.Instance)
				return fmt.Errorf("%s has %s=yes, which only one version can have: first install that with %[2]s=no", label, option)
			}
		}
	}
	return nil
}

func (i installation) fpm() string { return "php" + i.branch + "-fpm" }

// owner is whose the Debian packages are.
func (i installation) owner() packages.Name {
	if i.own {
		return i.php.Name()
	}
	return i.php.Name() + "-" + packages.Name(i.branch)
}

// debs returns the Debian packages. They all name the branch: "php-cli" and the
// like are whatever version is the newest.
func (i installation) debs() []string {
	names := []string{i.fpm(), "php" + i.branch + "-cli"}
	for _, e := range i.extensions {
		names = append(names, "php"+i.branch+"-"+e)
	}
	return names
}

// Install returns the commands that install PHP.
func (p PHP) Install(ctx packages.Context) ([]packages.Command, error) {
	if err := apt.NeedSystemd(ctx); err != nil {
		return nil, err
	}
	i, err := p.installation(ctx)
	if err != nil {
		return nil, err
	}
	repository, err := i.repository()
	if err != nil {
		return nil, err
	}
	software, err := apt.Install(i.owner(), i.debs()...)
	if err != nil {
		return nil, err
	}
	dropped, err := i.dropped()
	if err != nil {
		return nil, err
	}
	ini, err := settings(ctx.Values)
	if err != nil {
		return nil, err
	}
	commands := append(repository, packages.Track{Name: "install_software", Label: "Installing software"})
	commands = append(commands, rememberDefault(i.owner(), software)...)
	commands = append(commands, dropped...)
	commands = append(commands,
		packages.Track{Name: "configure_php", Label: "Configuring PHP-FPM"},
		packages.Write{Path: iniFile(i.branch), Content: ini},
		i.cliDefault(),
	)
	commands = append(commands,
		packages.Track{Name: "start_service", Label: "Starting service"},
		apt.Start(i.fpm()),
		packages.Run{
			Script:    fmt.Sprintf("php-fpm%s -t && systemctl reload %s", i.branch, i.fpm()),
			IfChanged: true,
			Touch:     packages.Touch{Reloads: []string{i.fpm()}},
		},
	)
	commands = append(commands, i.siteDefault()...)
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that PHP-FPM listens and has its extensions", Script: verify(i.branch, i.extensions), IfChanged: true},
		packages.Persist{Version: apt.Version(i.fpm()), Configuration: i.recorded()},
	), nil
}

func (i installation) recorded() map[string]string {
	out := map[string]string{branchKey: i.branch}
	if !i.own {
		out[repositoryKey] = i.php.Sury.Name
	}
	return out
}

// dropped returns the commands that remove the extensions that were chosen
// when this version was last installed, and are no more.
func (i installation) dropped() ([]packages.Command, error) {
	var names []string
	for _, record := range i.ctx.Installed {
		if record.Name != i.php.Name() || record.Instance != i.ctx.Instance || record.Configuration[branchKey] != i.branch {
			continue
		}
		for _, e := range packages.Values(record.Configuration).List(extensionsOption) {
			if !slices.Contains(i.extensions, e) {
				names = append(names, "php"+i.branch+"-"+e)
			}
		}
	}
	if len(names) == 0 {
		return nil, nil
	}
	commands, err := apt.Purge(names...)
	if err != nil {
		return nil, err
	}
	return commands[len(apt.Helper()):], nil
}

// verify returns a script that fails where PHP-FPM does not listen or an
// extension is not loaded.
func verify(branch string, extensions []string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `[ -S /run/php/php%[1]s-fpm.sock ] || { echo "PHP-FPM does not listen on /run/php/php%[1]s-fpm.sock" >&2 && exit 1; }
loaded=$(php-fpm%[1]s -m) || exit 1
`, branch)
	for _, m := range modules() {
		if slices.Contains(extensions, m[0]) {
			fmt.Fprintf(&b, "echo \"$loaded\" | grep -qix %[1]s || { echo 'the extension %[1]s is not loaded' >&2 && exit 1; }\n", m[1])
		}
	}
	return b.String() + fmt.Sprintf("php%s -v", branch)
}
