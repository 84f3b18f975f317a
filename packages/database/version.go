package database

import (
	"fmt"

	"brokeforge/packages"
)

const (
	optionVersion = "version"

	// distribution is the version that the server's distribution has.
	distribution = "distribution"

	// repositoryKey is what the repository of others that a server's software is
	// from is recorded as, if any.
	repositoryKey = "repository"
)

func versionChoice(help string, versions ...string) packages.Option {
	return packages.Option{
		Name: optionVersion, Label: "Version", Kind: packages.Choice, Default: distribution, Required: true,
		Choices: append([]string{distribution}, versions...), Help: help,
	}
}

// installed is a version as people call it, and how it is chosen.
type installed struct{ title, value string }

// otherVersion refuses to put a version in the place of the one that is there:
// nothing of what is in that would be in the new one, or it could not go back.
func otherVersion(p packages.Package, is, wanted installed) error {
	return fmt.Errorf("%[1]s is installed, and %[2]s does not take its place: remove %[3]s with --purge, which dumps everything first, install it with %[3]s.%[4]s=%[5]s, and bring the dump back; to keep what is there choose %[3]s.%[4]s=%[6]s",
		is.title, wanted.title, p.Name(), optionVersion, wanted.value, is.value)
}
