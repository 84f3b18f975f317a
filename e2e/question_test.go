package e2e

import (
	"os/exec"
	"path/filepath"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestQuestionsOnTheScreens adds a server as a person who has an encrypted key and
// whose sudo wants a password, and meets a changed host key there.
func TestQuestionsOnTheScreens(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "asking", Suite: hosts.Trixie})
	p := newProgram(t)
	key := filepath.Join(p.home, "id")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "open sesame", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	public, err := exec.Command("cat", key+".pub").Output()
	if err != nil {
		t.Fatal(err)
	}
	on(t, h, "sh", "-c", `useradd -m -s /bin/bash deploy && echo 'deploy:correct horse' | chpasswd &&
install -d -o deploy -g deploy -m 700 /home/deploy/.ssh && echo "$1" >/home/deploy/.ssh/authorized_keys &&
chown deploy /home/deploy/.ssh/authorized_keys && echo 'deploy ALL=(ALL) ALL' >/etc/sudoers.d/deploy`, "sh", string(public))

	term := openTerminal(p, 100, 30)
	term.see("no server yet")
	term.keys("a")
	term.see("Key file")
	term.typed(h.Name)
	term.keys("Tab")
	term.typed(h.Address())
	term.keys("Tab", "Tab")
	term.typed("deploy")
	term.keys("Tab")
	term.typed(key)
	term.keys("C-o")
	term.see("First contact", "SHA256:")
	term.pressUntil("a", "Passphrase of the key")
	term.answer("wrong")
	term.see("that was wrong")
	term.answer("open sesame")
	term.see("Password of deploy on "+h.Name, "for sudo")
	term.answer("correct horse")
	term.see("not prepared")
	term.keys("i")
	term.see("Install on " + h.Name)
	term.mark("base")
	term.keys("Enter")
	term.see("enter run")
	term.pressUntil("Enter", "Run ")
	term.see("done")
	if got := on(t, h, "id", "-un", "brokeforge"); got != "brokeforge" {
		t.Errorf("base made no app user: %s", got)
	}

	on(t, h, "sh", "-c", "rm /etc/ssh/ssh_host_* && ssh-keygen -q -A && systemctl restart ssh && pkill -KILL -f 'sshd[^ ]*: deploy'; true")
	term.pressUntil("Escape", "1 Servers")
	term.pressUntil("r", "has changed")
	term.see("SHA256:", "accepted")
	term.pressUntil("t", "read the facts of "+h.Name)
	term.keys("q")
	term.see("ready>")
}

// answer types an answer into the dialog that has opened, once that takes keys:
// what comes at once is not meant for it.
func (t terminal) answer(text string) {
	t.Helper()
	t.pressUntil("x", "> ·")
	t.keys("C-u")
	t.typed(text)
	t.keys("Enter")
}
