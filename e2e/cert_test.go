package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shopDomain is the site that gets certificates.
const shopDomain = "shop.example.org"

// TestCertificate has a site answered by https, with a certificate of a real ACME
// server, with an own one, and no longer.
func TestCertificate(t *testing.T) {
	t.Parallel()
	binary := buildPebble(t)
	onEachRelease(t, "cert", func(s service) {
		s.must(0, "site", "add", shopDomain, "--on", s.h.Name, "--yes", "--set", "aliases=www."+shopDomain)
		s.sh("echo '127.0.0.1 " + shopDomain + " www." + shopDomain + "' >>/etc/hosts")
		s.startPebble(binary)
		s.ownCertificates()
		s.install("certbot", "server="+pebbleURL, "ca-bundle=/etc/pebble/ca.pem")
		first := s.issued()
		s.warned()
		second := s.renewedByTimer(s.renewed(first))
		s.keptWithoutACME(second)
		s.notHTTPS()
	})
}

// cert changes the site's certificate, and sees that doing it again changes nothing.
func (s service) cert(set ...string) {
	s.Helper()
	args := []string{"cert", shopDomain, "--yes"}
	for _, v := range set {
		args = append(args, "--set", "certificate."+v)
	}
	s.must(0, args...)
	before := snapshot(s, s.h)
	contains(s, s.must(0, args...).stdout, "nothing to do")
	same(s, "doing it again changed the server", before.Touched(snapshot(s, s.h)))
}

// issued fetches a certificate, and returns the serial number of what is shown.
func (s service) issued() string {
	s.Helper()
	s.cert("source=letsencrypt")
	shown := s.shown(shopDomain, s.acmeRoots())
	if err := shown.VerifyHostname("www." + shopDomain); err != nil {
		s.Errorf("the alias is not covered: %v", err)
	}
	s.redirects()
	if got := s.sh("stat -L -c '%U %a' /etc/letsencrypt/live/brokeforge-" + shopDomain + "/privkey.pem"); got != "root 600" {
		s.Errorf("the key belongs to %s", got)
	}
	if got := s.sh("ls -d /etc/brokeforge 2>/dev/null || true"); got != "" {
		s.Errorf("the own certificate of before is still there: %s", got)
	}
	r := s.must(0, "cert", "status")
	contains(s, r.stdout, shopDomain, "letsencrypt", shown.NotAfter.UTC().Local().Format("2006-01-02"))
	return shown.SerialNumber.String()
}

// redirects sees that http leads to https, but for what an ACME server asks.
func (s service) redirects() {
	s.Helper()
	s.sh("echo token >/var/www/brokeforge-acme/.well-known/acme-challenge/there")
	for path, want := range map[string]string{
		"/":                                  "301 https://" + shopDomain + "/",
		"/a%20b?c=d":                         "301 https://" + shopDomain + "/a%20b?c=d",
		"/.well-known/acme-challenge/there":  "200 token\n",
		"/.well-known/acme-challenge/../../": "301 https://" + shopDomain + "/",
	} {
		if got := s.http(path); !strings.HasPrefix(got, want) {
			s.Errorf("%s answers %q, wanted %q", path, got, want)
		}
	}
	s.sh("rm /var/www/brokeforge-acme/.well-known/acme-challenge/there")
}

// http asks the site by http, and tells the status with where it leads or what it
// holds.
func (s service) http(path string) string {
	s.Helper()
	answer := s.ask("80", "GET "+path+" HTTP/1.1\r\nHost: "+shopDomain+"\r\nConnection: close\r\n\r\n")
	head, body, _ := strings.Cut(answer, "\n\n")
	status := strings.Fields(head)[1]
	for line := range strings.Lines(head) {
		if where, ok := strings.CutPrefix(strings.TrimSpace(line), "Location: "); ok {
			return status + " " + where
		}
	}
	return status + " " + body
}

// acmeRoots is what the ACME server's certificates are trusted by.
func (s service) acmeRoots() *x509.CertPool {
	s.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(s.sh("curl -sS --cacert /etc/pebble/ca.pem https://localhost:15000/roots/0"))) {
		s.Fatal("the ACME server shows no root")
	}
	return pool
}

