package config

import "brokeforge/packages/apt"

// Repositories holds what is different of the third-party repositories.
type Repositories struct {
	Sury       Repository `toml:"sury"`
	NodeSource Repository `toml:"nodesource"`
	PGDG       Repository `toml:"pgdg"`
	MySQL      Repository `toml:"mysql"`
}

// Repository holds what is different of a repository. What is empty is as its
// makers have it.
type Repository struct {
	URI         string `toml:"uri"`         // "{version}" in NodeSource's stands for the major version, "{distribution}" for debian or ubuntu
	Suite       string `toml:"suite"`       // "{codename}" stands for the codename of the server's release
	Key         string `toml:"key"`         // the address of its public key
	Fingerprint string `toml:"fingerprint"` // of that key
}

// Over returns the known repositories as the settings change them.
func (r Repositories) Over(known apt.Repositories) apt.Repositories {
	return apt.Repositories{
		Sury:       known.Sury.Override(r.Sury.plain()),
		NodeSource: known.NodeSource.Override(r.NodeSource.plain()),
		PGDG:       known.PGDG.Override(r.PGDG.plain()),
		MySQL:      known.MySQL.Override(r.MySQL.plain()),
	}
}

func (r Repository) plain() apt.Repository {
	return apt.Repository{URI: r.URI, Suite: r.Suite, Key: r.Key, Fingerprint: r.Fingerprint}
}

func (r Repositories) check() error {
	for _, repository := range []struct {
		name string
		Repository
	}{{"sury", r.Sury}, {"nodesource", r.NodeSource}, {"pgdg", r.PGDG}, {"mysql", r.MySQL}} {
		if err := repository.check(repository.name); err != nil {
			return err
		}
	}
	return nil
}

func (r Repository) check(name string) error {
	for _, f := range []struct {
		key, value string
		check      func(string) error
	}{
		{"uri", r.URI, apt.CheckAddress},
		{"suite", r.Suite, apt.CheckSuite},
		{"key", r.Key, apt.CheckAddress},
		{"fingerprint", r.Fingerprint, apt.CheckFingerprint},
	} {
		if f.value == "" {
			continue
		}
		if err := f.check(f.value); err != nil {
			return refuse(err.Error(), "repositories", name, f.key)
		}
	}
	return nil
}
