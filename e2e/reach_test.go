package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"brokeforge/e2e/hosts"
)

// configure writes the program's ~/.ssh/config.
func (p program) configure(format string, args ...any) {
	p.Helper()
	dir := filepath.Join(p.home, ".ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "config"), fmt.Appendf(nil, format, args...), 0o600); err != nil {
		p.Fatal(err)
	}
}

// A dialogue is what to answer: when the terminal shows the question, the answer is
// typed.
type dialogue struct{ question, answer string }

// talk runs the program on a terminal, and returns all that it showed.
func (p program) talk(code int, talk []dialogue, args ...string) string {
	p.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env = p.env()
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 40, Cols: 400})
	if err != nil {
		p.Fatal(err)
	}
	defer terminal.Close()
	watchdog := time.AfterFunc(5*time.Minute, func() { cmd.Process.Kill() })
	defer watchdog.Stop()
	var shown bytes.Buffer
	seen := 0
	buf := make([]byte, 4096)
	for {
		n, err := terminal.Read(buf)
		shown.Write(buf[:n])
		for len(talk) > 0 {
			i := strings.Index(shown.String()[seen:], talk[0].question)
			if i < 0 {
				break
			}
			seen += i + len(talk[0].question)
			if _, err := terminal.WriteString(talk[0].answer + "\r"); err != nil {
				p.Fatal(err)
			}
			talk = talk[1:]
		}
		if err != nil {
			break // the program has ended
		}
	}
	err = cmd.Wait()
	if got := cmd.ProcessState.ExitCode(); got != code {
		p.Fatalf("%v gives %d, wanted %d (%v)\n%s", args, got, code, err, &shown)
	}
	if len(talk) > 0 {
		p.Errorf("%v never asked %q:\n%s", args, talk[0].question, &shown)
	}
	return shown.String()
}

