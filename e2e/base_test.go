package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

const (
	sshdFile   = "/etc/ssh/sshd_config.d/00-brokeforge.conf"
	socketFile = "/etc/systemd/system/ssh.socket.d/zz-brokeforge.conf"
)

// admin makes a user with the lab's key who may use sudo, and adds the host as
// that user.
func (p program) admin(h *hosts.Host) {
	p.Helper()
	on(p, h, "sh", "-c", `useradd -m -s /bin/bash ops &&
		install -d -o ops -m 700 /home/ops/.ssh && install -o ops -m 600 /root/.ssh/authorized_keys /home/ops/.ssh/ &&
		echo 'ops ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops`)
	p.must(0, "server", "add", h.Name, h.Address(), "--user", "ops", "--key", lab.Key(), "--accept-new")
}

// login tries to log in from this machine with OpenSSH's client, and returns
// what that says.
func login(t testing.TB, h *hosts.Host, user, port string, options ...string) (bool, string) {
	t.Helper()
	args := append([]string{
		"-F", "none", "-i", lab.Key(), "-p", port, "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
	}, options...)
	cmd := exec.CommandContext(t.Context(), "ssh", append(args, user+"@"+h.Address(), "true")...)
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

// reboot has a host reboot by itself, and returns when it is up again and takes
// connections on a port.
func reboot(t testing.TB, h *hosts.Host, port string) {
	t.Helper()
	on(t, h, "touch", "/run/before-the-reboot")
	on(t, h, "systemctl", "reboot")
	eventually(t, h.Name+" is up again", func() bool {
		// Nobody answers what is asked of a system that goes down at that moment.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := h.Exec(ctx, "sh", "-c", "[ ! -e /run/before-the-reboot ] && systemctl is-system-running | grep -qE 'running|degraded'")
		return err == nil && answers(h, port)
	})
}

func (p program) portOf(h *hosts.Host) string {
	p.Helper()
	out := p.must(0, "server", "list", "--json").stdout
	_, rest, ok := strings.Cut(out, `"name": "`+h.Name+`"`)
	if !ok {
		_, rest, ok = strings.Cut(out, `"name":"`+h.Name+`"`)
	}
	_, rest, found := strings.Cut(rest, `"port":`)
	if !ok || !found {
		p.Fatalf("no port of %s in:\n%s", h.Name, out)
	}
	port, _, _ := strings.Cut(rest, ",")
	return strings.TrimSpace(port)
}

// TestHardening has base harden sshd, on each release: each setting applied and
// proven, taken back where the proof fails, kept over a reboot, and given back.
func TestHardening(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hd := hardening{newProgram(t), start(t, hosts.Spec{Name: "hard-" + name, Suite: suite})}
			hd.refused()
			hd.admin(hd.h)
			hd.firstProofFails()
			hd.applied()
			hd.kept()
			hd.firewalled()
			hd.portProofFails()
			hd.givenBack()
			hd.removed()
		})
	}
}

type hardening struct {
	program
	h *hosts.Host
}

func (hd hardening) base(code int, options ...string) result {
	hd.Helper()
	args := []string{"install", "base", "--on", hd.h.Name, "--yes", "--output"}
	for _, o := range options {
		args = append(args, "--set", "base."+o)
	}
	return hd.must(code, args...)
}

// refused asks for what would lock the operator out.
func (hd hardening) refused() {
	hd.Helper()
	p := newProgram(hd.TB)
	p.add(hd.h)
	r := p.must(2, "install", "base", "--set", "base.no-root-login=yes", "--on", hd.h.Name, "--yes")
	contains(hd, r.stderr, "you log in as root yourself")
	r = p.must(1, "install", "base", "--set", "base.ssh-port=2222", "--set", "base.swap=1G", "--on", hd.h.Name, "--yes")
	contains(hd, r.stdout+r.stderr, "is a container", "no swap of its own", "Nothing was changed")
	on(hd, hd.h, "sh", "-c", "[ ! -e "+sshdFile+" ] && [ ! -e /swapfile-brokeforge ]")
	on(hd, hd.h, "sed", "-i", "1iPasswordAuthentication yes", "/etc/ssh/sshd_config")
	r = p.must(1, "install", "base", "--set", "base.no-password-login=yes", "--on", hd.h.Name, "--yes")
	contains(hd, r.stdout+r.stderr, "does not begin with: Include", "Nothing was changed")
	on(hd, hd.h, "sed", "-i", "1d", "/etc/ssh/sshd_config")
	on(hd, hd.h, "sh", "-c", "echo Port 22 >>/etc/ssh/sshd_config")
	r = p.must(1, "install", "base", "--set", "base.ssh-port=2222", "--on", hd.h.Name, "--yes")
	contains(hd, r.stdout+r.stderr, "sshd is told its port elsewhere too", "Nothing was changed")
	on(hd, hd.h, "sh", "-c", "sed -i '$d' /etc/ssh/sshd_config && [ ! -e "+sshdFile+" ]")
}

