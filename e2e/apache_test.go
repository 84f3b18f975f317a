package e2e

import (
	"strings"
	"testing"
)

// TestApache installs Apache, alone and beside nginx, and removes it.
func TestApache(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "apache", func(s service) {
		s.install("php")
		s.sh("systemctl stop " + fpm[s.h.Suite])
		before := snapshot(s, s.h)
		s.install("apache")
		s.apacheServes()
		s.refused("nginx", nil, "apache has port 80 on this server")
		s.apachePorts()
		s.apacheBroken()
		s.reboot()
		s.untilSh("Apache runs after a reboot", "systemctl is-active apache2")
		if status, _, _ := page(s, s.h, "8080", "/"); status != 200 {
			s.Errorf("after a reboot, / answers %d", status)
		}
		s.apacheRemoval(before)
	})
}

func (s service) apacheServes() {
	s.Helper()
	root := "/var/www/brokeforge-apache"
	status, header, body := page(s, s.h, "80", "/")
	if status != 200 || !strings.Contains(body, "It works") || header.Get("Server") != "Apache" {
		s.Errorf("/ answers %d, %v:\n%s", status, header, body)
	}
	s.sh("echo '<?php echo \"php \", PHP_MAJOR_VERSION, \" \", php_sapi_name();' >" + root + "/probe.php; echo secret >" + root + "/.env")
	if status, _, body := page(s, s.h, "80", "/probe.php"); strings.Contains(body, "<?php") || status < 400 {
		s.Errorf("without PHP-FPM its files are shown: %d\n%s", status, body)
	}
	if status, _, body := page(s, s.h, "80", "/.env"); status != 404 || strings.Contains(body, "secret") {
		s.Errorf("a hidden file answers %d\n%s", status, body)
	}
	s.sh("systemctl start " + fpm[s.h.Suite])
	if _, _, body := page(s, s.h, "80", "/probe.php"); body != "php 8 fpm-fcgi" {
		s.Errorf("PHP answers %q", body)
	}
	for _, path := range []string{"/none.php", "/none", "/index.html/x.php"} {
		if status, _, _ := page(s, s.h, "80", path); status != 404 {
			s.Errorf("%s answers %d", path, status)
		}
	}
	contains(s, s.ask("80", "TRACE / HTTP/1.0\r\n\r\n"), "405 Method Not Allowed")
	modules := s.sh("apache2ctl -M 2>/dev/null")
	contains(s, modules, "mpm_event_module", "proxy_fcgi_module")
	if strings.Contains(modules, "php") {
		s.Errorf("Apache runs PHP in itself:\n%s", modules)
	}
	if got := s.sh("rm " + root + "/probe.php " + root + "/.env; ls /etc/apache2/sites-enabled"); got != "000-brokeforge-default.conf" {
		s.Errorf("the sites are %s", got)
	}
}

// apachePorts moves Apache to another port, and puts nginx beside it.
func (s service) apachePorts() {
	s.Helper()
	for _, v := range []string{"0", "65536", "80; Listen 81", "$(reboot)", "8\n0", ""} {
		s.refused("apache", []string{"port=" + v}, "apache.port")
	}
	s.fails("apache", []string{"port=22"}, "port 22 is taken by")
	s.install("apache", "port=8080")
	if answers(s.h, "80") || !answers(s.h, "8080") {
		s.Error("Apache does not listen on its port, or still on its former one")
	}
	s.install("nginx")
	if _, header, _ := page(s, s.h, "80", "/"); !strings.HasPrefix(header.Get("Server"), "nginx") {
		s.Errorf("beside Apache, nginx does not answer: %v", header)
	}
	if _, header, _ := page(s, s.h, "8080", "/"); header.Get("Server") != "Apache" {
		s.Errorf("beside nginx, Apache does not answer: %v", header)
	}
	s.refused("apache", []string{"port=80"}, "nginx has port 80 on this server")
	s.remove("nginx")
	if status, _, _ := page(s, s.h, "8080", "/"); status != 200 {
		s.Errorf("after nginx is removed, Apache answers %d", status)
	}
}

