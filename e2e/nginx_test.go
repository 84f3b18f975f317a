package e2e

import (
	"strings"
	"testing"
)

// TestNginxWorkers changes nginx's workers, where they can only be changed in
// Debian's own file, and takes that back.
func TestNginxWorkers(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "workers", func(s service) {
		before := snapshot(s, s.h)
		s.install("nginx")
		stock := s.sh("cat /etc/nginx/nginx.conf")
		s.refused("nginx", []string{"workers=4; daemon off"}, "nginx.workers")
		s.refused("nginx", []string{"connections=$(reboot)"}, "nginx.connections")
		s.install("nginx", "workers=3", "connections=4096")
		contains(s, s.sh("nginx -T 2>&1"), "\nworker_processes 3;", "\tworker_connections 4096;", "\nworker_rlimit_nofile 8704;", "test is successful")
		if got := s.sh("nginx -t 2>&1 | grep warn || true"); got != "" {
			s.Errorf("nginx warns: %s", got)
		}
		s.untilSh("there are three workers with as many files", "[ $(pgrep -c -f 'nginx: worker process$') = 3 ] && grep -q 'open files  *8704 ' /proc/$(pgrep -n -f 'nginx: worker process$')/limits")
		// Another option changes only itself.
		s.install("nginx", "client-max-body=1g")
		contains(s, s.sh("nginx -T 2>&1"), "\nworker_processes 3;", "client_max_body_size 1g;")
		s.reboot()
		s.untilSh("three workers after a reboot", "[ $(pgrep -c -f 'nginx: worker process$') = 3 ]")
		if status, _ := get(s, s.h, "/"); status != 200 {
			s.Errorf("/ answers %d", status)
		}
		s.install("nginx", "workers=", "connections=")
		if got := s.sh("cat /etc/nginx/nginx.conf"); got != stock {
			s.Errorf("Debian's file is not back:\n%s", got)
		}
		s.install("nginx", "workers=2")
		s.sh("echo '# mine' >>/etc/nginx/nginx.conf")
		s.fails("nginx", []string{"workers=5"}, "somebody has changed /etc/nginx/nginx.conf")
		s.install("nginx", "workers=2", "default-site=no")
		s.remove("nginx")
		if got := s.sh("find /etc/nginx -type f -o -type l"); got != "/etc/nginx/nginx.conf" {
			s.Errorf("left of nginx: %s", got)
		}
		contains(s, s.sh("cat /etc/nginx/nginx.conf"), "# mine")
		s.sh("rm -r /etc/nginx")
		s.leaves(before, "file /var/www") // Debian's purge leaves its page there
		s.workersBeside()
	})
}

// workersBeside installs beside a nginx.conf of others, which is left alone.
func (s service) workersBeside() {
	s.Helper()
	s.sh("DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install nginx && sed -i 's/worker_connections .*/worker_connections 1000;/' /etc/nginx/nginx.conf && systemctl restart nginx")
	theirs := s.sh("cat /etc/nginx/nginx.conf")
	s.install("nginx")
	s.fails("nginx", []string{"connections=2000"}, "somebody has changed /etc/nginx/nginx.conf")
	if got := s.sh("cat /etc/nginx/nginx.conf; nginx -t 2>&1"); !strings.HasPrefix(got, theirs) {
		s.Errorf("another's nginx.conf was changed:\n%s", got)
	}
}