// TestJumpHosts goes to a server that takes ssh from the second of two jump hosts
// alone.
func TestJumpHosts(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	first := start(t, hosts.Spec{Name: "jump1", Suite: hosts.Trixie})
	second := start(t, hosts.Spec{Name: "jump2", Suite: hosts.Bookworm})
	inner := start(t, hosts.Spec{Name: "inner", Suite: hosts.Bookworm})
	behind := func(h, only *hosts.Host) {
		on(t, h, "iptables", "-A", "INPUT", "-p", "tcp", "--dport", "22", "!", "-s", only.Address(), "-j", "DROP")
	}
	behind(inner, second)
	behind(second, first)
	p := newProgram(t)
	p.configure("Host inner-web\n  HostName %s\n  ProxyJump first,second\nHost first\n  HostName %s\nHost second\n  HostName %s\nHost *\n  User root\n  IdentityFile %s\n",
		inner.Address(), first.Address(), second.Address(), lab.Key())
	shown := p.talk(0, []dialogue{
		{"Is this the key of jump host first?", "y"}, {"Is this the key of jump host second?", "y"}, {"Is this the key of web1?", "y"},
	}, "server", "add", "web1", "inner-web")
	contains(t, shown, "web1 is added: root@inner-web ("+inner.Address()+")", "by way of root@"+second.Address()+":22")
	contains(t, p.must(0, "server", "show", "web1").stdout, "By way of", "first", "second", first.Address())
	p.must(0, "install", "base", "firewall", "--on", "web1", "--yes")
	if got := on(t, inner, "id", "-un", "brokeforge"); got != "brokeforge" {
		t.Errorf("inner has no app user: %s", got)
	}
	// The proof of a login, which the firewall needs, went the same way.
	contains(t, on(t, inner, "ufw", "status"), "Status: active")
	contains(t, p.must(0, "status").stdout, "firewall")

	on(t, second, "sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
	r := p.must(3, "install", "base", "--on", "web1", "--yes")
	contains(t, r.stdout+r.stderr, "jump host second", "has changed", "server trust web1")
	key, err := second.ReadFile(t.Context(), "/etc/ssh/ssh_host_ed25519_key.pub")
	if err != nil {
		t.Fatal(err)
	}
	public, _, _, _, err := ssh.ParseAuthorizedKey(key)
	if err != nil {
		t.Fatal(err)
	}
	p.must(3, "server", "trust", "web1", "--fingerprint", "SHA256:"+strings.Repeat("A", 43))
	p.must(0, "server", "trust", "web1", "--fingerprint", ssh.FingerprintSHA256(public))
	p.must(0, "install", "base", "--on", "web1", "--yes")

	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = p.must(3, "install", "base", "--on", "web1", "--yes")
	contains(t, r.stdout+r.stderr, "jump host first")
}

// addUser makes a user who may log in with the lab's key.
func addUser(t *testing.T, h *hosts.Host, name, password, shell, sudoers string) {
	t.Helper()
	on(t, h, "sh", "-c", fmt.Sprintf(`useradd -m -s %[3]s %[1]s && echo '%[1]s:%[2]s' | chpasswd &&
		install -d -o %[1]s -m 700 /home/%[1]s/.ssh && install -o %[1]s -m 600 /root/.ssh/authorized_keys /home/%[1]s/.ssh/`, name, password, shell))
	if sudoers != "" {
		on(t, h, "sh", "-c", fmt.Sprintf("printf '%%s\\n' '%s' >/etc/sudoers.d/%s", sudoers, name))
	}
}

// TestLogins logs in to one server in all ways.
func TestLogins(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			h := start(t, hosts.Spec{Name: "logins-" + name, Suite: suite})
			on(t, h, "sh", "-c", `printf 'Port 22\nPort 2222\n' >/etc/ssh/sshd_config.d/port.conf; systemctl reload ssh`)
			eventually(t, "sshd listens on 2222", func() bool { return answers(h, "2222") })
			l := logins{h}
			t.Run("sudo with a password", l.sudo)
			t.Run("sudo that refuses", l.sudoTrouble)
			t.Run("passphrase", l.passphrase)
			t.Run("password", l.password)
			t.Run("agent", l.agent)
			t.Run("certificate", l.certificate)
			t.Run("banner", l.banner)
			t.Run("configuration", l.configuration)
			t.Run("changed host key", l.changed)
		})
	}
}

type logins struct{ h *hosts.Host }

const secret = "Tr0ub4dor-x"

