package inventory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// sectionForm is the head of a section: [web], [web:children], [web:vars].
var sectionForm = regexp.MustCompile(`^\[([^:\]\s]+)(?::(\w+))?\]\s*(?:[#;].*)?$`)

// parseINI reads an inventory in Ansible's INI form.
func parseINI(file, text string) (*tree, error) {
	t := newTree(file)
	section, kind := t.group("ungrouped"), "hosts"
	number := 0
	mentioned := map[string]int{} // by [NAME:vars], its line
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if line[0] == '[' {
			if m := sectionForm.FindStringSubmatch(line); m != nil {
				section, kind = t.group(m[1]), m[2]
				switch kind {
				case "":
					kind = "hosts"
					fallthrough
				case "children":
					section.line = number
				case "vars":
					mentioned[m[1]] = number
				default:
					return nil, &Error{file, number, fmt.Sprintf("[%s:%s] is no kind of section: there are [NAME], [NAME:children] and [NAME:vars]", m[1], kind)}
				}
				continue
			}
		}
		if err := t.parseLine(section, kind, line, number); err != nil {
			return nil, lineError(file, number, err)
		}
	}
	for name, line := range mentioned {
		if t.group(name).line == 0 {
			return nil, &Error{file, line, fmt.Sprintf("[%s:vars] is for a group that is not here", name)}
		}
	}
	return t, nil
}

// parseLine reads a line of a section.
func (t *tree) parseLine(section *group, kind, line string, number int) error {
	switch kind {
	case "children":
		list, err := words(line)
		if err != nil {
			return err
		}
		if len(list) != 1 || strings.ContainsAny(list[0], ":[]=") {
			return fmt.Errorf("%q is not the name of one group", line)
		}
		if _, twice := section.children[list[0]]; !twice {
			section.children[list[0]] = number
		}
		return nil
	case "vars":
		name, text, ok := strings.Cut(line, "=")
		name = strings.TrimSpace(name)
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return fmt.Errorf("%q is not in the form NAME=VALUE", line)
		}
		section.vars[name] = value{text: unquote(strings.TrimSpace(text))}
		return nil
	}
	list, err := words(line)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(list, func(w string) bool { return w[:min(len(w), 1)] == ";" }); i >= 0 {
		list = list[:i] // a comment behind a host
	}
	if len(list) == 0 {
		return nil
	}
	of := vars{}
	for _, w := range list[1:] {
		name, text, ok := strings.Cut(w, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q is not in the form NAME=VALUE", w)
		}
		of[name] = value{text: text}
	}
	return t.add(section, list[0], number, of)
}

// unquote takes the value of a line of [NAME:vars] out of its quotes, or off
// the comment behind it.
func unquote(text string) string {
	if text != "" && (text[0] == '"' || text[0] == '\'') {
		if end := strings.IndexByte(text[1:], text[0]); end >= 0 {
			if rest := strings.TrimSpace(text[end+2:]); rest == "" || rest[0] == '#' {
				return text[1 : end+1]
			}
		}
	}
	for _, mark := range []string{" #", "\t#"} {
		if i := strings.Index(text, mark); i >= 0 {
			text = strings.TrimSpace(text[:i])
		}
	}
	return text
}
