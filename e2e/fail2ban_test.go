package e2e

import (
	"net"
	"slices"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestFail2ban has a client fail until it is shut out, on each release, and the
// operator fail as often without being so.
func TestFail2ban(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := fail2ban{
				program: newProgram(t), h: start(t, hosts.Spec{Name: "jail-" + name, Suite: suite}),
				attacker: start(t, hosts.Spec{Name: "foe-" + name, Suite: hosts.Bookworm}),
			}
			f.add(f.h)
			f.refused()
			f.bans()
			f.changes()
			f.nginx()
			f.removed()
		})
	}
}

type fail2ban struct {
	program
	h, attacker *hosts.Host
}

func (f fail2ban) install(code int, sets ...string) string {
	f.Helper()
	args := []string{"install", "fail2ban", "--on", f.h.Name, "--yes", "--output"}
	for _, s := range sets {
		args = append(args, "--set", "fail2ban."+s)
	}
	r := f.must(code, args...)
	return r.stdout + r.stderr
}

func (f fail2ban) refused() {
	f.Helper()
	contains(f, f.install(2, "jails=sshd,nginx-http-auth"), "this server has no nginx")
	contains(f, f.install(2, "ignore=0.0.0.0/0"), "which is everybody")
}

// try fails to log in from the other host, and returns what is said there. A ban
// also cuts a connection that is there, which then hangs.
func (f fail2ban) try() string {
	f.Helper()
	return on(f, f.attacker, "sh", "-c", "timeout 5 ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null nosuchuser@"+f.h.Address()+" true 2>&1 || true")
}

// attack fails to log in from the other host, until that finds no way any more.
func (f fail2ban) attack() {
	f.Helper()
	last := ""
	defer func() {
		if f.Failed() {
			f.Log(last, on(f, f.h, "sh", "-c", "fail2ban-client status sshd; tail -n 30 /var/log/fail2ban.log; nft list ruleset; journalctl -u ssh -n 20 --no-pager"))
		}
	}()
	eventually(f, "the attacker is shut out", func() bool {
		last = f.try()
		return strings.Contains(last, "Connection refused")
	})
	f.isBanned()
}

// isBanned sees that fail2ban has the attacker, and that it has told the kernel, which
// comes a moment later where it starts.
func (f fail2ban) isBanned() {
	f.Helper()
	eventually(f, "the attacker is banned, by the kernel too", func() bool {
		said := on(f, f.h, "sh", "-c", "fail2ban-client status sshd && nft list table inet f2b-table || true")
		return strings.Count(said, f.attacker.Address()) == 2
	})
}

// failAsOperator fails to log in from this machine more often than is borne.
func (f fail2ban) failAsOperator() {
	f.Helper()
	for range 8 {
		if ok, _ := login(f, f.h, "nosuchuser", "22"); ok {
			f.Fatal("a user that is not there logs in")
		}
	}
	eventually(f, "fail2ban has seen the operator fail", func() bool {
		return strings.Contains(on(f, f.h, "sh", "-c", "journalctl -u fail2ban --no-pager; cat /var/log/fail2ban.log"), "Ignore "+f.operator())
	})
	if out := on(f, f.h, "fail2ban-client", "status", "sshd"); slices.Contains(strings.Fields(out), f.operator()) {
		f.Errorf("the operator is shut out:\n%s", out)
	}
	f.must(0, "install", "base", "--on", f.h.Name, "--yes")
}

// operator is this machine's address on the way to the host.
func (f fail2ban) operator() string {
	f.Helper()
	conn, err := net.Dial("udp", net.JoinHostPort(f.h.Address(), "22"))
	if err != nil {
		f.Fatal(err)
	}
	defer conn.Close()
	return conn.LocalAddr().(*net.UDPAddr).IP.String()
}

func (f fail2ban) bans() {
	f.Helper()
	f.install(0, "max-retry=3", "ban-time=1h")
	contains(f, on(f, f.h, "cat", "/etc/fail2ban/jail.d/brokeforge.local"), "ignoreip = 127.0.0.1/8 ::1 "+f.operator()+"\n", "bantime = 1h", "maxretry = 3")
	contains(f, f.must(0, "status").stdout, "fail2ban")
	f.failAsOperator()
	f.attack()
	contains(f, f.install(0), "nothing to do")
}

func (f fail2ban) changes() {
	f.Helper()
	f.install(0, "max-retry=2", "ignore=198.51.100.0/24,2001:db8::7")
	// Who was shut out still is, by the kernel too.
	f.isBanned()
	contains(f, on(f, f.h, "fail2ban-client", "get", "sshd", "ignoreip"), "198.51.100.0/24", "2001:db8::7", f.operator())
	if got := on(f, f.h, "fail2ban-client", "get", "sshd", "maxretry"); got != "2" {
		f.Errorf("the jail bears %s failures", got)
	}
	reboot(f, f.h, "22")
	eventually(f, "fail2ban is up", func() bool {
		_, err := f.h.Exec(f.Context(), "fail2ban-client", "ping")
		return err == nil
	})
	f.must(0, "install", "firewall", "--on", f.h.Name, "--yes")
	f.attack() // its ban outlives the reboot, or is had again
	f.failAsOperator()
	contains(f, f.install(0), "nothing to do")
}

// nginx has its jails watched, and refuses what fail2ban can't read, leaving
// what was.
func (f fail2ban) nginx() {
	f.Helper()
	f.must(0, "install", "nginx", "--on", f.h.Name, "--yes")
	f.install(0, "jails=sshd,nginx-http-auth,nginx-botsearch,nginx-limit-req")
	contains(f, on(f, f.h, "fail2ban-client", "status"), "nginx-http-auth", "nginx-botsearch", "nginx-limit-req", "sshd")
	before := on(f, f.h, "cat", "/etc/fail2ban/jail.d/brokeforge.local")
	on(f, f.h, "sh", "-c", "mv /etc/fail2ban/filter.d/nginx-limit-req.conf /root/")
	contains(f, f.install(1, "max-retry=7"), "refuses the new jails; the former ones are put back")
	if got := on(f, f.h, "cat", "/etc/fail2ban/jail.d/brokeforge.local"); got != before {
		f.Errorf("the former jails are not put back:\n%s", got)
	}
	on(f, f.h, "sh", "-c", "mv /root/nginx-limit-req.conf /etc/fail2ban/filter.d/")
	f.install(0, "jails=sshd")
	if out := on(f, f.h, "fail2ban-client", "status"); strings.Contains(out, "nginx") {
		f.Errorf("a jail that was taken off is watched:\n%s", out)
	}
}

func (f fail2ban) removed() {
	f.Helper()
	f.isBanned()
	f.must(0, "remove", "fail2ban", "--on", f.h.Name, "--yes")
	on(f, f.h, "sh", "-c", "! command -v fail2ban-client && ! command -v nft && [ ! -e /etc/fail2ban/jail.d/brokeforge.local ] && ! iptables-save 2>/dev/null | grep -i f2b")
	contains(f, on(f, f.h, "ufw", "status"), "Status: active")
	if out := f.try(); !strings.Contains(out, "Permission denied") {
		f.Errorf("the attacker is still shut out: %s", out)
	}
}
