package apt

import (
	"cmp"
	_ "embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

//go:embed repository.sh
var repositoryScript string

const (
	repositoryPath = Folder + "/repository"
	repositories   = Folder + "/repositories"
)

// Repository is a repository of Debian packages that is not the
// distribution's. Its zero value is of no use: begin with one of Known.
type Repository struct {
	// Name is what its files on a server are named after, such as "sury".
	Name string
	// URI is the folder that holds its folder "dists". "{version}" in it
	// stands for the version that At is told, "{distribution}" for "debian" or
	// "ubuntu".
	URI string
	// Suite is the name of the folder in "dists". "{codename}" in it stands
	// for the codename of the server's release.
	Suite string
	// Component is the part of the suite that is read; empty means main.
	Component string
	// Key is the address of its public key, and Fingerprint that of the
	// primary key, 40 hexadecimal digits. Other keys are not trusted.
	Key         string
	Fingerprint string
	// Avoid are patterns of packages that are taken from the distribution,
	// although the repository has them in a higher version.
	Avoid []string
	// Only are patterns of the packages that are taken from the repository,
	// where it has more than what is wanted: all others are taken from the
	// distribution as far as it has them. Empty means all. The suite must be
	// called otherwise than that of the distribution.
	Only []string
	// Prefer are packages, each with "=" and the beginning of a version, that
	// are taken in that version although there are higher ones.
	Prefer []string
}

// Repositories are the repositories that packages use.
type Repositories struct {
	Sury       Repository // PHP in all its living branches, and older ones
	NodeSource Repository // Node.js
	PGDG       Repository // PostgreSQL, of its makers
	MySQL      Repository // MySQL, of its makers
}

// Known returns the repositories as their makers run them.
//
// The fingerprints of NodeSource and PGDG are those of the keys in Debian's
// package extrepo-offline-data (1.0.3+deb12u1, bookworm/node_20.x.asc and
// postgresql.asc), that of Sury is of sury.asc there; PGDG's is also that of
// /usr/share/postgresql-common/pgdg/apt.postgresql.org.gpg in Debian's
// postgresql-common. The URIs and suites are those of extrepo's index.yaml.
//
// The fingerprint of MySQL is that of the key which the MySQL 8.4 Reference
// Manual prints in "Signature Checking Using GnuPG" for MySQL 8.0.36 and higher
// (https://dev.mysql.com/doc/refman/8.4/en/checking-gpg-signature.html), reckoned
// from the key there by RFC 4880 12.2 and read in November 2026. The key was
// renewed in October 2025, until October 2027, under the same fingerprint, which
// is why its file is the one of 2025: the one of 2023 has expired. The URI is
// that of "A Quick Guide to Using the MySQL APT Repository".
func Known() Repositories {
	return Repositories{
		Sury: Repository{
			Name: "sury", URI: "https://packages.sury.org/php", Suite: "{codename}",
			Key:         "https://packages.sury.org/php/apt.gpg",
			Fingerprint: "15058500A0235D97F5D10063B188E2B695BD4743",
		},
		NodeSource: Repository{
			Name: "nodesource", URI: "https://deb.nodesource.com/node_{version}.x", Suite: "nodistro",
			Key:         "https://deb.nodesource.com/gpgkey/nodesource-repo.gpg.key",
			Fingerprint: "6F71F525282841EEDAF851B42F59B5F99B1BE0B4",
		},
		PGDG: Repository{
			Name: "pgdg", URI: "https://apt.postgresql.org/pub/repos/apt", Suite: "{codename}-pgdg",
			Key:         "https://www.postgresql.org/media/keys/ACCC4CF8.asc",
			Fingerprint: "B97B0AFCAA1A47F044F244A07FCC7D46ACCC4CF8",
		},
		MySQL: Repository{
			Name: "mysql", URI: "https://repo.mysql.com/apt/{distribution}", Suite: "{codename}",
			Key:         "https://repo.mysql.com/RPM-GPG-KEY-mysql-2025",
			Fingerprint: "BCA43417C3B485DD128EC6D4B7B3B788A8D3785C",
		},
	}
}

var (
	repositoryNamePattern = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)
	// What sources.list(5) takes without an escape, and no shell looks at.
	addressPattern     = regexp.MustCompile(`^https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~+{}-]+)*/?$`)
	suitePattern       = regexp.MustCompile(`^[A-Za-z0-9{}][A-Za-z0-9._{}-]*(/[A-Za-z0-9._{}-]+)*$`)
	componentPattern   = regexp.MustCompile(`^[a-z][a-z0-9.-]*$`)
	fingerprintPattern = regexp.MustCompile(`^[0-9A-F]{40}$`)
	archPattern        = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)
	wantedPattern      = regexp.MustCompile(`^[a-z0-9][a-z0-9.+-]*[a-z0-9.](=[0-9][A-Za-z0-9.+:~-]*)?$`)
	versionPattern     = regexp.MustCompile(`^[0-9]+(\.[0-9]+)*$`)
)