// firstProofFails makes new logins impossible as soon as sshd has the settings,
// and possible again as soon as it has lost them.
func (hd hardening) firstProofFails() {
	hd.Helper()
	on(hd, hd.h, "sh", "-c", `mkdir -p /etc/systemd/system/ssh.service.d && printf '%s\n' '[Service]' \
		"ExecReload=/bin/sh -c 'if [ -e `+sshdFile+` ]; then iptables -I INPUT -p tcp --dport 22 --syn -j DROP; else iptables -F INPUT; fi'" \
		>/etc/systemd/system/ssh.service.d/trap.conf && systemctl daemon-reload`)
	r := hd.base(1, "no-password-login=yes")
	contains(hd, r.stdout+r.stderr, "no new login succeeded", "no new login within 60 s: undone")
	on(hd, hd.h, "[", "!", "-e", sshdFile, "]")
	on(hd, hd.h, "sh", "-c", "rm -r /etc/systemd/system/ssh.service.d && systemctl daemon-reload")
	if ok, out := login(hd, hd.h, "ops", "22"); !ok {
		hd.Errorf("no login after the settings were taken back: %s", out)
	}
	if got := on(hd, hd.h, "sh", "-c", "sshd -T | grep ^passwordauthentication"); got != "passwordauthentication yes" {
		hd.Errorf("after the settings were taken back, sshd says %s", got)
	}
	if strings.Contains(hd.must(0, "status").stdout, "base") {
		hd.Error("base is recorded though its installation failed")
	}
}

// applied has all settings at once.
func (hd hardening) applied() {
	hd.Helper()
	if _, out := login(hd, hd.h, "ops", "22", "-o", "PreferredAuthentications=none"); !strings.Contains(out, "password") {
		hd.Errorf("a fresh sshd offers no passwords, so the test can't tell: %s", out)
	}
	hd.base(0, "no-password-login=yes", "no-root-login=yes", "ssh-port=2222")
	hd.hard("2222", "22")
}

// hard checks from outside that sshd is hardened and on its port alone.
func (hd hardening) hard(port, old string) {
	hd.Helper()
	if got := hd.portOf(hd.h); got != port {
		hd.Errorf("the record has port %s, not %s", got, port)
	}
	if answers(hd.h, old) {
		hd.Errorf("port %s still answers", old)
	}
	if ok, out := login(hd, hd.h, "ops", port); !ok {
		hd.Errorf("ops can't log in: %s", out)
	}
	if ok, _ := login(hd, hd.h, "root", port); ok {
		hd.Error("root can log in")
	}
	if _, out := login(hd, hd.h, "ops", port, "-o", "PreferredAuthentications=none"); !strings.Contains(out, "Permission denied (publickey)") {
		hd.Errorf("sshd offers more than keys: %s", out)
	}
}

func (hd hardening) kept() {
	hd.Helper()
	contains(hd, hd.base(0, "no-password-login=yes", "no-root-login=yes", "ssh-port=2222").stdout, "nothing to do")
	reboot(hd, hd.h, "2222")
	hd.hard("2222", "22")
	contains(hd, hd.base(0).stdout, "nothing to do")
}

// firewalled moves the port with the firewall on.
func (hd hardening) firewalled() {
	hd.Helper()
	hd.must(0, "install", "firewall", "--on", hd.h.Name, "--yes")
	rules := on(hd, hd.h, "ufw", "status")
	contains(hd, rules, "2222/tcp")
	if strings.Contains(rules, "\n22/tcp") {
		hd.Errorf("the firewall lets in a port that sshd has left:\n%s", rules)
	}
	hd.base(0, "ssh-port=2200")
	hd.hard("2200", "2222")
	rules = on(hd, hd.h, "ufw", "status")
	contains(hd, rules, "2200/tcp")
	if strings.Contains(rules, "2222/tcp") {
		hd.Errorf("the rule of the old port stays:\n%s", rules)
	}
	contains(hd, hd.must(0, "install", "firewall", "--on", hd.h.Name, "--yes").stdout, "nothing to do")
}

