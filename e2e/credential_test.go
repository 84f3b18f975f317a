package e2e

import (
	"fmt"
	"strings"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestCredentials logs in with the credentials of the configuration file.
func TestCredentials(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "credentials", Suite: hosts.Trixie})
	addUser(t, h, "deploy", "correct horse", "/bin/bash", "deploy ALL=(ALL) NOPASSWD: ALL")
	p := newProgram(t)
	credential := func(name, user, become string) string {
		return fmt.Sprintf("[[credentials]]\nname = %q\nuser = %q\nkey = %q\n%s\n", name, user, lab.Key(), become)
	}
	limited, boss := credential("limited", "deploy", "become = false"), credential("boss", "root", "become = false")
	file := p.settings(credential("ops", "deploy", "") + limited + boss)
	sudoers := func() string {
		return on(t, h, "sh", "-c", "journalctl -q -o cat _COMM=sudo; test ! -e /var/lib/brokeforge || echo prepared")
	}

	add := []string{"server", "add", "web", h.Address(), "--accept-new", "--credential"}
	contains(t, p.must(2, append(add, "none")...).stderr, `there is no credential "none" in `+file, "ops, limited, boss")
	refused := "user deploy on web is not root, and the credential limited in " + file + " has become = false"
	contains(t, p.must(3, append(add, "limited")...).stderr, refused)
	if out := sudoers(); out != "" {
		t.Errorf("where sudo is not to be used, it was: %s", out)
	}
	if out := p.must(0, "server", "list", "--json").stdout; strings.TrimSpace(out) != "[]" {
		t.Errorf("recorded is %s", out)
	}

	contains(t, p.must(0, append(add, "ops")...).stdout, "deploy@"+h.Address())
	contains(t, p.must(0, "server", "show", "web").stdout, "Credential", "ops", lab.Key())
	p.must(0, "install", "base", "--on", "web", "--yes")
	if got := on(t, h, "id", "-un", "brokeforge"); got != "brokeforge" {
		t.Errorf("base made no app user: %s", got)
	}
	if out := sudoers(); !strings.Contains(out, "deploy") {
		t.Errorf("deploy became root without sudo: %s", out)
	}
	contains(t, p.must(3, "server", "change", "web", "--credential", "limited").stderr, refused)

	as := func(user string, args ...string) {
		t.Helper()
		if got := strings.TrimSpace(p.must(0, append([]string{"ssh"}, args...)...).stdout); got != user {
			t.Errorf("ssh %q is %s, wanted %s", args, got, user)
		}
	}
	as("deploy", "web", "id", "-un")
	as("root", "--as", "boss", "web", "id", "-un")
	as("deploy", "--as", "limited", "web", "id", "-un")
	contains(t, p.must(2, "ssh", "--as", "none", "web", "true").stderr, `there is no credential "none"`)

	p.must(0, "server", "add", "plain", h.Address(), "--key", lab.Key(), "--accept-new")
	p.settings(boss)
	gone := "web is logged in to with the credential ops, which " + file + " doesn't have"
	contains(t, p.must(3, "ssh", "web", "true").stderr, gone)
	contains(t, p.must(3, "install", "base", "--on", "web", "--yes").stderr, gone)
	contains(t, p.must(0, "server", "show", "web").stdout, gone)
	as("root", "plain", "id", "-un")
	as("root", "--as", "boss", "web", "id", "-un")
	p.must(0, "server", "change", "web", "--credential", "boss")
	as("root", "web", "id", "-un")
	contains(t, p.must(0, "install", "base", "--on", "web", "--yes").stdout, "nothing to do")
}