// apacheBroken meets settings of others that Apache refuses.
func (s service) apacheBroken() {
	s.Helper()
	s.sh("echo 'Bogus on' >/etc/apache2/conf-enabled/operator.conf")
	before := snapshot(s, s.h)
	s.fails("apache", []string{"port=8081"}, "Invalid command 'Bogus'", "ports.conf is as it was before")
	same(s, "a change that failed", before.Diff(snapshot(s, s.h), "file /var/lib/brokeforge/apache/site", "file /var/lib/brokeforge/changed"))
	s.sh("rm /etc/apache2/conf-enabled/operator.conf")
	s.install("apache", "port=8080")
	s.sh("echo '# mine' >>/etc/apache2/ports.conf")
	s.fails("apache", []string{"port=8081"}, "somebody has changed /etc/apache2/ports.conf")
	s.sh("sed -i '/# mine/d' /etc/apache2/ports.conf")
	s.install("apache", "port=8080")
}

func (s service) apacheRemoval(before Snapshot) {
	s.Helper()
	s.sh(`cd /etc/apache2 && printf '<VirtualHost *:8080>\nServerName op.example\nDocumentRoot /var/www/html\n</VirtualHost>\n' >sites-available/op.conf && a2ensite -q op && systemctl reload apache2
		echo '# of the operator' >>conf-available/charset.conf`)
	s.remove("apache")
	if answers(s.h, "8080") || answers(s.h, "80") {
		s.Error("Apache answers after its removal")
	}
	stays := []string{
		"file /var/lib/apache2", // Debian's own purge leaves it
		"file /var/www",         // as that of nginx leaves these
	}
	s.leaves(before, append(stays, "file /etc/apache2", "unit php", "package perl-base")...)
	want := "/etc/apache2/conf-available/charset.conf\n/etc/apache2/conf-enabled/charset.conf\n/etc/apache2/sites-available/op.conf\n/etc/apache2/sites-enabled/op.conf"
	if got := s.sh("find /etc/apache2 ! -type d ! -name 'php*' | sort; ls /var/log/apache2/access.log >/dev/null"); got != want {
		s.Errorf("of the operator's files there are %s, want %s", got, want)
	}
	s.install("apache", "port=8080", "default-site=no")
	contains(s, s.sh("curl -sS -H 'Host: op.example' http://127.0.0.1:8080/ | head -c 2000; apache2ctl -S 2>&1"), "op.example")
	s.remove("apache")
	s.sh("rm -r /etc/apache2")
}

// TestApacheThere takes over an Apache of others, and gives it back as it was.
func TestApacheThere(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "there", func(s service) {
		s.sh("DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install apache2 && systemctl restart apache2")
		before := snapshot(s, s.h)
		s.install("apache")
		contains(s, s.sh("curl -sS http://127.0.0.1/"), "No site has this name yet")
		s.remove("apache")
		same(s, "another's Apache is not as it was", before.Diff(snapshot(s, s.h), "file /var/lib/apache2/module/"))
		if status, _, body := page(s, s.h, "80", "/"); status != 200 || !strings.Contains(body, "Apache2") {
			s.Errorf("another's Apache answers %d\n%s", status, body)
		}
		s.sh("echo '# mine' >>/etc/apache2/sites-available/000-default.conf && echo their site >/var/www/html/index.html")
		before = snapshot(s, s.h)
		s.fails("apache", nil, "choose default-site=no")
		s.install("apache", "default-site=no")
		if _, _, body := page(s, s.h, "80", "/"); body != "their site\n" {
			s.Errorf("another's site answers %q", body)
		}
		s.remove("apache")
		same(s, "another's Apache is not as it was", before.Diff(snapshot(s, s.h), "file /var/lib/apache2/module/"))
	})
}
