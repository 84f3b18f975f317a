package e2e

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// TestSitesOutside sees sites as visitors do, with each web server: by which versions
// of HTTP and TLS, with which headers, and what names get that no site has.
func TestSitesOutside(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	t.Run("nginx", func(t *testing.T) {
		t.Parallel()
		h := start(t, hosts.Spec{Name: "outside-nginx", Suite: hosts.Trixie})
		s := sites{service{newProgram(t), h}}
		// Debian 12's own PHP stands for that which Sury builds for Debian 13.
		depot := newDepot(t, h)
		depot.offerBookworm(h, "php8.2-fpm", "php8.2-cli", "php8.2-common", "php8.2-opcache", "php8.2-readline", "php8.2-xml")
		depot.publish("trixie", "tests", "tests", depot.key)
		s.besideBookworm()
		s.useArchive("sury", depot.url, depot.key.Fingerprint, "")
		s.program.add(h)
		s.must(0, "install", "php", "--set", "php.version=8.2", "--set", "php.extensions=xml", "--on", h.Name, "--yes")
		s.add1(shopSite, "--set", "kind=php", "--set", "php=8.2", "--set", "aliases=www.shop.example.org")
		s.add1(blogSite, "--set", "kind=php", "--set", "php=distribution")
		s.outside("8.2.", "8.4.")
		s.longNames()
		s.otherStays("8.4.")
	})
	t.Run("apache", func(t *testing.T) {
		t.Parallel()
		h := start(t, hosts.Spec{Name: "outside-apache", Suite: hosts.Bookworm})
		s := sites{service{newProgram(t), h}}
		s.program.add(h)
		s.install("apache")
		s.add1(shopSite, "--set", "kind=php", "--set", "aliases=www.shop.example.org")
		s.add1(blogSite, "--set", "kind=php")
		s.outside("8.2.", "8.2.")
		s.longNames()
		s.otherStays("8.2.")
	})
}

// besideBookworm has Debian 13's php-common say no more that it breaks Debian 12's PHP:
// it only means that its own upgrades have that taken off.
func (s sites) besideBookworm() {
	s.Helper()
	s.sh(`set -e
cd /root && apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download php-common
dpkg-deb -R php-common_*.deb tree
sed -i '/^Breaks:/d; s/^Version: .*/Version: 2:999/' tree/DEBIAN/control
dpkg-deb -b tree php-common.deb && DEBIAN_FRONTEND=noninteractive apt-get -qq -y install ./php-common.deb
rm -r tree php-common*.deb`)
}

// outside looks at the shop and the blog, of which each prints its version of PHP.
func (s sites) outside(shop, blog string) {
	s.Helper()
	for _, domain := range []string{shopSite, blogSite} {
		s.sh(`cd /srv/sites/` + domain + ` && mkdir releases/mine && ln -sfn releases/mine current && cd current
echo '<?php echo "` + domain + ` ", PHP_VERSION, " ", PHP_SAPI, " ", $_SERVER["HTTPS"] ?? "off";' >index.php && echo secret >.env && chown -hR "$(stat -c %U ../..)": . ../../current`)
	}
	s.shows("http", shopSite, shopSite+" "+shop)
	s.shows("http", blogSite, blogSite+" "+blog)
	s.certify(shopSite, "hsts-days=1")
	s.certify(blogSite, "redirect=no")
	for domain, version := range map[string]string{shopSite: shop, "www." + shopSite: shop, blogSite: blog} {
		s.securely(domain, strings.TrimPrefix(domain, "www.")+" "+version)
	}
	s.shows("http", blogSite, blogSite+" "+blog)
	for path, want := range map[string]string{"/": "/", "/a%20b?c=d": "/a%20b?c=d", "/.env": "/.env"} {
		if a := s.visit("http", shopSite, path); a.StatusCode != 301 || a.Header.Get("Location") != "https://"+shopSite+want || a.Header.Get("Strict-Transport-Security") != "" {
			s.Errorf("http%s answers %d, %v", path, a.StatusCode, a.Header)
		}
	}
	s.unknownNames(blog)
}

