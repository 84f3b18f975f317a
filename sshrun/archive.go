package sshrun

import (
	"archive/tar"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"al.essio.dev/pkg/shellescape"
)

// A StepKind says what a [Step] does.
type StepKind int

// The kinds of steps.
const (
	StepRun   StepKind = iota + 1 // runs Script
	StepWrite                     // puts a file with Content at Path
	StepValue                     // runs Script, whose first line of output comes back as MarkValue
	StepMark                      // only tells that it was reached
	StepProve                     // runs Script and keeps its change if Client.Prove comes in time
)

// A Step is one entry of a [Shipment].
//
// Its script runs as a process of its own session in the folder /, with an empty
// standard input and an environment of PATH, HOME, USER, LOGNAME, SHELL, LANG and
// LC_ALL (C.UTF-8). A process that it leaves behind does not keep it from ending.
type Step struct {
	Kind  StepKind
	Label string // of a StepMark; it stays here

	Script string // POSIX sh
	// Check is POSIX sh that exits with 0 where the step is already true; the
	// step is then skipped. Its output is dropped. For Run and Prove.
	Check string
	// Group ties steps together, such as those of one package. A step of a group
	// that really does something notes that on the server before it does, and
	// the note stays until the last step of the group has ended well, be it in a
	// later run. Empty means no group.
	Group string
	// IfChanged runs a StepRun only when there is such a note. It adds none.
	IfChanged bool
	// Percent lets a StepRun of root tell how far it is: it writes a number from 0
	// to 100 to the file "$PERCENT", as often as it likes, and a MarkPercent comes
	// of it, four times a second at most.
	Percent bool
	// Settles is set for a StepRun with which the run has done what it is for: once
	// it has ended well the run goes on to its end, and cancelling it does nothing.
	Settles bool
	User    string        // of Run, Value and Prove; empty means root
	Timeout time.Duration // of each script but Undo, in whole seconds, rounded up; 0 means none
	// Secrets are files for the script and the check of a StepRun, by name, which
	// has lower-case letters, digits, '.', '_' and '-'. They are in the folder
	// that $SECRETS names, on a tmpfs, which User alone can read, from before the
	// check until the step has ended.
	Secrets map[string][]byte

	// Path is where a StepWrite puts its file, by renaming a temporary one in the
	// same folder, which must be there. A file that has this content, owner and
	// mode already is left alone and the step skipped. A symbolic link at Path is
	// replaced, and not followed. Whoever may write to the folder can interfere,
	// so it should belong to root.
	Path      string
	Content   []byte
	Owner     string      // empty means root
	GroupName string      // empty means root
	Mode      fs.FileMode // permission, setuid, setgid and sticky bits; 0 means 0644

	// Undo takes back what the Script of a StepProve did. It runs as root when
	// the script fails, when the run is cancelled, and when no proof comes.
	Undo   string
	Within time.Duration // how long to wait for the proof; 0 means a minute
}

// A Shipment is a run.
type Shipment struct {
	RunID string // letters, digits, '.', '_' and '-', at most 64
	Nonce string // letters and digits, at least 16; tells markers from output
	Steps []Step
	From  int // the first step to do, for a run that is resumed
	// MaxLog bounds the log on the server in bytes, beyond which only the last
	// output of each step is kept; 0 means 32 MiB.
	MaxLog int64

	grace time.Duration // between TERM and KILL; 0 means 10 s
}

const (
	defaultMaxLog = 32 << 20
	defaultGrace  = 10 * time.Second
	maxGroup      = 400
	wholeGroup    = 80 // thrice as long is a file name, escaped
)

