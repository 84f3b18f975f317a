package sites

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// Git is the repository that a site is deployed from.
type Git struct{}

const gitName = packages.RepositoryName

const (
	urlOption        = "url"
	refOption        = packages.RefOption
	keyOption        = "key"
	hostKeyOption    = "host-key"
	submodulesOption = "submodules"
	lfsOption        = "lfs"
)

// The values of the option key.
const (
	ownKey    = "site"
	workerKey = "worker"
)

// fetchTime is how long a git server may take.
const fetchTime = 20 * time.Minute

// Name returns "git-repository".
func (Git) Name() packages.Name { return gitName }

// Type returns the category of sites.
func (Git) Type() packages.Type { return packages.SiteType }

// Credential returns root.
func (Git) Credential() packages.Credential { return packages.Root() }

// Describe tells of the repository.
func (Git) Describe() packages.Description {
	return packages.Description{
		Title:    "Git repository",
		Summary:  "is where a site is deployed from, with a key that may read it",
		Requires: []packages.Name{siteName},
		Options: []packages.Option{
			{
				Name: urlOption, Label: "Address", Kind: packages.Text, Required: true,
				Help: "such as git@git.example.org:team/site.git or https://git.example.org/team/site.git", Validate: acceptGitURL,
			},
			{
				Name: refOption, Label: "Branch or tag", Kind: packages.Text, Default: "main", Required: true,
				Help: "what is deployed unless something else is said", Validate: acceptRef,
			},
			{
				Name: keyOption, Label: "Key", Kind: packages.Choice, Default: ownKey, Required: true, Choices: []string{ownKey, workerKey},
				Help: "site: one of this site alone, to be allowed as its deploy key; worker: the one that base gave the worker user",
			},
			{
				Name: hostKeyOption, Label: "Host key", Kind: packages.Text,
				Help: "of the git server: its SHA256 fingerprint or line of known_hosts; those of GitHub, GitLab.com, Bitbucket and Codeberg are known", Validate: acceptHostKey,
			},
			{
				Name: submodulesOption, Label: "Submodules", Kind: packages.YesNo, Default: "no",
				Help: "fetches the repository's submodules too, with the same key",
			},
			{
				Name: lfsOption, Label: "Git LFS", Kind: packages.YesNo, Default: "no",
				Help: "installs git-lfs, and fetches the files that it keeps",
			},
		},
	}
}

// source is the repository of a site, as its record has it.
type source struct {
	place
	url        gitURL
	address    string
	ref        string
	submodules string
	lfs        string
	secret     packages.SecretName // of the private key; empty for https
	comment    string              // of the key
}

func sourceOf(ctx packages.SiteContext, values packages.Values) (source, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return source{}, err
	}
	s := source{place: p, address: values[urlOption], ref: values[refOption], submodules: values[submodulesOption], lfs: values[lfsOption]}
	if s.url, err = parseGitURL(s.address); err != nil {
		return source{}, fmt.Errorf("the address of the repository %w", err)
	}
	if err := acceptRef(s.ref); err != nil {
		return source{}, fmt.Errorf("the branch or tag %w", err)
	}
	s.comment = "brokeforge " + s.domain
	switch {
	case s.url.scheme != "ssh":
	case values[keyOption] == workerKey:
		worker := packages.DefaultWorkerUser
		if base, ok := ctx.Installs(packages.Base); ok && base.Configuration["worker-user"] != "" {
			worker = base.Configuration["worker-user"]
		}
		s.secret = packages.SecretOf(packages.Base, "", "ssh-key-"+worker)
	default:
		s.secret = ctx.SecretOf(gitName, "", "deploy-key")
	}
	return s, nil
}

// own reports whether the key is the site's own.
func (s source) own() bool { return strings.Contains(string(s.secret), string(gitName)) }

// folder is where root keeps what a site's git server is known by.
const gitFolder = "/etc/brokeforge/git"

func (s source) knownHosts() string { return gitFolder + "/" + s.domain + ".hosts" }
func (s source) publicKey() string  { return gitFolder + "/" + s.domain + ".pub" }

func (s source) variables() []variable {
	return append(s.place.variables(),
		variable{"url", s.address}, variable{"host", s.url.host}, variable{"ref", s.ref},
		variable{"submodules", s.submodules}, variable{"lfs", s.lfs}, variable{"known_hosts", s.knownHosts()}, variable{"public_key", s.publicKey()},
	)
}

// secrets returns the files with the key, for steps that talk to the git server.
func (s source) secrets() map[string]string {
	if s.secret == "" {
		return nil
	}
	return map[string]string{"key": packages.SecretRef(s.secret, packages.AsIs)}
}

