package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

// TestBaseOptions has base set the time zone and security updates up, on each
// release. Swap can't be had in a container; that it is refused there is part of
// TestHardening.
func TestBaseOptions(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "opt-" + name, Suite: suite})
			p := newProgram(t)
			p.add(h)
			before := on(t, h, "sh", "-c", "readlink /etc/localtime; cat /etc/timezone 2>/dev/null || true")
			install := func(code int, sets ...string) result {
				t.Helper()
				args := []string{"install", "base", "--on", h.Name, "--yes", "--output"}
				for _, s := range sets {
					args = append(args, "--set", "base."+s)
				}
				return p.must(code, args...)
			}
			r := install(1, "time-zone=Europe/Nowhere")
			contains(t, r.stdout+r.stderr, "knows no time zone Europe/Nowhere")
			install(0, "time-zone=Asia/Kathmandu", "security-updates=yes")
			zoned(t, h, "+0545")
			updating(t, h)
			contains(t, install(0).stdout, "nothing to do")
			install(0, "time-zone=America/Argentina/Buenos_Aires")
			zoned(t, h, "-0300")
			reboot(t, h, "22")
			zoned(t, h, "-0300")
			updating(t, h)
			install(0, "time-zone=", "security-updates=no")
			gone := "test ! -e /etc/apt/apt.conf.d/90brokeforge-updates && ! dpkg-query -W -f '${db:Status-Status}' unattended-upgrades 2>/dev/null | grep -qx installed"
			on(t, h, "sh", "-c", gone)
			install(0, "time-zone=Asia/Kathmandu", "security-updates=yes")
			p.must(0, "remove", "base", "--on", h.Name, "--yes")
			on(t, h, "sh", "-c", gone)
			if got := on(t, h, "sh", "-c", "readlink /etc/localtime; cat /etc/timezone 2>/dev/null || true"); got != before {
				t.Errorf("the time zone was %q and is %q", before, got)
			}
		})
	}
}

func zoned(t *testing.T, h *hosts.Host, offset string) {
	t.Helper()
	if got := on(t, h, "date", "+%z"); got != offset {
		t.Errorf("the clock goes by %s, not %s", got, offset)
	}
}

// updating checks that a daily update would do its work.
func updating(t *testing.T, h *hosts.Host) {
	t.Helper()
	contains(t, on(t, h, "apt-config", "dump"), `APT::Periodic::Unattended-Upgrade "1";`, `APT::Periodic::Update-Package-Lists "1";`)
	on(t, h, "unattended-upgrade", "--dry-run")
	if got := on(t, h, "systemctl", "is-active", "apt-daily-upgrade.timer"); got != "active" {
		t.Errorf("the timer of the updates is %s", got)
	}
}
