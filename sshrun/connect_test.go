package sshrun

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/skeema/knownhosts"
	"go.uber.org/goleak"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestUnknownHostKey(t *testing.T) {
	s := newServer(t, nil)
	p := newPool(t, nil)
	target := s.target()
	target.AcceptNew = false
	_, err := p.Connect(t.Context(), target)
	var unknown *UnknownHostKeyError
	if !errors.As(err, &unknown) {
		t.Fatalf("connect: %v", err)
	}
	print := ssh.FingerprintSHA256(s.hostKey.PublicKey())
	if unknown.HostKey.Fingerprint != print || !strings.Contains(err.Error(), print) {
		t.Errorf("%v does not tell %s", err, print)
	}
	target.Accept = "SHA256:another"
	if _, err := p.Connect(t.Context(), target); !errors.As(err, &unknown) {
		t.Errorf("with another fingerprint: %v", err)
	}
	if s.loginCount() != 0 {
		t.Error("there was a login before the key was known")
	}
	target.Accept = print
	c, err := p.Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	if k := c.HostKey(); k.From != FromAccepted || k.Fingerprint != print || k.Type != ssh.KeyAlgoED25519 {
		t.Errorf("host key %+v", k)
	}
	pinned := Target{Name: "web1", Address: target.Address, Port: target.Port, KeyFile: target.KeyFile, Pinned: []string{c.HostKey().Key}}
	d, err := p.Dial(t.Context(), pinned)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if k := d.HostKey(); k.From != FromPinned {
		t.Errorf("host key %+v", k)
	}
}