// shown asks the site by https, from outside of the host, and returns the certificate
// that it shows.
func (s service) shown(name string, trust *x509.CertPool) *x509.Certificate {
	s.Helper()
	config := &tls.Config{ServerName: name, RootCAs: trust}
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "https://"+net.JoinHostPort(s.h.Address(), "443")+"/", nil)
	if err != nil {
		s.Fatal(err)
	}
	request.Host = name
	response, err := client.Do(request)
	if err != nil {
		s.Fatalf("https: %v", err)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		s.Errorf("https answers %d, %v", response.StatusCode, err)
	}
	return response.TLS.PeerCertificates[0]
}

// renewed renews the certificate by the program's own command.
func (s service) renewed(first string) string {
	s.Helper()
	s.must(0, "cert", "renew", shopDomain)
	second := first
	eventually(s, "the renewed certificate is shown", func() bool {
		second = s.shown(shopDomain, s.acmeRoots()).SerialNumber.String()
		return second != first
	})
	contains(s, s.sh("grep -h renew_hook /etc/letsencrypt/renewal/*.conf; systemctl is-enabled certbot.timer"), "nginx -t && systemctl reload nginx", "enabled")
	return second
}

// warned has an alert raised by the limit that monitoring was installed with, and
// cleared when that is another one.
func (s service) warned() {
	s.Helper()
	kind, text := "certificate "+shopDomain, "the certificate of "+shopDomain+" expires in "
	hook, told := webhook(s)
	s.must(0, s.arguments("monitoring", []string{"certificate=365", "webhook=" + hook})...)
	contains(s, s.must(1, "cert", "status").stdout, "the certificate expires in ")
	awaitTold(s.Context(), s, told, "raised", kind)
	contains(s, s.must(0, "alerts").stdout, text, "open")
	s.must(0, s.arguments("monitoring", []string{"certificate=14"})...)
	s.must(0, "cert", "status")
	awaitTold(s.Context(), s, told, "cleared", kind)
	if got := s.must(0, "alerts").stdout; strings.Contains(got, "open") {
		s.Errorf("the alert is not over:\n%s", got)
	}
	s.remove("monitoring")
}

// renewedByTimer has certbot's timer itself renew what is due, without BrokeForge: the
// site shows the new certificate, and the next reading finds its date.
func (s service) renewedByTimer(before string) string {
	s.Helper()
	conf := "/etc/letsencrypt/renewal/brokeforge-" + shopDomain + ".conf"
	s.sh("sed -i 's/^# renew_before_expiry.*/renew_before_expiry = 9999 days/' " + conf + ` &&
		mkdir -p /etc/systemd/system/certbot.timer.d &&
		printf '[Timer]\nOnCalendar=\nOnActiveSec=1s\nRandomizedDelaySec=0\nAccuracySec=100ms\n' >/etc/systemd/system/certbot.timer.d/soon.conf &&
		systemctl daemon-reload && systemctl restart certbot.timer`)
	after := before
	eventually(s, "the certificate that the timer renewed is shown", func() bool {
		after = s.shown(shopDomain, s.acmeRoots()).SerialNumber.String()
		return after != before
	})
	s.sh("rm -r /etc/systemd/system/certbot.timer.d && systemctl daemon-reload && systemctl restart certbot.timer")
	if got := s.sh("systemctl show certbot.timer -p NextElapseUSecRealtime --value"); got == "" {
		s.Error("the timer has no next time")
	}
	expires := s.shown(shopDomain, s.acmeRoots()).NotAfter
	contains(s, s.must(0, "cert", "status", "--json").stdout, expires.UTC().Format(time.RFC3339))
	return after
}

// keptWithoutACME has renewals fail, by the program and by certbot's unit, which breaks
// nothing.
func (s service) keptWithoutACME(serial string) {
	s.Helper()
	roots := s.acmeRoots()
	s.sh("systemctl stop pebble")
	r := s.must(1, "cert", "renew", shopDomain)
	contains(s, r.stderr, "exit status 1")
	s.sh("! systemctl start certbot.service")
	if got := s.shown(shopDomain, roots).SerialNumber.String(); got != serial {
		s.Errorf("after a failed renewal %s is shown, wanted %s", got, serial)
	}
	s.must(0, "cert", "status")
}

// notHTTPS takes the certificate away.
func (s service) notHTTPS() {
	s.Helper()
	s.must(0, "cert", shopDomain, "--remove", "--yes")
	if got := s.http("/"); !strings.HasPrefix(got, "200 ") {
		s.Errorf("without a certificate http answers %q", got)
	}
	s.untilSh("nothing listens on 443", "! ss -Hltn 'sport = :443' | grep -q .")
	if got := s.sh("find /etc/letsencrypt/renewal /etc/nginx/brokeforge/" + shopDomain + " -type f"); got != "" {
		s.Errorf("left of the certificate: %s", got)
	}
}

