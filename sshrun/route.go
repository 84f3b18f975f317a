package sshrun

import (
	"cmp"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"brokeforge/sshrun/sshconfig"
)

// A Target says whom to reach, and how. What it does not say, the configuration of
// ssh says for its address, and else the defaults of [Options].
type Target struct {
	Name      string   // for messages
	Address   string   // host name or IP address, or a name that the configuration of ssh knows
	Port      int      // 0 means what else is said, in the end 22
	User      string   // empty means what else is said, in the end root
	KeyFile   string   // offered alone; empty means what else is said, in the end the agent and the default keys in ~/.ssh
	Pinned    []string // host keys, "type base64"; with any, only these are accepted
	NoBecome  string   // why root is never become by sudo there, for messages; empty means that it may be
	AcceptNew bool     // accept an unknown host key; a changed one never is
	Accept    string   // accept an unknown host key that has one of these SHA256:… fingerprints, with blanks between
	// HopKeys are the pinned host keys of jump hosts, by host:port.
	HopKeys map[string][]string
}

func (t Target) hostPort() string {
	return net.JoinHostPort(t.Address, strconv.Itoa(t.Port))
}

// accepts reports whether an unknown key of this fingerprint is to be accepted.
func (t Target) accepts(fingerprint string) bool {
	return t.AcceptNew || slices.Contains(strings.Fields(t.Accept), fingerprint)
}

// A Route is how a target is reached, as far as that is known without a connection.
type Route struct {
	Address  string // host name or IP address
	Port     int
	User     string
	KeyFiles []string // that are named; none means the agent and the default keys in ~/.ssh
	Hops     []Hop    // the jump hosts, the first one first
	Notes    []string // what the configuration of ssh says and is not followed
}

// A Hop is a jump host.
type Hop struct {
	Name    string // as the configuration of ssh names it
	Address string // host:port
	User    string
}

// Route tells how a target is reached. Its errors are *sshconfig.Error for what is
// wrong in the configuration of ssh, and *ConfigError for what is not supported.
func (p *Pool) Route(t Target) (Route, error) {
	config, err := p.configs.recent(p.loadConfig)
	if err != nil {
		return Route{}, err
	}
	at, err := p.resolve(config, t, nil)
	if err != nil {
		return Route{}, err
	}
	r := Route{Address: at.Address, Port: at.Port, User: at.User, KeyFiles: at.keys}
	for via := at.via; via != nil; via = via.via {
		r.Hops = slices.Insert(r.Hops, 0, Hop{Name: via.Name, Address: via.hostPort(), User: via.User})
	}
	for hop := at; hop != nil; hop = hop.via {
		for _, n := range hop.notes {
			if text := n.String(); !slices.Contains(r.Notes, text) {
				r.Notes = append(r.Notes, text)
			}
		}
	}
	return r, nil
}

// A place is a target with every field as it is in effect, and all else that a login
// there takes.
type place struct {
	Target
	via *place // the jump host before it; nil for a direct connection
	hop bool   // it is a jump host itself

	keys       []string // private keys that are named
	named      bool     // the target or the settings name the key, so it must be there
	only       bool     // no other keys are offered
	certs      []string
	agent      string // socket; empty for none
	knownHosts []string
	keyAlias   string // what its host key is known by, empty for its address
	notes      []sshconfig.Note
}

// knownAs is the name that its host key is looked up by.
func (at *place) knownAs() string {
	if at.keyAlias != "" {
		return net.JoinHostPort(at.keyAlias, "22") // a name alone: no port belongs to an alias
	}
	return at.hostPort()
}

// hopName is how messages call a jump host; empty for the target itself.
func (at *place) hopName() string {
	if at.hop {
		return at.Name
	}
	return ""
}

// credential is what a connection is shared by.
func (at *place) credential() string {
	parts := []string{at.hostPort(), at.User, at.NoBecome, at.agent, strconv.FormatBool(at.only)}
	parts = append(append(parts, at.keys...), at.certs...)
	if at.via != nil {
		parts = append(parts, "via", at.via.credential())
	}
	return strings.Join(parts, "\n")
}

// login is what a password is remembered by.
func (at *place) login() string { return at.User + "@" + at.hostPort() }

// policy is what callers must agree in to share a dial.
func (at *place) policy() string {
	parts := []string{at.credential(), strconv.FormatBool(at.AcceptNew), at.Accept}
	for hop := at; hop != nil; hop = hop.via {
		parts = append(append(parts, "pinned"), hop.Pinned...)
	}
	return strings.Join(parts, "\n")
}

// place resolves a target by the configuration of ssh as it is now.
func (p *Pool) place(t Target) (*place, error) {
	config, err := p.loadConfig()
	if err != nil {
		return nil, err
	}
	return p.resolve(config, t, nil)
}

