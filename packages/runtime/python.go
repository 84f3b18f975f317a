package runtime

import (
	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Python is the distribution's Python with what makes environments for
// projects. The system's interpreter and its libraries are left as they are
// (PEP 668).
type Python struct{}

const (
	pipxOption    = "pipx"
	headersOption = "headers"
)

// Name returns "python".
func (Python) Name() packages.Name { return "python" }

// Type returns the category of runtimes.
func (Python) Type() packages.Type { return packages.Runtime }

// Credential returns root.
func (Python) Credential() packages.Credential { return packages.Root() }

// Describe tells of Python.
func (Python) Describe() packages.Description {
	return packages.Description{
		Title:    "Python",
		Summary:  "the distribution's Python with venv and pipx, which keep projects apart",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: pipxOption, Label: "pipx", Kind: packages.YesNo, Default: "yes",
				Help: "installs programs written in Python, each in an environment of its own",
			},
			{
				Name: headersOption, Label: "Headers", Kind: packages.YesNo, Default: "no",
				Help: "python3-dev, which building libraries that are partly written in C needs; a compiler is not in it",
			},
		},
	}
}

// Probe tells whether Python can make environments.
func (Python) Probe() string {
	return apt.Probe("python3-venv", "")
}

// optional are the Debian packages that belong to options.
func (Python) optional() [][2]string {
	return [][2]string{{pipxOption, "pipx"}, {headersOption, "python3-dev"}}
}

// Install returns the commands that install Python. python3 itself is not
// named: it comes along where it is missing, and stays as long as anything
// needs it.
func (p Python) Install(ctx packages.Context) ([]packages.Command, error) {
	wanted := []string{"python3-venv"}
	var dropped []string
	for _, o := range p.optional() {
		if ctx.Values.Yes(o[0]) {
			wanted = append(wanted, o[1])
		} else if record, ok := ctx.Installs(p.Name()); ok && record.Configuration[o[0]] == "yes" {
			dropped = append(dropped, o[1])
		}
	}
	software, err := apt.Install(p.Name(), wanted...)
	if err != nil {
		return nil, err
	}
	if len(dropped) > 0 {
		purge, err := apt.Purge(dropped...)
		if err != nil {
			return nil, err
		}
		software = append(software, purge[len(apt.Helper()):]...)
	}
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	return append(commands,
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{
			Title:     "see that the app user can make an environment",
			Script:    asAppUser(ctx, tryEnvironment),
			IfChanged: true,
		},
		packages.Persist{Version: apt.Version("python3")},
	), nil
}

const tryEnvironment = `folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv" &&
"$folder/venv/bin/python" -c 'import sys, ssl; assert sys.prefix != sys.base_prefix' &&
"$folder/venv/bin/pip" --version`

// Remove returns the commands that take away what installing Python has
// brought, as far as nothing else needs it. The system's interpreter stays
// where anything uses it.
func (p Python) Remove(packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeBrought(p.Name(), "pipx", "python3-dev", "python3-venv")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "remove_software", Label: "Removing software"}}, software...)
	return append(commands, packages.Forget{}), nil
}

// Release returns the commands that take away what BrokeForge has brought to
// a Python that was there before: Remove leaves all else.
func (p Python) Release(ctx packages.Context) ([]packages.Command, error) { return p.Remove(ctx) }
