package runtime

import (
	"fmt"
	"regexp"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Node is Node.js, from the distribution or from NodeSource. A server has one.
type Node struct {
	NodeSource apt.Repository
}

const (
	npmOption      = "npm"
	corepackOption = "corepack"
)

// Name returns "node".
func (Node) Name() packages.Name { return "node" }

// Type returns the category of runtimes.
func (Node) Type() packages.Type { return packages.Runtime }

// Credential returns root.
func (Node) Credential() packages.Credential { return packages.Root() }

// Describe tells of Node.js.
func (Node) Describe() packages.Description {
	return packages.Description{
		Title:    "Node.js",
		Summary:  "JavaScript outside of browsers, one version on a server",
		Requires: []packages.Name{packages.Base},
		Options: []packages.Option{
			{
				Name: versionOption, Label: "Version", Kind: packages.Text, Default: distribution, Required: true,
				Help: "the distribution's own, or a major version such as 24 from deb.nodesource.com", Validate: acceptMajor,
			},
			{
				Name: npmOption, Label: "npm", Kind: packages.YesNo, Default: "yes",
				Help: "the distribution's brings some 370 packages; NodeSource's Node.js has it in any case",
			},
			{
				Name: corepackOption, Label: "corepack", Kind: packages.YesNo, Default: "no",
				Help: "yarn and pnpm on demand; only with NodeSource's Node.js, up to version 24",
			},
		},
	}
}

var majorPattern = regexp.MustCompile(`^[1-9][0-9]$`)

func acceptMajor(value string) error {
	if value != distribution && !majorPattern.MatchString(value) {
		return fmt.Errorf("is neither %q nor a major version such as 24", distribution)
	}
	return nil
}

// Probe tells whether Node.js is installed and runs.
func (Node) Probe() string {
	return apt.Probe("nodejs", "") + `
node -v >/dev/null 2>&1 || { echo 'it does not run' && exit 2; }`
}

// nodePatterns are the Debian packages that Node.js and npm are made of.
func nodePatterns() []string { return []string{"corepack", "libnode", "node-", "nodejs", "npm"} }

// Install returns the commands that install Node.js.
func (n Node) Install(ctx packages.Context) ([]packages.Command, error) {
	version := ctx.Values[versionOption]
	own := version == distribution
	if own && ctx.Values.Yes(corepackOption) {
		return nil, fmt.Errorf("corepack comes with NodeSource's Node.js alone: choose a version such as 24, or corepack=no")
	}
	before, err := n.before(ctx, version)
	if err != nil {
		return nil, err
	}
	software, err := n.software(ctx, own)
	if err != nil {
		return nil, err
	}
	configuration := map[string]string{}
	if !own {
		configuration[repositoryKey] = n.NodeSource.Name
	}
	commands := append(before, packages.Track{Name: "install_software", Label: "Installing software"})
	commands = append(commands, software...)
	return append(commands,
		n.corepack(ctx),
		packages.Track{Name: "verify", Label: "Verifying"},
		packages.Run{Title: "see that Node.js works for the app user", Script: n.verify(ctx, version), IfChanged: true},
		packages.Persist{Version: apt.Version("nodejs"), Configuration: configuration},
	), nil
}

// before returns the commands that have apt know the version, and then make way
// for it: what is there goes only when the other can come.
func (n Node) before(ctx packages.Context, version string) ([]packages.Command, error) {
	record, recorded := ctx.Installs(n.Name())
	was := record.Configuration[versionOption]
	if packages.Adopted(record.Configuration) && version == distribution && was != version {
		return nil, fmt.Errorf("this server had Node.js %[1]s before BrokeForge, which does not take it off: remove nodejs there first, or choose %[2]s=%[1]s", was, versionOption)
	}
	commands, err := n.repository(ctx, version)
	if err != nil || !recorded || was == version {
		return commands, err
	}
	purge, err := apt.PurgeBrought(n.Name(), nodePatterns()...)
	if err != nil {
		return nil, err
	}
	last := purge[len(purge)-1].(packages.Run)
	last.Title = "take off the former Node.js, " + was
	last.Check += " || " + isVersion(version)
	commands = append(commands, packages.Track{Name: "make_way", Label: "Removing the former version"})
	commands = append(append(commands, purge[:len(purge)-1]...), last)
	if record.Configuration[repositoryKey] != "" && version == distribution {
		leave, err := n.NodeSource.Leave(n.Name())
		if err != nil {
			return nil, err
		}
		commands = append(commands, leave[len(apt.Helper()):]...)
	}
	return commands, nil
}

// repository returns the commands that have apt know the version, none for the
// distribution's own.
func (n Node) repository(ctx packages.Context, version string) ([]packages.Command, error) {
	if version == distribution {
		return nil, nil
	}
	source, err := n.NodeSource.At(ctx.Facts, version)
	if err != nil {
		return nil, err
	}
	instead := fmt.Sprintf("choose version=%s for the Node.js of %s", distribution, ctx.Facts.OS)
	wanted := "nodejs=" + version + "."
	source.Prefer = []string{wanted}
	use, err := source.Use(ctx.Facts, n.Name(), instead, wanted)
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{packages.Track{Name: "add_repository", Label: "Checking the repository"}}, use...), nil
}