func TestChangedHostKey(t *testing.T) {
	s := newServer(t, nil)
	other := newKey(t).PublicKey()
	shown, known := ssh.FingerprintSHA256(s.hostKey.PublicKey()), ssh.FingerprintSHA256(other)
	file := filepath.Join(t.TempDir(), "known_hosts")
	target := s.target()
	line := knownhosts.Line([]string{target.hostPort()}, other)
	if err := os.WriteFile(file, []byte("# first\n"+line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Target, *Options){
		"pinned":      func(t *Target, _ *Options) { t.Pinned = []string{newHostKey(other).Key} },
		"known_hosts": func(_ *Target, o *Options) { o.KnownHosts = []string{file} },
	} {
		target := s.target()
		p := newPool(t, func(o *Options) { change(&target, o) })
		_, err := p.Connect(t.Context(), target)
		var changed *ChangedHostKeyError
		if !errors.As(err, &changed) {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(err.Error(), shown) || !strings.Contains(err.Error(), known) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: the text lacks something: %v", name, err)
		}
		if name == "known_hosts" && changed.Known[0].Place != file+":2" {
			t.Errorf("it is known from %s", changed.Known[0].Place)
		}
	}
	if s.loginCount() != 0 {
		t.Error("there was a login")
	}
}

func TestKnownHosts(t *testing.T) {
	s := newServer(t, nil)
	rsaFirst := s.target().hostPort()
	authority := newKey(t)
	for name, tt := range map[string]struct {
		text string
		want error
	}{
		"plain":   {knownhosts.Line([]string{rsaFirst}, s.hostKey.PublicKey()), nil},
		"hashed":  {strings.Replace(knownhosts.Line([]string{"x"}, s.hostKey.PublicKey()), "x ", xknownhosts.HashHostname(knownhosts.Normalize(rsaFirst))+" ", 1), nil},
		"revoked": {"@revoked " + knownhosts.Line([]string{rsaFirst}, s.hostKey.PublicKey()), &RevokedHostKeyError{}},
		// A plain key is not what the authority vouches for.
		"authority": {"@cert-authority " + knownhosts.Line([]string{rsaFirst}, authority.PublicKey()), &ChangedHostKeyError{}},
		"broken":    {"web1 ssh-ed25519 AAAA", errors.New("")},
	} {
		file := filepath.Join(t.TempDir(), "known_hosts")
		if err := os.WriteFile(file, []byte(tt.text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		p := newPool(t, func(o *Options) { o.KnownHosts = []string{file, filepath.Join(t.TempDir(), "missing")} })
		target := s.target()
		target.AcceptNew = false
		c, err := p.Connect(t.Context(), target)
		switch want := tt.want.(type) {
		case nil:
			if err != nil || c.HostKey().From != FromKnownHosts {
				t.Errorf("%s: %v", name, err)
			}
		case *RevokedHostKeyError:
			if !errors.As(err, &want) || want.Shown.Place != file+":1" {
				t.Errorf("%s: %v", name, err)
			}
		case *ChangedHostKeyError:
			if !errors.As(err, &want) {
				t.Errorf("%s: %v", name, err)
			}
		default:
			if err == nil {
				t.Errorf("%s: accepted", name)
			}
		}
	}
}

func TestCertifiedHostKey(t *testing.T) {
	authority := newKey(t)
	s := newServer(t, func(s *server) {
		cert := &ssh.Certificate{Key: s.hostKey.PublicKey(), CertType: ssh.HostCert, ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(strings.NewReader(strings.Repeat("x", 64)), authority); err != nil {
			t.Fatal(err)
		}
		certified, err := ssh.NewCertSigner(cert, s.hostKey)
		if err != nil {
			t.Fatal(err)
		}
		s.config.AddHostKey(certified)
	})
	file := filepath.Join(t.TempDir(), "known_hosts")
	text := "@cert-authority * " + string(ssh.MarshalAuthorizedKey(authority.PublicKey()))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	target := s.target()
	target.AcceptNew = false
	c, err := newPool(t, func(o *Options) { o.KnownHosts = []string{file} }).Connect(t.Context(), target)
	if err != nil || c.HostKey().From != FromKnownHosts {
		t.Fatal(err)
	}
}

func TestKeyFiles(t *testing.T) {
	s := newServer(t, nil)
	encrypted, _ := writeKey(t, "passphrase")
	dir := t.TempDir()
	text := filepath.Join(dir, "text")
	public := filepath.Join(dir, "public")
	for file, content := range map[string]string{text: "hello\n", public: string(ssh.MarshalAuthorizedKey(newKey(t).PublicKey()))} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]string{
		filepath.Join(dir, "no"): "is not there",
		encrypted:                "is encrypted: add it to the agent with ssh-add",
		text:                     "is not a private key",
		public:                   "is a public key",
		dir:                      "is not a key but something else",
	} {
		target := s.target()
		target.KeyFile = file
		_, err := newPool(t, nil).Connect(t.Context(), target)
		var keyFile *KeyFileError
		if !errors.As(err, &keyFile) || keyFile.File != file || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestRefusedLogin(t *testing.T) {
	s := newServer(t, func(s *server) {
		s.config.BannerCallback = func(ssh.ConnMetadata) string {
			return "account \x1b[31mlocked\n" + strings.Repeat("x", 200_000)
		}
	})
	file, key := writeKey(t, "")
	target := s.target()
	target.KeyFile = file
	target.User = "deploy"
	_, err := newPool(t, nil).Connect(t.Context(), target)
	var login *LoginError
	if !errors.As(err, &login) || login.User != "deploy" {
		t.Fatalf("connect: %v", err)
	}
	for _, want := range []string{file, ssh.FingerprintSHA256(key), "account locked", "deploy"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the text lacks %q: %v", want, err)
		}
	}
	target.KeyFile = ""
	_, err = newPool(t, nil).Connect(t.Context(), target)
	if !errors.As(err, &login) || !strings.Contains(err.Error(), "there is no key to offer") {
		t.Errorf("without a key: %v", err)
	}
}

func TestAgent(t *testing.T) {
	tries := 0
	s := newServer(t, func(s *server) {
		s.config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			tries++
			return nil, errors.New("no")
		}
	})
	keyring := agent.NewKeyring()
	for range 12 {
		file, _ := writeKey(t, "")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.ParseRawPrivateKey(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := keyring.Add(agent.AddedKey{PrivateKey: key, Comment: "me@\x1b[31mlaptop"}); err != nil {
			t.Fatal(err)
		}
	}
	socket := serveAgent(t, keyring)
	target := s.target()
	target.KeyFile = ""
	_, err := newPool(t, func(o *Options) { o.AgentSocket = socket }).Connect(t.Context(), target)
	var login *LoginError
	if !errors.As(err, &login) || len(login.Tried) != maxOffers || len(login.Skipped) != 12-maxOffers {
		t.Fatalf("connect: %v", err)
	}
	if tries != maxOffers || !strings.Contains(err.Error(), "agent key me@laptop SHA256:") {
		t.Errorf("%d tries, %v", tries, err)
	}
	target.KeyFile = s.clientKey
	tries = 0
	if _, err = newPool(t, func(o *Options) { o.AgentSocket = socket }).Connect(t.Context(), target); tries != 1 {
		t.Errorf("with a key file there were %d tries, %v", tries, err)
	}
}

// raw starts a server that is none: each connection is handed to serve.
func raw(t *testing.T, serve func(net.Conn)) Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer conn.Close()
				serve(conn)
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return Target{Name: "web1", Address: "127.0.0.1", Port: portOf(t, l), KeyFile: ""}
}

func TestUnreachable(t *testing.T) {
	closed := raw(t, func(net.Conn) {})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Port = portOf(t, l)
	l.Close()
	noName := closed
	noName.Address = "no-such-name.invalid"
	drain := func(c net.Conn) { io.Copy(io.Discard, c) }
	for name, tt := range map[string]struct {
		target Target
		want   string
	}{
		"refused": {closed, "connection refused: is sshd running there"},
		"no name": {noName, "lookup no-such-name.invalid"},
		"silent":  {raw(t, drain), "it took the connection and said nothing"},
		"http": {
			raw(t, func(c net.Conn) { io.WriteString(c, "HTTP/1.1 400 \x1b[2JBad\r\n\r\n"); drain(c) }),
			`this is not an SSH server; it sent "HTTP/1.1 400 Bad"`,
		},
		"endless": {raw(t, func(c net.Conn) {
			for _, err := io.WriteString(c, "text\n"); err == nil; _, err = io.WriteString(c, "text\n") {
			}
		}), `this is not an SSH server; it sent "text"`},
		"endless line": {raw(t, func(c net.Conn) {
			for _, err := io.WriteString(c, "text"); err == nil; _, err = io.WriteString(c, "text") {
			}
		}), `this is not an SSH server; it sent "texttext`},
		"hangs up": {raw(t, func(net.Conn) {}), "the server hangs up at once"},
		"busy":     {raw(t, func(c net.Conn) { io.WriteString(c, "Exceeded MaxStartups\r\n") }), `it sent "Exceeded MaxStartups"`},
		"stops":    {raw(t, func(c net.Conn) { io.WriteString(c, "SSH-2.0-x\r\n"); drain(c) }), "it went silent"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, func(o *Options) { o.DialTimeout = 500 * time.Millisecond })
			_, err := p.Connect(t.Context(), tt.target)
			var unreachable *UnreachableError
			if !errors.As(err, &unreachable) || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "web1") {
				t.Errorf("%v, want %q", err, tt.want)
			}
		})
	}
}

