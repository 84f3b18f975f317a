package sshrun

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"brokeforge/sshrun/sshconfig"
)

// A chain is a target behind two jump hosts, as a configuration of ssh tells.
type chain struct {
	first, second, last *server
	config              string
}

func newChain(t *testing.T, more string) *chain {
	t.Helper()
	c := &chain{first: newServer(t, nil), second: newServer(t, nil), last: newServer(t, nil)}
	block := func(alias string, s *server) string {
		at := s.target()
		return fmt.Sprintf("Host %s\n\tHostName 127.0.0.1\n\tPort %d\n\tUser %s-user\n\tIdentityFile %s\n", alias, at.Port, alias, s.clientKey)
	}
	text := more + block("first", c.first) + block("second", c.second) + block("web", c.last) + "\tProxyJump first,second\n"
	c.config = filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(c.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *chain) pool(t *testing.T) *Pool {
	return newPool(t, func(o *Options) { o.SSHConfig = []string{c.config} })
}

func TestJumpHosts(t *testing.T) {
	c := newChain(t, "")
	p := c.pool(t)
	target := Target{Name: "web1", Address: "web"}
	// Each host on the way is asked about in order, by its own key.
	for _, tt := range []struct {
		hop string
		s   *server
	}{{"first", c.first}, {"second", c.second}, {"", c.last}} {
		_, err := p.Connect(t.Context(), target)
		var unknown *UnknownHostKeyError
		print := ssh.FingerprintSHA256(tt.s.hostKey.PublicKey())
		if !errors.As(err, &unknown) || unknown.Hop != tt.hop || unknown.HostKey.Fingerprint != print {
			t.Fatalf("before %s is accepted: %v", print, err)
		}
		if tt.hop != "" && !strings.Contains(err.Error(), "jump host "+tt.hop) {
			t.Errorf("the error does not name the hop: %v", err)
		}
		if tt.s.loginCount() > 0 {
			t.Error("there was a login before the key was known")
		}
		target.Accept += " " + print
	}
	client, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	r, err := client.Execute(t.Context(), Script{Text: "echo there"})
	if err != nil || string(r.Stdout) != "there\n" {
		t.Errorf("%+v, %v", r, err)
	}
	route, err := p.Route(target)
	if err != nil || route.User != "web-user" || route.Port != c.last.target().Port || len(route.Hops) != 2 ||
		route.Hops[0].Name != "first" || route.Hops[1] != (Hop{"second", c.second.target().hostPort(), "second-user"}) {
		t.Errorf("the route is %+v, %v", route, err)
	}

	// What was accepted is pinned, and holds for another pool.
	target.Accept, target.HopKeys = "", map[string][]string{}
	target.Pinned = []string{client.HostKey().Key}
	for hop, key := range client.HopKeys() {
		target.HopKeys[hop] = []string{key.Key}
	}
	if len(target.HopKeys) != 2 {
		t.Fatalf("hop keys %v", target.HopKeys)
	}
	other := c.pool(t)
	pinned, err := other.Connect(t.Context(), target)
	if err != nil || pinned.HostKey().From != FromPinned {
		t.Fatal(err)
	}
	// A proof of a login, and a second target by the same way, share the jump hosts.
	before := c.first.loginCount()
	proof, err := other.Dial(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	proof.Close()
	if n := c.first.loginCount(); n != before {
		t.Errorf("%d logins at the first jump host, then %d", before, n)
	}
	target.HopKeys[c.second.target().hostPort()] = []string{newHostKey(newKey(t).PublicKey()).Key}
	_, err = c.pool(t).Connect(t.Context(), target)
	var changed *ChangedHostKeyError
	if !errors.As(err, &changed) || changed.Hop != "second" || changed.Place != c.second.target().hostPort() {
		t.Errorf("with another key of the second: %v", err)
	}
}

func TestJumpHostTrouble(t *testing.T) {
	c := newChain(t, "")
	target := Target{Name: "web1", Address: "web", AcceptNew: true}
	p := c.pool(t)
	client, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	// The death of a hop is that of what goes through it.
	c.first.cut()
	<-client.gone
	var lost *LostError
	if _, err := client.Execute(t.Context(), Script{Text: ":"}); !errors.As(err, &lost) {
		t.Errorf("behind a dead jump host: %v", err)
	}
	if _, err := p.Connect(t.Context(), target); err != nil {
		t.Errorf("again: %v", err)
	}

	c.second.closed = true
	_, err = c.pool(t).Connect(t.Context(), target)
	var unreachable *UnreachableError
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "from jump host second to "+c.last.target().hostPort()+": it does not let connections through") {
		t.Errorf("not let through: %v", err)
	}
	c.second.closed = false
	c.last.listener.Close()
	_, err = c.pool(t).Connect(t.Context(), target)
	if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), "from jump host second") || !strings.Contains(err.Error(), "Connection refused") {
		t.Errorf("a target that refuses: %v", err)
	}
	c.first.listener.Close()
	_, err = c.pool(t).Connect(t.Context(), target)
	var hop *HopError
	if !errors.As(err, &hop) || hop.Name != "web1" || !strings.HasPrefix(err.Error(), "cannot reach web1: jump host first: cannot reach first: ") {
		t.Errorf("the first is down: %v", err)
	}
}