var (
	runIDForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
	nonceForm = regexp.MustCompile(`^[A-Za-z0-9]{16,64}$`)
	fileForm  = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
	userForm  = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}\$?$`) // useradd(8)
)

func checkRunID(id string) error {
	if !runIDForm.MatchString(id) {
		return fmt.Errorf("run id %q: only letters, digits, '.', '_' and '-' will do", id)
	}
	return nil
}

func (s Shipment) validate() error {
	if err := checkRunID(s.RunID); err != nil {
		return err
	}
	if !nonceForm.MatchString(s.Nonce) {
		return errors.New("the nonce of a run must be 16 to 64 letters and digits")
	}
	if s.From < 0 || s.From > len(s.Steps) {
		return fmt.Errorf("first step %d: there are %d", s.From, len(s.Steps))
	}
	for i, step := range s.Steps {
		if err := step.validate(); err != nil {
			return fmt.Errorf("step %d: %w", i, err)
		}
	}
	return nil
}

func (s Step) validate() error {
	for _, name := range []string{s.User, s.Owner, s.GroupName} {
		if name != "" && !userForm.MatchString(name) {
			return fmt.Errorf("%q is no name of a user or group", name)
		}
	}
	if len(s.Group) > maxGroup {
		return fmt.Errorf("the name of a group of steps has %d bytes, %d are allowed", len(s.Group), maxGroup)
	}
	if s.Timeout < 0 || s.Within < 0 {
		return errors.New("a time limit cannot be negative")
	}
	if strings.ContainsRune(s.Script+s.Check+s.Undo, 0) {
		return errors.New("a script cannot contain NUL")
	}
	for name := range s.Secrets {
		if s.Kind != StepRun || !fileForm.MatchString(name) {
			return fmt.Errorf("%q is no file of secrets of a script", name)
		}
	}
	switch s.Kind {
	case StepRun, StepValue, StepMark:
		return nil
	case StepProve:
		if s.Undo == "" {
			return errors.New("a step that must be proved needs an undo")
		}
		return nil
	case StepWrite:
		if !path.IsAbs(s.Path) || path.Clean(s.Path) != s.Path || s.Path == "/" ||
			strings.ContainsFunc(s.Path, unicode.IsControl) || strings.HasSuffix(s.Path, " ") {
			return fmt.Errorf("%q is no absolute, clean path of a file", s.Path)
		}
		return nil
	}
	return fmt.Errorf("unknown kind %d", s.Kind)
}

// archive returns a tar archive of the driver, the plan and the files of the
// steps. Its last file shows that it arrived whole.
func (s Shipment) archive(start string) ([]byte, error) {
	a := &archive{}
	a.tar = tar.NewWriter(&a.buf)
	a.add("start.sh", 0o600, []byte(start))
	a.add("driver.sh", 0o600, []byte(outputScript+driverScript))
	a.add("after.sh", 0o600, []byte(afterScript))
	maxLog := cmp.Or(s.MaxLog, defaultMaxLog)
	a.add("head", 0o600, fmt.Appendf(nil, "%s %s %d %d\n", s.Nonce, strings.ToLower(newToken()), maxLog,
		seconds(cmp.Or(s.grace, defaultGrace))))
	var plan bytes.Buffer
	for i := s.From; i < len(s.Steps); i++ {
		fmt.Fprintln(&plan, s.line(i))
		a.addStep(i, s.Steps[i])
	}
	a.add("plan", 0o600, plan.Bytes())
	a.add("complete", 0o600, nil)
	if err := errors.Join(a.err, a.tar.Close()); err != nil {
		return nil, fmt.Errorf("pack run %s: %w", s.RunID, err)
	}
	return a.buf.Bytes(), nil
}

type archive struct {
	buf bytes.Buffer
	tar *tar.Writer
	err error
}

func (a *archive) add(name string, mode int64, content []byte) {
	if a.err != nil {
		return
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content)), Format: tar.FormatUSTAR}
	if a.err = a.tar.WriteHeader(header); a.err == nil {
		_, a.err = a.tar.Write(content)
	}
}

// addStep adds the files of a step. The user of a script gets it open and can not
// reach into the folder that it is in, but the kernel wants it readable.
func (a *archive) addStep(i int, s Step) {
	name := func(suffix string) string { return fmt.Sprintf("%d.%s", i, suffix) }
	switch s.Kind {
	case StepWrite:
		a.add(name("file"), 0o600, s.Content)
	case StepRun, StepValue, StepProve:
		a.add(name("script"), 0o644, []byte(s.Script+"\n"))
	}
	for _, file := range slices.Sorted(maps.Keys(s.Secrets)) {
		a.add(name("secrets/"+file), 0o600, s.Secrets[file])
	}
	if s.Check != "" {
		a.add(name("check"), 0o644, []byte(s.Check+"\n"))
	}
	if s.Percent && s.Kind == StepRun {
		a.add(name("percent"), 0o600, nil)
	}
	if s.Kind == StepProve {
		a.add(name("undo"), 0o644, []byte(s.Undo+"\n"))
	}
}

var stepWords = map[StepKind]string{
	StepRun: "run", StepWrite: "write", StepValue: "value", StepMark: "mark", StepProve: "prove",
}

// line returns the step's line of the plan, as the driver's loop reads it.
func (s Shipment) line(i int) string {
	step := s.Steps[i]
	last := step.Group != ""
	for _, later := range s.Steps[i+1:] {
		last = last && later.Group != step.Group
	}
	return fmt.Sprintf("%s %d %s %d %d %d %d %s %d %d %o %s %s %s",
		stepWords[step.Kind], i, cmp.Or(step.User, "root"), seconds(step.Timeout),
		bit(step.Check != ""), bit(step.IfChanged), bit(step.Settles), cmp.Or(groupFile(step.Group), "-"), bit(last),
		seconds(cmp.Or(step.Within, time.Minute)), unixMode(cmp.Or(step.Mode, 0o644)),
		cmp.Or(step.Owner, "root"), cmp.Or(step.GroupName, "root"), cmp.Or(step.Path, "-"))
}

// defaultBase is the folder on the server for what outlives a boot.
const defaultBase = "/var/lib/brokeforge"

// Settled returns POSIX sh that exits with 0 where nothing of a group has changed
// since its last step ended well, so that its IfChanged steps have nothing to do.
func Settled(group string) string {
	return "[ ! -e " + shellescape.Quote(defaultBase+"/changed/"+groupFile(group)) + " ]"
}

// Written returns the path of the server's note of what a run last wrote to a
// file: the SHA-256 of it in hexadecimal. The note is not there where no run did.
func Written(file string) string {
	sum := sha256.Sum256([]byte(file))
	return defaultBase + "/written/" + hex.EncodeToString(sum[:])
}

// groupFile returns the name of the file of a group's note: what is not a letter,
// a digit or one of "@_-" is escaped. A long one is cut and told apart by a hash.
func groupFile(group string) string {
	var b strings.Builder
	if len(group) > wholeGroup {
		sum := sha256.Sum256([]byte(group))
		group = group[:wholeGroup-17] + "_" + hex.EncodeToString(sum[:8])
	}
	for _, c := range []byte(group) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '@', c == '_', c == '-' && b.Len() > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func seconds(d time.Duration) int64 { return int64(math.Ceil(d.Seconds())) }

// unixMode returns the bits as chmod(1) and stat(1) write them.
func unixMode(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	for flag, bit := range map[fs.FileMode]uint32{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if m&flag != 0 {
			bits |= bit
		}
	}
	return bits
}