// Override returns the repository with what is not empty in o in place of its
// own.
func (r Repository) Override(o Repository) Repository {
	for _, f := range []struct {
		mine *string
		its  string
	}{{&r.URI, o.URI}, {&r.Suite, o.Suite}, {&r.Key, o.Key}, {&r.Fingerprint, o.Fingerprint}} {
		if f.its != "" {
			*f.mine = f.its
		}
	}
	return r
}

// CheckAddress refuses what is not the address of a repository or a key.
func CheckAddress(s string) error {
	if u, err := url.Parse(s); err != nil || u.Host == "" || !addressPattern.MatchString(s) {
		return fmt.Errorf("must be an address such as https://mirror.example/php, without other characters than letters, digits and ._~+-")
	}
	return nil
}

// CheckSuite refuses what is not the name of a suite.
func CheckSuite(s string) error {
	if !suitePattern.MatchString(s) || strings.Contains(s, "..") {
		return fmt.Errorf("must be the name of a suite, such as bookworm; {codename} stands for the server's release")
	}
	return nil
}

// CheckFingerprint refuses what is not the fingerprint of an OpenPGP key of
// version 4.
func CheckFingerprint(s string) error {
	if !fingerprintPattern.MatchString(s) {
		return fmt.Errorf("must be the 40 digits and capitals A to F of a key's fingerprint")
	}
	return nil
}

// At returns the repository as it is for a server, and for a version where its
// address holds one.
func (r Repository) At(facts packages.Facts, version string) (Repository, error) {
	if strings.Contains(r.URI, "{version}") {
		if !versionPattern.MatchString(version) {
			return Repository{}, fmt.Errorf("%q is no version of what the repository %s has", version, r.Name)
		}
		r.URI = strings.ReplaceAll(r.URI, "{version}", version)
	}
	if strings.Contains(r.URI, "{distribution}") {
		if !archPattern.MatchString(facts.OS.ID) {
			return Repository{}, fmt.Errorf("this server does not tell its distribution, which the repository %s needs", r.Name)
		}
		r.URI = strings.ReplaceAll(r.URI, "{distribution}", facts.OS.ID)
	}
	if strings.Contains(r.Suite, "{codename}") {
		if facts.OS.Codename == "" {
			return Repository{}, fmt.Errorf("this server does not tell the codename of its release, which the repository %s needs", r.Name)
		}
		r.Suite = strings.ReplaceAll(r.Suite, "{codename}", facts.OS.Codename)
	}
	return r, r.check()
}

func (r Repository) check() error {
	if !repositoryNamePattern.MatchString(r.Name) {
		return fmt.Errorf("%q is no name of a repository", r.Name)
	}
	for _, f := range []struct {
		what, value string
		check       func(string) error
	}{{"address", r.URI, CheckAddress}, {"key's address", r.Key, CheckAddress}, {"suite", r.Suite, CheckSuite}, {"fingerprint", r.Fingerprint, CheckFingerprint}} {
		if err := f.check(f.value); err != nil || strings.ContainsAny(f.value, "{}") {
			return fmt.Errorf("the %s %q of the repository %s can't be used", f.what, f.value, r.Name)
		}
	}
	if r.Component != "" && !componentPattern.MatchString(r.Component) {
		return fmt.Errorf("the component %q of the repository %s can't be used", r.Component, r.Name)
	}
	return nil
}

func (r Repository) folder() string { return repositories + "/" + r.Name }

// Host returns the name of the server that it is on, for people.
func (r Repository) Host() string {
	u, err := url.Parse(r.URI)
	if err != nil {
		return r.Name
	}
	return u.Hostname()
}