// ownCertificates gives certificates of one's own, wrong ones first.
func (s service) ownCertificates() {
	s.Helper()
	now := time.Now()
	good, key := s.pair(now.Add(48*time.Hour), shopDomain, "www."+shopDomain)
	_, otherKey := s.pair(now.Add(48*time.Hour), shopDomain)
	few, fewKey := s.pair(now.Add(48*time.Hour), shopDomain)
	old, oldKey := s.pair(now.Add(-time.Hour), shopDomain, "www."+shopDomain)
	own := func(chain, key string) []string {
		return []string{"cert", shopDomain, "--yes", "--set", "certificate.source=own", "--set", "certificate.chain=@" + chain, "--set", "certificate.key=@" + key}
	}
	contains(s, s.must(1, own(good, otherKey)...).stderr, "the private key is not that of the certificate")
	contains(s, s.must(1, own(few, fewKey)...).stderr, "does not cover www."+shopDomain)
	contains(s, s.must(2, own(old, oldKey)...).stderr, "has expired")
	contains(s, s.must(2, own(key, key)...).stderr, "certificate.chain")
	contains(s, s.must(2, own(good, good)...).stderr, "certificate.key")
	if answers(s.h, "443") {
		s.Error("a refused certificate has the server listen")
	}
	s.must(0, own(good, key)...)
	contains(s, s.must(0, own(good, key)...).stdout, "nothing to do")
	pool := x509.NewCertPool()
	data, err := os.ReadFile(good)
	if err != nil || !pool.AppendCertsFromPEM(data) {
		s.Fatal(err)
	}
	s.shown(shopDomain, pool)
	if got := s.sh("stat -c '%U %a' /etc/brokeforge/tls/" + shopDomain + "/privkey.pem"); got != "root 600" {
		s.Errorf("the key belongs to %s", got)
	}
	r := s.must(1, "cert", "status")
	contains(s, r.stdout, "the certificate expires in 1 day")
	contains(s, s.must(0, "site", "list").stdout, "expires in 1 day")
	contains(s, s.must(0, "alerts").stdout, "the certificate of "+shopDomain+" expires in 1 day", "open")
	// What was there stays where something wrong is given afterwards.
	s.must(1, own(good, otherKey)...)
	s.shown(shopDomain, pool)
	s.cert("source=self-signed", "redirect=no", "hsts-days=1")
	s.must(0, "cert", "status")
	if got := s.must(0, "alerts").stdout; strings.Contains(got, "open") || !strings.Contains(got, "over") {
		s.Errorf("with a new certificate the alert is not over:\n%s", got)
	}
	file := "/etc/brokeforge/tls/" + shopDomain + "/fullchain.pem"
	s.sh("mv " + file + " " + file + ".away")
	contains(s, s.must(1, "cert", "status").stdout, "can't be read: there is no file "+file)
	contains(s, s.must(0, "site", "list").stdout, "unreadable")
	s.sh("echo junk >" + file)
	contains(s, s.must(1, "cert", "status").stdout, "can't be read: what is in "+file+" is no certificate")
	s.sh("mv " + file + ".away " + file)
	s.must(0, "cert", "status")
	if got := s.http("/"); !strings.HasPrefix(got, "200 ") {
		s.Errorf("without redirect http answers %q", got)
	}
	contains(s, s.sh("curl -sSk -D - -o /dev/null --resolve "+shopDomain+":443:127.0.0.1 https://"+shopDomain+"/"), "max-age=86400")
	if got := s.sh("curl -sS -D - -o /dev/null -H 'Host: " + shopDomain + "' http://127.0.0.1/ | grep -i '^strict-transport' || true"); got != "" {
		s.Errorf("by http: %s", got)
	}
	s.cert("hsts-days=0", "redirect=yes")
}

// pair writes a self-signed certificate and its key, and returns the paths.
func (s service) pair(until time.Time, names ...string) (chain, key string) {
	s.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "own"}, DNSNames: names,
		NotBefore: until.Add(-72 * time.Hour), NotAfter: until, BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		s.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		s.Fatal(err)
	}
	dir := s.TempDir()
	chain, key = filepath.Join(dir, "chain.pem"), filepath.Join(dir, "key.pem")
	for path, block := range map[string]*pem.Block{chain: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			s.Fatal(err)
		}
	}
	return chain, key
}
