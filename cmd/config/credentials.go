package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"brokeforge/packages/job"
)

// Credential is a way to log in that a server's record may name.
type Credential struct {
	Name   string `toml:"name"`
	User   string `toml:"user"`   // who logs in; empty means as for a server of which nothing is said
	Key    string `toml:"key"`    // a private key file; empty means as an empty User does
	Become *bool  `toml:"become"` // whether root is become by sudo; nil means that it is
}

var credentialForm = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}$`)

// reserved are the names of the credentials that commands on a server run with.
func reserved() []string { return []string{"root", "user", "worker"} }

func (c Config) checkCredentials() error {
	seen := map[string]bool{}
	for i, credential := range c.Credentials {
		name := credential.Name
		switch {
		case name == "":
			return refuse(fmt.Sprintf("number %d has no name", i+1), "credentials")
		case !credentialForm.MatchString(name):
			return refuse(fmt.Sprintf("%q can't be a name: use small letters, digits and dashes, 63 at most, no dash first", name), "credentials")
		case slices.Contains(reserved(), name):
			return refuse(fmt.Sprintf("none can be called %s: BrokeForge has one of that name", name), "credentials")
		case seen[name]:
			return refuse(name+" is there twice", "credentials")
		case credential.Key != "" && !filepath.IsAbs(credential.Key) && !strings.HasPrefix(credential.Key, "~/"):
			return refuse(name+` has a key that is not an absolute path and doesn't begin with "~/"`, "credentials")
		}
		seen[name] = true
		if credential.User == "" {
			continue
		}
		var bad *job.InputError
		if err := job.CheckField(job.FieldUser, credential.User); errors.As(err, &bad) {
			return refuse(name+": "+bad.Reason, "credentials")
		}
	}
	return nil
}

// JobCredentials returns the credentials as an engine takes them.
func (c Config) JobCredentials() []job.Credential {
	var list []job.Credential
	for _, credential := range c.Credentials {
		list = append(list, job.Credential{
			Name: credential.Name, User: credential.User, KeyFile: credential.Key,
			Become: credential.Become == nil || *credential.Become,
		})
	}
	return list
}