func (l logins) sudo(t *testing.T) {
	addUser(t, l.h, "deploy", secret, "/bin/bash", "deploy ALL=(ALL) ALL")
	p := newProgram(t)
	add := []string{"server", "add", "web", l.h.Address(), "--port", "2222", "--user", "deploy", "--key", lab.Key(), "--accept-new"}
	r := p.must(3, add...)
	contains(t, r.stderr, "user deploy on web is not root", "run it on a terminal")
	shown := p.talk(0, []dialogue{{"deploy on web, for sudo: ", "not it"}, {"deploy on web, for sudo: ", secret}}, add...)
	contains(t, shown, "that was wrong", "web is added: deploy@"+l.h.Address()+":2222")
	if strings.Contains(shown, secret) {
		t.Errorf("the password was shown:\n%s", shown)
	}
	shown = p.talk(0, []dialogue{{"for sudo: ", secret}}, "install", "base", "--on", "web", "--yes")
	if got := on(t, l.h, "id", "-un", "brokeforge"); got != "brokeforge" {
		t.Errorf("no app user: %s\n%s", got, shown)
	}
	if out := on(t, l.h, "sh", "-c", "grep -rlaF "+secret+" /var/lib/brokeforge /run /var/log /home/deploy /tmp 2>/dev/null || true"); out != "" {
		t.Errorf("the password is in %s", out)
	}
	if err := filepath.WalkDir(p.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) {
			t.Errorf("the password is in %s", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}

func (l logins) sudoTrouble(t *testing.T) {
	addUser(t, l.h, "nosudo", secret, "/bin/sh", "")
	addUser(t, l.h, "needstty", secret, "/bin/sh", "Defaults:needstty requiretty\nneedstty ALL=(ALL) NOPASSWD: ALL")
	p := newProgram(t)
	add := func(user string) []string {
		return []string{"server", "add", user, l.h.Address(), "--user", user, "--key", lab.Key(), "--accept-new"}
	}
	contains(t, p.must(3, add("needstty")...).stderr, "sudo wants a terminal", "requiretty")
	contains(t, p.talk(3, []dialogue{{"for sudo: ", secret}}, add("nosudo")...), "nosudo is not in the sudoers file", "may not use sudo")
	shown := p.talk(3, []dialogue{{"for sudo: ", "a1"}, {"for sudo: ", "b2"}, {"for sudo: ", "c3"}}, add("nosudo")...)
	contains(t, shown, "refused 3 passwords", "faillock")
	if got := p.must(0, "server", "list").stdout; got != "" {
		t.Errorf("recorded is %s", got)
	}
}

// keygen makes a key and lets it log in as root.
func (l logins) keygen(t *testing.T, p program, name, passphrase string) string {
	t.Helper()
	file := filepath.Join(p.home, name)
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func (l logins) authorize(t *testing.T, file string) {
	t.Helper()
	public, err := os.ReadFile(file + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	on(t, l.h, "sh", "-c", "echo '"+strings.TrimSpace(string(public))+"' >>/root/.ssh/authorized_keys")
}

func (l logins) passphrase(t *testing.T) {
	p := newProgram(t)
	file := l.keygen(t, p, "locked", "open sesame")
	l.authorize(t, file)
	add := []string{"server", "add", "web", l.h.Address(), "--key", file, "--accept-new"}
	contains(t, p.must(3, add...).stderr, "is encrypted", "ssh-add")
	shown := p.talk(0, []dialogue{{"Passphrase of the key " + file, "wrong"}, {"Passphrase of the key " + file, "open sesame"}}, add...)
	contains(t, shown, "web is added")
}

func (l logins) password(t *testing.T) {
	on(t, l.h, "sh", "-c", "echo 'root:"+secret+"' | chpasswd; printf 'PermitRootLogin yes\nPasswordAuthentication yes\n' >/etc/ssh/sshd_config.d/password.conf; systemctl reload ssh")
	eventually(t, "sshd is back", func() bool { return answers(l.h, "22") })
	p := newProgram(t)
	add := []string{"server", "add", "web", l.h.Address(), "--accept-new"}
	contains(t, p.must(3, add...).stderr, "needs a password, and there is nobody to ask")
	shown := p.talk(0, []dialogue{{"Password of root on web: ", "wrong"}, {"Password of root on web: ", secret}}, add...)
	contains(t, shown, "web is added")
}

func (l logins) agent(t *testing.T) {
	data, err := os.ReadFile(lab.Key())
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key, Comment: "lab"}); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t)
	socket := filepath.Join(p.home, "agent")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			group.Go(func() {
				// It ends with io.EOF when the program is done.
				_ = agent.ServeAgent(ring, conn)
				conn.Close()
			})
		}
	})
	defer group.Wait()
	defer listener.Close()
	p.configure("Host web\n  HostName %s\n  Port 2222\n  IdentityAgent ~/agent\n", l.h.Address())
	p.must(0, "server", "add", "web", "web", "--accept-new")
	contains(t, p.must(0, "server", "show", "web").stdout, "root@", ":2222")
}

