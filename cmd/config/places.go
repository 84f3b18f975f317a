package config

import (
	"errors"
	"path/filepath"
)

// name is that of BrokeForge's folder in the places of the specification.
const name = "brokeforge"

// StateEnv is the environment variable that names the state folder.
const StateEnv = "BROKEFORGE_STATE"

// ErrNoHome says that no place can be found because HOME is not set.
var ErrNoHome = errors.New("HOME is not set, so the state folder can't be found")

// File returns the path of the configuration file, and whether there is a place
// for one: without HOME and XDG_CONFIG_HOME there is none.
func File(getenv func(string) string) (string, bool) {
	dir, ok := place(getenv, "XDG_CONFIG_HOME", ".config")
	return filepath.Join(dir, "config.toml"), ok
}

// KeyFile returns the path of the key of the secrets, which is not in the state
// folder, and whether there is a place for it.
func KeyFile(getenv func(string) string) (string, bool) {
	dir, ok := place(getenv, "XDG_CONFIG_HOME", ".config")
	if !ok {
		return "", false
	}
	return filepath.Join(dir, "secrets.key"), true
}

// StateDir returns the path of the state folder: the one given if it is not
// empty, else the one that StateEnv names, else BrokeForge's own. Without any
// it returns ErrNoHome.
func StateDir(given string, getenv func(string) string) (string, error) {
	for _, dir := range []string{given, getenv(StateEnv)} {
		if dir != "" {
			return filepath.Abs(dir)
		}
	}
	dir, ok := place(getenv, "XDG_STATE_HOME", ".local/state")
	if !ok {
		return "", ErrNoHome
	}
	return dir, nil
}

// place returns BrokeForge's folder in the base folder that the variable names
// or, where that is unset or, against the specification, not absolute, in the
// usual one below HOME.
func place(getenv func(string) string, variable, usual string) (string, bool) {
	if base := getenv(variable); filepath.IsAbs(base) {
		return filepath.Join(base, name), true
	}
	home := getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", false
	}
	return filepath.Join(home, usual, name), true
}
