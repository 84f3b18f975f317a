package job

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"al.essio.dev/pkg/shellescape"
	"github.com/aymanbagabas/go-udiff"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/sshrun/clean"
)

//go:embed foresee.sh
var foreseeFunctions string

// maxForeseen is how many bytes of a server's answer are taken in. What is cut
// off is not known.
const maxForeseen = 4 << 20

// unreadLists is why it is not known what apt would do.
const unreadLists = "not known before apt's lists are read"

// foreseeScript returns the script that tells what the steps would change, to go
// behind foresee.sh, or nothing where nobody can tell.
func foreseeScript(steps []packages.Step) string {
	var b strings.Builder
	for i, step := range steps {
		if w, ok := step.Command.(packages.Write); ok {
			if strings.HasPrefix(w.Path, "/etc/apt/") {
				fmt.Fprintf(&b, "sources %d\n", i)
			}
			shown := "no"
			if mayBeShown(step, w) {
				shown = "yes"
			}
			if w.Over != "" {
				fmt.Fprintf(&b, "over %d %s %s %s\n", i, shellescape.Quote(w.Over), shellescape.Quote(w.Placed), shown)
				continue
			}
			fmt.Fprintf(&b, "file %d %s %s %s\n", i, shellescape.Quote(w.Path), sshrun.Written(w.Path), shown)
			continue
		}
		debs := packages.DebsOf(step.Command)
		if debs.Update {
			fmt.Fprintf(&b, "sources %d\n", i)
		}
		if len(debs.Install) > 0 {
			fmt.Fprintf(&b, "install %d %s\n", i, shellescape.QuoteCommand(debs.Install))
		}
		if len(debs.Purge) > 0 {
			fmt.Fprintf(&b, "purge %d %s %s\n", i, verbOf(debs), shellescape.QuoteCommand(debs.Purge))
		}
		if debs.Noted != "" {
			fmt.Fprintf(&b, "noted %d %s %s", i, verbOf(debs), shellescape.Quote(debs.Noted))
			for _, p := range debs.Prefixes {
				b.WriteString(" " + shellescape.Quote(p+"*"))
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// verbOf says to foresee.sh how Debian packages are removed.
func verbOf(d packages.Debs) string {
	switch {
	case d.Keep:
		return "remove"
	case d.Orphans:
		return "auto"
	}
	return "purge"
}

// mayBeShown reports whether the file is one that everybody on the server may
// read and that holds no secrets: of others the text is not fetched.
func mayBeShown(step packages.Step, w packages.Write) bool {
	_, _, mode := ownership(w)
	return mode&0o004 != 0 && len(step.Secrets()) == 0
}

// foreseen collects what a server told of one step.
type foreseen struct {
	word    string // of the path
	stat    []string
	sum     string
	written string
	text    []byte
	hasText bool
	debs    []string
	unread  bool
	failed  string
}

// effects reads what foresee.sh printed. It trusts none of it.
func effects(out string, steps []packages.Step) map[int]Effect {
	told := map[int]*foreseen{}
	for line := range strings.Lines(out) {
		word, rest, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		number, rest, _ := strings.Cut(rest, " ")
		i, err := strconv.Atoi(number)
		if err != nil || i < 0 || i >= len(steps) {
			continue
		}
		if told[i] == nil {
			told[i] = &foreseen{}
		}
		told[i].take(word, rest)
	}
	list := map[int]Effect{}
	counted := map[string]bool{}
	for i, step := range steps {
		f := told[i]
		if f == nil {
			continue
		}
		if w, ok := step.Command.(packages.Write); ok {
			if w.Over == "" || !f.holds(w.Content) {
				list[i] = Effect{File: f.file(w, mayBeShown(step, w))}
			}
			continue
		}
		if debs := packages.DebsOf(step.Command); debs.Install != nil || debs.Purge != nil || debs.Noted != "" {
			list[i] = Effect{Debs: f.apt(counted)}
		}
	}
	return list
}

func (f *foreseen) take(word, rest string) {
	switch word {
	case "none", "link", "other":
		f.word = word
	case "file":
		f.word, f.stat = word, strings.Fields(clean.Line(rest))
	case "sum":
		f.sum, _, _ = strings.Cut(rest, " ")
	case "written":
		f.written, _, _ = strings.Cut(rest, " ")
	case "text":
		text, err := base64.StdEncoding.DecodeString(rest)
		f.text, f.hasText = text, err == nil
	case "deb":
		f.debs = append(f.debs, clean.Line(rest))
	case "unread":
		f.unread = true
	case "failed":
		f.failed = clean.Line(rest)
		if f.failed == "" {
			f.failed = "apt-get does not tell"
		}
	}
}

func (f *foreseen) file(w packages.Write, shown bool) *FileEffect {
	owner, group, mode := ownership(w)
	out := &FileEffect{Path: w.Over, Added: countLines(w.Content)}
	switch f.word {
	case "none":
		out.State = NoFile
		return out
	case "link":
		out.State = LinkThere
		return out
	case "other":
		out.State = NotAFile
		return out
	}
	out.State, out.Added = OtherFile, 0
	out.ByHand = f.written != "" && f.sum != "" && f.written != f.sum
	if len(f.stat) >= 4 {
		if bits, err := strconv.ParseUint(f.stat[2], 8, 32); err == nil {
			out.From = fmt.Sprintf("%s:%s %04o", f.stat[0], f.stat[1], bits)
			out.To = fmt.Sprintf("%s:%s %04o", owner, group, mode)
		}
	}
	switch {
	case !f.hasText && shown && f.size() > maxShown:
		out.Hidden = "what is there is too long to be shown"
	case !f.hasText:
		out.Hidden = "what is there is not shown, as not everybody on the server may read it"
	case !isText(f.text):
		out.Hidden = "what is there is no text"
	default:
		out.Diff, out.Added, out.Removed = diff(string(f.text), w.Content)
	}
	return out
}

// holds reports whether a text is what stands there.
func (f *foreseen) holds(text string) bool {
	sum := sha256.Sum256([]byte(text))
	return f.sum == hex.EncodeToString(sum[:])
}

// maxShown is how many bytes of a file foresee.sh tells at most.
const maxShown = 64 << 10

func (f *foreseen) size() int64 {
	if len(f.stat) < 4 {
		return 0
	}
	n, err := strconv.ParseInt(f.stat[3], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func isText(b []byte) bool { return utf8.Valid(b) && !strings.ContainsRune(string(b), 0) }

func countLines(s string) int {
	n := strings.Count(s, "\n")
	if s != "" && !strings.HasSuffix(s, "\n") {
		n++
	}
	return n
}

// diff returns a unified diff without its head, and how many lines it adds and
// removes.
func diff(before, after string) (lines []string, added, removed int) {
	text, err := udiff.ToUnified("before", "after", before, udiff.Lines(before, after), udiff.DefaultContextLines)
	if err != nil {
		return nil, 0, 0 // can't happen: the edits are its own
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		switch {
		case strings.HasPrefix(line, "--- before"), strings.HasPrefix(line, "+++ after"):
			continue
		case strings.HasPrefix(line, "+"):
			added++
		case strings.HasPrefix(line, "-"):
			removed++
		}
		lines = append(lines, cleanIndented(line))
	}
	return lines, added, removed
}

// cleanIndented is clean.Line that keeps tabs as spaces.
func cleanIndented(line string) string {
	return clean.Line(strings.ReplaceAll(line, "\t", "    "))
}

// A line of apt-get -s: "Inst NAME [OLD] (NEW ORIGIN [ARCH])", "Remv NAME [OLD]",
// "Purg NAME [OLD]".
var aptLine = regexp.MustCompile(`^(Inst|Remv|Purg) (\S+)(?: \[([^\]]+)\])?(?: \((\S+))?`)

// apt makes an effect of what apt-get told, without what was told before.
func (f *foreseen) apt(counted map[string]bool) *DebsEffect {
	out := &DebsEffect{}
	switch {
	case f.unread:
		out.Unknown = unreadLists
		return out
	case f.failed != "":
		out.Unknown = "not known: " + strings.TrimPrefix(f.failed, "E: ")
		return out
	}
	for _, line := range f.debs {
		m := aptLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		key := m[2]
		if m[1] != "Inst" {
			key = "no " + m[2]
		}
		if counted[key] {
			continue
		}
		counted[key] = true
		deb := Deb{Name: m[2], From: m[3], To: m[4]}
		switch {
		case m[1] != "Inst":
			out.Removes = append(out.Removes, Deb{Name: deb.Name, From: deb.From})
		case deb.From == "":
			out.Adds = append(out.Adds, deb)
		case deb.From == deb.To:
			out.Reinstall = append(out.Reinstall, deb)
		default:
			out.Upgrades = append(out.Upgrades, deb)
		}
	}
	return out
}
