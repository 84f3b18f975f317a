package job

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
)

// Effect is what a step would change that is not so already, or that other steps follow, as far as its server
// can tell beforehand. The zero value tells nothing.
type Effect struct {
	Debs *DebsEffect // of a step that installs or removes Debian packages
	File *FileEffect // of a step that writes a file
}

// DebsEffect is what apt would do for a step, beyond what the steps before it do.
type DebsEffect struct {
	Unknown   string // why it is not known; empty where it is
	Adds      []Deb
	Upgrades  []Deb
	Removes   []Deb
	Reinstall []Deb
}

// Deb is a Debian package that apt would change, in the form of its own.
type Deb struct {
	Name     string
	From, To string // versions; empty where there is none
}

// String names the package, with its versions where it has two.
func (d Deb) String() string {
	if d.From != "" && d.To != "" {
		return fmt.Sprintf("%s (%s → %s)", d.Name, d.From, d.To)
	}
	return d.Name
}

// FileEffect is how a file differs from what would be written.
type FileEffect struct {
	// Path is the file where it is not the one that the step writes, but one that
	// is replaced by it later.
	Path  string
	State FileState
	// Added and Removed count the lines of a new file or, with Diff, of a
	// present one.
	Added, Removed int
	// Diff is a unified diff without its head, in lines; nil where the present
	// text is not known.
	Diff []string
	// Hidden says why the present text is not known; empty where it is.
	Hidden string
	// From and To are owner, group and mode, such as "root:root 0644", where
	// they differ.
	From, To string
	// ByHand is set where somebody else has changed what was last written there.
	ByHand bool
}

// FileState is what stands where a file would be written.
type FileState string

// The states of a path.
const (
	NoFile    FileState = "new"     // nothing is there
	OtherFile FileState = "changed" // a file is there
	LinkThere FileState = "link"    // a symbolic link, which is replaced
	NotAFile  FileState = "no file" // something else, so that writing fails
)

// A Foresight is an effect for people: a few words, which count as bad where
// something is lost by it, and what they are about.
type Foresight struct {
	Text string
	Bad  bool
	List []string // the packages, or the lines of a diff
}

// Foresights tells the effect for people, the worst first.
func (e Effect) Foresights() []Foresight {
	var out []Foresight
	if e.Debs != nil {
		out = append(out, e.Debs.foresights()...)
	}
	if e.File != nil {
		out = append(out, e.File.foresights()...)
	}
	return out
}

func (d DebsEffect) foresights() []Foresight {
	if d.Unknown != "" {
		return []Foresight{{Text: d.Unknown}}
	}
	var out []Foresight
	for _, group := range []struct {
		word string
		bad  bool
		list []Deb
	}{
		{"REMOVES", true, d.Removes},
		{"upgrades", false, d.Upgrades},
		{"adds", false, d.Adds},
		{"installs again", false, d.Reinstall},
	} {
		if len(group.list) == 0 {
			continue
		}
		f := Foresight{Text: fmt.Sprintf("%s %d", group.word, len(group.list)), Bad: group.bad}
		for _, deb := range group.list {
			f.List = append(f.List, deb.String())
		}
		out = append(out, f)
	}
	if len(out) == 0 {
		out = append(out, Foresight{Text: "changes no packages"})
	}
	return out
}

func (f FileEffect) foresights() []Foresight {
	var out []Foresight
	switch {
	case f.ByHand && f.Path != "":
		out = append(out, Foresight{Text: f.Path + " was changed by hand since BrokeForge wrote it", Bad: true})
	case f.ByHand:
		out = append(out, Foresight{Text: "changed by hand since BrokeForge wrote it", Bad: true})
	}
	switch {
	case f.State == NotAFile:
		out = append(out, Foresight{Text: "is there and is no file: writing it will fail", Bad: true})
	case f.State == LinkThere:
		out = append(out, Foresight{Text: "replaces a symbolic link", Bad: true})
	case f.State == NoFile:
		out = append(out, Foresight{Text: fmt.Sprintf("new, +%d", f.Added)})
	case f.Hidden != "":
		out = append(out, Foresight{Text: "differs; " + f.Hidden})
	case f.Added+f.Removed > 0:
		out = append(out, Foresight{Text: fmt.Sprintf("+%d −%d", f.Added, f.Removed), List: f.Diff})
	}
	if f.From != f.To {
		out = append(out, Foresight{Text: f.From + " → " + f.To})
	}
	return out
}

// Sum sums up what the plan's steps declare and what apt would remove, those
// that find everything as they want it left out: "restarts nginx", "opens 80,
// 443". The worst comes first.
func (p Prepared) Sum() []Foresight {
	var out []Foresight
	removes := 0
	words := []string{"stops", "closes", "restarts", "reloads", "starts", "opens"}
	touched := make([][]string, len(words))
	for i, step := range p.Plan.Steps() {
		if i < len(p.Already) && p.Already[i] {
			continue
		}
		if e := p.Effects[i]; e.Debs != nil {
			removes += len(e.Debs.Removes)
		}
		t := packages.Touched(step.Command)
		for j, list := range [][]string{t.Stops, t.Closes, t.Restarts, t.Reloads, t.Starts, t.Opens} {
			for _, what := range list {
				if !slices.Contains(touched[j], what) {
					touched[j] = append(touched[j], what)
				}
			}
		}
	}
	// What is started or restarted anyway is not worth another word.
	touched[3] = slices.DeleteFunc(touched[3], func(unit string) bool {
		return slices.Contains(touched[2], unit) || slices.Contains(touched[4], unit)
	})
	if removes > 0 {
		out = append(out, Foresight{Text: fmt.Sprintf("REMOVES %d", removes), Bad: true})
	}
	for j, list := range touched {
		if len(list) > 0 {
			out = append(out, Foresight{Text: words[j] + " " + strings.Join(list, ", "), Bad: j < 2})
		}
	}
	return out
}
