package packages

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"time"
)

// A Command is one entry of a plan: Track, Run, Write, Prove, Make, Persist, Note
// or Forget.
//
// No command holds the value of a secret. Where one is needed, Write.Content and
// Run.Secrets hold what SecretRef returns, and the value takes its place when the
// run is shipped; everywhere else a reference is refused by Build.
type Command interface {
	// kind is the command's key in a stored plan.
	kind() string
}

// Track begins a milestone. It goes before the commands that it covers.
type Track struct {
	Name  string `json:"name"`  // an action in snake case, such as "install_software"
	Label string `json:"label"` // what people read, such as "Installing software"
}

// Run runs a script on the server.
type Run struct {
	// Title says in a few words what the script does, where its first line
	// doesn't, such as "refuse if port 80 is taken".
	Title string `json:"title,omitempty"`
	// Script is POSIX sh. Its exit status decides: 0 is success. It runs in a
	// session of its own, with an empty standard input and a small, made
	// environment.
	Script string `json:"script"`
	// Check is POSIX sh that exits with 0 where the script has nothing left
	// to do; the script is then skipped. It changes nothing. An empty Check
	// never skips.
	Check string `json:"check,omitempty"`
	// IfChanged skips the script unless a command of the same package changed
	// something since the package was last installed to its end.
	IfChanged bool `json:"if_changed,omitempty"`
	// As is who runs it. The zero value means the package's credential.
	As Credential `json:"as,omitzero"`
	// Timeout ends the script when it takes longer. 0 means no limit.
	Timeout time.Duration `json:"timeout,omitempty"`
	// Secrets are files for the script and its check, by name: the content may
	// hold references to secrets, and has no newline at its end but one that
	// stands there. The script reads "$SECRETS/NAME". SECRETS is a folder of
	// this step alone on a tmpfs; it and the files can be read by the step's
	// user and nobody else (0500, 0400), and are gone when the step has ended.
	// The environment and the arguments hold no more than the path. A name has
	// lower-case letters, digits, '.', '_' and '-'.
	Secrets map[string]string `json:"secrets,omitempty"`
	// Percent is set for a script that writes how far it is, a number from 0 to
	// 100, to the file "$PERCENT". Only root's scripts may.
	Percent bool `json:"percent,omitempty"`
	// Settles is set for a script with which the run has done what it is for: once
	// it has succeeded the run can't be cancelled, as what follows records that.
	Settles bool `json:"settles,omitempty"`
	// Touch and Debs tell a preview what comes of the script.
	Touch
	Debs Debs `json:"debs,omitzero"`
}

// Write puts a file in place by a rename, after comparing: a file that has
// this content, owner and mode already is left alone.
type Write struct {
	Path    string      `json:"path"`            // absolute; its folder must be there
	Content string      `json:"content"`         // may hold references to secrets
	Owner   string      `json:"owner,omitempty"` // empty means root
	Group   string      `json:"group,omitempty"` // empty means root
	Mode    fs.FileMode `json:"mode"`            // permission bits; 0 means 0644

	// Over is set where a later command takes the file into the place of another
	// one: a preview tells how that one changes. Placed is a copy of what was last
	// taken there, by which it is seen that somebody has changed it.
	Over   string `json:"over,omitempty"`
	Placed string `json:"placed,omitempty"`
}

// Prove runs a script that could lock the operator out, and keeps its change
// only when a new login succeeds afterwards. Without one in time the server
// itself runs Undo, and the command has failed.
type Prove struct {
	Title  string        `json:"title,omitempty"` // as Run's
	Script string        `json:"script"`
	Check  string        `json:"check,omitempty"` // as Run's
	Undo   string        `json:"undo"`
	Within time.Duration `json:"within"` // 0 means a minute
	// Port is where the new login goes, in place of the port that the server's
	// record has. Once it has succeeded there the record has this port, and
	// later commands of the plan find the server by it. 0 means the record's.
	Port int `json:"port,omitempty"`
	Touch
}

// Make makes an SSH key pair of this server, of type ed25519, where the vault has
// none under that name. The private key, in the form of OpenSSH, is the value of
// the secret. It is made on this machine, before the run is shipped.
type Make struct {
	Secret  SecretName `json:"secret"`
	Comment string     `json:"comment"` // of the key
}

