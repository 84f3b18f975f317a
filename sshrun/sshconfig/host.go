package sshconfig

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"brokeforge/sshrun/clean"
)

// A Host is how a host is reached by the configuration. What that does not say is
// empty.
type Host struct {
	Alias    string // the name that was asked for
	HostName string // where it is, in lower case; the alias where nothing else is said
	Port     int    // 0 where it is not said
	User     string

	IdentityFiles    []string // private keys, in order; absolute paths
	IdentitiesOnly   bool     // offer no other keys than these
	CertificateFiles []string
	IdentityAgent    string // a socket, "none", or empty for the usual one

	ProxyJump    []Jump // the hosts on the way, the first hop first
	ProxyCommand string // which is not supported; empty where there is a ProxyJump before it
	ProxyAt      string // file and line of the ProxyCommand

	KnownHosts       []string // UserKnownHostsFile; nil where it is not said
	GlobalKnownHosts []string // GlobalKnownHostsFile; nil where it is not said
	HostKeyAlias     string   // the name that its host key is known by

	Notes []Note // what else stands there for this host and is not followed
}

// A Note names a line that is not followed.
type Note struct {
	File    string
	Line    int
	Text    string // the line, cleaned
	Keyword string
}

// String tells of it in a sentence.
func (n Note) String() string {
	return fmt.Sprintf("%s:%d: %q is not supported and is not followed", n.File, n.Line, n.Text)
}

// A Jump is a host on the way to another one, as ProxyJump names it.
type Jump struct {
	User string // empty where it is not said
	Host string // a name or an address
	Port int    // 0 where it is not said
}

// parseJump reads the value of a ProxyJump, "none" as no host.
func parseJump(value string) ([]Jump, error) {
	if strings.EqualFold(value, "none") {
		return nil, nil
	}
	var list []Jump
	for hop := range strings.SplitSeq(value, ",") {
		hop = strings.TrimPrefix(hop, "ssh://")
		var j Jump
		if i := strings.LastIndex(hop, "@"); i >= 0 {
			j.User, hop = hop[:i], hop[i+1:]
		}
		port := ""
		if rest, ok := strings.CutPrefix(hop, "["); ok {
			host, after, closed := strings.Cut(rest, "]")
			if !closed || after != "" && after[0] != ':' {
				return nil, fmt.Errorf("%q is no host", hop)
			}
			j.Host, port = host, strings.TrimPrefix(after, ":")
		} else if j.Host = hop; strings.Count(hop, ":") == 1 {
			j.Host, port, _ = strings.Cut(hop, ":")
		}
		if port != "" {
			n, err := strconv.ParseUint(port, 10, 16)
			if err != nil || n == 0 {
				return nil, fmt.Errorf("%q is no port", port)
			}
			j.Port = int(n)
		}
		if j.Host == "" || strings.HasPrefix(j.Host, "-") || strings.ContainsAny(j.Host, " \t/'\"`;$&|<>()") {
			return nil, fmt.Errorf("%q is no host", hop)
		}
		list = append(list, j)
	}
	return list, nil
}

// Resolve tells how the host of that name or address is reached. A user who is
// given counts more than the one the files name. Its errors are *Error.
func (c *Config) Resolve(alias, user string) (Host, error) {
	r := &resolver{config: c, host: Host{Alias: alias, User: user}, known: map[place]bool{}}
	for i := range c.items {
		it := &c.items[i]
		if !r.holds(it) || it.is("Host") || it.is("Match") {
			continue
		}
		if err := r.take(it.line); err != nil {
			return Host{}, err
		}
	}
	return r.finish()
}

// A place is a line of a file.
type place struct {
	file   string
	number int
}

// A resolver collects what holds for one host. Of most keywords the first one
// counts.
type resolver struct {
	config   *Config
	host     Host
	name     string // HostName as written
	proxied  bool   // a ProxyJump or a ProxyCommand was seen
	only     bool   // IdentitiesOnly was seen
	jump     line
	identity []line
	certs    []line
	agent    *line
	known    map[place]bool // conditions that were decided
}

// holds reports whether the conditions of a line hold. A condition is decided when
// its block begins, with what is known then.
func (r *resolver) holds(it *item) bool {
	for i := range it.conditions {
		c := it.conditions[i]
		at := place{c.file, c.number}
		so, decided := r.known[at]
		if !decided {
			so = r.condition(c)
			r.known[at] = so
		}
		if !so {
			return false
		}
	}
	return true
}

