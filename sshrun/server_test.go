package sshrun

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// A server is an SSH server in this process.
type server struct {
	t         *testing.T
	listener  net.Listener
	hostKey   ssh.Signer
	clientKey string // the file of the key that may log in

	config   ssh.ServerConfig
	sessions int                                         // that it grants on a connection, 0 for any number, -1 for none
	handle   func(command string, ch ssh.Channel) uint32 // runs a command; its result is the exit status
	path     string                                      // PATH of commands that run here
	attend   func(ssh.NewChannel)                        // serves a session in place of handle; may be nil
	address  string                                      // that it listens on
	closed   bool                                        // it lets no connections through

	mu     sync.Mutex
	conns  []net.Conn
	logins int
	wg     sync.WaitGroup
}

func newKey(t *testing.T) ssh.Signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

// writeKey makes a key file and returns its name and public key.
func writeKey(t *testing.T, passphrase string) (string, ssh.PublicKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var block *pem.Block
	if passphrase == "" {
		block, err = ssh.MarshalPrivateKey(key, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return file, public
}

// newServer starts a server. change may alter it before.
func newServer(t *testing.T, change func(*server)) *server {
	t.Helper()
	file, public := writeKey(t, "")
	s := &server{t: t, hostKey: newKey(t), clientKey: file, path: os.Getenv("PATH"), address: "127.0.0.1:0"}
	s.handle = s.local
	s.config.PublicKeyCallback = func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if string(key.Marshal()) != string(public.Marshal()) {
			return nil, errors.New("another key")
		}
		return nil, nil
	}
	if change != nil {
		change(s)
	}
	s.config.AddHostKey(s.hostKey)
	var err error
	s.listener, err = net.Listen("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	s.wg.Go(s.accept)
	t.Cleanup(func() {
		s.listener.Close()
		s.cut()
		s.wg.Wait()
	})
	return s
}

func (s *server) target() Target {
	address := s.listener.Addr().(*net.TCPAddr)
	return Target{Name: "web1", Address: "127.0.0.1", Port: address.Port, User: "root", KeyFile: s.clientKey, AcceptNew: true}
}

func (s *server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, conn)
		s.mu.Unlock()
		s.wg.Go(func() { s.serve(conn) })
	}
}

// cut closes all connections.
func (s *server) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *server) loginCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

func (s *server) serve(raw net.Conn) {
	conn, channels, requests, err := ssh.NewServerConn(raw, &s.config)
	if err != nil {
		raw.Close()
		return
	}
	s.mu.Lock()
	s.logins++
	s.mu.Unlock()
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	slots := make(chan struct{}, max(s.sessions, 0))
	for c := range channels {
		if s.sessions != 0 && c.ChannelType() == "session" {
			select {
			case slots <- struct{}{}:
			default:
				c.Reject(ssh.ConnectionFailed, "open failed")
				continue
			}
		}
		if c.ChannelType() == "direct-tcpip" {
			s.wg.Go(func() { s.forward(c) })
			continue
		}
		s.wg.Go(func() {
			if s.attend != nil {
				s.attend(c)
				return
			}
			s.session(c)
			if s.sessions > 0 {
				<-slots
			}
		})
	}
	conn.Close()
}

// forward lets a connection through, as a jump host does.
func (s *server) forward(c ssh.NewChannel) {
	var to struct {
		Host     string
		Port     uint32
		From     string
		FromPort uint32
	}
	if err := ssh.Unmarshal(c.ExtraData(), &to); err != nil || s.closed {
		c.Reject(ssh.Prohibited, "administratively prohibited\x1b[2J")
		return
	}
	conn, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		c.Reject(ssh.ConnectionFailed, "Connection refused")
		return
	}
	s.mu.Lock()
	s.conns = append(s.conns, conn)
	s.mu.Unlock()
	ch, requests, err := c.Accept()
	if err != nil {
		conn.Close()
		return
	}
	s.wg.Go(func() { ssh.DiscardRequests(requests) })
	s.wg.Go(func() {
		io.Copy(ch, conn)
		ch.Close()
	})
	io.Copy(conn, ch)
	conn.Close()
}

func (s *server) session(c ssh.NewChannel) {
	ch, requests, err := c.Accept()
	if err != nil {
		return
	}
	defer ch.Close()
	for r := range requests {
		if r.Type != "exec" {
			r.Reply(false, nil)
			continue
		}
		var exec struct{ Command string }
		if err := ssh.Unmarshal(r.Payload, &exec); err != nil {
			r.Reply(false, nil)
			continue
		}
		r.Reply(true, nil)
		s.wg.Go(func() { ssh.DiscardRequests(requests) })
		status := s.handle(exec.Command, ch)
		if status != noStatus {
			ch.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{status}))
		}
		return
	}
}

// noStatus is what a handler returns that sends no exit status.
const noStatus = 1 << 31

// local runs a command on this machine, as sshd does.
func (s *server) local(command string, ch ssh.Channel) uint32 {
	cmd := exec.Command("sh", "-c", command)
	if file, err := exec.LookPath(filepath.Join(filepath.SplitList(s.path)[0], "sh")); err == nil {
		cmd.Path = file
	}
	cmd.Env = []string{"PATH=" + s.path}
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	cmd.WaitDelay = time.Second
	stdin, err := cmd.StdinPipe()
	if err != nil {
		s.t.Error(err)
		return 255
	}
	if err := cmd.Start(); err != nil {
		s.t.Error(err)
		return 255
	}
	s.wg.Go(func() {
		io.Copy(stdin, ch)
		stdin.Close()
	})
	cmd.Wait()
	return uint32(cmd.ProcessState.ExitCode())
}

// newPool returns a pool for tests, which knows no host keys.
func newPool(t *testing.T, change func(*Options)) *Pool {
	t.Helper()
	base := t.TempDir()
	o := Options{
		KnownHosts:  []string{},
		SSHConfig:   []string{},
		AgentSocket: "none",
		Home:        t.TempDir(),
		DialTimeout: 5 * time.Second,
		retryDelay:  10 * time.Millisecond,
		places:      places{base: filepath.Join(base, "lib"), volatile: filepath.Join(base, "run")},
	}
	if change != nil {
		change(&o)
	}
	p := NewPool(o)
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// connect returns a client of a new server.
func connect(t *testing.T, change func(*server)) (*Client, *server) {
	t.Helper()
	s := newServer(t, change)
	c, err := newPool(t, nil).Connect(t.Context(), s.target())
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func portOf(t *testing.T, l net.Listener) int {
	t.Helper()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
