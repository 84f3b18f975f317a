package job

import (
	"errors"
	"fmt"
	"strings"
)

// HostKeyError stops a connection because of the key that a server showed.
// Nothing was sent to it.
type HostKeyError struct {
	Server      string     // its name
	Hop         string     // the jump host on the way to it whose key it is; empty for its own
	Address     string     // host:port
	Type        string     // of the key shown, such as "ssh-ed25519"
	Fingerprint string     // of the key shown, in the form SHA256:…
	Known       []KnownKey // the keys that were expected; none at the first contact
}

// KnownKey is a key that a server was expected to show.
type KnownKey struct {
	Type        string
	Fingerprint string
	From        string // where it is known from: a file and line, or since when it is pinned
}

// Changed reports whether another key was expected. It is false at the first
// contact.
func (e *HostKeyError) Changed() bool { return len(e.Known) > 0 }

// Whose names the server, or the jump host, that showed the key.
func (e *HostKeyError) Whose() string {
	if e.Hop != "" {
		return fmt.Sprintf("jump host %s", e.Hop)
	}
	return e.Server
}

// Error says what was shown and what was expected.
func (e *HostKeyError) Error() string {
	if !e.Changed() {
		return fmt.Sprintf("the host key of %s (%s) is not known: %s %s", e.Whose(), e.Address, e.Type, e.Fingerprint)
	}
	known := make([]string, len(e.Known))
	for i, k := range e.Known {
		known[i] = fmt.Sprintf("%s %s (%s)", k.Type, k.Fingerprint, k.From)
	}
	return fmt.Sprintf("the host key of %s (%s) has changed: it shows %s %s, known is %s; nothing was sent to it",
		e.Whose(), e.Address, e.Type, e.Fingerprint, strings.Join(known, " and "))
}

// ReachError says that a server could not be reached or logged in to.
type ReachError struct {
	Server string // its name
	Err    error
}

// Error is what went wrong, which names the server.
func (e *ReachError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *ReachError) Unwrap() error { return e.Err }

// NotReached reports whether an error means that a server could not be reached
// or that its host key was refused.
func NotReached(err error) bool {
	var key *HostKeyError
	var reach *ReachError
	return errors.As(err, &key) || errors.As(err, &reach)
}

// InputError refuses something that a person gave.
type InputError struct {
	Field  string // what it was given for, such as "port"
	Reason string
}

// Error names the field and the reason.
func (e *InputError) Error() string { return e.Field + ": " + e.Reason }