func (p *Pool) loadConfig() (*sshconfig.Config, error) {
	return sshconfig.Load(sshconfig.Here(p.opts.Home), p.opts.SSHConfig...)
}

// maxHops bounds the jump hosts on the way to a target.
const maxHops = 16

// resolve resolves a target. The way is the names of those that are reached through
// it.
func (p *Pool) resolve(config *sshconfig.Config, t Target, way []string) (*place, error) {
	host, err := config.Resolve(t.Address, t.User)
	if err != nil {
		return nil, err
	}
	at := &place{Target: t, hop: len(way) > 0, notes: host.Notes, certs: host.CertificateFiles, keyAlias: host.HostKeyAlias}
	at.Name = cmp.Or(t.Name, t.Address)
	at.Address = host.HostName
	at.User = cmp.Or(t.User, host.User)
	at.Port = cmp.Or(t.Port, host.Port)
	if at.hop {
		// As ssh does: the settings of servers are not for jump hosts.
		at.User = cmp.Or(at.User, p.user)
	} else {
		at.User, at.Port = cmp.Or(at.User, p.opts.User), cmp.Or(at.Port, p.opts.Port)
	}
	at.User, at.Port = cmp.Or(at.User, "root"), cmp.Or(at.Port, 22)
	at.resolveKeys(p, host)
	at.knownHosts = knownHosts(p.opts.KnownHosts, host)
	if host.ProxyCommand != "" {
		return nil, &ConfigError{
			Name: at.Name, Place: host.ProxyAt,
			Problem: fmt.Sprintf("says to reach it by ProxyCommand %q, which is not supported: write it as ProxyJump", host.ProxyCommand),
		}
	}
	return at, p.resolveHops(config, at, host.ProxyJump, append(slices.Clone(way), t.Address))
}

func (p *Pool) resolveHops(config *sshconfig.Config, at *place, jumps []sshconfig.Jump, way []string) error {
	for _, jump := range jumps {
		if slices.Contains(way, jump.Host) || len(way) > maxHops {
			return &ConfigError{
				Name: way[0], Place: "the configuration of ssh",
				Problem: "leads in a circle of jump hosts: " + strings.Join(append(slices.Clone(way), jump.Host), ", "),
			}
		}
		t := Target{
			Name: jump.Host, Address: jump.Host, Port: jump.Port, User: jump.User,
			AcceptNew: at.AcceptNew, Accept: at.Accept, HopKeys: at.HopKeys,
		}
		hop, err := p.resolve(config, t, way)
		if err != nil {
			return err
		}
		hop.Pinned = at.HopKeys[hop.hostPort()]
		if at.via != nil {
			hop.via = at.via // of several, each is reached through the one before it
		}
		at.via = hop
	}
	return nil
}

func (at *place) resolveKeys(p *Pool, host sshconfig.Host) {
	switch {
	case at.KeyFile != "":
		at.keys, at.named, at.only = []string{p.expand(at.KeyFile)}, true, true
	case len(host.IdentityFiles) > 0:
		at.keys, at.only = host.IdentityFiles, host.IdentitiesOnly
	case p.opts.KeyFile != "" && !at.hop:
		at.keys, at.named, at.only = []string{p.expand(p.opts.KeyFile)}, true, true
	default:
		at.only = host.IdentitiesOnly
	}
	switch {
	case p.opts.AgentSocket == "" && p.noAgent, host.IdentityAgent == "none":
	case host.IdentityAgent != "":
		at.agent = host.IdentityAgent
	default:
		at.agent = p.opts.AgentSocket
	}
}

// knownHosts returns the files for a host: those that the configuration of ssh
// names for it in place of the usual ones.
func knownHosts(usual []string, host sshconfig.Host) []string {
	if host.KnownHosts == nil && host.GlobalKnownHosts == nil {
		return usual
	}
	var users, global []string
	for _, file := range usual {
		if strings.HasPrefix(filepath.Clean(file), "/etc/") {
			global = append(global, file)
		} else {
			users = append(users, file)
		}
	}
	if host.KnownHosts != nil {
		users = host.KnownHosts
	}
	if host.GlobalKnownHosts != nil {
		global = host.GlobalKnownHosts
	}
	return append(slices.Clone(users), global...)
}

// configTTL is how long a configuration that was read will do to tell how servers
// are reached. A dial reads it anew.
const configTTL = time.Second

// configs keeps the configuration of ssh for a moment, so that a list of servers
// reads it once.
type configs struct {
	mu     sync.Mutex
	at     time.Time
	config *sshconfig.Config
	err    error
}

func (c *configs) recent(load func() (*sshconfig.Config, error)) (*sshconfig.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || time.Since(c.at) > configTTL {
		c.config, c.err = load()
		c.at = time.Now()
	}
	return c.config, c.err
}
