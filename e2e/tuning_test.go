package e2e

import (
	"testing"

	"brokeforge/e2e/hosts"
)

// TestBaseOptions has base set the time zone and security updates up, on each
// release.
func TestBaseOptions(t *testing.T) {
	t.Parallel()
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

// standIns are for what a container can't have: the kernel's swapping, and a
// root file system that takes a swap file. The list of swaps is a file that the
// stand-ins of swapon and swapoff keep.
const standIns = `set -e
cd /usr/local/sbin
cat >systemd-detect-virt <<'END'
#!/bin/sh
exit 1
END
cat >stat <<'END'
#!/bin/sh
[ "$*" != "-f -c %T /" ] || { echo ext2/ext3 && exit; }
exec /usr/bin/stat "$@"
END
cat >swapon <<'END'
#!/bin/sh
[ "$(/usr/bin/stat -c %a "$1")" = 600 ] && file "$1" | grep -q 'swap file' && echo "$1 file 1 0 -2" >>/run/swaps
END
cat >swapoff <<'END'
#!/bin/sh
grep -v "^$1 " /run/swaps >/run/swaps.new
cat /run/swaps.new >/run/swaps
END
cat >file <<'END'
#!/bin/sh
[ "$(dd if="$1" bs=1 skip=4086 count=10 2>/dev/null)" = SWAPSPACE2 ] && echo swap file
END
chmod +x systemd-detect-virt stat swapon swapoff file
echo 'Filename Type Size Used Priority' >/run/swaps
mount --bind /run/swaps /proc/swaps
printf '# kept\n/dev/vda1 / ext4 defaults 0 1\n' >/etc/fstab`

// TestSwapFile makes a swap file, changes its size and takes it away, as far as
// that can be in a container.
func TestSwapFile(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "swap", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	install := func(code int, size string) string {
		t.Helper()
		r := p.must(code, "install", "base", "--on", h.Name, "--yes", "--output", "--set", "base.swap="+size)
		return r.stdout + r.stderr
	}
	contains(t, install(1, "64M"), "is a container", "Nothing was changed")
	on(t, h, "sh", "-c", standIns)
	contains(t, install(1, "200G"), "swap: / has", "Nothing was changed")
	const fstab = "# kept\n/dev/vda1 / ext4 defaults 0 1"
	has := func(bytes string) {
		t.Helper()
		if got := on(t, h, "stat", "-c", "%s %a %U", "/swapfile-brokeforge"); got != bytes+" 600 root" {
			t.Errorf("the swap file is %s", got)
		}
		if got := on(t, h, "cat", "/etc/fstab"); got != fstab+"\n/swapfile-brokeforge none swap sw,nofail 0 0" {
			t.Errorf("fstab is %q", got)
		}
		if got := on(t, h, "grep", "-c", "^/swapfile-brokeforge ", "/proc/swaps"); got != "1" {
			t.Errorf("the file is used %s times", got)
		}
	}
	install(0, "64M")
	has("67108864")
	contains(t, install(0, "64M"), "nothing to do")
	install(0, "128M")
	has("134217728")
	install(0, "")
	gone := func() {
		t.Helper()
		on(t, h, "sh", "-c", "[ ! -e /swapfile-brokeforge ] && ! grep -q brokeforge /proc/swaps")
		if got := on(t, h, "cat", "/etc/fstab"); got != fstab {
			t.Errorf("fstab is %q", got)
		}
	}
	gone()
	install(0, "64M")
	p.must(0, "remove", "base", "--on", h.Name, "--yes")
	gone()
}
