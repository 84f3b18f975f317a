package sshrun

import (
	"fmt"
	"strings"
)

// An UnreachableError says that there is no SSH server to talk to: no such name,
// a refused or silent port, something else than SSH, or no common algorithm.
type UnreachableError struct {
	Name    string // of the server, as the operator calls it
	Address string // host and port
	Phase   string // what was being done
	Seen    string // what the port sent in place of SSH, cleaned; empty for nothing
	Advice  string
	Err     error
}

func (e *UnreachableError) Error() string {
	text := fmt.Sprintf("cannot reach %s: %s %s: %v", e.Name, e.Phase, e.Address, cleanError(e.Err))
	if e.Seen != "" {
		text += fmt.Sprintf("; it sent %q", e.Seen)
	}
	if e.Advice != "" {
		text += ": " + e.Advice
	}
	return text
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// A LoginError says that the server refused the user or all keys, or wants something
// that nobody gave.
type LoginError struct {
	Name    string
	User    string
	Methods []string // that the server offers, cleaned
	Tried   []string // the keys that were offered: where each is from, and its fingerprint
	Skipped []string // the keys that could not be offered, and why
	Wrong   int      // passwords and other answers that were refused
	Banner  string   // what the server said before the login, cleaned
	Err     error
}

func (e *LoginError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s refuses the login of %s", e.Name, e.User)
	var with []string
	with = append(with, e.Tried...)
	switch e.Wrong {
	case 0:
	case 1:
		with = append(with, "a password that is wrong")
	default:
		with = append(with, fmt.Sprintf("%d passwords that are wrong", e.Wrong))
	}
	switch {
	case len(with) == 0:
		b.WriteString(": there is no key to offer: name a key file, or add a key to the agent with ssh-add")
	case len(e.Tried) == 0:
		fmt.Fprintf(&b, " with %s", strings.Join(with, ", "))
	default:
		fmt.Fprintf(&b, " with %s: add one of these keys to ~/.ssh/authorized_keys of %s there, or name another key",
			strings.Join(with, ", "), e.User)
	}
	if len(e.Skipped) > 0 {
		fmt.Fprintf(&b, " (not offered: %s)", strings.Join(e.Skipped, ", "))
	}
	if len(e.Methods) > 0 {
		fmt.Fprintf(&b, "; it takes %s", strings.Join(e.Methods, ", "))
	}
	if e.Banner != "" {
		fmt.Fprintf(&b, "; the server says %q", e.Banner)
	}
	fmt.Fprintf(&b, ": %v", cleanError(e.Err))
	return b.String()
}

func (e *LoginError) Unwrap() error { return e.Err }

// A KeyFileError says why a key file is of no use.
type KeyFileError struct {
	File    string
	Problem string // what is wrong and what can be done
	Err     error  // may be nil
}

func (e *KeyFileError) Error() string {
	return fmt.Sprintf("key file %s %s", e.File, e.Problem)
}

func (e *KeyFileError) Unwrap() error { return e.Err }

// A LostError says that the connection broke off, so that it is not known what
// became of what was running. A run goes on: follow it again.
type LostError struct {
	Name string
	Err  error
}

func (e *LostError) Error() string {
	return fmt.Sprintf("the connection to %s is lost: %v", e.Name, cleanError(e.Err))
}

func (e *LostError) Unwrap() error { return e.Err }

// A ShellError says that the login shell did not run a command at all, as that of
// an account that may not log in.
type ShellError struct {
	Name   string
	User   string
	Status int
	Said   string // cleaned
}

func (e *ShellError) Error() string {
	return fmt.Sprintf("the login shell of %s on %s did not run a command: it said %q and ended with status %d: give the user a shell such as /bin/sh",
		e.User, e.Name, e.Said, e.Status)
}

// A SessionError says that the server accepted the login and refuses to run
// commands.
type SessionError struct {
	Name string
	Err  error
}

func (e *SessionError) Error() string {
	return fmt.Sprintf("%s accepts the login and refuses to run a command: %v: look at MaxSessions, ForceCommand and the like in its sshd_config",
		e.Name, cleanError(e.Err))
}

func (e *SessionError) Unwrap() error { return e.Err }

// A StartError says that a run was not started. Nothing of it was done.
type StartError struct {
	Name   string
	RunID  string
	Status int
	Said   string // cleaned
}

func (e *StartError) Error() string {
	return fmt.Sprintf("run %s was not started on %s: %s (status %d)", e.RunID, e.Name, e.Said, e.Status)
}

// An AbsentError says that the server knows nothing of a run.
type AbsentError struct {
	Name  string
	RunID string
}

func (e *AbsentError) Error() string {
	return fmt.Sprintf("%s knows nothing of run %s: it was not started there, or its records were deleted", e.Name, e.RunID)
}

// A DiedError says that the driver of a run ended before the run did: it was
// killed, or the server was switched off or rebooted.
type DiedError struct {
	Name     string
	RunID    string
	Rebooted bool // the server has booted since
}

func (e *DiedError) Error() string {
	why := "its driver was killed"
	if e.Rebooted {
		why = "the server was rebooted"
	}
	return fmt.Sprintf("run %s on %s broke off: %s; resume it to begin its last step again", e.RunID, e.Name, why)
}

// A ProofError says that a proof came when the run did not wait for it.
type ProofError struct {
	Name  string
	RunID string
	Late  bool // the server had undone the change already
}

func (e *ProofError) Error() string {
	if e.Late {
		return fmt.Sprintf("run %s on %s: the new login came too late, the change is undone", e.RunID, e.Name)
	}
	return fmt.Sprintf("run %s on %s does not wait for a new login", e.RunID, e.Name)
}
