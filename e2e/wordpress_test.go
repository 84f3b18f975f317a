package e2e

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

const wordpressSite = "diary.example.org"

// TestWordPress puts a real WordPress on a server, sets it up as a visitor does, and
// takes it away again.
func TestWordPress(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "wordpress", Suite: hosts.Bookworm})
	w := blogging{sites{service{newProgram(t), h}}, ""}
	w.program.add(h)
	w.must(0, "install", "nginx", "php", "mariadb", "--on", h.Name, "--yes")
	w.add1(shopSite, "--set", "kind=php")
	w.fill()
	w.url = serve(t, h, w.pack())
	w.badArchives()
	w.arrives()
	w.isSetUp()
	w.another()
	w.secrets()
	w.password()
	w.secure()
	w.comesBack()
	w.goes()
}

// blogging is a host with a WordPress, whose archive is served below an address.
type blogging struct {
	sites
	url string
}

// pack returns archives of WordPress in the shape of its makers': of Debian's files, of
// which some are links to those of other Debian packages; the same a version on; and one
// that does not work.
func (w blogging) pack() map[string][]byte {
	w.Helper()
	w.sh(`set -e
mkdir /root/pack && cd /root/pack && apt-get -qq update
apt-get -qq -o APT::Sandbox::User=root download wordpress wordpress-theme-twentytwentythree
for deb in *.deb; do dpkg-deb -x "$deb" files; done
mv files/usr/share/wordpress . && rm -f wordpress/wp-config.php
[ -f wordpress/wp-content/themes/twentytwentythree/theme.json ]
find wordpress -type l -exec rm {} +
tar -czf /root/good.tar.gz wordpress
sed -i "s/^.wp_version = '.*/\$wp_version = '99.1';/" wordpress/wp-includes/version.php && rm -r wordpress/wp-content && tar -czf /root/newer.tar.gz wordpress
echo '<?php http_response_code(500);' >wordpress/wp-admin/install.php && tar -czf /root/worse.tar.gz wordpress
rm -r /root/pack`)
	archives := map[string][]byte{"page": []byte("<html>")}
	for _, name := range []string{"good.tar.gz", "newer.tar.gz", "worse.tar.gz"} {
		data, err := w.h.ReadFile(w.Context(), "/root/"+name)
		if err != nil {
			w.Fatal(err)
		}
		archives[name] = data
	}
	archives["broken.tar.gz"] = archives["good.tar.gz"][:1<<20]
	w.sh("rm /root/*.tar.gz")
	return archives
}

