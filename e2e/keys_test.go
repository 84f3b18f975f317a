package e2e

import (
	"os"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestKeys gives the users of base their keys, keeps what stands there, and takes
// them away again.
func TestKeys(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "keys", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	// The worker has a key of its own; the app user a list that does not end in a newline.
	on(t, h, "sh", "-c", `useradd -m worker && runuser -u worker -- sh -c 'mkdir ~/.ssh && ssh-keygen -q -t ed25519 -N "" -C mine -f ~/.ssh/id_ed25519'
		useradd -m brokeforge && runuser -u brokeforge -- sh -c 'umask 077; mkdir ~/.ssh && printf "# mine\nssh-ed25519 AAAA other" >~/.ssh/authorized_keys'`)
	foreign := on(t, h, "sh", "-c", "sha256sum /home/worker/.ssh/*")
	p.must(0, "install", "base", "--on", h.Name, "--yes")

	public := on(t, h, "cat", "/home/brokeforge/.ssh/id_ed25519.pub")
	list := on(t, h, "cat", "/home/brokeforge/.ssh/authorized_keys")
	if list != "# mine\nssh-ed25519 AAAA other\n"+public {
		t.Errorf("authorized_keys became:\n%s", list)
	}
	const modes = "cd /home/brokeforge/.ssh && stat -c '%n %U %G %a' id_ed25519 id_ed25519.pub authorized_keys && ls -A"
	if got := on(t, h, "sh", "-c", modes); got != "id_ed25519 brokeforge brokeforge 600\nid_ed25519.pub brokeforge brokeforge 644\nauthorized_keys brokeforge brokeforge 600\nauthorized_keys\nid_ed25519\nid_ed25519.pub" {
		t.Errorf("the files:\n%s", got)
	}
	on(t, h, "runuser", "-u", "brokeforge", "--", "ssh", "-o", "StrictHostKeyChecking=accept-new", "-o", "BatchMode=yes", "localhost", "true")
	if got := on(t, h, "sh", "-c", "sha256sum /home/worker/.ssh/*"); got != foreign {
		t.Errorf("the worker's own key was touched:\n%s", got)
	}

	// Installing it again changes nothing.
	contains(t, p.must(0, "install", "base", "--on", h.Name, "--yes").stdout, "nothing to do")
	if got := on(t, h, "cat", "/home/brokeforge/.ssh/id_ed25519.pub"); got != public {
		t.Errorf("the key changed to %s", got)
	}
	on(t, h, "rm", "/home/brokeforge/.ssh/id_ed25519")
	p.must(0, "install", "base", "--on", h.Name, "--yes")
	if got := on(t, h, "ssh-keygen", "-y", "-f", "/home/brokeforge/.ssh/id_ed25519"); !strings.HasPrefix(public, got[:60]) {
		t.Errorf("the key that was deleted came back as another: %s", got)
	}
	on(t, h, "sh", "-c", "ls /run | grep brokeforge- && ls -R /run/brokeforge-* | grep -v : | grep . && exit 1; exit 0")

	// Keys are shown.
	if got := strings.TrimSpace(p.must(0, "key", "show", h.Name).stdout); got != public {
		t.Errorf("shown: %q, want %q", got, public)
	}
	mine := on(t, h, "cat", "/home/worker/.ssh/id_ed25519.pub")
	if got := strings.TrimSpace(p.must(0, "key", "show", h.Name, "worker").stdout); got != mine {
		t.Errorf("shown: %q, want %q", got, mine)
	}

	// With the key of the vault lost, a new pair takes the place of ours, and of
	// nobody else's.
	if err := os.Remove(p.home + "/.config/brokeforge/secrets.key"); err != nil {
		t.Fatal(err)
	}
	contains(t, p.must(0, "status").stderr, "base.ssh-key-brokeforge", "--forget-lost")
	contains(t, p.must(2, "install", "base", "--on", h.Name, "--yes").stderr, "base.ssh-key-brokeforge", "--forget-lost")
	contains(t, p.must(0, "rekey", "--forget-lost").stderr, "2 secrets")
	p.must(0, "install", "base", "--on", h.Name, "--yes")
	lost := public
	public = on(t, h, "cat", "/home/brokeforge/.ssh/id_ed25519.pub")
	if list := on(t, h, "cat", "/home/brokeforge/.ssh/authorized_keys"); public == lost || list != "# mine\nssh-ed25519 AAAA other\n"+public {
		t.Errorf("authorized_keys became:\n%s\nwith the key %s", list, public)
	}
	if got := strings.TrimSpace(p.must(0, "key", "show", h.Name).stdout); got != public {
		t.Errorf("shown: %q, want %q", got, public)
	}

	p.must(0, "remove", "base", "--on", h.Name, "--yes")
	if got := on(t, h, "sh", "-c", "ls -A /home/brokeforge/.ssh; cat /home/brokeforge/.ssh/authorized_keys"); got != "authorized_keys\nknown_hosts\n# mine\nssh-ed25519 AAAA other" {
		t.Errorf("left behind:\n%s", got)
	}
	if got := on(t, h, "sh", "-c", "sha256sum /home/worker/.ssh/*"); got != foreign {
		t.Errorf("the worker's own key was touched:\n%s", got)
	}
}

// TestKeysFollowNoLinks has users who turn their folders into links to what is
// root's.
func TestKeysFollowNoLinks(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "links", Suite: hosts.Trixie})
	p := newProgram(t)
	p.add(h)
	on(t, h, "sh", "-c", `useradd -m brokeforge && useradd -m worker && mkdir -m 700 /root/trap && echo mine >/root/file && chmod 644 /root/file
		runuser -u brokeforge -- ln -s /root/trap /home/brokeforge/.ssh`)
	r := p.must(1, "install", "base", "--on", h.Name, "--yes", "--output")
	contains(t, r.stdout+r.stderr, "put the SSH key of brokeforge in place")
	on(t, h, "sh", "-c", `rm /home/brokeforge/.ssh; runuser -u brokeforge -- sh -c 'mkdir -m 700 ~/.ssh && ln -s /root/file ~/.ssh/authorized_keys && ln -s /root/file ~/.ssh/id_ed25519.pub'`)
	p.must(1, "install", "base", "--on", h.Name, "--yes")
	if got := on(t, h, "sh", "-c", "ls -A /root/trap; cat /root/file; stat -c %U:%a /root/file /root/trap"); got != "mine\nroot:644\nroot:700" {
		t.Errorf("what is root's became:\n%s", got)
	}
	on(t, h, "rm", "-f", "/home/brokeforge/.ssh/authorized_keys")
	p.must(0, "install", "base", "--on", h.Name, "--yes")
}
