package inventory

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// value is a variable's value and where it stands.
type value struct {
	text   string
	sealed bool // encrypted by ansible-vault
}

type vars map[string]value

// group is a group of an inventory.
type group struct {
	name     string
	line     int // of what defines it; 0 where it is only mentioned
	children map[string]int
	hosts    map[string]bool
	vars     vars
}

// host is a host of an inventory.
type host struct {
	name string
	line int
	vars vars
}

// tree is a whole inventory. Ansible's groups all and ungrouped are in it.
type tree struct {
	file   string
	groups map[string]*group
	hosts  map[string]*host
	order  []string // of the hosts, as they are first mentioned
}

func newTree(file string) *tree {
	t := &tree{file: file, groups: map[string]*group{}, hosts: map[string]*host{}}
	t.group("all").line = 1
	t.group("ungrouped").line = 1
	return t
}

// group returns the group of that name, made where there is none yet.
func (t *tree) group(name string) *group {
	g := t.groups[name]
	if g == nil {
		g = &group{name: name, children: map[string]int{}, hosts: map[string]bool{}, vars: vars{}}
		t.groups[name] = g
	}
	return g
}

// add puts the hosts of a pattern into a group. What is said of one in several
// places is taken together; the later word counts.
func (t *tree) add(to *group, pattern string, line int, v vars) error {
	names, port, err := hosts(pattern)
	if err != nil {
		return err
	}
	for _, name := range names {
		h := t.hosts[name]
		if h == nil {
			if len(t.hosts) == maxHosts {
				return fmt.Errorf("there are more than %d hosts", maxHosts)
			}
			h = &host{name: name, line: line, vars: vars{}}
			t.hosts[name] = h
			t.order = append(t.order, name)
		}
		if port != 0 {
			h.vars["ansible_port"] = value{text: strconv.Itoa(port)}
		}
		maps.Copy(h.vars, v)
		to.hosts[name] = true
	}
	return nil
}

// above returns, for each group, its parents. A child that nothing defines and
// a group that is in itself are an *Error.
func (t *tree) above() (map[string][]string, error) {
	parents := map[string][]string{}
	for _, name := range slices.Sorted(maps.Keys(t.groups)) {
		for _, child := range slices.Sorted(maps.Keys(t.groups[name].children)) {
			line := t.groups[name].children[child]
			if t.group(child).line == 0 {
				return nil, &Error{t.file, line, fmt.Sprintf("group %s has the child %s, which is no group here", name, child)}
			}
			if t.reaches(child, name, map[string]bool{}) {
				return nil, &Error{t.file, line, fmt.Sprintf("group %s is in itself, by its child %s", name, child)}
			}
			parents[child] = append(parents[child], name)
		}
	}
	return parents, nil
}

