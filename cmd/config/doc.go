// Package config reads the settings of BrokeForge and finds the places of its
// files.
//
// Settings are TOML. Every one has a default, so no file is needed; what a file
// says must be right: a key that there is not, a value of the wrong type and a
// value out of range are errors that name the file, the line and the key.
//
// Places follow the XDG Base Directory Specification, version 0.8.
package config