// Use returns the commands after which apt takes packages from the repository.
// Before anything is changed the server itself sees that the repository can be
// read, has the suite, is signed by the pinned key, and offers the wanted
// packages, each a name, or a name, "=" and the beginning of a version. Where
// it does not, the run fails and says so, with instead as what can be done. It
// is noted that owner uses it, until Leave. A repository that somebody else has
// added is used as it is.
//
// The repository must come from At. Use returns a *NameError for a name that is
// none.
func (r Repository) Use(facts packages.Facts, owner packages.Name, instead string, wanted ...string) ([]packages.Command, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	if !ownerPattern.MatchString(string(owner)) {
		return nil, fmt.Errorf("%q is no name to note a repository under", owner)
	}
	for _, w := range slices.Concat(wanted, r.Prefer) {
		if !wantedPattern.MatchString(w) {
			return nil, &NameError{w}
		}
	}
	if len(r.Only) > 0 && r.Suite == facts.OS.Codename {
		return nil, fmt.Errorf("the suite %s of the repository %s is called like this server's own, so that their packages can't be told apart: choose another in the settings", r.Suite, r.Name)
	}
	names := strings.Join(wanted, " ")
	used := fmt.Sprintf("%s used %s %s %s %s", repositoryPath, r.Name, owner, r.Fingerprint, names)
	users := r.folder() + "/users"
	commands := append(Helper(),
		packages.Write{Path: repositoryPath, Content: repositoryScript, Mode: 0o755},
		packages.Run{Script: "install -d -m 0755 " + users, Check: "[ -d " + users + " ]"},
		packages.Write{Path: r.folder() + "/sources", Content: r.sources(facts.Arch)},
	)
	if text := r.preferences(); text != "" {
		commands = append(commands, packages.Write{Path: r.folder() + "/preferences", Content: text})
	}
	return append(commands,
		packages.Run{
			Title: "install gpg, which reads the repository's key",
			Script: fmt.Sprintf(`%[1]s fresh || %[1]s update || exit 1
%[1]s install --for=repository-%[2]s gpg || exit 1
# Nothing but the reading of the key needs it.
apt-mark auto gpg`, Path, r.Name),
			Check: "command -v gpg || " + used,
		},
		packages.Run{
			Title: fmt.Sprintf("check the repository of %s and its key, then add it", r.Host()),
			Script: fmt.Sprintf("%s use %s %s %s %s %s %s", repositoryPath, r.Name, owner,
				r.Key, r.Fingerprint, shellescape.Quote(instead), names),
			Check: used,
			Debs:  packages.Debs{Update: true},
		},
	), nil
}

// Leave returns the commands that note that owner uses the repository no more,
// and take it and its key away where nobody does. Where it is not used that
// changes nothing.
func (r Repository) Leave(owner packages.Name) ([]packages.Command, error) {
	if !repositoryNamePattern.MatchString(r.Name) || !ownerPattern.MatchString(string(owner)) {
		return nil, fmt.Errorf("%q of %q is no repository that is used", r.Name, owner)
	}
	left := fmt.Sprintf("[ ! -e %s/users/%s ]", r.folder(), owner)
	return append(Helper(), packages.Run{
		Title:  fmt.Sprintf("take the repository %s and its key away, unless others use it", r.Name),
		Script: fmt.Sprintf("%s leave %s %s", repositoryPath, r.Name, owner),
		Check:  left,
	}), nil
}

// sources is the repository's file in the form of sources.list(5), "DEB822-STYLE
// FORMAT".
func (r Repository) sources(arch string) string {
	text := fmt.Sprintf(`# Written by BrokeForge, and removed with the last package that uses it.
Types: deb
URIs: %s
Suites: %s
Components: %s
Signed-By: /etc/apt/keyrings/brokeforge-%s.gpg
`, strings.TrimSuffix(r.URI, "/"), r.Suite, cmp.Or(r.Component, "main"), r.Name)
	if archPattern.MatchString(arch) {
		text += "Architectures: " + arch + "\n"
	}
	return text
}

// The priorities of apt_preferences(5): the distribution's own packages have
// 500. With less a package is taken only where the distribution has none.
const (
	avoidPriority  = 100
	onlyPriority   = 500
	preferPriority = 600
)

// preferences is the repository's file in the form of apt_preferences(5); it is
// empty where none is needed.
func (r Repository) preferences() string {
	text := ""
	if len(r.Only) > 0 {
		// What has a name here counts before what is said of all packages.
		// The host of the repository may have the distribution's too.
		for _, p := range []struct {
			names    string
			priority int
		}{{strings.Join(r.Only, " "), onlyPriority}, {"*", avoidPriority}} {
			text += fmt.Sprintf("\nPackage: %s\nPin: release n=%s\nPin-Priority: %d\n", p.names, r.Suite, p.priority)
		}
	}
	if len(r.Avoid) > 0 {
		text += fmt.Sprintf("\nPackage: %s\nPin: origin \"%s\"\nPin-Priority: %d\n", strings.Join(r.Avoid, " "), r.Host(), avoidPriority)
	}
	for _, p := range r.Prefer {
		name, version, _ := strings.Cut(p, "=")
		text += fmt.Sprintf("\nPackage: %s\nPin: version %s*\nPin-Priority: %d\n", name, version, preferPriority)
	}
	if text == "" {
		return ""
	}
	return "# Written by BrokeForge, and removed with the last package that uses it.\n" + text
}
