package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestTimeSync installs both programs in turn, on each release. A container's
// clock is its machine's, so that neither runs: it must be said, and not be
// called running.
func TestTimeSync(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ts := timesync{newProgram(t), start(t, hosts.Spec{Name: "clock-" + name, Suite: suite})}
			ts.add(ts.h)
			ts.timesyncd()
			ts.chrony()
			ts.takesOver()
		})
	}
}

type timesync struct {
	program
	h *hosts.Host
}

func (ts timesync) install(code int, sets ...string) string {
	ts.Helper()
	args := []string{"install", "timesync", "--on", ts.h.Name, "--yes", "--output"}
	for _, s := range sets {
		args = append(args, "--set", "timesync."+s)
	}
	r := ts.must(code, args...)
	return r.stdout + r.stderr
}

// installed lists which of the programs are there.
func (ts timesync) installed() string {
	ts.Helper()
	out := on(ts, ts.h, "sh", "-c", "dpkg-query -W -f '${Package} ${db:Status-Status}\\n' systemd-timesyncd chrony 2>/dev/null || true")
	var list []string
	for line := range strings.Lines(out) {
		if name, ok := strings.CutSuffix(strings.TrimSpace(line), " installed"); ok {
			list = append(list, name)
		}
	}
	return strings.Join(list, " ")
}

// held checks that a service is enabled, and that it is not called running
// where it is not.
func (ts timesync) held(unit, out string) {
	ts.Helper()
	if got := on(ts, ts.h, "systemctl", "is-enabled", unit); got != "enabled" {
		ts.Errorf("%s is %s", unit, got)
	}
	if got := on(ts, ts.h, "sh", "-c", "systemctl is-active "+unit+" || true"); got != "inactive" {
		ts.Fatalf("%s is %s: is this no container?", unit, got)
	}
	if out != "" {
		contains(ts, out, unit+" is enabled, but does not run: this machine may not set its clock")
	}
}

func (ts timesync) timesyncd() {
	ts.Helper()
	const unit = "systemd-timesyncd.service"
	out := ts.install(0, "servers=ntp1.example.org,2001:db8::123")
	ts.held(unit, out)
	contains(ts, on(ts, ts.h, "systemd-analyze", "cat-config", "systemd/timesyncd.conf"), "\nNTP=ntp1.example.org 2001:db8::123")
	contains(ts, ts.install(0), "nothing to do")
	ts.install(0, "servers=192.0.2.1")
	contains(ts, on(ts, ts.h, "systemd-analyze", "cat-config", "systemd/timesyncd.conf"), "\nNTP=192.0.2.1")
	reboot(ts, ts.h, "22")
	ts.held(unit, "")
	contains(ts, ts.install(0), "nothing to do")
	ts.install(0, "servers=")
	on(ts, ts.h, "[", "!", "-e", "/etc/systemd/timesyncd.conf.d/brokeforge.conf", "]")
}

// chrony takes the place of the other, which came with BrokeForge.
func (ts timesync) chrony() {
	ts.Helper()
	out := ts.install(0, "implementation=chrony", "servers=ntp1.example.org")
	ts.held("chrony.service", out)
	if got := ts.installed(); got != "chrony" {
		ts.Errorf("installed are %q", got)
	}
	if got := on(ts, ts.h, "cat", "/etc/chrony/sources.d/brokeforge.sources"); !strings.HasSuffix(got, "server ntp1.example.org iburst prefer") {
		ts.Errorf("chrony's sources are %q", got)
	}
	contains(ts, on(ts, ts.h, "sh", "-c", "grep -r sourcedir /etc/chrony/chrony.conf && chronyd -p -f /etc/chrony/chrony.conf"), "/etc/chrony/sources.d")
	contains(ts, ts.install(0), "nothing to do")
	reboot(ts, ts.h, "22")
	ts.held("chrony.service", "")
	ts.must(0, "remove", "timesync", "--on", ts.h.Name, "--yes")
	if got := ts.installed(); got != "" {
		ts.Errorf("after the removal %q is there", got)
	}
	on(ts, ts.h, "sh", "-c", "! ls /etc/chrony/sources.d/brokeforge.sources /etc/systemd/timesyncd.conf.d /var/lib/brokeforge/timesync-before 2>/dev/null")
}

// takesOver finds a program that somebody else has brought: it is taken off only
// when that was asked for, and brought back by the removal.
func (ts timesync) takesOver() {
	ts.Helper()
	on(ts, ts.h, "sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get -qq install systemd-timesyncd >/dev/null 2>&1")
	out := ts.install(1, "implementation=chrony")
	contains(ts, out, "systemd-timesyncd keeps this server's clock, and BrokeForge did not bring it", "Nothing was changed")
	if got := ts.installed(); got != "systemd-timesyncd" {
		ts.Errorf("after a refusal, installed are %q", got)
	}
	ts.install(0, "implementation=chrony", "replace=yes")
	if got := ts.installed(); got != "chrony" {
		ts.Errorf("installed are %q", got)
	}
	contains(ts, ts.install(0), "nothing to do")
	ts.must(0, "remove", "timesync", "--on", ts.h.Name, "--yes")
	if got := ts.installed(); got != "systemd-timesyncd" {
		ts.Errorf("after the removal, installed are %q", got)
	}
	ts.held("systemd-timesyncd.service", "")
}
