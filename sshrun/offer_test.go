package sshrun

import (
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyring starts an agent with so many keys.
func keyring(t *testing.T, keys int) (socket string) {
	t.Helper()
	ring := agent.NewKeyring()
	for range keys {
		file, _ := writeKey(t, "")
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		key, err := ssh.ParseRawPrivateKey(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
			t.Fatal(err)
		}
	}
	return serveAgent(t, ring)
}

func serveAgent(t *testing.T, a agent.Agent) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "agent")
	l, err := net.Listen("unix", socket)
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
				// It ends with io.EOF, when the client is done.
				agent.ServeAgent(a, conn)
				conn.Close()
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return socket
}

func TestCertificates(t *testing.T) {
	authority := newKey(t)
	checker := &ssh.CertChecker{IsUserAuthority: func(k ssh.PublicKey) bool {
		return string(k.Marshal()) == string(authority.PublicKey().Marshal())
	}}
	s := newServer(t, func(s *server) { s.config.PublicKeyCallback = checker.Authenticate })
	write := func(file string, key ssh.PublicKey, until uint64) {
		cert := &ssh.Certificate{Key: key, KeyId: "ann", CertType: ssh.UserCert, ValidPrincipals: []string{"root"}, ValidBefore: until}
		if err := cert.SignCert(rand.Reader, authority); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, ssh.MarshalAuthorizedKey(cert), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	target := s.target()
	file, public := writeKey(t, "")
	target.KeyFile = file
	var login *LoginError
	if _, err := newPool(t, nil).Connect(t.Context(), target); !errors.As(err, &login) {
		t.Errorf("without a certificate: %v", err)
	}
	write(file+"-cert.pub", public, 1000)
	if _, err := newPool(t, nil).Connect(t.Context(), target); !errors.As(err, &login) || !strings.Contains(err.Error(), "valid until") {
		t.Errorf("one that is no longer valid: %v", err)
	}
	write(file+"-cert.pub", public, ssh.CertTimeInfinity)
	if _, err := newPool(t, nil).Connect(t.Context(), target); err != nil {
		t.Errorf("beside the key: %v", err)
	}
	// Of an encrypted key, by CertificateFile.
	file, public = writeKey(t, "x")
	dir := t.TempDir()
	write(filepath.Join(dir, "cert"), public, ssh.CertTimeInfinity)
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte("IdentityFile "+file+"\nCertificateFile "+dir+"/cert\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	target.KeyFile = ""
	if _, err := asking(t, &answerer{answers: []string{"x"}}, func(o *Options) { o.SSHConfig = []string{config} }).Connect(t.Context(), target); err != nil {
		t.Errorf("of an encrypted key: %v", err)
	}
}

// A failing agent lists its keys and can't sign.
type failingAgent struct{ agent.Agent }

func (failingAgent) Sign(ssh.PublicKey, []byte) (*ssh.Signature, error) {
	return nil, errors.New("the card is gone")
}

func (a failingAgent) List() ([]*agent.Key, error) {
	keys, err := a.Agent.List()
	return append([]*agent.Key{{Format: "ssh-future", Blob: []byte("\x00\x00\x00\x0assh-future"), Comment: "new"}}, keys...), err
}

func TestAgentThatFails(t *testing.T) {
	s := newServer(t, nil)
	data, err := os.ReadFile(s.clientKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key, Comment: "card"}); err != nil {
		t.Fatal(err)
	}
	target := s.target()
	target.KeyFile = ""
	socket := serveAgent(t, failingAgent{ring})
	_, err = newPool(t, func(o *Options) { o.AgentSocket = socket }).Connect(t.Context(), target)
	var login *LoginError
	if !errors.As(err, &login) {
		t.Fatal(err)
	}
	for _, want := range []string{"agent key card", "it could not sign", "keys of the kind ssh-future are not supported", "it takes publickey"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q: %v", want, err)
		}
	}
	// IdentityAgent names another one, which works.
	good := serveAgent(t, ring)
	config := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(config, []byte("IdentityAgent "+good+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := newPool(t, func(o *Options) { o.AgentSocket, o.SSHConfig = socket, []string{config} }).Connect(t.Context(), target); err != nil {
		t.Error(err)
	}
	_, err = newPool(t, func(o *Options) { o.AgentSocket = filepath.Join(t.TempDir(), "gone") }).Connect(t.Context(), target)
	if !errors.As(err, &login) || !strings.Contains(err.Error(), "reach the agent") {
		t.Errorf("no agent there: %v", err)
	}
}

// TestIdentitiesOnly holds down that the agent's other keys are not offered.
func TestIdentitiesOnly(t *testing.T) {
	tries := 0
	s := newServer(t, func(s *server) {
		s.config.PublicKeyCallback = func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) {
			tries++
			return nil, errors.New("no")
		}
	})
	socket := keyring(t, 3)
	config := filepath.Join(t.TempDir(), "config")
	for text, want := range map[string]int{
		"IdentitiesOnly yes\n": 0,
		"IdentitiesOnly yes\nIdentityFile " + s.clientKey + "\n": 1,
		"IdentityFile " + s.clientKey + "\n":                     4,
		"IdentityAgent none\n":                                   0,
	} {
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		target := s.target()
		target.KeyFile = ""
		tries = 0
		_, err := newPool(t, func(o *Options) { o.AgentSocket, o.SSHConfig = socket, []string{config} }).Connect(t.Context(), target)
		var login *LoginError
		if !errors.As(err, &login) || tries != want {
			t.Errorf("%q: %d keys were tried, want %d: %v", text, tries, want, err)
		}
	}
}
