package e2e

import (
	"fmt"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// server is a database server as its test sees it, past the program.
type server struct {
	name    string
	title   string
	port    string
	process string
	unit    func(hosts.Suite) string
	write   string // sh that makes a table with a row
	read    string // sh that prints "kept"
	memory  string // sh that prints the size of the cache
	other   string // a size to choose, as memory prints it
	data    string // a folder that stays when the server is removed
	gone    string // what is gone after a purge, may have wildcards
	prepare string // sh before anything
}

// run is a program on a host with a database server.
type databaseRun struct {
	program
	h *hosts.Host
	s server
}

// testServer goes the whole way of a database server on each release.
func testServer(t *testing.T, s server, releases map[string]hosts.Suite) {
	if !hosts.Require(t) {
		return
	}
	for name, suite := range releases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: s.name[:2] + "-" + name, Suite: suite})
			d := databaseRun{newProgram(t), h, s}
			d.add(h)
			if s.prepare != "" {
				d.sh(s.prepare)
			}
			d.taken()
			d.install()
			d.again()
			d.change()
			d.badSettings()
			d.reboot()
			d.remove()
			d.adopt()
			d.purge()
		})
	}
}

func (d databaseRun) sh(script string) string {
	d.Helper()
	return on(d, d.h, "sh", "-c", script)
}

func (d databaseRun) set(option, value string) string {
	return fmt.Sprintf("--set=%s.%s=%s", d.s.name, option, value)
}

func (d databaseRun) must(code int, args ...string) result {
	d.Helper()
	return d.program.must(code, append(args, "--on", d.h.Name, "--yes")...)
}

// kept sees that what was written is there.
func (d databaseRun) kept(when string) {
	d.Helper()
	if got := d.sh(d.s.read); got != "kept" {
		d.Errorf("%s, the table has %q", when, got)
	}
}

// taken meets a port that another program has.
func (d databaseRun) taken() {
	d.Helper()
	d.sh("systemd-run --quiet --unit=squatter perl -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalPort => " + d.s.port + ", Listen => 5) or die; sleep 600'")
	eventually(d, "something has the port", func() bool { return strings.Contains(d.sh("ss -Hltn"), ":"+d.s.port) })
	r := d.must(1, "install", d.s.name)
	contains(d, r.stdout+r.stderr, "port "+d.s.port+" is taken by perl (pid ")
	if out := d.sh("dpkg-query -W -f '${Package} ${db:Status-Status}\\n' 'maria*' 'mysql*' 'postgresql*' 'redis*' 'valkey*' 2>/dev/null | grep ' installed' || true"); out != "" {
		d.Errorf("installed though the port is taken: %s", out)
	}
	d.sh("systemctl stop squatter")
}

func (d databaseRun) install() {
	d.Helper()
	d.must(0, "install", d.s.name)
	contains(d, d.program.must(0, "status", "--on", d.h.Name).stdout, d.s.name)
	contains(d, d.sh("ss -Hltnp"), "127.0.0.1:"+d.s.port, `"`+d.s.process+`"`)
	if answers(d.h, d.s.port) {
		d.Error("it answers from outside, though nobody asked for that")
	}
	d.sh(d.s.write)
	d.sh("systemctl restart " + d.s.unit(d.h.Suite))
	d.kept("restarted")
}

// pid is the process of the server: it changes when it is restarted.
func (d databaseRun) pid() string {
	d.Helper()
	return d.sh("systemctl show -P MainPID " + d.s.unit(d.h.Suite))
}

func (d databaseRun) again() {
	d.Helper()
	before := d.pid()
	contains(d, d.must(0, "install", d.s.name).stdout, "nothing to do")
	if d.pid() != before {
		d.Error("installing it again restarted it")
	}
}