func (r *resolver) condition(l line) bool {
	if l.is("Host") {
		return matchList(l.args, r.host.Alias)
	}
	list, err := parseMatch(l)
	if err != nil {
		return false // it was refused when it was read
	}
	for _, c := range list {
		text := ""
		switch c.name {
		case "all":
			continue
		case "host":
			text = strings.ToLower(r.hostName())
		case "originalhost":
			text = r.host.Alias
		case "user":
			text = r.host.User
		case "localuser":
			text = r.config.env.User
		case "canonical", "final":
			// They hold when a file is read for the second time, which is not done.
			if c.negated {
				continue
			}
			r.note(l)
			return false
		default:
			r.note(l)
			return false
		}
		if matchList(strings.Split(c.value, ","), text) == c.negated {
			return false
		}
	}
	return true
}

func (r *resolver) hostName() string {
	if r.name == "" {
		return r.host.Alias
	}
	return strings.NewReplacer("%%", "%", "%h", r.host.Alias).Replace(r.name)
}

func (r *resolver) note(l line) {
	r.host.Notes = append(r.host.Notes, Note{
		File: l.file, Line: l.number, Keyword: l.keyword, Text: clean.Line(l.keyword + " " + strings.Join(l.args, " ")),
	})
}

// take takes one line that holds for the host.
func (r *resolver) take(l line) error {
	h := &r.host
	switch strings.ToLower(l.keyword) {
	case "hostname":
		if r.name == "" {
			r.name = l.args[0]
		}
	case "port":
		if h.Port == 0 {
			h.Port, _ = strconv.Atoi(l.args[0]) // it was checked when it was read
		}
	case "user":
		if h.User == "" {
			h.User = l.args[0]
		}
	case "identitiesonly":
		if !r.only {
			r.only = true
			h.IdentitiesOnly, _ = truth(l.args[0])
		}
	case "identityfile":
		r.identity = append(r.identity, l)
	case "certificatefile":
		r.certs = append(r.certs, l)
	case "identityagent":
		if r.agent == nil {
			r.agent = &l
		}
	case "proxyjump":
		if !r.proxied {
			r.proxied, r.jump = true, l
		}
	case "proxycommand":
		if !r.proxied {
			r.proxied = true
			if command := strings.Join(l.args, " "); !strings.EqualFold(command, "none") {
				h.ProxyCommand, h.ProxyAt = clean.Line(command), fmt.Sprintf("%s:%d", l.file, l.number)
			}
		}
	case "userknownhostsfile":
		return r.files(l, &h.KnownHosts)
	case "globalknownhostsfile":
		return r.files(l, &h.GlobalKnownHosts)
	case "hostkeyalias":
		if h.HostKeyAlias == "" {
			h.HostKeyAlias = l.args[0]
		}
	default:
		if !passedOver(l) {
			r.note(l)
		}
	}
	return nil
}

// files takes a list of files, of which "none" means that there is none.
func (r *resolver) files(l line, to *[]string) error {
	if *to != nil {
		return nil
	}
	list := []string{}
	for _, arg := range l.args {
		if strings.EqualFold(arg, "none") {
			continue
		}
		path, err := r.config.env.path(arg, r.tokens())
		if err != nil {
			return l.wrong("%s %s: %v", l.keyword, arg, err)
		}
		list = append(list, path)
	}
	*to = list
	return nil
}

// finish fills in what depends on other values.
func (r *resolver) finish() (Host, error) {
	h := &r.host
	h.HostName = strings.ToLower(r.hostName())
	if r.jump.keyword != "" {
		value, err := expand(r.jump.args[0], r.tokens())
		if err == nil {
			h.ProxyJump, err = parseJump(value)
		}
		if err != nil {
			return Host{}, r.jump.wrong("ProxyJump %s: %v", r.jump.args[0], err)
		}
	}
	for _, l := range r.identity {
		if err := r.path(l, &h.IdentityFiles); err != nil {
			return Host{}, err
		}
	}
	for _, l := range r.certs {
		if err := r.path(l, &h.CertificateFiles); err != nil {
			return Host{}, err
		}
	}
	if r.agent != nil {
		var err error
		if h.IdentityAgent, err = r.config.env.agent(r.agent.args[0], r.tokens()); err != nil {
			return Host{}, r.agent.wrong("IdentityAgent %s: %v", r.agent.args[0], err)
		}
	}
	return *h, nil
}

func (r *resolver) path(l line, to *[]string) error {
	value := strings.Join(l.args, " ")
	if strings.EqualFold(value, "none") {
		return nil
	}
	path, err := r.config.env.path(value, r.tokens())
	if err != nil {
		return l.wrong("%s %s: %v", l.keyword, value, err)
	}
	if !slices.Contains(*to, path) {
		*to = append(*to, path)
	}
	return nil
}

// errToken refuses a "%" that stands for nothing.
var errToken = errors.New(`a "%" stands before something that it has no meaning for; write "%%" for one`)
