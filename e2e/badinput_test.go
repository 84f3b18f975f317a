package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestServerTrouble meets servers that are not as they should be. Each must be
// told in a sentence, with the right exit status, and change nothing.
func TestServerTrouble(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "trouble", Suite: hosts.Bookworm})
	t.Run("no sudo", func(t *testing.T) { noSudo(t, h) })
	t.Run("login refused", func(t *testing.T) { loginRefused(t, h) })
	t.Run("not ssh", notSSH)
	t.Run("unknown to apt", func(t *testing.T) { unknownToApt(t, h) })
	t.Run("host key changed", func(t *testing.T) { hostKeyChanged(t, h) })
}

func noSudo(t *testing.T, h *hosts.Host) {
	on(t, h, "sh", "-c", "useradd -m plain && install -d -o plain -m 700 /home/plain/.ssh && install -o plain -m 600 /root/.ssh/authorized_keys /home/plain/.ssh/")
	p := newProgram(t)
	r := p.must(3, "server", "add", "plain", h.Address(), "--user", "plain", "--key", lab.Key(), "--accept-new")
	contains(t, r.stderr, "plain", "not root", "sudo")
	on(t, h, "sh", "-c", "echo 'plain ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/plain")
	p.must(0, "server", "add", "plain", h.Address(), "--user", "plain", "--key", lab.Key(), "--accept-new")
	p.must(0, "install", "base", "--on", "plain", "--yes")
	if got := on(t, h, "id", "-u", "brokeforge"); got == "" {
		t.Error("base made no app user over sudo")
	}
}

func loginRefused(t *testing.T, h *hosts.Host) {
	p := newProgram(t)
	foreign := filepath.Join(p.home, "foreign")
	on(t, h, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", "/tmp/foreign")
	key, err := h.ReadFile(t.Context(), "/tmp/foreign")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(foreign, key, 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.must(3, "server", "add", "refused", h.Address(), "--key", foreign, "--accept-new")
	contains(t, r.stderr, "refused", "publickey")
	if strings.Contains(p.must(0, "server", "list").stdout, "refused") {
		t.Error("a server that refused the login is listed")
	}
}

// notSSH reaches ports where nothing answers, or something that is not SSH.
func notSSH(t *testing.T) {
	p := newProgram(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n\x1b]0;owned\x07"))
			conn.Close()
		}
	}()
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	r := p.must(3, "server", "add", "web", "127.0.0.1", "--port", port, "--key", lab.Key(), "--accept-new")
	contains(t, r.stderr, "SSH")
	if strings.Contains(r.stderr, "\x1b") {
		t.Errorf("an escape sequence of the server reached the terminal: %q", r.stderr)
	}
	listener.Close()
	r = p.must(3, "server", "add", "web", "127.0.0.1", "--port", port, "--key", lab.Key(), "--accept-new")
	contains(t, r.stderr, "refused")
}

func unknownToApt(t *testing.T, h *hosts.Host) {
	on(t, h, "sh", "-c", "mkdir -p /root/sources && mv /etc/apt/sources.list* /root/sources/ && mkdir -p /etc/apt/sources.list.d && rm -rf /var/lib/apt/lists/*")
	p := newProgram(t)
	p.add(h)
	r := p.must(1, "install", "nginx", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "there is no package nginx")
	if strings.Contains(p.must(0, "status").stdout, "nginx ") {
		t.Error("nginx is recorded though its installation failed")
	}
	on(t, h, "sh", "-c", "rm -rf /etc/apt/sources.list* && mv /root/sources/* /etc/apt/")
	p.must(0, "install", "nginx", "--on", h.Name, "--yes")
	if status, _ := get(t, h, "/"); status != 200 {
		t.Errorf("run again after the cause was mended, / answers %d", status)
	}
}

func hostKeyChanged(t *testing.T, h *hosts.Host) {
	p := newProgram(t)
	p.add(h)
	on(t, h, "sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -A && systemctl restart ssh")
	r := p.must(3, "install", "nginx", "--on", h.Name, "--yes")
	if strings.Count(r.stdout+r.stderr, "SHA256:") < 2 {
		t.Errorf("not both fingerprints are named:\n%s%s", r.stdout, r.stderr)
	}
	contains(t, r.stdout+r.stderr, "changed")
}

// TestFullDisk runs out of space in the middle of an installation, and goes on
// when there is some.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "full", Suite: hosts.Bookworm, DiskBytes: 400 << 20})
	p := newProgram(t)
	p.add(h)
	p.must(0, "install", "base", "--on", h.Name, "--yes")
	on(t, h, "sh", "-c", "dd if=/dev/zero of=/fill bs=1M 2>/dev/null; sync; test -e /fill")
	r := p.must(1, "install", "nginx", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "disk full")
	on(t, h, "rm", "/fill")
	p.must(0, "install", "nginx", "--on", h.Name, "--yes")
	if status, _ := get(t, h, "/"); status != 200 {
		t.Errorf("with space again, / answers %d", status)
	}
}

// TestOneFailsOthersGoOn installs on three servers of which one is not there.
func TestOneFailsOthersGoOn(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	p := newProgram(t)
	one := start(t, hosts.Spec{Name: "one", Suite: hosts.Bookworm})
	gone := start(t, hosts.Spec{Name: "gone", Suite: hosts.Bookworm})
	two := start(t, hosts.Spec{Name: "two", Suite: hosts.Trixie})
	for _, h := range []*hosts.Host{one, gone, two} {
		p.add(h)
	}
	if err := gone.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := p.must(3, "install", "base", "--on", "one,gone,two", "--yes")
	contains(t, r.stdout+r.stderr, "gone")
	for _, h := range []*hosts.Host{one, two} {
		if got := on(t, h, "id", "-un", "brokeforge"); got != "brokeforge" {
			t.Errorf("%s has no app user", h.Name)
		}
	}
	status := p.must(0, "status", "--on", "one,two").stdout
	if strings.Count(status, "base") != 2 {
		t.Errorf("base is not recorded on both:\n%s", status)
	}
}