// A jump host that goes silent is noticed, and named.
func TestSilentJumpHost(t *testing.T) {
	c := newChain(t, "")
	p := newPool(t, func(o *Options) {
		o.SSHConfig = []string{c.config}
		o.KeepAlive, o.DeadAfter = 20*time.Millisecond, 300*time.Millisecond
	})
	relay := newRelay(t, c.first.listener.Addr().String())
	text, err := os.ReadFile(c.config)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), fmt.Sprintf("Port %d\n\tUser first-user", c.first.target().Port), fmt.Sprintf("Port %d\n\tUser first-user", portOf(t, relay.listener)), 1)
	if err := os.WriteFile(c.config, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	client, err := p.Connect(t.Context(), Target{Name: "web1", Address: "web", AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	relay.stall()
	_, err = client.Execute(t.Context(), Script{Text: "sleep 60"})
	var lost *LostError
	if !errors.As(err, &lost) || !strings.Contains(err.Error(), "no answer for") {
		t.Errorf("behind a silent jump host: %v", err)
	}
}

// A relay passes bytes on until it stalls.
type relay struct {
	listener net.Listener
	stalled  chan struct{}
}

func newRelay(t *testing.T, to string) *relay {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, stalled: make(chan struct{})}
	pass := func(dst, src net.Conn) {
		buf := make([]byte, 32<<10)
		for {
			n, err := src.Read(buf)
			if err != nil {
				dst.Close()
				return
			}
			select {
			case <-r.stalled:
				continue
			default:
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
	}
	done := make(chan struct{})
	var conns []net.Conn
	go func() {
		defer close(done)
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			conns = append(conns, in, out)
			go pass(in, out)
			go pass(out, in)
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
		for _, c := range conns {
			c.Close()
		}
	})
	return r
}

func (r *relay) stall() { close(r.stalled) }

func TestConfigurationOfSSH(t *testing.T) {
	s := newServer(t, nil)
	dir := t.TempDir()
	port := s.target().Port
	for name, tt := range map[string]struct {
		config  string
		target  Target
		defport int
		want    string // a part of the error; empty for none
		is      any
	}{
		"by the file":        {fmt.Sprintf("Host web\nHostName 127.0.0.1\nPort %d\nUser ops\nIdentityFile %s\n", port, s.clientKey), Target{Address: "web"}, 0, "", nil},
		"the record counts":  {"Host web\nHostName 127.0.0.1\nPort 1\nIdentityFile /none\n", Target{Address: "web", Port: port, KeyFile: s.clientKey}, 0, "", nil},
		"the default counts": {"IdentityFile " + s.clientKey, Target{Address: "127.0.0.1"}, port, "", nil},
		"a proxy command":    {"Host web\nProxyCommand nc %h %p\n", Target{Name: "w1", Address: "web"}, 0, "says to reach it by ProxyCommand \"nc %h %p\", which is not supported", new(*ConfigError)},
		"a circle":           {"Host a\nProxyJump b\nHost b\nProxyJump c\nHost c\nProxyJump a\n", Target{Address: "a"}, 0, "circle of jump hosts: a, b, c, a", new(*ConfigError)},
		"itself":             {"Host *\nProxyJump b\n", Target{Address: "a"}, 0, "circle of jump hosts: a, b, b", new(*ConfigError)},
		"malformed":          {"Host a\n\nPort x\n", Target{Address: "a"}, 0, "config:3: Port x: a port is a number", new(*sshconfig.Error)},
		"no such key":        {fmt.Sprintf("Host web\nHostName 127.0.0.1\nPort %d\nIdentityFile /none/key\n", port), Target{Address: "web"}, 0, "/none/key is not there", new(*LoginError)},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(dir, "config")
			if err := os.WriteFile(file, []byte(tt.config), 0o600); err != nil {
				t.Fatal(err)
			}
			p := newPool(t, func(o *Options) { o.SSHConfig, o.Port = []string{file}, tt.defport })
			tt.target.AcceptNew = true
			_, err := p.Connect(t.Context(), tt.target)
			if tt.want == "" && err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && (err == nil || !errors.As(err, tt.is) || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestNotesOfTheRoute(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("Host web\nCiphers x\nServerAliveInterval 3\nProxyJump hop\nHost hop\nBindAddress 10.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := newPool(t, func(o *Options) { o.SSHConfig = []string{file} }).Route(Target{Address: "web"})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(r.Notes, "\n"); !strings.Contains(got, "config:2: \"Ciphers x\" is not supported") || !strings.Contains(got, "BindAddress") || strings.Contains(got, "ServerAlive") {
		t.Errorf("the notes are %s", got)
	}
}

func TestHostKeyAliasAndFiles(t *testing.T) {
	s := newServer(t, nil)
	dir := t.TempDir()
	known := filepath.Join(dir, "known")
	line := "the-web " + string(ssh.MarshalAuthorizedKey(s.hostKey.PublicKey()))
	if err := os.WriteFile(known, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "config")
	text := fmt.Sprintf("Host web\nHostName 127.0.0.1\nPort %d\nIdentityFile %s\nUserKnownHostsFile %s\nHostKeyAlias the-web\n", s.target().Port, s.clientKey, known)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := newPool(t, func(o *Options) { o.SSHConfig = []string{config} }).Connect(t.Context(), Target{Address: "web"})
	if err != nil || c.HostKey().From != FromKnownHosts {
		t.Fatal(err)
	}
}

func TestIPv6(t *testing.T) {
	s := newServer(t, func(s *server) { s.address = "[::1]:0" })
	port := s.listener.Addr().(*net.TCPAddr).Port
	zone := "::1%lo"
	if _, err := net.InterfaceByName("lo"); err != nil {
		zone = "::1%lo0"
	}
	for _, address := range []string{"::1", zone} {
		c, err := newPool(t, nil).Connect(t.Context(), Target{Address: address, Port: port, KeyFile: s.clientKey, AcceptNew: true})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		if _, err := c.Execute(t.Context(), Script{Text: ":"}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