func (d databaseRun) change() {
	d.Helper()
	d.must(0, "install", d.s.name, d.set("memory", "96M"))
	if got := d.sh(d.s.memory); got != d.s.other {
		d.Errorf("with 96M chosen it has %q", got)
	}
	contains(d, d.sh("ss -Hltnp"), "127.0.0.1:"+d.s.port)
	d.kept("with other settings")
	d.again()
}

// badSettings has it listen on all addresses, where something that passes for
// it listens on one.
func (d databaseRun) badSettings() {
	d.Helper()
	d.sh("cp /usr/bin/perl /root/" + d.s.process + " && systemd-run --quiet --unit=twin /root/" + d.s.process +
		" -MIO::Socket::INET -e 'my $s = IO::Socket::INET->new(LocalAddr => q(" + d.h.Address() + "), LocalPort => " + d.s.port + ", Listen => 5) or die; sleep 600'")
	eventually(d, "its twin listens", func() bool { return strings.Contains(d.sh("ss -Hltn"), d.h.Address()+":"+d.s.port) })
	r := d.must(1, "install", d.s.name, d.set("bind", "0.0.0.0"))
	contains(d, r.stdout+r.stderr, "those from before are back")
	d.sh("systemctl stop twin")
	if got := d.sh("systemctl is-active " + d.s.unit(d.h.Suite)); got != "active" {
		d.Errorf("after settings that it refused it is %s", got)
	}
	d.kept("after settings that it refused")
	// Right ones after it are taken.
	d.must(0, "install", d.s.name, d.set("bind", d.h.Address()))
	if !answers(d.h, d.s.port) {
		d.Error("it does not answer from outside, though that was chosen")
	}
	d.kept("listening outside")
	d.must(0, "install", d.s.name, d.set("bind", "127.0.0.1"))
	if answers(d.h, d.s.port) {
		d.Error("it still answers from outside")
	}
}

func (d databaseRun) reboot() {
	d.Helper()
	if err := d.h.Reboot(d.Context()); err != nil {
		d.Fatal(err)
	}
	eventually(d, "it runs after the reboot", func() bool {
		out, err := d.h.Exec(d.Context(), "sh", "-c", "systemctl is-active --quiet "+d.s.unit(d.h.Suite)+" && "+d.s.read)
		return err == nil && strings.TrimSpace(string(out)) == "kept"
	})
	d.again()
}

func (d databaseRun) remove() {
	d.Helper()
	d.must(0, "remove", d.s.name)
	if strings.Contains(d.sh("ss -Hltnp"), `"`+d.s.process+`"`) {
		d.Error("removed, it still runs")
	}
	if strings.Contains(d.program.must(0, "status", "--on", d.h.Name).stdout, d.s.name) {
		d.Error("removed, it is still recorded")
	}
	if d.sh("ls -A "+d.s.data) == "" {
		d.Error("its data is gone")
	}
	d.must(0, "install", d.s.name, d.set("memory", "96M"))
	d.kept("removed and installed again")
}

// adopt takes over a server that another state knows nothing of.
func (d databaseRun) adopt() {
	d.Helper()
	other := databaseRun{newProgram(d.TB), d.h, d.s}
	other.add(d.h)
	other.must(0, "install", d.s.name, d.set("memory", "96M"))
	other.kept("taken over")
	other.again()
}

// purge removes the server with its data, of which a dump stays, and installs it
// anew.
func (d databaseRun) purge() {
	d.Helper()
	d.must(0, "remove", d.s.name, "--purge")
	if out := d.sh("ls -d " + d.s.gone + " 2>/dev/null || true"); out != "" {
		d.Errorf("purged, it has left %s", out)
	}
	if got := d.sh("grep -cF kept /var/lib/brokeforge/dumps/" + d.s.name + "-everything-*"); got == "0" {
		d.Error("the dump of everything does not have the table")
	}
	d.must(0, "install", d.s.name)
	d.sh(d.s.write)
	d.kept("purged and installed anew")
	contains(d, d.must(0, "install", d.s.name).stdout, "nothing to do")
}
