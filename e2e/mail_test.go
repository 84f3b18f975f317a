package e2e

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// smarthost is a mail server that wants TLS and a login, and keeps what it gets.
type smarthost struct {
	name   string // in its certificate
	port   string
	ca     []byte // PEM
	logins chan string
	mails  chan string
}

// newSmarthost serves on the address of the machine that a host sees.
func newSmarthost(t testing.TB, h *hosts.Host, name string) *smarthost {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	address := h.Addr().As4()
	address[3] = 1
	listener, err := net.Listen("tcp", netip.AddrFrom4(address).String()+":0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	s := &smarthost{
		name: name, port: port, ca: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		logins: make(chan string, 16), mails: make(chan string, 16),
	}
	config := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go s.serve(conn, config)
		}
	}()
	return s
}

// serve speaks as much of SMTP as Postfix needs (RFC 5321, 3207, 4954).
func (s *smarthost) serve(conn net.Conn, config *tls.Config) {
	defer func() { conn.Close() }()
	lines := bufio.NewReader(conn)
	answer := func(text string) { _, _ = io.WriteString(conn, text+"\r\n") }
	answer("220 " + s.name + " ESMTP")
	secure, loggedIn := false, false
	var envelope strings.Builder
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		verb := strings.ToUpper(strings.TrimSpace(line))
		switch {
		case strings.HasPrefix(verb, "EHLO") && !secure:
			answer("250-" + s.name + "\r\n250 STARTTLS")
		case strings.HasPrefix(verb, "EHLO"):
			answer("250-" + s.name + "\r\n250 AUTH PLAIN")
		case verb == "STARTTLS":
			answer("220 go on")
			wrapped := tls.Server(conn, config)
			if wrapped.Handshake() != nil {
				return
			}
			conn, lines, secure = wrapped, bufio.NewReader(wrapped), true
		case strings.HasPrefix(verb, "AUTH PLAIN ") && secure:
			login, _ := base64.StdEncoding.DecodeString(strings.Fields(line)[2])
			s.logins <- strings.ReplaceAll(string(login), "\x00", "|")
			loggedIn = true
			answer("235 welcome")
		case verb == "DATA" && loggedIn:
			answer("354 go on")
			var text strings.Builder
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			s.mails <- envelope.String() + text.String()
			envelope.Reset()
			answer("250 taken")
		case verb == "QUIT":
			answer("221 bye")
			return
		case loggedIn:
			envelope.WriteString(line)
			answer("250 ok")
		default:
			answer("530 log in first")
		}
	}
}

// next waits for what comes on a channel.
func next(t testing.TB, from <-chan string, what string) string {
	t.Helper()
	select {
	case got := <-from:
		return got
	case <-time.After(time.Minute):
		t.Fatalf("no %s came", what)
		return ""
	}
}

// printable is a password of every character of ASCII that can be printed.
func printable() string {
	var b strings.Builder
	for c := ' '; c <= '~'; c++ {
		b.WriteRune(c)
	}
	return b.String()
}

// TestMail sends mail over a smarthost with TLS and a login, and delivers it on the
// server alone.
func TestMail(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "mail-" + name, Suite: suite})
			s := newSmarthost(t, h, "smarthost.test")
			address := h.Addr().As4()
			address[3] = 1
			gateway := netip.AddrFrom4(address).String()
			on(t, h, "sh", "-c", `echo "$1 smarthost.test other.test" >>/etc/hosts; echo "$2" >/usr/local/share/ca-certificates/smarthost.crt; update-ca-certificates >/dev/null 2>&1`, "sh", gateway, string(s.ca))
			p := newProgram(t)
			p.add(h)
			password := filepath.Join(p.home, "password")
			if err := os.WriteFile(password, []byte(printable()), 0o600); err != nil {
				t.Fatal(err)
			}
			p.must(0, "install", "base", "--on", h.Name, "--yes")
			before := snapshot(t, h)
			p.must(2, "install", "mail", "--on", h.Name, "--yes")
			relay := []string{
				"install", "mail", "--on", h.Name, "--yes", "--set", "mail.smarthost=smarthost.test", "--set", "mail.port=" + s.port,
				"--set", "mail.user=ops@example.org", "--set", "mail.password=@" + password, "--set", "mail.domain=web.example.org", "--set", "mail.root-mail=admin@example.org",
			}
			p.must(0, relay...)
			send(t, h, "customer@example.net", "hello there")
			if got, want := next(t, s.logins, "login"), "|ops@example.org|"+printable(); got != want {
				t.Errorf("the login is %q, want %q", got, want)
			}
			contains(t, next(t, s.mails, "mail"), "hello there", "@web.example.org", "customer@example.net")
			send(t, h, "root", "a report")
			contains(t, next(t, s.mails, "mail"), "a report", "admin@example.org")
			if answers(h, "25") {
				t.Error("25 answers from outside")
			}
			if out := on(t, h, "sh", "-c", "stat -c '%a %U' /etc/postfix/brokeforge-login"); out != "600 root" {
				t.Errorf("the login's file is %s", out)
			}
			installed := snapshot(t, h)
			contains(t, p.must(0, relay...).stdout, "nothing to do")
			same(t, "installed again", installed.Touched(snapshot(t, h)))

			// A certificate of another name is not sent to.
			p.must(0, "install", "mail", "--on", h.Name, "--yes", "--set", "mail.smarthost=other.test")
			reboot(t, h, "22")
			send(t, h, "customer@example.net", "never to be sent")
			eventually(t, "the mail waits", func() bool {
				return strings.Contains(on(t, h, "sh", "-c", "mailq"), "not verified")
			})
			contains(t, p.must(1, "remove", "mail", "--on", h.Name, "--yes").stderr, "mail waits to be sent")
			on(t, h, "postsuper", "-d", "ALL")

			p.must(0, "install", "mail", "--on", h.Name, "--yes", "--set", "mail.delivery=local", "--set", "mail.root-mail=")
			send(t, h, "brokeforge@localhost", "kept here")
			eventually(t, "it is delivered", func() bool {
				return strings.Contains(on(t, h, "sh", "-c", "cat /var/mail/brokeforge 2>/dev/null || true"), "kept here")
			})
			on(t, h, "rm", "/var/mail/brokeforge")
			p.must(0, "remove", "mail", "--on", h.Name, "--yes")
			// Debian leaves the users of a package, and what was upgraded stays so.
			same(t, "removed", before.Diff(snapshot(t, h), "file /etc/passwd", "file /etc/shadow", "file /etc/group", "file /etc/gshadow", "package libsasl2-"))
			select {
			case text := <-s.mails:
				if strings.Contains(text, "never to be sent") {
					t.Error("mail went to a server that could not prove its name")
				}
			default:
			}
		})
	}
}

// send mails a line from the host.
func send(t testing.TB, h *hosts.Host, to, text string) {
	t.Helper()
	on(t, h, "sh", "-c", `printf 'Subject: test\nTo: %s\n\n%s\n' "$1" "$2" | /usr/sbin/sendmail "$1"`, "sh", to, text)
}