func (hd hardening) portProofFails() {
	hd.Helper()
	on(hd, hd.h, "iptables", "-I", "INPUT", "-p", "tcp", "--dport", "2299", "--syn", "-j", "DROP")
	r := hd.base(1, "ssh-port=2299")
	contains(hd, r.stdout+r.stderr, "no new login succeeded")
	on(hd, hd.h, "iptables", "-D", "INPUT", "-p", "tcp", "--dport", "2299", "--syn", "-j", "DROP")
	hd.hard("2200", "2299")
	if rules := on(hd, hd.h, "ufw", "status"); strings.Contains(rules, "2299") {
		hd.Errorf("the port that was not proven stays open:\n%s", rules)
	}
}

func (hd hardening) givenBack() {
	hd.Helper()
	hd.base(0, "no-root-login=no", "no-password-login=no", "ssh-port=")
	hd.soft()
	rules := on(hd, hd.h, "ufw", "status")
	contains(hd, rules, "22/tcp")
	if strings.Contains(rules, "2200/tcp") {
		hd.Errorf("the rule of the old port stays:\n%s", rules)
	}
	contains(hd, hd.base(0).stdout, "nothing to do")
}

// soft checks that sshd is as it was.
func (hd hardening) soft() {
	hd.Helper()
	on(hd, hd.h, "sh", "-c", "[ ! -e "+sshdFile+" ] && [ ! -e "+socketFile+" ] && [ ! -e /var/lib/brokeforge/ssh-port-before ]")
	if got := hd.portOf(hd.h); got != "22" {
		hd.Errorf("the record has port %s", got)
	}
	if got := on(hd, hd.h, "sh", "-c", "ss -Hltnp | grep sshd | grep -c ':22 '"); got != "2" {
		hd.Errorf("sshd listens %s times on port 22, not for both families", got)
	}
	if ok, out := login(hd, hd.h, "root", "22"); !ok {
		hd.Errorf("root can't log in: %s", out)
	}
	if _, out := login(hd, hd.h, "ops", "22", "-o", "PreferredAuthentications=none"); !strings.Contains(out, "password") {
		hd.Errorf("sshd offers no passwords: %s", out)
	}
}

func (hd hardening) removed() {
	hd.Helper()
	hd.base(0, "no-root-login=yes", "no-password-login=yes", "ssh-port=2222")
	hd.hard("2222", "22")
	hd.must(0, "remove", "firewall", "--on", hd.h.Name, "--yes")
	hd.must(0, "remove", "base", "--on", hd.h.Name, "--yes")
	hd.soft()
	if out := on(hd, hd.h, "sh", "-c", "ls /var/lib/brokeforge"); out != "changed\nholder\nlock\nruns" {
		hd.Errorf("left of base: %q", out)
	}
}

// TestHardeningOutlivesTheProgram kills the program while sshd listens on both
// ports and nobody has found the new one: the server takes that back by itself.
func TestHardeningOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	hd := hardening{newProgram(t), start(t, hosts.Spec{Name: "orphan", Suite: hosts.Trixie})}
	hd.admin(hd.h)
	on(t, hd.h, "iptables", "-I", "INPUT", "-p", "tcp", "--dport", "2222", "--syn", "-j", "DROP")
	cmd := exec.CommandContext(t.Context(), binary, "install", "base", "--on", hd.h.Name, "--yes", "--set", "base.ssh-port=2222", "--set", "base.no-root-login=yes")
	cmd.Env = hd.env()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	on(t, hd.h, "timeout", "120", "sh", "-c", "until ss -Hltn 'sport = :2222' | grep -q .; do sleep 0.05; done")
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("the program had ended before it was killed")
	}
	on(t, hd.h, "timeout", "120", "sh", "-c", "while ss -Hltn 'sport = :2222' | grep -q .; do sleep 0.1; done")
	on(t, hd.h, "[", "!", "-e", sshdFile, "]")
	eventually(t, "a login on the former port", func() bool {
		ok, _ := login(t, hd.h, "root", "22")
		return ok
	})
	eventually(t, "the run has failed", func() bool { return strings.Contains(hd.must(0, "run", "list").stdout, "failed") })
	if got := hd.portOf(hd.h); got != "22" {
		t.Errorf("the record has port %s", got)
	}
	on(t, hd.h, "iptables", "-F", "INPUT")
	hd.base(0, "ssh-port=2222", "no-root-login=yes", "no-password-login=yes")
	hd.hard("2222", "22")
}
