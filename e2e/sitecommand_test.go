package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestSiteCommands runs commands on a site, changes its .env and reads its logs.
func TestSiteCommands(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "sitecommand", func(s service) {
		s.must(0, "site", "add", shopDomain, "--on", s.h.Name, "--yes")
		s.commands()
		s.badCommands()
		s.environment()
		s.environmentRefused()
		s.logs()
		s.follows()
		s.must(0, "site", "remove", shopDomain, "--yes")
		if got := s.must(0, "secret", "list").stdout; strings.Contains(got, "environment") {
			s.Errorf("of a site that is gone there are still secrets:\n%s", got)
		}
	})
}

// siteUser is the user of shopDomain.
const siteUser = "site_shop_example_org"

func (s service) commands() {
	s.Helper()
	r := s.must(0, "exec", shopDomain, "--", "pwd -P; id -un; echo $HOME; touch made")
	folder := "/srv/sites/" + shopDomain
	if want := folder + "/releases/placeholder\n" + siteUser + "\n" + folder + "/home\n"; r.stdout != want {
		s.Errorf("got %q, wanted %q", r.stdout, want)
	}
	if got := s.sh("stat -c %U " + folder + "/current/made"); got != siteUser {
		s.Errorf("what it made belongs to %s", got)
	}
	r = s.must(0, "exec", shopDomain, "--", "printf", "%s|", "a b", "$(touch /tmp/pwn)", "'; touch /tmp/pwn; '", "*", "")
	if want := "a b|$(touch /tmp/pwn)|'; touch /tmp/pwn; '|*||\n"; r.stdout != want {
		s.Errorf("several words give %q, wanted %q", r.stdout, want)
	}
	r = s.must(1, "exec", shopDomain, "--", "echo bad; exit 7")
	contains(s, r.stdout+r.stderr, "bad\n", "exit status 7")
	r = s.must(1, "exec", "--timeout", "1s", shopDomain, "--", "echo begun; sleep 1000")
	contains(s, r.stdout+r.stderr, "begun\n", "exit status 124", "took too long")
	if got := s.sh("pgrep -x -a sleep | grep -F 1000 || true"); got != "" {
		s.Errorf("it goes on: %s", got)
	}
	r = s.must(0, "exec", "--history", shopDomain)
	lines := strings.Split(r.stdout, "\n")
	for i, want := range []string{"124", " 7 ", "printf", "pwd"} {
		if !strings.Contains(lines[i+1], want) {
			s.Errorf("line %d of the history is %q, wanted %q in it", i+1, lines[i+1], want)
		}
	}
	r = s.must(0, "exec", "--history", "--json", shopDomain)
	contains(s, r.stdout, `"exit_status": 7`, `"state": "failed"`)
	contains(s, s.must(0, "run", "list").stdout, "run command "+shopDomain)
	s.must(2, "exec", shopDomain)
	s.must(2, "exec", shopDomain, "--", "  ")
	contains(s, s.must(2, "exec", "no.example.org", "--", "true").stderr, "there is no site")
}

func (s service) badCommands() {
	s.Helper()
	s.must(1, "exec", shopDomain, "--", "'; touch /tmp/pwn")
	s.must(1, "exec", shopDomain, "--", "id >/root/pwn")
	contains(s, s.must(2, "exec", shopDomain, "--", "true\ntouch /tmp/pwn").stderr, "can't be printed")
	if got := s.sh("ls /tmp/pwn /root/pwn 2>/dev/null || true"); got != "" {
		s.Errorf("%s was made", got)
	}
	r := s.must(0, "exec", shopDomain, "--", `printf 'a\377b\033]52;c;aGk=\007\033[2Jc\n'; head -c 1000000 /dev/zero | tr '\0' x; echo; echo end`)
	if strings.ContainsAny(r.stdout, "\x1b\x07") || !utf8.ValidString(r.stdout) || len(r.stdout) > 100_000 || !strings.HasSuffix(r.stdout, "end\n") {
		s.Errorf("%d bytes: %.200q", len(r.stdout), r.stdout)
	}
}

func (s service) environment() {
	s.Helper()
	secret := "hunter2 $(touch /tmp/pwn) 'quoted'"
	file := filepath.Join(s.TempDir(), "password")
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		s.Fatal(err)
	}
	contains(s, s.must(0, "env", "show", shopDomain).stderr, "there is no /srv/sites/"+shopDomain+"/shared/.env")
	r := s.must(0, "env", "set", shopDomain, "DB_PASSWORD=@"+file, "--yes")
	contains(s, r.stdout, "+ DB_PASSWORD=••••••••", "is saved")
	path := "/srv/sites/" + shopDomain + "/shared/.env"
	if got := s.sh("stat -c '%U %a %F' " + path); got != siteUser+" 600 regular file" {
		s.Errorf("the file is %s", got)
	}
	r = s.must(0, "env", "show", shopDomain)
	if r.stdout != "DB_PASSWORD=••••••••\n" {
		s.Errorf("shown is %q", r.stdout)
	}
	if got := s.must(0, "env", "show", shopDomain, "--reveal").stdout; got != s.sh("cat "+path)+"\n" || !strings.Contains(got, "hunter2") {
		s.Errorf("revealed is %q", got)
	}
	// What a command prints is cleared of it, also when it is run again.
	r = s.must(0, "exec", shopDomain, "--", "cat ../../shared/.env; . ../../shared/.env; echo \"it is $DB_PASSWORD\"")
	contains(s, r.stdout, "DB_PASSWORD=", "[hidden]")
	if strings.Contains(r.stdout, "hunter2") || strings.Contains(s.sh("ls /tmp"), "pwn") {
		s.Errorf("the secret is told: %q", r.stdout)
	}
	for _, name := range []string{"secret", "DEBUG=1"} {
		contains(s, s.must(2, "env", "set", shopDomain, name, "--yes").stderr, "=-")
	}
	empty := filepath.Join(s.TempDir(), "debug")
	if err := os.WriteFile(empty, []byte("true"), 0o600); err != nil {
		s.Fatal(err)
	}
	s.must(0, "env", "set", shopDomain, "APP_DEBUG=@"+empty, "--yes")
	s.sh("echo BY_HAND=1 >>" + path)
	s.must(0, "env", "set", shopDomain, "APP_DEBUG=", "--yes")
	contains(s, s.sh("cat "+path), "DB_PASSWORD=", "APP_DEBUG=", "BY_HAND=1")
	if got := strings.Count(s.must(0, "env", "history", shopDomain).stdout, "\n"); got != 5 {
		s.Errorf("the history has %d lines, wanted a head and 4 versions", got)
	}
	s.must(0, "env", "restore", shopDomain, "4", "--yes")
	if got := s.sh("cat " + path); !strings.HasPrefix(got, "DB_PASSWORD=") || strings.Contains(got, "APP_DEBUG") {
		s.Errorf("restored is %q", got)
	}
	s.must(2, "env", "restore", shopDomain, "99", "--yes")
	if found := s.sh("grep -rlF hunter2 /var/lib/brokeforge /etc /tmp /var/log 2>/dev/null | grep -v '/runs/' || true"); found != "" {
		s.Errorf("the secret is in %s", found)
	}
	s.nowhereHere("hunter2")
}

