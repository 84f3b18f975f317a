package e2e

import (
	"bytes"
	"crypto/sha256"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"brokeforge/e2e/hosts"
)

// TestShell opens shells on a real host, from the screens and from the command
// line.
func TestShell(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	p := newProgram(t)
	h := start(t, hosts.Spec{Name: "shellhost", Suite: hosts.Trixie})
	p.add(h)
	t.Run("commands", func(t *testing.T) { shellCommands(t, p, h) })
	t.Run("bytes", func(t *testing.T) { shellBytes(t, p, h) })
	t.Run("screens", func(t *testing.T) { shellOnScreens(t, p, h) })
	t.Run("terminal", func(t *testing.T) { shellOnTerminal(t, p, h) })
	t.Run("imported", func(t *testing.T) { shellOnImported(t, p, h) })
	t.Run("lost", func(t *testing.T) { shellLost(t, p, h) })
}

func shellCommands(t *testing.T, p program, h *hosts.Host) {
	for _, tt := range []struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		{[]string{"ssh", h.Name, "--", "exit 7"}, 7, "", ""},
		{[]string{"ssh", h.Name, "hostname"}, 0, h.Name + "\n", ""},
		{[]string{"ssh", h.Name, "echo out; echo err >&2; exit 3"}, 3, "out\n", "err\n"},
		{[]string{"ssh", h.Name, "echo", "a b", "$HOME", "*"}, 0, "a b $HOME *\n", ""},
		{[]string{"ssh", h.Name, "kill -KILL $$"}, 137, "", ""},
		{[]string{"ssh", h.Name, "test -t 0"}, 1, "", ""},
	} {
		r := p.run(tt.args...)
		if r.code != tt.code || r.stdout != tt.stdout || r.stderr != tt.stderr {
			t.Errorf("%q gives %d, %q, %q", tt.args, r.code, r.stdout, r.stderr)
		}
	}
}

// shellBytes sends a megabyte of every byte there and back.
func shellBytes(t *testing.T, p program, h *hosts.Host) {
	data := make([]byte, 1<<20)
	random := rand.NewChaCha8([32]byte{7})
	if _, err := random.Read(data); err != nil {
		t.Fatal(err)
	}
	send := func(input []byte, args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), binary, args...)
		cmd.Env = p.env()
		cmd.Stdin = bytes.NewReader(input)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%q: %v\n%s", args, err, &stderr)
		}
		return out
	}
	if got := send(data, "ssh", h.Name, "cat"); sha256.Sum256(got) != sha256.Sum256(data) {
		t.Errorf("of %d bytes %d came back, or others", len(data), len(got))
	}
	if got := string(send([]byte("echo $((6 * 7)) on $(hostname)\n"), "ssh", h.Name)); got != "42 on "+h.Name+"\n" {
		t.Errorf("sh printed %q", got)
	}
}

// shellOnScreens opens a shell with s, works in it, and comes back.
func shellOnScreens(t *testing.T, p program, h *hosts.Host) {
	p.TB = t
	term := openTerminal(p, 100, 30)
	term.see(h.Name, "Debian 13")
	term.keys("s")
	term.see("A shell on "+h.Name, "root@"+h.Name)
	term.typed("echo $((1000 + 234)) > /tmp/mark; cat /tmp/mark; stty size\n")
	term.see("1234", "30 100")
	if got := on(t, h, "cat", "/tmp/mark"); got != "1234" {
		t.Errorf("what was typed wrote %q there", got)
	}
	term.tmux("resize-window", "-t", "t", "-x", "120", "-y", "40")
	term.typed("clear; stty size; echo $TERM\n")
	term.see("40 120", "-256color")
	term.typed("sleep 1000\n")
	eventually(t, "the sleep runs there", func() bool { return on(t, h, "sh", "-c", "pgrep -x sleep || true") != "" })
	term.keys("C-c")
	eventually(t, "ctrl+c ends it", func() bool { return on(t, h, "sh", "-c", "pgrep -x sleep || true") == "" })
	term.typed("exit\n")
	term.see("BrokeForge", "the shell on "+h.Name+" has ended", "1 server")
	term.keys("Enter")
	term.see("Servers › "+h.Name, "Firewall")
	term.keys("s")
	// A ctrl+d that comes before the prompt would be lost there, as with any ssh.
	eventually(t, "the second shell has its prompt", func() bool {
		_, after, begun := strings.Cut(term.pane(), "A shell on "+h.Name)
		return begun && strings.Contains(after, "root@"+h.Name)
	})
	term.keys("C-d")
	term.see("has ended", "Firewall")
	term.keys("q", "q")
	term.see("ready>")
	term.typed("stty -a\n")
	term.see(" echo ", "icanon")
}

