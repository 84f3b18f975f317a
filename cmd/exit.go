package cmd

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"unicode"

	"github.com/spf13/cobra"

	"brokeforge/cmd/config"
	"brokeforge/packages/job"
)

// The exit statuses.
const (
	StatusDone      = 0
	StatusFailed    = 1 // a run failed
	StatusRefused   = 2 // used wrongly, or nothing could be done
	StatusUnreached = 3 // a server could not be reached, or its host key was refused
)

// usageError says that a command was used wrongly.
type usageError struct {
	command string // as it was called, such as "brokeforge server add"
	err     error
}

func misuse(c *cobra.Command, err error) error { return &usageError{c.CommandPath(), err} }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// ended carries an exit status for which everything is said already.
type ended struct{ status int }

func (e *ended) Error() string { return fmt.Sprintf("ended with exit status %d", e.status) }

// SignalError says that a signal asked for the end.
type SignalError struct{ Signal syscall.Signal }

// Error names the signal.
func (e *SignalError) Error() string { return fmt.Sprintf("ended by a signal: %v", e.Signal) }

// Status is the exit status of a command that returned this error.
func Status(err error) int {
	var end *ended
	var cut *SignalError
	switch {
	case err == nil:
		return StatusDone
	case errors.As(err, &end):
		return end.status
	case errors.As(err, &cut):
		// As shells tell the end by a signal: POSIX.1-2024, 2.8.2.
		return 128 + int(cut.Signal)
	case job.NotReached(err):
		return StatusUnreached
	}
	return StatusRefused
}

// worst returns the exit status for several servers: a failed run says most,
// then a server that was not reached, then a refusal.
func worst(statuses ...int) int {
	rank := map[int]int{StatusDone: 0, StatusRefused: 1, StatusUnreached: 2, StatusFailed: 3}
	out := StatusDone
	for _, s := range statuses {
		if rank[s] > rank[out] {
			out = s
		}
	}
	return out
}

// report prints an error and what can be done.
func (e Env) report(err error) {
	var end *ended
	if err == nil || errors.As(err, &end) {
		return
	}
	e.complain(err.Error(), hint(err))
}

// complain prints a line that says what is wrong, and a line of advice if
// there is one.
func (e Env) complain(text, advice string) {
	fmt.Fprintf(e.Stderr, "brokeforge: %s\n", oneLine(text))
	if advice != "" {
		fmt.Fprintf(e.Stderr, "  %s\n", oneLine(advice))
	}
}

// hint says what can be done about an error that doesn't say so itself.
func hint(err error) string {
	var usage *usageError
	var key *job.HostKeyError
	var setting *config.Error
	switch {
	case errors.As(err, &usage):
		return fmt.Sprintf("see %s --help", usage.command)
	case errors.As(err, &key) && key.Changed():
		return fmt.Sprintf("if %s was installed anew, compare the new key with ssh-keygen -lf on its console, "+
			"then: brokeforge server trust %s; if not, somebody may be listening in", key.Whose(), key.Server)
	case errors.As(err, &key):
		return "compare it with ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub on the server's console; " +
			"--accept-new accepts it without asking"
	case errors.Is(err, config.ErrNoHome):
		return fmt.Sprintf("name the state folder with --state DIR or %s", config.StateEnv)
	case errors.As(err, &setting):
		return "config.example.toml holds every setting with its default"
	}
	return ""
}

// oneLine makes every character visible that would move the cursor or change
// the terminal.
func oneLine(s string) string {
	s = strings.ReplaceAll(strings.TrimSpace(s), "\n", "; ")
	if strings.IndexFunc(s, hidden) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			b.WriteString(strings.Trim(strconv.QuoteRuneToASCII(r), "'"))
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
