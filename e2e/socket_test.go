package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

// TestHardeningOfASocket moves the port where systemd listens in sshd's place,
// as on Ubuntu 24.04.
func TestHardeningOfASocket(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hd := hardening{newProgram(t), start(t, hosts.Spec{Name: "sock-" + name, Suite: suite})}
			on(t, hd.h, "sh", "-c", "systemctl disable --now ssh.service; systemctl enable --now ssh.socket")
			hd.admin(hd.h)
			hd.base(0, "no-password-login=yes", "no-root-login=yes", "ssh-port=2222")
			hd.hard("2222", "22")
			if got := on(t, hd.h, "systemctl", "is-active", "ssh.socket"); got != "active" {
				t.Errorf("the socket is %s", got)
			}
			contains(t, hd.base(0).stdout, "nothing to do")
			reboot(t, hd.h, "2222")
			hd.hard("2222", "22")
			hd.base(0, "no-password-login=no", "no-root-login=no", "ssh-port=")
			on(t, hd.h, "sh", "-c", "[ ! -e "+sshdFile+" ] && [ ! -e "+socketFile+" ]")
			if ok, out := login(t, hd.h, "root", "22"); !ok || answers(hd.h, "2222") || hd.portOf(hd.h) != "22" {
				t.Errorf("the port is not given back: %s", out)
			}
		})
	}
}