// reaches reports whether a group is another one or has it among its children.
func (t *tree) reaches(from, to string, seen map[string]bool) bool {
	if from == to {
		return true
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for child := range t.groups[from].children {
		if t.groups[child] != nil && t.reaches(child, to, seen) {
			return true
		}
	}
	return false
}

// depths tells how many groups are at most above a group, with all above each.
func depths(groups map[string]*group, parents map[string][]string) map[string]int {
	out := map[string]int{"all": 0}
	var depth func(string) int
	depth = func(name string) int {
		if d, ok := out[name]; ok {
			return d
		}
		d := 1
		for _, p := range parents[name] {
			d = max(d, depth(p)+1)
		}
		out[name] = d
		return d
	}
	for name := range groups {
		depth(name)
	}
	return out
}

// list makes the entries of the hosts.
func (t *tree) list() (List, error) {
	parents, err := t.above()
	if err != nil {
		return List{}, err
	}
	depth := depths(t.groups, parents)
	in := map[string]map[string]bool{} // by host, the groups that it is in
	for name, g := range t.groups {
		for h := range g.hosts {
			if in[h] == nil {
				in[h] = map[string]bool{"all": true}
			}
			climb(name, parents, in[h])
		}
	}
	var out List
	for _, name := range t.order {
		groups := slices.SortedFunc(maps.Keys(in[name]), func(a, b string) int {
			return cmp.Or(cmp.Compare(depth[a], depth[b]), cmp.Compare(t.priority(a), t.priority(b)), cmp.Compare(a, b))
		})
		all := vars{}
		var tags []string
		for _, g := range groups {
			maps.Copy(all, t.groups[g].vars)
			if g != "all" && g != "ungrouped" {
				tags = append(tags, g)
			}
		}
		maps.Copy(all, t.hosts[name].vars)
		slices.Sort(tags)
		out.take(t.file, t.hosts[name], all, tags)
	}
	return out, nil
}

func climb(name string, parents map[string][]string, seen map[string]bool) {
	if seen[name] {
		return
	}
	seen[name] = true
	for _, p := range parents[name] {
		climb(p, parents, seen)
	}
}

// priority is what decides among groups of one depth (ansible_group_priority).
func (t *tree) priority(name string) int {
	n, err := strconv.Atoi(t.groups[name].vars["ansible_group_priority"].text)
	if err != nil {
		return 1
	}
	return n
}

// overSSH are the values of ansible_connection that mean SSH.
var overSSH = []string{"", "ssh", "smart", "paramiko", "paramiko_ssh", "libssh", "ansible.builtin.ssh", "ansible.builtin.paramiko_ssh", "ansible.netcommon.libssh"}

// take adds a host with all the variables that hold for it. Of the two names
// that a variable may have, Ansible takes the older one first
// (MAGIC_VARIABLE_MAPPING).
func (l *List) take(file string, h *host, all vars, tags []string) {
	e := Entry{Name: h.name, Address: h.name, Tags: tags, File: file, Line: h.line}
	skip := func(reason string) {
		l.Skipped = append(l.Skipped, Skip{h.name, file, h.line, reason})
	}
	if c := all["ansible_connection"].text; !slices.Contains(overSSH, c) {
		skip("it is not reached over SSH: its ansible_connection is " + c)
		return
	}
	if v, name, ok := all.first("ansible_ssh_host", "ansible_host"); ok {
		if reason := v.unreadable(); reason != "" {
			skip("its " + name + " " + reason)
			return
		}
		e.Address = v.text
	}
	readable := func(names ...string) string {
		v, name, ok := all.first(names...)
		if !ok {
			return ""
		}
		if reason := v.unreadable(); reason != "" {
			e.Notes = append(e.Notes, "its "+name+" "+reason)
			return ""
		}
		return v.text
	}
	if text := readable("ansible_ssh_port", "ansible_port"); text != "" {
		port, err := parsePort(text)
		if err != nil {
			skip("its ansible_port " + err.Error())
			return
		}
		e.Port = port
	}
	e.User = readable("ansible_ssh_user", "ansible_user")
	e.KeyFile = readable("ansible_ssh_private_key_file", "ansible_private_key_file")
	if here(e) {
		skip("it is this machine")
		return
	}
	e.Notes = append(e.Notes, all.foreign()...)
	l.Entries = append(l.Entries, e)
}

// here reports whether an entry is the machine that this runs on. Another port
// of a loopback address may well lead to a virtual machine.
func here(e Entry) bool {
	if e.Address == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(e.Address)
	return err == nil && a.IsLoopback() && (e.Port == 0 || e.Port == 22)
}

// first returns the first of some variables that is there, with its name.
func (v vars) first(names ...string) (value, string, bool) {
	for _, name := range names {
		if one, ok := v[name]; ok && (one.text != "" || one.sealed) {
			return one, name, true
		}
	}
	return value{}, "", false
}

// unreadable says why only Ansible knows a value, or nothing.
func (v value) unreadable() string {
	switch {
	case v.sealed:
		return "is encrypted by ansible-vault"
	case strings.Contains(v.text, "{{") || strings.Contains(v.text, "{%"):
		return "is a template, which only Ansible can fill in: " + v.text
	}
	return ""
}

// foreign tells what else is said of how a host is reached.
func (v vars) foreign() (notes []string) {
	for _, name := range []string{"ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_ssh_args"} {
		text := v[name].text
		switch {
		case strings.Contains(text, "ProxyJump") || strings.Contains(text, "ProxyCommand") || strings.Contains(text, "-J"):
			notes = append(notes, name+" names a jump host, which is not taken over: put it into ~/.ssh/config")
		case text != "":
			notes = append(notes, name+" is not taken over: put it into ~/.ssh/config")
		}
	}
	for _, name := range []string{"ansible_password", "ansible_ssh_pass", "ansible_ssh_password"} {
		if one := v[name]; one.text != "" || one.sealed {
			return append(notes, name+" is not taken over: logging in takes a key")
		}
	}
	return notes
}
