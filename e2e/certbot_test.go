package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// pebble is the ACME server that certbot is tested with, see
// https://github.com/letsencrypt/pebble.
const pebble = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

// pebbleURL is its directory, as the host reaches it.
const pebbleURL = "https://localhost:14000/dir"

// TestCertbot makes an account with a real ACME server, fetches a certificate
// with it, and removes certbot.
func TestCertbot(t *testing.T) {
	t.Parallel()
	binary := buildPebble(t)
	onEachRelease(t, "certbot", func(s service) {
		before := snapshot(s, s.h)
		s.install("certbot")
		if got := s.sh("ls /etc/letsencrypt/accounts 2>/dev/null || true"); got != "" {
			s.Errorf("an account was made that nobody asked for: %s", got)
		}
		s.startPebble(binary, "PEBBLE_VA_ALWAYS_VALID=1")
		s.certbotOptions()
		trusted := []string{"mail=ops@example.org", "server=" + pebbleURL, "ca-bundle=/etc/pebble/ca.pem"}
		s.install("certbot", trusted...)
		contains(s, s.sh("REQUESTS_CA_BUNDLE=/etc/pebble/ca.pem certbot show_account --server "+pebbleURL+" 2>&1"), "ops@example.org")
		s.install("certbot", "mail=other@example.org")
		contains(s, s.sh("REQUESTS_CA_BUNDLE=/etc/pebble/ca.pem certbot show_account --server "+pebbleURL+" 2>&1"), "other@example.org")
		if got := s.sh("ls -d /etc/letsencrypt/accounts/localhost:14000/dir/*/ | wc -l"); got != "1" {
			s.Errorf("a changed address made another account: %s", got)
		}
		s.certificate()
		s.reboot()
		s.untilSh("the timer is active after a reboot", "systemctl is-active certbot.timer")

		s.remove("certbot")
		if got := s.sh("ls /etc/letsencrypt/live/a.test/; ! command -v certbot; systemctl is-active certbot.timer || true"); !strings.Contains(got, "fullchain.pem") || !strings.HasSuffix(got, "inactive") {
			s.Errorf("after the removal: %s", got)
		}
		s.leaves(before, "file /etc/letsencrypt", "file /etc/pebble", "file /opt/pebble", "file /etc/inputrc", "file /etc/python3", "file /usr/local/lib/python3", "file /var/lib/python", "file /var/lib/letsencrypt")
		s.install("certbot", "keep-certificates=no")
		contains(s, s.sh("certbot certificates 2>&1"), "a.test")
		s.remove("certbot")
		if got := s.sh("ls -d /etc/letsencrypt 2>/dev/null || true"); got != "" {
			s.Errorf("certificates stay though they were to go: %s", got)
		}
	})
}

// buildPebble returns the ACME server.
func buildPebble(t *testing.T) []byte {
	t.Helper()
	server := filepath.Join(t.TempDir(), "pebble")
	build := exec.Command("go", "install", pebble)
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOBIN="+filepath.Dir(server), "GOFLAGS=-mod=mod")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("an ACME server is needed, and can't be built here: %v\n%s", err, out)
	}
	binary, err := os.ReadFile(server)
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// startPebble starts the ACME server on the host itself, with a certificate that
// nobody trusts yet. It asks the host for the answers to its challenges.
func (s service) startPebble(binary []byte, environment ...string) {
	s.Helper()
	settings := ""
	for _, e := range environment {
		settings += " -E " + e
	}
	for name, data := range map[string][]byte{
		"/opt/pebble": binary,
		"/etc/pebble/config.json": []byte(`{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
			"certificate": "/etc/pebble/cert.pem", "privateKey": "/etc/pebble/key.pem", "httpPort": 80, "tlsPort": 443}}`),
	} {
		if err := s.h.WriteFile(s.Context(), name, data); err != nil {
			s.Fatal(err)
		}
	}
	s.sh(`cd /etc/pebble && chmod 755 /opt/pebble &&
		openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test -keyout ca.key -out ca.pem -addext basicConstraints=critical,CA:TRUE 2>&1 &&
		openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.csr 2>&1 &&
		printf 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n' >ext &&
		openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile ext -out cert.pem 2>&1 &&
		systemd-run --unit=pebble` + settings + ` -E PEBBLE_VA_NOSLEEP=1 -E PEBBLE_WFE_NONCEREJECT=0 /opt/pebble -config /etc/pebble/config.json`)
	s.untilSh("the ACME server listens", "curl -sS --cacert /etc/pebble/ca.pem "+pebbleURL)
}

func (s service) certbotOptions() {
	s.Helper()
	for _, v := range []string{"$(reboot)@example.org", "'; rm -rf / #", "ops", "ops@localhost", "Ops <ops@example.org>", "a@b.c,d@e.f", "%@example.org", "-x@example.org"} {
		s.refused("certbot", []string{"mail=" + v}, "certbot.mail")
	}
	for _, v := range []string{"http://ca.example/dir", "ca.example", "https://u:p@ca.example/dir", "https://ca.example/$(reboot)", "https://ca.example/a'b", "https://ca.example/../x"} {
		s.refused("certbot", []string{"server=" + v}, "certbot.server")
	}
	s.refused("certbot", []string{"ca-bundle=ca.pem"}, "certbot.ca-bundle")
	s.refused("certbot", []string{"ca-bundle=/etc/$(reboot)"}, "certbot.ca-bundle")
	s.fails("certbot", []string{"ca-bundle=/etc/none.pem"}, "there is no file with certificates at /etc/none.pem")
	s.fails("certbot", []string{"mail=ops@example.org", "server=" + pebbleURL}, "certificate verify failed")
	if got := s.sh("ls /etc/letsencrypt/accounts/*/*/*/regr.json 2>/dev/null || true"); got != "" {
		s.Errorf("an account was made with a server that nobody trusts: %s", got)
	}
}

// certificate fetches a certificate by the account, and has the unit that renews
// them reach the server.
func (s service) certificate() {
	s.Helper()
	s.sh("REQUESTS_CA_BUNDLE=/etc/pebble/ca.pem certbot certonly --non-interactive --standalone -d a.test --server " + pebbleURL + " 2>&1")
	contains(s, s.sh("openssl x509 -in /etc/letsencrypt/live/a.test/cert.pem -noout -ext subjectAltName"), "DNS:a.test")
	serial := s.sh("openssl x509 -in /etc/letsencrypt/live/a.test/cert.pem -noout -serial")
	s.sh("sed -i 's/^# renew_before_expiry.*/renew_before_expiry = 9999 days/' /etc/letsencrypt/renewal/a.test.conf && systemctl start certbot.service")
	if got := s.sh("openssl x509 -in /etc/letsencrypt/live/a.test/cert.pem -noout -serial"); got == serial {
		s.Errorf("the certificate was not renewed:\n%s", s.sh("tail -n 40 /var/log/letsencrypt/letsencrypt.log; cat /etc/letsencrypt/renewal/a.test.conf"))
	}
}
