package inventory

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// maxNodes is how many nodes of a document are looked at: by its aliases, a
// short one can stand for any number.
const maxNodes = 1 << 20

// yamlReader walks a document.
type yamlReader struct {
	*tree
	left int // how many nodes may still be looked at
}

// parseYAML reads an inventory in Ansible's YAML form.
func parseYAML(file, text string) (*tree, error) {
	root, err := document(file, text)
	if err != nil {
		return nil, err
	}
	r := &yamlReader{newTree(file), maxNodes}
	if root == nil {
		return r.tree, nil
	}
	err = r.each(root, "an inventory", func(key, of *yaml.Node) error {
		switch key.Value {
		case "plugin":
			return r.refuse(key, "this is the configuration of the inventory plugin %s, which only Ansible can use: import what ansible-inventory -i %s --list --yaml prints", of.Value, file)
		case "_meta":
			return r.refuse(key, "this is the form of inventory scripts: import what ansible-inventory -i %s --list --yaml prints", file)
		}
		return r.readGroup(key, of, 0)
	})
	return r.tree, err
}

// document returns the only node of a document, or nil where it is empty.
func document(file, text string) (*yaml.Node, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		var bad *yaml.LoadError
		if errors.As(err, &bad) {
			return nil, &Error{file, bad.Mark.Line, "this is no YAML: " + bad.Message}
		}
		return nil, &Error{File: file, Reason: "this is no YAML: " + err.Error()}
	}
	if len(doc.Content) == 0 || isNull(doc.Content[0]) {
		return nil, nil
	}
	return doc.Content[0], nil
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func (r *yamlReader) refuse(n *yaml.Node, format string, args ...any) error {
	return &Error{r.file, n.Line, fmt.Sprintf(format, args...)}
}

// each calls fn with the keys and values of a mapping, which may be null. what
// names it in errors.
func (r *yamlReader) each(n *yaml.Node, what string, fn func(key, of *yaml.Node) error) error {
	n, err := r.at(n)
	if err != nil {
		return err
	}
	if isNull(n) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		return r.refuse(n, "%s must be a mapping, with a colon behind each name", what)
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, err := r.at(n.Content[i])
		if err != nil {
			return err
		}
		of, err := r.at(n.Content[i+1])
		if err != nil {
			return err
		}
		if key.Kind != yaml.ScalarNode {
			return r.refuse(key, "%s has a key that is no name", what)
		}
		if key.ShortTag() == "!!merge" {
			if err := r.merged(of, what, fn); err != nil {
				return err
			}
			continue
		}
		if err := fn(key, of); err != nil {
			return err
		}
	}
	return nil
}

// merged is each for what << takes in: a mapping or several.
func (r *yamlReader) merged(n *yaml.Node, what string, fn func(key, of *yaml.Node) error) error {
	if n.Kind != yaml.SequenceNode {
		return r.each(n, what, fn)
	}
	for _, one := range n.Content {
		if err := r.each(one, what, fn); err != nil {
			return err
		}
	}
	return nil
}

// at returns the node that is meant, and counts it.
func (r *yamlReader) at(n *yaml.Node) (*yaml.Node, error) {
	if r.left--; r.left < 0 {
		return nil, &Error{File: r.file, Reason: "this is too much: its aliases stand for too many nodes"}
	}
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return r.at(n.Alias)
	}
	return n, nil
}

// maxDepth is how deep groups may be nested.
const maxDepth = 100

func (r *yamlReader) readGroup(key, n *yaml.Node, depth int) error {
	if depth > maxDepth {
		return r.refuse(key, "groups are nested too deeply")
	}
	g := r.group(key.Value)
	g.line = key.Line
	return r.each(n, "group "+key.Value, func(part, of *yaml.Node) error {
		switch part.Value {
		case "hosts":
			if of.Kind == yaml.ScalarNode && !isNull(of) {
				return lineError(r.file, of.Line, r.add(g, of.Value, of.Line, nil))
			}
			return r.each(of, "the hosts of "+key.Value, func(name, of *yaml.Node) error {
				list, err := r.readVars(of, "host "+name.Value)
				if err != nil {
					return err
				}
				return lineError(r.file, name.Line, r.add(g, name.Value, name.Line, list))
			})
		case "children":
			return r.each(of, "the children of "+key.Value, func(child, of *yaml.Node) error {
				if _, twice := g.children[child.Value]; !twice {
					g.children[child.Value] = child.Line
				}
				return r.readGroup(child, of, depth+1)
			})
		case "vars":
			list, err := r.readVars(of, "the vars of "+key.Value)
			for name, v := range list {
				g.vars[name] = v
			}
			return err
		}
		return r.refuse(part, "%s is no part of group %s: there are hosts, children and vars", part.Value, key.Value)
	})
}

// readVars reads the scalars among variables. What stands in the mapping
// itself counts more than what << takes in.
func (r *yamlReader) readVars(n *yaml.Node, what string) (vars, error) {
	own, taken := vars{}, vars{}
	direct := map[*yaml.Node]bool{}
	if m, err := r.at(n); err == nil && m.Kind == yaml.MappingNode {
		for i := 0; i < len(m.Content); i += 2 {
			direct[m.Content[i]] = true
		}
	}
	err := r.each(n, what, func(key, of *yaml.Node) error {
		if of.Kind != yaml.ScalarNode {
			return nil // lists and mappings say nothing of how a host is reached
		}
		v := value{text: of.Value, sealed: of.Tag == "!vault"}
		if isNull(of) {
			v.text = ""
		}
		if direct[key] {
			own[key.Value] = v
		} else if _, had := taken[key.Value]; !had {
			taken[key.Value] = v
		}
		return nil
	})
	for name, v := range own {
		taken[name] = v
	}
	return taken, err
}