// Note records a value that the server tells, beside what Persist records. It
// goes after the Persist of its part.
type Note struct {
	Name   string     `json:"name"`   // the key in the configuration
	Script string     `json:"script"` // POSIX sh; its first line of output is the value, at most 256 characters
	As     Credential `json:"as,omitzero"`
}

// Persist records that the package of this part of the plan is installed, with
// the values that it was installed with. It goes after the commands that make
// it true.
type Persist struct {
	// Version is POSIX sh that prints the version on the server. Empty means
	// that the package has none.
	Version string `json:"version,omitempty"`
	// Configuration adds to the chosen values what else is worth recording.
	Configuration map[string]string `json:"configuration,omitempty"`
	// History makes a record beside those that there are already, for a package
	// of a site that leaves a history, such as a command that was run.
	History bool `json:"history,omitempty"`
	// Failures has a history keep what failed too, where a failure is a result, as
	// it is of a command. Of others only what succeeded is in the history, as
	// the values of the last one are those of the next.
	Failures bool `json:"failures,omitempty"`
}

// Forget deletes the record of the package of this part of the plan. It goes
// after the commands that removed it.
type Forget struct{}

func (Track) kind() string   { return "track" }
func (Run) kind() string     { return "run" }
func (Write) kind() string   { return "write" }
func (Prove) kind() string   { return "prove" }
func (Make) kind() string    { return "make" }
func (Note) kind() string    { return "note" }
func (Persist) kind() string { return "persist" }
func (Forget) kind() string  { return "forget" }

// Commands is a list of commands that can be stored.
type Commands []Command

// MarshalJSON writes each command as an object whose only key is its kind.
func (c Commands) MarshalJSON() ([]byte, error) {
	list := make([]map[string]Command, len(c))
	for i, cmd := range c {
		list[i] = map[string]Command{cmd.kind(): cmd}
	}
	return json.Marshal(list)
}

// UnmarshalJSON reads what MarshalJSON wrote. A kind that it does not know is
// an error: a plan is carried out whole or not at all.
func (c *Commands) UnmarshalJSON(data []byte) error {
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(data, &list); err != nil {
		return fmt.Errorf("read commands: %w", err)
	}
	*c = make(Commands, 0, len(list))
	for i, entry := range list {
		if len(entry) != 1 {
			return fmt.Errorf("read command %d: %d kinds in place of one", i, len(entry))
		}
		for kind, raw := range entry {
			cmd, err := decode(kind, raw)
			if err != nil {
				return fmt.Errorf("read command %d: %w", i, err)
			}
			*c = append(*c, cmd)
		}
	}
	return nil
}

func decode(kind string, raw json.RawMessage) (Command, error) {
	switch kind {
	case Track{}.kind():
		return decodeAs[Track](raw)
	case Run{}.kind():
		return decodeAs[Run](raw)
	case Write{}.kind():
		return decodeAs[Write](raw)
	case Prove{}.kind():
		return decodeAs[Prove](raw)
	case Make{}.kind():
		return decodeAs[Make](raw)
	case Note{}.kind():
		return decodeAs[Note](raw)
	case Persist{}.kind():
		return decodeAs[Persist](raw)
	case Forget{}.kind():
		return decodeAs[Forget](raw)
	}
	return nil, fmt.Errorf("unknown kind %q", kind)
}

func decodeAs[T Command](raw json.RawMessage) (Command, error) {
	var cmd T
	if err := json.Unmarshal(raw, &cmd); err != nil {
		return nil, err
	}
	return cmd, nil
}

// Brief names a command in one line: a script's title or its first line that is
// not a comment, the path of a file.
func Brief(cmd Command) string {
	switch c := cmd.(type) {
	case Track:
		return c.Label
	case Run:
		return brief(c.Title, c.Script)
	case Write:
		return "write " + c.Path
	case Prove:
		return brief(c.Title, c.Script)
	case Make:
		return "make the SSH key " + c.Comment + ", if there is none"
	case Note:
		return "record its " + c.Name
	case Persist:
		return "record that it is installed"
	case Forget:
		return "forget its record"
	}
	return cmd.kind()
}

func brief(title, script string) string {
	if title != "" {
		return title
	}
	return firstLine(script)
}

func firstLine(script string) string {
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		if line != "" && !strings.HasPrefix(line, "#") && line != "set -e" && line != "set -eu" {
			return line
		}
	}
	return ""
}
