package sshconfig

import (
	"slices"
	"strings"
)

// An Alias is a host that a configuration names.
type Alias struct {
	Name string
	File string // where it is named first
	Line int
	Host Host // how it is reached, as the whole configuration says
}

// Aliases lists the hosts that "Host" lines name, in order: names without wildcards
// and without "!", each once. Its errors are *Error.
func (c *Config) Aliases() ([]Alias, error) {
	var list []Alias
	for _, it := range c.items {
		if !it.is("Host") {
			continue
		}
		for _, name := range it.args {
			if strings.ContainsAny(name, "*?!") || slices.ContainsFunc(list, func(a Alias) bool { return a.Name == name }) {
				continue
			}
			host, err := c.Resolve(name, "")
			if err != nil {
				return nil, err
			}
			list = append(list, Alias{Name: name, File: it.file, Line: it.number, Host: host})
		}
	}
	return list, nil
}

// ReadAliases lists the hosts of one file and those that it includes. The file must
// be there.
func ReadAliases(env Env, file string) ([]Alias, error) {
	r := &reader{config: &Config{env: env}}
	if err := r.file(file, nil, 0); err != nil {
		return nil, err
	}
	return r.config.Aliases()
}
