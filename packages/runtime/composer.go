package runtime

import (
	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Composer is composer, which installs the libraries of PHP projects, as
// Debian packages it.
type Composer struct{}

// Name returns "composer".
func (Composer) Name() packages.Name { return "composer" }

// Type returns the category of runtimes.
func (Composer) Type() packages.Type { return packages.Runtime }

// Credential returns root.
func (Composer) Credential() packages.Credential { return packages.Root() }

// Describe tells of composer.
func (Composer) Describe() packages.Description {
	return packages.Description{
		Title:    "Composer",
		Summary:  "installs the libraries of PHP projects; runs with the PHP of the command line",
		Requires: []packages.Name{packages.Base},
	}
}

// Probe tells whether composer is installed.
func (Composer) Probe() string { return apt.Probe("composer", "") }

// Install returns the commands that install composer. Debian's package needs a
// PHP for the command line, and any will do: without one it brings the
// distribution's, which does not become the default where there is another.
func (c Composer) Install(ctx packages.Context) ([]packages.Command, error) {
	software, err := apt.Install(c.Name(), "composer")
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}
	commands = append(commands, rememberDefault(c.Name(), software)...)
	return append(commands,
		keepDefault(c.Name()),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:     "see that composer works for the app user",
			Script:    asAppUser(ctx, "composer --no-interaction --version"),
			IfChanged: true,
		},
		packages.Persist{Version: apt.Version("composer")},
	), nil
}

// Remove returns the commands that take composer away, with what it brought
// and nothing else needs.
func (c Composer) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeBrought(c.Name(), "composer")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "remove_software", Label: "Removing software"}}, software...)
	commands = append(commands, forgetDefault(c.Name(), "")...)
	return append(commands, packages.Forget{}), nil
}

// appUser returns the login of the app user, as base has made it.
func appUser(ctx packages.Context) string {
	base, _ := ctx.Installs(packages.Base)
	if login := base.Configuration["app-user"]; login != "" {
		return login
	}
	return packages.DefaultAppUser
}

// asAppUser returns a script that runs a script as the app user, at home.
func asAppUser(ctx packages.Context, script string) string {
	return "runuser -l -s /bin/sh -c " + shellescape.Quote(script) + " -- " + shellescape.Quote(appUser(ctx))
}

// Release returns the commands that take away what BrokeForge has brought to
// a composer that was there before: Remove leaves all else.
func (c Composer) Release(ctx packages.Context) ([]packages.Command, error) { return c.Remove(ctx) }