// certify gives a site a certificate that it signs itself.
func (s sites) certify(domain string, set ...string) {
	s.Helper()
	args := []string{"cert", domain, "--yes", "--set", "certificate.source=self-signed"}
	for _, v := range set {
		args = append(args, "--set", "certificate."+v)
	}
	s.must(0, args...)
	contains(s, s.must(0, args...).stdout, "nothing to do")
}

// answer is what a visitor gets.
type answer struct {
	*http.Response
	text string
}

// visit requests a page of a name on the host as a browser does, and follows nothing.
// By https, whoever signs the certificate is trusted.
func (s sites) visit(scheme, name, path string) answer {
	s.Helper()
	port := map[string]string{"http": "80", "https": "443"}[scheme]
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{ServerName: name, InsecureSkipVerify: true},
		ForceAttemptHTTP2: true, DisableKeepAlives: true,
	}
	client := http.Client{Transport: transport, Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, scheme+"://"+net.JoinHostPort(s.h.Address(), port)+path, nil)
	if err != nil {
		s.Fatal(err)
	}
	request.Host = name
	response, err := client.Do(request)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer{response, string(data)}
}

// shows waits until a name answers with a page that begins with a text: a web server
// reads its settings beside what it is doing.
func (s sites) shows(scheme, name, text string) {
	s.Helper()
	var a answer
	defer func() {
		if a.Response != nil && s.Failed() {
			s.Logf("%s answers last with %d, %v\n%.300s", name, a.StatusCode, a.Header, a.text)
		}
	}()
	eventually(s, scheme+"://"+name+" answers with "+text, func() bool {
		a = s.visit(scheme, name, "/")
		return a.StatusCode == 200 && strings.HasPrefix(a.text, text)
	})
}

// securely looks at how a site is answered by https.
func (s sites) securely(name, text string) {
	s.Helper()
	s.shows("https", name, text)
	a := s.visit("https", name, "/")
	if a.Proto != "HTTP/2.0" || a.TLS.Version != tls.VersionTLS13 || !strings.HasSuffix(a.text, " on") {
		s.Errorf("%s is answered by %s, %s: %s", name, a.Proto, tls.VersionName(a.TLS.Version), a.text)
	}
	for header, want := range map[string]string{
		"X-Content-Type-Options": "nosniff", "X-Frame-Options": "SAMEORIGIN", "Referrer-Policy": "strict-origin-when-cross-origin",
		"Strict-Transport-Security": map[bool]string{true: "max-age=86400"}[strings.HasSuffix(name, shopSite)],
	} {
		for _, path := range []string{"/", "/none.php"} {
			if got := s.visit("https", name, path).Header.Values(header); strings.Join(got, ", ") != want {
				s.Errorf("%s%s has the header %s: %q, want %q", name, path, header, got, want)
			}
		}
	}
	if server := a.Header.Get("Server"); strings.ContainsAny(server, "0123456789") {
		s.Errorf("%s tells its version: %s", name, server)
	}
	for _, path := range []string{"/.env", "/.git/config", "/none/.htaccess"} {
		if a := s.visit("https", name, path); a.StatusCode != 404 || strings.Contains(a.text, "secret") {
			s.Errorf("%s%s answers %d %s", name, path, a.StatusCode, a.text)
		}
	}
	if err := a.TLS.PeerCertificates[0].VerifyHostname(name); err != nil {
		s.Errorf("%s shows the certificate of another: %v", name, err)
	}
	for version, spoken := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		config := &tls.Config{ServerName: name, InsecureSkipVerify: true, MinVersion: version, MaxVersion: version}
		conn, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", net.JoinHostPort(s.h.Address(), "443"), config)
		if err == nil {
			conn.Close()
		}
		if (err == nil) != spoken || !spoken && !strings.Contains(err.Error(), "protocol version") {
			s.Errorf("%s speaks %s: %v", name, tls.VersionName(version), err)
		}
	}
}

