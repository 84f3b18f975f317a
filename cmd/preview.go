package cmd

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
)

// preview is what would be done on servers where it is the same.
type preview struct {
	servers []string
	text    string
}

// previews groups the servers by what would be done there, in order.
func (v previewer) previews(prepared []job.Prepared) []preview {
	var list []preview
	for _, p := range prepared {
		if p.Err != nil || p.Nothing {
			continue
		}
		text := v.text(p)
		i := slices.IndexFunc(list, func(o preview) bool { return o.text == text })
		if i < 0 {
			i, list = len(list), append(list, preview{text: text})
		}
		list[i].servers = append(list[i].servers, p.Server.Name)
	}
	return list
}

// previewer shows a plan as text: a line for each command and each file, in
// their order, below their milestones.
type previewer struct {
	glyphs glyphs
	full   bool // with scripts and files in full
}

func (v previewer) text(p job.Prepared) string {
	var b strings.Builder
	commands, files := p.Plan.Count()
	fmt.Fprintf(&b, "  %s, %s%s\n", count(commands, "command", "commands"), count(files, "file", "files"), v.sum(p))
	var part *packages.Part
	for i, step := range p.Plan.Steps() {
		if step.Part != part {
			part = step.Part
			b.WriteString(v.part(part))
		}
		already := i < len(p.Already) && p.Already[i]
		b.WriteString(v.step(step, already))
		b.WriteString(v.foresights(p.Effects[i]))
	}
	for _, label := range p.Stays {
		fmt.Fprintf(&b, "  stays: %s\n", oneLine(label))
	}
	b.WriteString("\n")
	return b.String()
}

func (v previewer) part(part *packages.Part) string {
	text := "  " + part.Label()
	if values := options(part.Values); values != "" {
		text += "  " + values
	}
	if values := options(part.Removal); values != "" {
		text += "  " + values
	}
	if part.Because != "" {
		text += "  (" + part.Because + ")"
	}
	return oneLineKeepIndent(text) + "\n"
}

// oneLineKeepIndent is oneLine for a text that is indented.
func oneLineKeepIndent(s string) string {
	indent := s[:len(s)-len(strings.TrimLeft(s, " "))]
	return indent + oneLine(s)
}

func (v previewer) step(s packages.Step, already bool) string {
	mark, note := " ", ""
	if already {
		mark, note = v.glyphs.same, "  (already so)"
	}
	verb, what, body := describe(s)
	if verb == "" {
		return oneLineKeepIndent("    "+what) + "\n"
	}
	text := fmt.Sprintf("    %s %-6s %s%s\n", mark, verb, oneLine(what), note)
	if v.full {
		for line := range strings.Lines(body) {
			text += strings.TrimRight("             | "+visible(strings.TrimSuffix(line, "\n")), " ") + "\n"
		}
	}
	return text
}

// visible is oneLine for a line whose indentation matters.
func visible(line string) string {
	return oneLineKeepIndent(strings.ReplaceAll(line, "\t", "        "))
}

// describe says what a step does: a verb, what it does it to, and the script
// or the file's content. A milestone has no verb.
func describe(s packages.Step) (verb, what, body string) {
	brief := packages.Brief(s.Command)
	if _, more, _ := strings.Cut(scriptOf(s.Command), brief); strings.TrimSpace(more) != "" {
		brief += " ..."
	}
	switch c := s.Command.(type) {
	case packages.Track:
		return "", c.Label, ""
	case packages.Run:
		as := ""
		if c.As != (packages.Credential{}) && c.As.User != s.Part.Credential.User {
			as = fmt.Sprintf("  (as %s)", c.As.User)
		}
		if c.IfChanged {
			as += "  (if something changed)"
		}
		return "run", brief + as, c.Script + secretFiles(c.Secrets)
	case packages.Write:
		return "write", fmt.Sprintf("%s  %s, %04o %s", c.Path, count(strings.Count(c.Content, "\n"), "line", "lines"), modeOf(c), ownerOf(c)), c.Content
	case packages.Prove:
		where := ""
		if c.Port != 0 {
			where = fmt.Sprintf(" on port %d", c.Port)
		}
		return "run", brief + "  (taken back unless a new login succeeds" + where + ")", c.Script
	case packages.Make:
		return "make", strings.TrimPrefix(brief, "make "), ""
	case packages.Note:
		return "record", brief, c.Script
	case packages.Persist, packages.Forget:
		return "record", brief, ""
	}
	return "do", brief, ""
}

// secretFiles shows which files with secrets a script gets.
func secretFiles(files map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(&b, "\n# $SECRETS/%s: %s", name, strings.TrimSuffix(files[name], "\n"))
	}
	return b.String()
}

func scriptOf(c packages.Command) string {
	switch c := c.(type) {
	case packages.Run:
		return c.Script
	case packages.Prove:
		return c.Script
	}
	return ""
}

func modeOf(w packages.Write) uint32 {
	if w.Mode.Perm() == 0 {
		return 0o644
	}
	return uint32(w.Mode.Perm())
}

func ownerOf(w packages.Write) string {
	owner, group := w.Owner, w.Group
	if owner == "" {
		owner = "root"
	}
	if group == "" {
		group = "root"
	}
	return owner + ":" + group
}