// Install returns the commands that make the key, verify the git server, and fetch the
// repository for the first time.
func (g Git) Install(ctx packages.SiteContext) ([]packages.Command, error) {
	s, err := sourceOf(ctx, ctx.Values)
	if err != nil {
		return nil, err
	}
	debs := []string{"git", "openssh-client"}
	if ctx.Values.Yes(lfsOption) {
		debs = append(debs, "git-lfs")
	}
	software, err := apt.Install(gitName, debs...)
	if err != nil {
		return nil, err
	}
	mirror, err := compose(s.variables(), "common", "git", "mirror")
	if err != nil {
		return nil, err
	}
	commands := append([]packages.Command{packages.Track{Name: "install_software", Label: "Installing software"}}, software...)
	commands = append(commands, packages.Run{Script: "install -d -m 0755 " + gitFolder, Check: "[ -d " + gitFolder + " ]"})
	if s.secret != "" {
		trusted, err := s.trust(ctx.Values[hostKeyOption])
		if err != nil {
			return nil, err
		}
		commands = append(commands, s.keys()...)
		commands = append(commands, packages.Track{Name: "verify_git_server", Label: "Verifying git server"}, trusted)
	}
	commands = append(commands,
		packages.Track{Name: "fetch_repository", Label: "Fetching repository"},
		packages.Run{
			Title: "fetch the branches and tags of " + s.address, As: s.credential(), Secrets: s.secrets(), Timeout: fetchTime,
			Script: mirror,
			Check: fmt.Sprintf(`[ "$(git -C %[1]s/repo.git config --get remote.origin.url)" = %[2]s ] &&
{ git -C %[1]s/repo.git rev-parse --quiet --verify %[3]s || git -C %[1]s/repo.git rev-parse --quiet --verify %[4]s; } >/dev/null`,
				quote(s.root), quote(s.address), quote("refs/heads/"+s.ref+"^{commit}"), quote("refs/tags/"+s.ref+"^{commit}")),
		},
		packages.Persist{},
	)
	if s.own() {
		commands = append(commands, packages.Note{Name: packages.PublicKeyKey, Script: "cat " + quote(s.publicKey()), As: packages.Root()})
	}
	return commands, nil
}

// keys returns the commands that make the site's own key and say what it is. A key of
// the worker is there already.
func (s source) keys() []packages.Command {
	if !s.own() {
		return nil
	}
	return []packages.Command{
		packages.Track{Name: "make_key", Label: "Making deploy key"},
		packages.Make{Secret: s.secret, Comment: s.comment},
		packages.Write{Path: s.publicKey(), Content: packages.SecretRef(s.secret, packages.ForAuthorizedKeys) + " " + s.comment + "\n"},
		packages.Run{
			Title:  "show the deploy key, to be allowed on the git server",
			Script: "echo \"the deploy key of this site, to be allowed on the git server with the right to read:\"\ncat " + quote(s.publicKey()), IfChanged: true,
		},
	}
}

// trust returns the command that takes the confirmed host keys of the git server.
func (s source) trust(given string) (packages.Run, error) {
	trusted, err := trustedKeys(s.url.host, given)
	if err != nil {
		return packages.Run{}, fmt.Errorf("the host key %w", err)
	}
	variables := []variable{
		{"host", s.url.host},
		{"port", strconv.Itoa(s.url.sshPort())},
		{"trusted", strings.Join(trusted, " ")},
		{"known_hosts", s.knownHosts()},
	}
	script, err := compose(variables, "hostkey")
	if err != nil {
		return packages.Run{}, err
	}
	have, err := compose(variables, "hostknown")
	if err != nil {
		return packages.Run{}, err
	}
	return packages.Run{
		Title:  "take the host keys of " + s.url.host + " that are confirmed",
		Script: script, Check: have, Timeout: time.Minute,
	}, nil
}

// Remove returns the commands that take the mirror and what is known of the git server
// away. Releases stay, and so does what the site uses.
func (g Git) Remove(ctx packages.SiteContext) ([]packages.Command, error) {
	p, err := placeOf(ctx)
	if err != nil {
		return nil, err
	}
	s := source{place: p}
	mirror := quote(s.root + "/repo.git")
	return []packages.Command{
		packages.Track{Name: "remove_repository", Label: "Removing repository"},
		packages.Run{
			Title: "remove the mirror of the repository", As: s.credential(),
			Script: fmt.Sprintf(`if [ "$(git -C %[1]s config --get brokeforge.mirror)" = yes ]; then
	rm -rf %[1]s
else
	echo "%[2]s is not made by BrokeForge: it stays"
fi`, mirror, s.root+"/repo.git"),
			Check: "[ ! -e " + mirror + " ]",
		},
		packages.Run{
			Title:  "forget the git server's host keys and the deploy key",
			Script: fmt.Sprintf("rm -f %s %s", quote(s.knownHosts()), quote(s.publicKey())),
			Check:  fmt.Sprintf("[ ! -e %s ] && [ ! -e %s ]", quote(s.knownHosts()), quote(s.publicKey())),
		},
		packages.Forget{},
	}, nil
}