const unknownName = "unknown.example.net"

// unknownNames: what names get that no site has. It is the content of a site only
// where that is the default one.
func (s sites) unknownNames(blog string) {
	s.Helper()
	s.nobodys()
	s.add1(blogSite, "--set", "default-site=yes")
	s.shows("http", unknownName, blogSite+" "+blog)
	s.shows("https", unknownName, blogSite+" "+blog)
	s.securely(shopSite, shopSite)
	contains(s, s.add1(blogSite).stdout, "nothing to do")
	contains(s, s.must(0, "cert", blogSite, "--yes").stdout, "nothing to do")
	// The default site may have no certificate: then nobody answers by https.
	s.must(0, "cert", blogSite, "--remove", "--yes")
	s.shows("http", unknownName, blogSite+" "+blog)
	for _, name := range []string{unknownName, blogSite} {
		s.nobodyAnswers(name)
	}
	s.certify(blogSite, "redirect=no")
	s.shows("https", unknownName, blogSite+" "+blog)
	s.add1(blogSite, "--set", "default-site=no")
	s.nobodys()
	s.shows("https", shopSite, shopSite)
	s.shows("https", blogSite, blogSite)
}

// nobodys demands that a name that no site has gets nothing of one.
func (s sites) nobodys() {
	s.Helper()
	eventually(s, "an unknown name gets the web server's page", func() bool {
		return strings.Contains(s.visit("http", unknownName, "/").text, "No site has this name")
	})
	s.nobodyAnswers(unknownName)
}

// nobodyAnswers demands that no site answers to a name by https, or shows what it is
// called.
func (s sites) nobodyAnswers(name string) {
	s.Helper()
	eventually(s, "no site answers to "+name+" by https", func() bool {
		a := s.visit("https", name, "/")
		return a.StatusCode == 404 && len(a.TLS.PeerCertificates[0].DNSNames) == 0
	})
}

// longNames: a web server's settings hold names as long as they may be.
func (s sites) longNames() {
	s.Helper()
	label := strings.Repeat("a", 63)
	domain, alias := strings.Join([]string{label, label, label, "example.org"}, "."), strings.Join([]string{label, label, label, strings.Repeat("b", 61)}, ".")
	s.add1(domain, "--set", "aliases="+alias)
	s.certify(domain)
	for _, name := range []string{domain, alias} {
		s.shows("https", name, "<!doctype html>")
	}
	s.shows("https", shopSite, shopSite)
	contains(s, s.add1(domain).stdout, "nothing to do")
	s.must(2, "site", "add", alias, "--on", s.h.Name, "--yes")
	s.must(0, "site", "remove", domain, "--yes")
	if got := s.sh("find /etc /srv /var/log /var/lib/brokeforge -name '*" + label + "*'"); got != "" {
		s.Errorf("left of the long name: %s", got)
	}
}

// otherStays: of two sites with certificates one goes, and the other stays as it was.
func (s sites) otherStays(blog string) {
	s.Helper()
	s.must(0, "site", "remove", shopSite, "--yes")
	s.nobodyAnswers(shopSite)
	s.securely(blogSite, blogSite+" "+blog)
	s.must(0, "site", "remove", blogSite, "--yes")
	// Apache listens there as long as it has its module.
	s.untilSh("nginx does not listen on 443", "! ss -Hltnp 'sport = :443' | grep -q nginx")
	if got := s.sh("find /etc/nginx /etc/apache2 /etc/brokeforge /var/lib/brokeforge/sites -name '*nobody*' -o -name '*example*' 2>/dev/null; true"); got != "" {
		s.Errorf("left of the sites: %s", got)
	}
}
