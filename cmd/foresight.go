package cmd

import (
	"fmt"
	"strings"

	"brokeforge/packages/job"
)

// namesShown is how many packages are named where not all are asked for. Those
// that go are always named.
const namesShown = 8

// foresights tells what comes of a step, in lines below it.
func (v previewer) foresights(e job.Effect) string {
	var b strings.Builder
	for _, f := range e.Foresights() {
		text, list := f.Text, f.List
		if e.Debs != nil && len(list) > 0 {
			names := list
			if !v.full && !f.Bad && len(names) > namesShown {
				names = names[:namesShown]
			}
			text += ": " + strings.Join(names, ", ")
			if more := len(list) - len(names); more > 0 {
				text += fmt.Sprintf(" and %d more", more)
			}
			list = nil
		}
		fmt.Fprintf(&b, "             %s\n", oneLine(v.glyphs.plain(text)))
		if v.full {
			for _, line := range list {
				b.WriteString(strings.TrimRight("             : "+visible(line), " ") + "\n")
			}
		}
	}
	return b.String()
}

// sum sums up what comes of a plan.
func (v previewer) sum(p job.Prepared) string {
	text := ""
	for _, f := range p.Sum() {
		text += ", " + f.Text
	}
	return oneLine(v.glyphs.plain(text))
}

// plain replaces what the terminal can't show.
func (g glyphs) plain(text string) string {
	if g.done != "+" {
		return text
	}
	return strings.NewReplacer("→", "->", "−", "-").Replace(text)
}

// planEffect is what comes of a step, as far as it is known.
type planEffect struct {
	Unknown  string    `json:"unknown,omitempty"` // why it is not known what apt would do
	Adds     []planDeb `json:"adds,omitempty"`
	Upgrades []planDeb `json:"upgrades,omitempty"`
	Removes  []planDeb `json:"removes,omitempty"`
	File     string    `json:"file,omitempty"` // "new", "changed", "link" or "no file"
	Path     string    `json:"path,omitempty"` // which file, where it is not the step's own
	Added    int       `json:"added,omitempty"`
	Removed  int       `json:"removed,omitempty"`
	Diff     []string  `json:"diff,omitempty"`
	Hidden   string    `json:"hidden,omitempty"` // why there is no diff
	From     string    `json:"from,omitempty"`   // owner, group and mode, where they change
	To       string    `json:"to,omitempty"`
	ByHand   bool      `json:"by_hand,omitempty"` // somebody has changed what was written there
}

type planDeb struct {
	Name string `json:"name"`
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

func viewEffect(e job.Effect) *planEffect {
	out := &planEffect{}
	switch {
	case e.Debs != nil:
		out.Unknown = e.Debs.Unknown
		out.Adds, out.Upgrades, out.Removes = viewDebs(e.Debs.Adds), viewDebs(e.Debs.Upgrades), viewDebs(e.Debs.Removes)
	case e.File != nil:
		f := e.File
		out.Path = f.Path
		out.File, out.Added, out.Removed, out.Diff, out.Hidden, out.ByHand = string(f.State), f.Added, f.Removed, f.Diff, f.Hidden, f.ByHand
		if f.From != f.To {
			out.From, out.To = f.From, f.To
		}
	default:
		return nil
	}
	return out
}

func viewDebs(list []job.Deb) []planDeb {
	var out []planDeb
	for _, d := range list {
		out = append(out, planDeb{d.Name, d.From, d.To})
	}
	return out
}
