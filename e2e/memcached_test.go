package e2e

import "testing"

// TestMemcached installs memcached, changes it, and removes it.
func TestMemcached(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "memcached", func(s service) {
		before := snapshot(s, s.h)
		s.install("memcached")
		if answers(s.h, "11211") {
			s.Error("memcached can be reached from outside, though nobody asked for it")
		}
		s.refused("memcached", []string{"bind=$(reboot)"}, "memcached.bind")
		s.refused("memcached", []string{"memory=64; id"}, "memcached.memory")
		s.fails("memcached", []string{"bind=192.0.2.77"}, "the server has not all of the addresses")
		s.fails("memcached", []string{"port=22222", "bind=0.0.0.0,2001:db8::7"}, "the server has not all of the addresses")

		s.install("memcached", "bind=127.0.0.1,"+s.h.Address(), "memory=32", "port=11311")
		set := "set k 0 0 5\r\nvalue\r\nget k\r\nstats\r\nquit\r\n"
		contains(s, s.ask("11311", set), "STORED\nVALUE k 0 5\nvalue\nEND\n", "STAT limit_maxbytes 33554432\n")
		if got := s.sh("ss -Hlun 'sport = :11311'; ss -Hltn 'sport = :11211'"); got != "" {
			s.Errorf("memcached listens where nobody asked for it: %s", got)
		}
		s.reboot()
		s.untilSh("memcached runs after a reboot", "systemctl is-active memcached && ss -Hltn 'sport = :11311' | grep -q .")
		contains(s, s.ask("11311", set), "STORED\nVALUE k 0 5\nvalue\nEND\n")
		s.sh("systemctl kill -s KILL memcached")
		s.untilSh("memcached is started again when it dies", "systemctl is-active memcached && ss -Hltn 'sport = :11311' | grep -q .")

		s.remove("memcached")
		if answers(s.h, "11311") {
			s.Error("memcached answers after its removal")
		}
		s.leaves(before, "package perl-base")
		s.there()
	})
}

// there takes over a memcached that somebody else had installed, and removes
// BrokeForge's part of it.
func (s service) there() {
	s.Helper()
	s.sh("DEBIAN_FRONTEND=noninteractive apt-get -q -y install memcached && echo '-m 77' >>/etc/memcached.conf && systemctl restart memcached")
	before := snapshot(s, s.h)
	s.install("memcached", "memory=48")
	s.remove("memcached")
	same(s, "another's memcached is not as it was", before.Diff(snapshot(s, s.h)))
	contains(s, s.sh("tr '\\0' ' ' </proc/$(systemctl show -P MainPID memcached)/cmdline"), "-m 77")
}
