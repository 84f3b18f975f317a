package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// snapshot looks at a host.
func snapshot(t testing.TB, h *hosts.Host) Snapshot {
	t.Helper()
	s, err := TakeSnapshot(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// same demands that nothing differs.
func same(t testing.TB, what string, differences []string) {
	t.Helper()
	if len(differences) > 0 {
		t.Errorf("%s:\n%s", what, strings.Join(differences, "\n"))
	}
}

// TestSnapshot sees to it that a snapshot sees what the tests rely on.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "snapshot", Suite: hosts.Trixie})
	before := snapshot(t, h)
	same(t, "nothing was done", before.Touched(snapshot(t, h)))
	on(t, h, "sh", "-c", "touch /etc/hostname && systemctl restart cron 2>/dev/null; chmod 0600 /etc/issue; mkdir /etc/x; useradd them; ln -s /y /var/lib/x")
	on(t, h, "systemctl", "mask", "e2scrub_all.timer")
	now := snapshot(t, h)
	diff := strings.Join(before.Diff(now), "\n")
	contains(t, diff, "+ file /etc/x: d 755 root:root", "~ file /etc/issue: f 644", "~ file /etc/passwd: ", "+ file /var/lib/x: l 777 root:root /y", "+ unit file e2scrub_all.timer: masked")
	if strings.Contains(diff, "hostname") {
		t.Errorf("what was only touched is a difference:\n%s", diff)
	}
	contains(t, strings.Join(before.Touched(now), "\n"), "~ file /etc/hostname: ")
	same(t, "all that differs is left out", before.Diff(now, "file /etc/", "file /var/", "file /home", "unit "))
}