// shellOnTerminal opens a shell from the command line.
func shellOnTerminal(t *testing.T, p program, h *hosts.Host) {
	p.TB = t
	term := openTerminal(p, 90, 28)
	term.see(h.Name)
	term.keys("q")
	term.see("ready>")
	term.typed("clear; " + binary + " ssh " + h.Name + "; echo status $?\n")
	term.see("root@" + h.Name)
	// The state folder is free meanwhile.
	if r := p.must(0, "server", "list"); !strings.Contains(r.stdout, h.Name) {
		t.Errorf("a second program shows %q", r.stdout)
	}
	term.typed("stty size; exit 9\n")
	term.see("28 90", "status 9")
	term.typed(binary + " ssh -t " + h.Name + " 'test -t 0 && exit 5'; echo status $?\n")
	term.see("status 5")
	term.typed("stty -a\n")
	term.see(" echo ", "icanon")
}

// shellOnImported imports the host from an inventory: its key is asked for at the
// first contact.
func shellOnImported(t *testing.T, p program, h *hosts.Host) {
	p.TB = t
	inventory := filepath.Join(p.home, "hosts.ini")
	text := "[lab]\nimported ansible_host=" + h.Address() + " ansible_user=root ansible_ssh_private_key_file=" + lab.Key() + "\n"
	if err := os.WriteFile(inventory, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	contains(t, p.must(2, "import", "ansible", inventory).stderr, "--yes")
	contains(t, p.must(0, "import", "ansible", inventory, "--yes").stdout, "1 added", h.Name+" has the same address")
	contains(t, p.must(0, "import", "ansible", inventory, "--yes").stdout, "nothing to do")
	contains(t, p.must(3, "ssh", "imported", "hostname").stderr, "is not known", ssh.FingerprintSHA256(h.HostKey()))
	contains(t, p.must(0, "server", "list").stdout, "host key not known yet")
	known := h.Address() + " " + string(ssh.MarshalAuthorizedKey(h.HostKey()))
	if err := os.MkdirAll(filepath.Join(p.home, ".ssh"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.home, ".ssh", "known_hosts"), []byte(known), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := p.must(0, "ssh", "imported", "hostname").stdout; got != h.Name+"\n" {
		t.Errorf("hostname prints %q", got)
	}
	p.must(0, "server", "remove", "imported")
}

// shellLost pulls the cable while a shell is open.
func shellLost(t *testing.T, p program, h *hosts.Host) {
	config := filepath.Join(p.home, "config.toml")
	if err := os.WriteFile(config, []byte("[ssh]\nkeep_alive = \"1s\"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p.TB = t
	term := openTerminal(p, 90, 28)
	term.see(h.Name)
	term.keys("q")
	term.see("ready>")
	term.typed("clear; " + binary + " --config " + config + " ssh " + h.Name + "; echo status $?\n")
	term.see("root@" + h.Name)
	if err := h.Cut(); err != nil {
		t.Fatal(err)
	}
	term.see("is lost", "status 3")
	term.typed("stty -a\n")
	term.see(" echo ", "icanon")
	if err := h.Join(); err != nil {
		t.Fatal(err)
	}
}
