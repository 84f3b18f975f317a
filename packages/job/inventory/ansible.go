package inventory

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// usualNames are what the inventory is called in a folder of its own.
var usualNames = []string{"hosts", "hosts.yml", "hosts.yaml", "hosts.ini", "inventory", "inventory.yml", "inventory.yaml", "inventory.ini"}

// Ansible reads an inventory of Ansible, in its INI or its YAML form, with the
// folders group_vars and host_vars beside it. Of a folder it is the file with
// the usual name in it. Variables count as Ansible has them: those of a host
// more than those of a group, a child's more than its parents'
// ("Using variables", docs.ansible.com).
//
// It returns an *Error for what can't be read as an inventory.
func Ansible(path string) (List, error) {
	file, err := inventoryFile(path)
	if err != nil {
		return List{}, err
	}
	text, err := read(file)
	if err != nil {
		return List{}, err
	}
	t, err := parseAnsible(file, text)
	if err != nil {
		return List{}, err
	}
	if err := t.readBeside(filepath.Dir(file)); err != nil {
		return List{}, err
	}
	return t.list()
}

func inventoryFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("read the inventory: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	for _, name := range usualNames {
		file := filepath.Join(path, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() {
			return file, nil
		}
	}
	return "", &Error{File: path, Reason: "in this folder is no file with one of the names " + strings.Join(usualNames, ", ") + ": name the inventory itself"}
}

// yamlForm is how a YAML inventory without a telling name begins.
var yamlForm = regexp.MustCompile(`^(---|\{|["']?[A-Za-z_][A-Za-z0-9_.-]*["']?:(\s|$))`)

func parseAnsible(file, text string) (*tree, error) {
	if strings.HasPrefix(text, "#!") {
		return nil, &Error{file, 1, "this is a program, which is not run: import what ansible-inventory -i " + file + " --list --yaml prints"}
	}
	switch strings.ToLower(filepath.Ext(file)) {
	case ".yml", ".yaml", ".json":
		return parseYAML(file, text)
	case ".ini", ".cfg":
		return parseINI(file, text)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if yamlForm.MatchString(line) {
			return parseYAML(file, text)
		}
		break
	}
	return parseINI(file, text)
}

// readBeside takes in the variables of the folders beside an inventory.
func (t *tree) readBeside(dir string) error {
	for _, g := range t.groups {
		v, err := varsFile(filepath.Join(dir, "group_vars", g.name), dir)
		if err != nil {
			return err
		}
		maps.Copy(g.vars, v)
	}
	for _, h := range t.hosts {
		v, err := varsFile(filepath.Join(dir, "host_vars", h.name), dir)
		if err != nil {
			return err
		}
		maps.Copy(h.vars, v)
	}
	return nil
}

// varsFile reads the variables of a group or host: of a file with one of the
// endings, or of all files in a folder of that name.
func varsFile(base, dir string) (vars, error) {
	if relative, err := filepath.Rel(dir, base); err != nil || strings.Count(filepath.ToSlash(relative), "/") != 1 {
		return nil, nil // a name with slashes in it
	}
	out := vars{}
	for _, ending := range []string{"", ".yml", ".yaml", ".json"} {
		info, err := os.Stat(base + ending)
		if err != nil {
			continue // most have none
		}
		files := []string{base + ending}
		if info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(base+ending, "*")); err != nil {
				return nil, fmt.Errorf("read %s: %w", base+ending, err)
			}
		}
		for _, file := range files {
			v, err := readVarsFile(file)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, v)
		}
	}
	return out, nil
}

func readVarsFile(file string) (vars, error) {
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, "$ANSIBLE_VAULT") {
		return nil, nil // encrypted as a whole: how a host is reached is seldom in it
	}
	root, err := document(file, text)
	if err != nil || root == nil {
		return nil, err
	}
	r := &yamlReader{newTree(file), maxNodes}
	return r.readVars(root, "a file of variables")
}