// isVersion returns a check that nodejs is installed in a version. NodeSource's
// packages name it in theirs, the distributions' do not.
func isVersion(version string) string {
	cases := fmt.Sprintf("'installed '%s.*) true ;;", version)
	if version == distribution {
		cases = "'installed '*nodesource*) false ;; 'installed '*) true ;;"
	}
	return fmt.Sprintf(`case $(dpkg-query -W -f '${db:Status-Status} ${Version}' -- nodejs 2>/dev/null) in %s *) false ;; esac`, cases)
}

// software returns the commands that install the Debian packages. That nodejs
// is there is not enough: it must be the version.
func (n Node) software(ctx packages.Context, own bool) ([]packages.Command, error) {
	names := []string{"nodejs"}
	if own && ctx.Values.Yes(npmOption) {
		names = append(names, "npm")
	}
	commands, err := apt.Install(n.Name(), names...)
	if err != nil {
		return nil, err
	}
	version := ctx.Values[versionOption]
	update, install := len(commands)-2, len(commands)-1
	there := "{ " + isVersion(version) + "; } && " + apt.Installed(names...)
	refresh := commands[update].(packages.Run)
	refresh.Check = there + " ||\n" + apt.Path + " fresh"
	commands[update] = refresh
	get := commands[install].(packages.Run)
	get.Check = there
	if len(names) > 1 {
		get.Title = "install nodejs and npm, with some 370 packages that npm is made of"
	}
	commands[install] = get
	if !own || ctx.Values.Yes(npmOption) {
		return commands, nil
	}
	if record, ok := ctx.Installs(n.Name()); ok && record.Configuration[npmOption] == "yes" && record.Configuration[versionOption] == distribution {
		purge, err := apt.Purge("npm")
		if err != nil {
			return nil, err
		}
		commands = append(commands, purge[len(apt.Helper()):]...)
	}
	return commands, nil
}

// corepack returns the command that puts yarn and pnpm in place, or takes them
// away.
func (Node) corepack(ctx packages.Context) packages.Run {
	if ctx.Values.Yes(corepackOption) {
		return packages.Run{
			Title: "put the commands of yarn and pnpm in place",
			Script: `command -v corepack >/dev/null || { echo "this Node.js has no corepack: choose a version up to 24, or corepack=no" >&2 && exit 1; }
corepack enable`,
			Check: "[ -e /usr/bin/yarn ] && [ -e /usr/bin/pnpm ]",
		}
	}
	return disableCorepack()
}

// disableCorepack takes the commands away that corepack has put in place, and
// no others.
func disableCorepack() packages.Run {
	return packages.Run{
		Title:  "take the commands of corepack away",
		Script: "corepack disable",
		Check:  `! command -v corepack || ! readlink /usr/bin/yarn /usr/bin/pnpm | grep -q corepack`,
	}
}

func (n Node) verify(ctx packages.Context, version string) string {
	script := "node -v"
	if version != distribution {
		script = fmt.Sprintf(`said=$(node -v) || exit 1
case $said in
v%[1]s.*) echo "$said" ;;
*) echo "node is $said in place of version %[1]s: a newer one is on the server, remove that first" >&2 && exit 1 ;;
esac`, version)
	}
	if version != distribution || ctx.Values.Yes(npmOption) {
		script += "\nnpm --version"
	}
	return asAppUser(ctx, script)
}

// Adopt has a Node.js that somebody else has put on the server recorded in the
// version that it has.
func (n Node) Adopt(ctx packages.Context) (packages.Adoption, error) {
	version := distribution
	if is := string(ctx.Facts.Found[n.Name()].Version); strings.Contains(is, "nodesource") {
		version, _, _ = strings.Cut(is, ".")
		if err := acceptMajor(version); err != nil {
			return packages.Adoption{}, fmt.Errorf("%q %w", version, err)
		}
	}
	return packages.Adoption{
		Configuration: map[string]string{versionOption: version},
		Notes: []packages.Note{
			{Name: npmOption, Script: "if command -v npm >/dev/null; then echo yes; else echo no; fi"},
			{Name: corepackOption, Script: "if readlink /usr/bin/yarn /usr/bin/pnpm | grep -q corepack; then echo yes; else echo no; fi"},
		},
	}, nil
}

// Release returns the commands that take away what BrokeForge has brought to a
// Node.js that was there before: Remove leaves all else.
func (n Node) Release(ctx packages.Context) ([]packages.Command, error) { return n.Remove(ctx) }

// Remove returns the commands that take Node.js away. What runs goes on until
// it ends; nothing is killed.
func (n Node) Remove(ctx packages.Context) ([]packages.Command, error) {
	software, err := apt.PurgeBrought(n.Name(), nodePatterns()...)
	if err != nil {
		return nil, err
	}
	commands := []packages.Command{
		packages.Track{Name: "remove_software", Label: "Removing software"},
	}
	if !packages.Adopted(ctx.Values) {
		commands = append(commands, disableCorepack())
	}
	commands = append(commands, software...)
	if ctx.Values[repositoryKey] != "" {
		leave, err := n.NodeSource.Leave(n.Name())
		if err != nil {
			return nil, err
		}
		commands = append(commands, leave[len(apt.Helper()):]...)
	}
	return append(commands, packages.Forget{}), nil
}
