package database

import (
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

// postgresqlMajors returns the major versions that can be chosen, the oldest
// first: those that PGDG's repository has. Which of them it has for a server's
// release is seen there.
func postgresqlMajors() []string { return []string{"13", "14", "15", "16", "17", "18"} }

// postgresqlMajor returns the major version that a release of Debian or Ubuntu
// has. The source are the distributions' package archives.
func postgresqlMajor(os packages.OS) (string, error) {
	majors := map[string]string{
		"debian 12":    "15",
		"debian 13":    "17",
		"ubuntu 22.04": "14",
		"ubuntu 24.04": "16",
	}
	if m, ok := majors[os.ID+" "+os.Version]; ok {
		return m, nil
	}
	return "", fmt.Errorf("this server runs %s: it is not known which PostgreSQL that has. PostgreSQL can be installed on Debian 12 and 13 and Ubuntu 22.04 and 24.04", os)
}

// release is the version of PostgreSQL that is chosen, and where it is from.
type release struct {
	major string
	own   string // the distribution's
}

// chosen returns the chosen release. It refuses another one than the one that
// is recorded, as its databases would not be in it.
func (p PostgreSQL) chosen(ctx packages.Context) (release, error) {
	own, err := postgresqlMajor(ctx.Facts.OS)
	if err != nil {
		return release{}, err
	}
	r := release{major: own, own: own}
	if version := ctx.Values[optionVersion]; version != distribution && version != "" {
		r.major = version
	}
	if !majorPattern.MatchString(r.major) {
		return release{}, fmt.Errorf("%q is no version of PostgreSQL", r.major)
	}
	record, ok := ctx.Installs(p.Name())
	if is := record.Configuration[majorKey]; ok && is != "" && is != r.major {
		name := func(major string) installed {
			value := major
			if major == own {
				value = distribution
			}
			return installed{"PostgreSQL " + major, value}
		}
		return release{}, otherVersion(p, name(is), name(r.major))
	}
	return r, nil
}

// repository returns the commands that have apt know the release, none for the
// distribution's own.
func (p PostgreSQL) repository(ctx packages.Context, r release) ([]packages.Command, error) {
	if r.major == r.own {
		return nil, nil
	}
	pgdg, err := p.PGDG.At(ctx.Facts, r.major)
	if err != nil {
		return nil, err
	}
	// postgresql-common and libpq of the distribution may be too old for it.
	pgdg.Only = []string{
		"postgresql-" + r.major, "postgresql-" + r.major + "-*", "postgresql-*-" + r.major,
		"postgresql-common", "postgresql-client-common", "postgresql-common-dev", "libpq5", "libpq-dev",
	}
	instead := fmt.Sprintf("choose %s=%s for PostgreSQL %s of %s", optionVersion, distribution, r.own, ctx.Facts.OS)
	c := cluster{major: r.major}
	use, err := pgdg.Use(ctx.Facts, p.Name(), instead, c.deb()+"="+r.major+".", c.client()+"="+r.major+".")
	if err != nil {
		return nil, err
	}
	return append([]packages.Command{packages.Track{Name: "add_repository", Label: "Checking the repository"}}, use...), nil
}

// recorded is what is recorded beside the values.
func (p PostgreSQL) recorded(r release) map[string]string {
	out := map[string]string{majorKey: r.major}
	if r.major != r.own {
		out[repositoryKey] = p.PGDG.Name
	}
	return out
}

// adopted returns the version that stands for a major version which is on a
// server already.
func adopted(os packages.OS, major string) string {
	own, err := postgresqlMajor(os)
	if err != nil || own == major || !slices.Contains(postgresqlMajors(), major) {
		return distribution
	}
	return major
}

// leave returns the commands that take the repository away, if the record tells
// of one.
func leave(r apt.Repository, owner packages.Name, record packages.Values) ([]packages.Command, error) {
	if record[repositoryKey] == "" {
		return nil, nil
	}
	commands, err := r.Leave(owner)
	if err != nil {
		return nil, err
	}
	return commands[len(apt.Helper()):], nil
}