func TestConnectEndsWithItsContext(t *testing.T) {
	arrived := make(chan struct{}, 1)
	target := raw(t, func(c net.Conn) { arrived <- struct{}{}; io.Copy(io.Discard, c) })
	p := newPool(t, func(o *Options) { o.DialTimeout = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	if _, err := p.Connect(ctx, target); !errors.Is(err, context.Canceled) {
		t.Errorf("connect: %v", err)
	}
}

func TestConnectIsShared(t *testing.T) {
	s := newServer(t, nil)
	p := newPool(t, nil)
	clients := make([]*Client, 20)
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			c, err := p.Connect(t.Context(), s.target())
			if err != nil {
				t.Error(err)
			}
			clients[i] = c
		})
	}
	wg.Wait()
	for _, c := range clients {
		if c != clients[0] {
			t.Fatal("there are several connections")
		}
	}
	// The server counts a login after it has told of it; an answer comes later still.
	if _, err := clients[0].Execute(t.Context(), Script{Text: "true"}); err != nil {
		t.Fatal(err)
	}
	if n := s.loginCount(); n != 1 {
		t.Errorf("%d logins", n)
	}
	p.Forget(s.target())
	c, err := p.Connect(t.Context(), s.target())
	if err != nil || c == clients[0] {
		t.Errorf("a forgotten connection came back, %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := p.Connect(t.Context(), s.target()); !errors.Is(err, ErrClosed) {
		t.Errorf("a closed pool says %v", err)
	}
}
