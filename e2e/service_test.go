package e2e

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// A service is a host on which a package is installed, changed and removed.
type service struct {
	program
	h *hosts.Host
}

// onEachRelease runs a test on a fresh host of each release, which is prepared.
func onEachRelease(t *testing.T, name string, test func(service)) {
	if !hosts.Require(t) {
		return
	}
	for release, suite := range suites {
		t.Run(release, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: name + "-" + release, Suite: suite})
			s := service{newProgram(t), h}
			s.add(h)
			s.install("base")
			test(s)
		})
	}
}

// install installs a package, and sees that doing it again changes nothing on
// the host. Options are in the form OPTION=VALUE.
func (s service) install(name string, options ...string) {
	s.Helper()
	args := s.arguments(name, options)
	s.must(0, args...)
	before := snapshot(s, s.h)
	r := s.must(0, args...)
	contains(s, r.stdout+r.stderr, "nothing to do")
	same(s, "installing "+name+" again changed the server", before.Touched(snapshot(s, s.h)))
}

func (s service) arguments(name string, options []string) []string {
	args := []string{"install", name, "--on", s.h.Name, "--yes"}
	for _, o := range options {
		args = append(args, "--set", name+"."+o)
	}
	return args
}

// refused demands that an installation is refused, with what it says.
func (s service) refused(name string, options []string, says ...string) {
	s.Helper()
	r := s.must(2, s.arguments(name, options)...)
	contains(s, r.stdout+r.stderr, says...)
}

// fails demands that an installation fails, with what it says.
func (s service) fails(name string, options []string, says ...string) {
	s.Helper()
	r := s.must(1, s.arguments(name, options)...)
	contains(s, r.stdout+r.stderr, says...)
}

// remove removes packages.
func (s service) remove(names ...string) {
	s.Helper()
	s.must(0, append(append([]string{"remove"}, names...), "--on", s.h.Name, "--yes")...)
}

// leaves demands that the host is as it was before, but for what was chosen to
// stay and Debian packages that only came as dependencies, with their files.
func (s service) leaves(before Snapshot, but ...string) {
	s.Helper()
	var left []string
	for _, line := range before.Diff(snapshot(s, s.h), but...) {
		sign, rest, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(rest, ": ")
		if deb, ok := strings.CutPrefix(name, "package "); ok && sign != "-" && s.sh("apt-mark showauto "+deb) != "" {
			continue
		}
		if path, ok := strings.CutPrefix(name, "file "); ok && sign == "+" {
			if _, err := s.h.Exec(s.Context(), "dpkg", "-S", path); err == nil {
				continue
			}
		}
		left = append(left, line)
	}
	same(s, "the server is not as it was before", left)
}

// reboot restarts the host, and sees that systemd came up.
func (s service) reboot() {
	s.Helper()
	if err := s.h.Reboot(s.Context()); err != nil {
		s.Fatal(err)
	}
}

// sh runs a script on the host.
func (s service) sh(script string) string {
	s.Helper()
	return on(s, s.h, "sh", "-c", script)
}

// untilSh waits until a script succeeds on the host.
func (s service) untilSh(what, script string) {
	s.Helper()
	eventually(s, what, func() bool {
		_, err := s.h.Exec(s.Context(), "sh", "-c", script)
		return err == nil
	})
}

// ask sends text to a port of the host and returns all of the answer.
func (s service) ask(port, text string) string {
	s.Helper()
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(s.h.Address(), port), 5*time.Second)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.Fatal(err)
	}
	if _, err := io.WriteString(conn, text); err != nil {
		s.Fatal(err)
	}
	data, err := io.ReadAll(conn)
	if err != nil {
		s.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r", "")
}