func (l logins) certificate(t *testing.T) {
	p := newProgram(t)
	authority, file := l.keygen(t, p, "authority", ""), l.keygen(t, p, "certified", "")
	public, err := os.ReadFile(authority + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	on(t, l.h, "sh", "-c", "echo '"+strings.TrimSpace(string(public))+"' >/etc/ssh/authority.pub; echo 'TrustedUserCAKeys /etc/ssh/authority.pub' >/etc/ssh/sshd_config.d/authority.conf; systemctl reload ssh")
	eventually(t, "sshd is back", func() bool { return answers(l.h, "22") })
	add := []string{"server", "add", "web", l.h.Address(), "--key", file, "--accept-new"}
	p.must(3, add...)
	if out, err := exec.Command("ssh-keygen", "-q", "-s", authority, "-I", "ann", "-n", "root", "-V", "+1h", file+".pub").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.must(0, add...)
}

func (l logins) banner(t *testing.T) {
	on(t, l.h, "sh", "-c", `yes 'Authorised people only.' | head -c 100000 >/etc/issue.net; yes 'message of the day' | head -c 1000000 >/etc/motd
		echo 'Banner /etc/issue.net' >/etc/ssh/sshd_config.d/banner.conf; systemctl reload ssh
		echo 'yes noise of bashrc | head -c 1000000; yes more noise | head -c 1000000 >&2' >/root/.profile; cp /root/.profile /root/.bashrc`)
	eventually(t, "sshd is back", func() bool { return answers(l.h, "22") })
	p := newProgram(t)
	p.must(0, "server", "add", "web", l.h.Address(), "--key", lab.Key(), "--accept-new")
	p.must(0, "install", "base", "--on", "web", "--yes")
	on(t, l.h, "rm", "/etc/ssh/sshd_config.d/banner.conf", "/root/.profile", "/root/.bashrc")
}

func (l logins) configuration(t *testing.T) {
	p := newProgram(t)
	p.configure("Host web\n  Port bad\n")
	contains(t, p.must(3, "server", "add", "web", "web", "--accept-new").stderr, ".ssh/config:2: Port bad")
	p.configure("Host web\n  HostName no-such-name.invalid\n")
	contains(t, p.must(3, "server", "add", "web", "web", "--accept-new").stderr, "no-such-name.invalid", "name service")
	p.configure("Host web\n  HostName %s\n  ProxyCommand nc %%h %%p\n", l.h.Address())
	contains(t, p.must(3, "server", "add", "web", "web", "--accept-new").stderr, "ProxyCommand", "not supported", ".ssh/config:3")
	p.configure("Host web\n  HostName %s\n  Port 2222\n  IdentityFile %s\n  Ciphers aes256-ctr\n", l.h.Address(), lab.Key())
	r := p.must(0, "server", "add", "web", "web", "--accept-new")
	contains(t, r.stdout, "root@web:2222 ("+l.h.Address()+")")
	contains(t, r.stderr, "Ciphers aes256-ctr", "not supported")
	p.must(3, "server", "change", "web", "--port", "2223")
	p.must(0, "server", "change", "web", "--port", "22", "--address", l.h.Address(), "--key", lab.Key())
	contains(t, p.must(0, "server", "show", "web").stdout, "root@"+l.h.Address()+"\n")
}

func (l logins) changed(t *testing.T) {
	p := newProgram(t)
	p.must(0, "server", "add", "web", l.h.Address(), "--key", lab.Key(), "--accept-new")
	contains(t, p.must(2, "server", "trust", "web").stderr, "has not changed")
	on(t, l.h, "sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
	eventually(t, "sshd is back", func() bool { return answers(l.h, "22") })
	r := p.must(3, "server", "trust", "web")
	contains(t, r.stderr, "has changed", "accepted", "server trust web")
	p.talk(3, []dialogue{{"the key of web? [y/N]", "n"}}, "server", "trust", "web")
	p.must(3, "install", "base", "--on", "web", "--yes")
	shown := p.talk(0, []dialogue{{"the key of web? [y/N]", "y"}}, "server", "trust", "web")
	contains(t, shown, "known  ", "shown  ", "is trusted")
	p.must(0, "install", "base", "--on", "web", "--yes")
}