// serve serves files to a host.
func serve(t testing.TB, h *hosts.Host, files map[string][]byte) string {
	t.Helper()
	address := h.Addr().As4()
	address[3] = 1
	listener, err := net.Listen("tcp", net.JoinHostPort(netip.AddrFrom4(address).String(), "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, ok := files[strings.TrimPrefix(r.URL.Path, "/")]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Write(data)
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	return server.URL
}

func (w blogging) wordpress(code int, set ...string) string {
	w.Helper()
	args := []string{"wordpress", wordpressSite, "--yes"}
	for _, v := range set {
		args = append(args, "--set", "wordpress."+v)
	}
	r := w.must(code, args...)
	return r.stdout + r.stderr
}

// archive are the options with an archive that is served, and its sum.
func (w blogging) archive(name string) []string {
	w.Helper()
	address := w.url + "/" + name
	return []string{"archive=" + address, "sha256=" + w.sh("{ curl -fsS "+address+" || true; } | sha256sum | cut -d' ' -f1")}
}

// badArchives: what is no WordPress leaves the site as it was.
func (w blogging) badArchives() {
	w.Helper()
	w.add1(wordpressSite, "--set", "kind=php")
	none := strings.Repeat("0", 64)
	contains(w, w.wordpress(2, w.archive("good.tar.gz")...), "is a site of the kind php")
	w.add1(wordpressSite, "--set", "kind=wordpress")
	for _, set := range []string{
		"archive=ftp://example.org/x", "archive=file:///etc/passwd", "archive=https://a:b@example.org/x", "archive=https://example.org/$(id)`id`",
		"archive=-o/etc/passwd", "sha256=x", "database=a;b", "database=a'b", "table-prefix=';", "database-server=postgresql",
	} {
		w.wordpress(2, set)
	}
	contains(w, w.wordpress(2, "archive="+w.url+"/good.tar.gz"), "could be anybody's")
	contains(w, w.wordpress(1, "archive="+w.url+"/good.tar.gz", "sha256="+none), "the archive is not the expected one")
	for path, says := range map[string]string{"none": "can't be fetched", "page": "can't be unpacked", "broken.tar.gz": "can't be unpacked"} {
		contains(w, w.wordpress(1, w.archive(path)...), says)
	}
	if _, _, text := w.page(wordpressSite, "/"); !strings.Contains(text, "Nothing is deployed to it yet") {
		w.Errorf("after archives that are none the site answers %s", text)
	}
	if got := w.sh("cd /srv/sites/" + wordpressSite + " && ls releases && find deployments -mindepth 1"); got != "placeholder" {
		w.Errorf("left of archives that are none: %s", got)
	}
}

// arrives: from outside, the site leads to its setup page.
func (w blogging) arrives() {
	w.Helper()
	set := w.archive("good.tar.gz")
	w.wordpress(0, set...)
	contains(w, w.wordpress(0, set...), "nothing to do")
	status, header, _ := w.page(wordpressSite, "/")
	if where := header.Get("Location"); status != 302 || where != "http://"+wordpressSite+"/wp-admin/install.php" {
		w.Fatalf("/ answers %d, %s", status, where)
	}
	status, _, text := w.page(wordpressSite, "/wp-admin/install.php")
	if status != 200 || !strings.Contains(text, "WordPress &rsaquo; Installation") || !strings.Contains(text, `id="setup"`) && !strings.Contains(text, `id="language"`) {
		w.Fatalf("the setup page answers %d\n%.2000s", status, text)
	}
	contains(w, w.must(0, "site", "show", wordpressSite).stdout, "wordpress 6.1")
}

// isSetUp fills the setup page in, and sees WordPress with an article.
func (w blogging) isSetUp() {
	w.Helper()
	form := url.Values{
		"weblog_title": {"A diary of hers"}, "user_name": {"ada"}, "admin_password": {"Long-and-w1ld"}, "admin_password2": {"Long-and-w1ld"},
		"admin_email": {"ada@example.org"}, "blog_public": {"0"}, "language": {""},
	}
	request, err := http.NewRequestWithContext(w.Context(), http.MethodPost, "http://"+w.h.Address()+"/wp-admin/install.php?step=2", strings.NewReader(form.Encode()))
	if err != nil {
		w.Fatal(err)
	}
	request.Host = wordpressSite
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.Fatal(err)
	}
	response.Body.Close()
	status, _, text := w.page(wordpressSite, "/")
	if status != 200 || !strings.Contains(text, "A diary of hers") || !strings.Contains(text, "Hello world!") {
		w.Errorf("once it is set up, / answers %d\n%.2000s", status, text)
	}
	for path, want := range map[string]int{
		"/wp-config.php": 404, "/wp-content/uploads/x.php": 404, "/wp-login.php": 200, "/?p=1": 200, "/wp-includes/css/dashicons.min.css": 200,
	} {
		if path == "/wp-content/uploads/x.php" {
			w.sh("cd /srv/sites/" + wordpressSite + "/shared/wp-content && mkdir -p uploads && echo '<?php echo 1;' >uploads/x.php && chown -R site_diary_example_org: uploads")
		}
		if status, _, text := w.page(wordpressSite, path); status != want {
			w.Errorf("%s answers %d, want %d\n%.300s", path, status, want, text)
		}
	}
}

// another: an archive takes the place of the one before where it works, and none where
// it doesn't.
func (w blogging) another() {
	w.Helper()
	const there = "cd /srv/sites/" + wordpressSite + " && readlink current && ls releases"
	before := w.sh(there)
	contains(w, w.wordpress(1, w.archive("worse.tar.gz")...), "answers 500 and not 200; the site is back on")
	w.wordpress(0) // what a failed run was given is not remembered
	if after := w.sh(there); after != before {
		w.Errorf("one that does not work has changed %s to %s", before, after)
	}
	w.wordpress(0, w.archive("newer.tar.gz")...)
	if status, _, text := w.page(wordpressSite, "/"); status != 200 || !strings.Contains(text, "Hello world!") || !strings.Contains(text, "WordPress 99.1") {
		w.Errorf("with another archive it answers %d\n%.500s", status, text)
	}
	contains(w, w.must(0, "site", "show", wordpressSite).stdout, "wordpress 99.1")
}

// secrets: only the site's user can read them, and they are nowhere else.
func (w blogging) secrets() {
	w.Helper()
	file := "/srv/sites/" + wordpressSite + "/shared/wp-config.php"
	if got := w.sh("stat -c '%U %G %a' " + file); got != "site_diary_example_org site_diary_example_org 600" {
		w.Errorf("wp-config.php belongs to %s", got)
	}
	if got := w.sh("cd /srv/sites/" + wordpressSite + " && find . ! -user site_diary_example_org; readlink current/wp-config.php current/wp-content"); got != "../../shared/wp-config.php\n../../shared/wp-content" {
		w.Errorf("whose the files are, and where they lead: %s", got)
	}
	keys := strings.Fields(w.sh("sed -n \"s/^define( '[A-Z_]*_\\(KEY\\|SALT\\)', '\\(.*\\)' );/\\2/p\" " + file + " | sort -u"))
	if len(keys) != 8 {
		w.Errorf("there are %d keys of their own", len(keys))
	}
	password := w.sh("sed -n \"s/^define( 'DB_PASSWORD', '\\(.*\\)' );/\\1/p\" " + file)
	if len(password) < 20 {
		w.Errorf("the password of the database is %q", password)
	}
	for _, secret := range append(keys, password) {
		w.h.WriteFile(w.Context(), "/root/secret", []byte(secret))
		if got := w.sh("grep -rlF -f /root/secret /var/lib/brokeforge /var/log /run/brokeforge 2>/dev/null || true"); got != "" {
			w.Errorf("a secret of wp-config.php is in %s", got)
		}
	}
	w.sh("rm /root/secret")
}

// password: settings that somebody has changed get the database's password again, and
// keep the rest.
func (w blogging) password() {
	w.Helper()
	file := "/srv/sites/" + wordpressSite + "/shared/wp-config.php"
	keys := w.sh("grep -E '_(KEY|SALT)' " + file)
	w.sh("sed -i \"s/^define( 'WP_DEBUG'.*/&\\ndefine( 'MINE', true );/; s/^define( 'DB_PASSWORD'.*/define( 'DB_PASSWORD', 'old' );/\" " + file)
	// PHP looks for changes of its files only now and then.
	eventually(w, "with a wrong password WordPress has no database", func() bool {
		status, _, _ := w.page(wordpressSite, "/")
		return status == 500
	})
	w.wordpress(0)
	eventually(w, "with the password again WordPress answers", func() bool {
		status, _, text := w.page(wordpressSite, "/")
		return status == 200 && strings.Contains(text, "Hello world!")
	})
	contains(w, w.sh("cat "+file), keys, "define( 'MINE', true );")
	contains(w, w.wordpress(0), "nothing to do")
}

// secure: WordPress answers by https, where its own pages lead on by it.
func (w blogging) secure() {
	w.Helper()
	w.certify(wordpressSite)
	eventually(w, "WordPress answers by https", func() bool {
		a := w.visit("https", wordpressSite, "/wp-login.php")
		return a.StatusCode == 200 && a.Proto == "HTTP/2.0" && strings.Contains(a.text, "user_login")
	})
	contains(w, w.wordpress(0), "nothing to do")
}

// comesBack: WordPress is taken away and put there again, with what people had written.
func (w blogging) comesBack() {
	w.Helper()
	contains(w, w.wordpress(2, "database=other"), "has no rights on the database other")
	w.must(0, "wordpress", wordpressSite, "--remove", "--yes")
	a := w.visit("https", wordpressSite, "/")
	if a.StatusCode != 200 || !strings.Contains(a.text, "Nothing is deployed to it yet") {
		w.Errorf("without WordPress the site answers %d\n%.300s", a.StatusCode, a.text)
	}
	if got := w.sh("cd /srv/sites/" + wordpressSite + " && ls releases shared"); got != "releases:\nplaceholder\n\nshared:\nwp-content" {
		w.Errorf("left of WordPress: %s", got)
	}
	w.wordpress(0, w.archive("good.tar.gz")...)
	eventually(w, "the article is there again", func() bool {
		a := w.visit("https", wordpressSite, "/")
		return a.StatusCode == 200 && strings.Contains(a.text, "Hello world!")
	})
}

// goes: the site goes with its database, as that was chosen, and the other one stays.
func (w blogging) goes() {
	w.Helper()
	w.must(2, "remove", "mariadb", "--on", w.h.Name, "--yes")
	r := w.must(0, "site", "remove", wordpressSite, "--preview")
	contains(w, r.stdout, "database@mariadb-site_diary_example_org", "database-user@mariadb-site_diary_example_org")
	w.must(0, "site", "remove", wordpressSite, "--databases", "--yes")
	if got := w.sh("find /etc /srv /var/log /var/lib/brokeforge /var/www -name '*diary*' ! -path '/var/lib/brokeforge/dumps/*'; getent passwd site_diary_example_org; mariadb -NBe 'show databases; select user from mysql.user' | grep diary; true"); got != "" {
		w.Errorf("left of WordPress: %s", got)
	}
	if status, _, text := w.page(shopSite, "/who.php"); status != 200 || !strings.HasPrefix(text, "fpm-fcgi site_shop") {
		w.Errorf("the other site answers %d %q", status, text)
	}
	eventually(w, "the name that is gone gets the server's page", func() bool {
		status, _, text := w.page(wordpressSite, "/")
		return status == 200 && strings.Contains(text, "No site has this name")
	})
	if strings.Contains(w.must(0, "secret", "list").stdout, "diary") {
		w.Error("secrets of the site are left")
	}
}