// environmentRefused has the .env be what it may not be.
func (s service) environmentRefused() {
	s.Helper()
	path := "/srv/sites/" + shopDomain + "/shared/.env"
	value := filepath.Join(s.TempDir(), "value")
	if err := os.WriteFile(value, []byte("x"), 0o600); err != nil {
		s.Fatal(err)
	}
	s.sh("mv " + path + " " + path + ".kept && echo A=1 >/root/other && ln -s /root/other " + path)
	contains(s, s.must(2, "env", "set", shopDomain, "A=@"+value, "--yes").stderr, "symbolic link")
	contains(s, s.must(2, "env", "show", shopDomain, "--reveal").stderr, "symbolic link")
	if got := s.sh("cat /root/other"); got != "A=1" {
		s.Errorf("what the link leads to is %q", got)
	}
	s.sh("rm " + path + " && printf 'A=1\\nnonsense\\n' >" + path)
	contains(s, s.must(2, "env", "set", shopDomain, "A=@"+value, "--yes").stderr, "line 2 of the .env has no =")
	s.sh("mv " + path + ".kept " + path)
}

func (s service) logs() {
	s.Helper()
	s.sh(`curl -sS -o /dev/null -H 'Host: ` + shopDomain + `' 'http://127.0.0.1/first'; curl -sS -o /dev/null -H 'Host: ` + shopDomain + `' -A "$(printf '\033]0;x\007')" 'http://127.0.0.1/second'`)
	r := s.must(0, "logs", shopDomain)
	contains(s, r.stdout, "GET /first", "GET /second")
	if strings.ContainsAny(r.stdout, "\x1b\x07") {
		s.Errorf("not cleaned: %q", r.stdout)
	}
	s.sh("echo LOG_TOKEN=swordfish >>/srv/sites/" + shopDomain + "/shared/.env; curl -sS -o /dev/null -H 'Host: " + shopDomain + "' http://127.0.0.1/third/swordfish")
	contains(s, s.must(0, "logs", shopDomain).stdout, "GET /third/[hidden]")
	if r := s.must(0, "logs", shopDomain, "--grep", "second", "--lines", "1"); strings.Count(r.stdout, "\n") != 1 || !strings.Contains(r.stdout, "/second") {
		s.Errorf("filtered: %q", r.stdout)
	}
	if r := s.must(0, "logs", shopDomain, "--grep", "'; touch /tmp/pwn"); r.stdout != "" {
		s.Errorf("what no line has gives %q", r.stdout)
	}
	contains(s, s.must(0, "logs", shopDomain, "--json", "-n", "1").stdout, `"site":"`+shopDomain+`"`)
	s.must(0, "logs", shopDomain, "--error")
}

// follows sees lines come while they are logged, also after the log was rotated, and
// that nothing goes on reading on the host afterwards.
func (s service) follows() {
	s.Helper()
	f := s.start("logs", shopDomain, "--follow", "--grep", "wanted", "--lines", "0")
	request := func(path string) {
		s.sh(`curl -sS -o /dev/null -H 'Host: ` + shopDomain + `' http://127.0.0.1/` + path)
	}
	shown := func(path string) {
		s.Helper()
		eventually(s, path+" is shown", func() bool { return strings.Contains(f.output(), "GET /"+path) })
	}
	s.untilSh("the log is followed", "pgrep -x tail")
	request("wanted-1")
	shown("wanted-1")
	log := s.sh("ls /var/log/nginx/*" + shopDomain + "*access*")
	s.sh(`printf 'wanted\033[2J\033]0;title\007 \302\233\061\342\200\256end\n' >>` + log)
	eventually(s, "the line with control characters is shown", func() bool { return strings.Contains(f.output(), "end\n") })
	// As the distribution's logrotate would do it.
	s.sh("mv " + log + " " + log + ".1 && nginx -s reopen")
	s.untilSh("nginx logs anew", "test -e "+log)
	request("other")
	request("wanted-2")
	shown("wanted-2")
	f.interrupt()
	if out := f.output(); strings.ContainsAny(out, "\x1b\a\u009b\u202e") || strings.Contains(out, "/other") {
		s.Errorf("it is not cleaned, or not filtered: %q", out)
	}
	s.untilSh("nothing reads the log any more", "! pgrep -x tail")
}
