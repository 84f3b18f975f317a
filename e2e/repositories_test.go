package e2e

import (
	"strings"
	"testing"
	"time"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/e2e/hosts"
)

// TestRepositories deploys from repositories by https that are as people have them:
// empty, missing, private, with submodules, with Git LFS, many files, odd names.
func TestRepositories(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	t.Parallel()
	h := start(t, hosts.Spec{Name: "repositories", Suite: hosts.Bookworm})
	p := newProgram(t)
	p.add(h)
	p.must(0, "site", "add", shopDomain, "--on", h.Name, "--yes")
	s := service{p, h}
	f := newForge(p, h)
	f.push("plain", "echo plain >index.html")

	contains(t, s.deploys(1, f.url("plain")), "does not trust the certificate of the git server")
	f.trustedBy(h)
	f.failing(s)
	s.deploys(0, f.url("plain"))
	s.serves("plain")
	// What failed with another repository leaves this one.
	contains(t, s.deploys(1, f.url("missing")), "the git server has no such repository")
	s.must(0, "deploy", shopDomain, "--yes")
	s.serves("plain")

	f.oddNames(s)
	f.submodules(s)
	f.large(s)
	f.manyFiles(s)
	if left := s.sh("ls /tmp/pwn; find /srv/sites/" + shopDomain + "/repo.git -name 'tmp_*' -o -name '*.lock'"); left != "" {
		t.Errorf("left are %s", left)
	}
}

// deploys deploys from a repository, and returns all that is printed.
func (s service) deploys(code int, url string, args ...string) string {
	s.Helper()
	r := s.must(code, append([]string{"deploy", shopDomain, "--yes", "--output", "--repository", url}, args...)...)
	return r.stdout + r.stderr
}

// serves demands that the site shows a page with the text.
func (s service) serves(text string) {
	s.Helper()
	if got := s.http("/"); got != "200 "+text+"\n" {
		s.Errorf("wanted %q, the site answers %q", text, got)
	}
}

// failing are repositories that nothing can be deployed from.
func (f forge) failing(s service) {
	s.Helper()
	f.git(`git init -q --bare "$1"`, f.path("empty"))
	contains(s, s.deploys(1, f.url("empty")), "the repository is empty: push a branch to it first")
	contains(s, s.deploys(1, f.url("missing")), "the git server has no such repository")
	contains(s, s.deploys(1, f.url("private")), "wants a password", "give an address of ssh")
	contains(s, s.deploys(1, "https://"+forgeName+":1/x.git"), "does not answer the server")
	contains(s, s.deploys(1, "https://nowhere.invalid/x.git"), "can't resolve the name nowhere.invalid")
	contains(s, s.deploys(1, f.url("plain"), "--ref", "nowhere"), "has no branch, tag or commit nowhere", "main")
}

// oddNames: branches with characters of the shell, which git allows.
func (f forge) oddNames(s service) {
	s.Helper()
	const branch = "it's;$(touch${IFS}/tmp/pwn)&`id`|\"x\"#"
	f.push("odd", `echo odd >index.html && touch -- '-rf' 'a b' '$(touch pwn)' "$(printf 'new\nline')" "$(printf 'byte\377')"
git add -A && git commit -q -m odd && git branch `+shellescape.Quote(branch))
	s.deploys(0, f.url("odd"), "--ref", branch)
	s.sh("cd /srv/sites/" + shopDomain + "/current && [ -e ./-rf ] && [ -e 'a b' ] && [ -e '$(touch pwn)' ] && [ ! -e pwn ]")
	contains(s, s.must(0, "run", "list").stdout, "deploy "+shopDomain)
}

// submodules come with what they are asked for, and their addresses are not trusted.
func (f forge) submodules(s service) {
	s.Helper()
	f.push("library", "echo inside >library.txt")
	f.push("with", `echo with >index.html
git -c protocol.file.allow=always submodule --quiet add `+shellescape.Quote(f.path("library"))+` lib && git config -f .gitmodules submodule.lib.url ../library.git`)
	contains(s, s.deploys(0, f.url("with")), "has submodules, which are left away")
	s.serves("with")
	s.deploys(0, f.url("with"), "--set", "git-repository.submodules=yes")
	if got := s.sh("cat /srv/sites/" + shopDomain + "/current/lib/library.txt; find /srv/sites/" + shopDomain + "/current/ -name .git"); got != "inside" {
		s.Errorf("the submodule holds %q", got)
	}
	for name, address := range map[string]string{"outside": "ext::sh -c touch% /tmp/pwn", "local": "file:///etc", "option": "-u./touch"} {
		f.push(name, `echo no >index.html
git -c protocol.file.allow=always submodule --quiet add `+shellescape.Quote(f.path("library"))+` lib && git config -f .gitmodules submodule.lib.url `+shellescape.Quote(address))
		out := s.deploys(1, f.url(name))
		if !strings.Contains(out, "neither of ssh nor of https") && !strings.Contains(out, "git can't read the submodules of") {
			s.Errorf("%s: it says\n%s", name, out)
		}
		s.serves("with")
	}
	s.deploys(0, f.url("plain"), "--set", "git-repository.submodules=no")
}

// large: files that Git LFS keeps come whole, or nothing is deployed.
func (f forge) large(s service) {
	s.Helper()
	f.pushLarge("large", "the large file\n", false)
	contains(s, s.deploys(1, f.url("large")), "keeps files with Git LFS, such as film.bin", "lfs=yes")
	s.serves("plain")
	s.deploys(0, f.url("large"), "--set", "git-repository.lfs=yes")
	if got := s.sh("cat /srv/sites/" + shopDomain + "/current/film.bin"); got != "the large file" {
		s.Errorf("the large file holds %q", got)
	}
	f.pushLarge("lost", "it is gone\n", true)
	contains(s, s.deploys(1, f.url("lost")), "git can't read the files that", "keeps with Git LFS")
	s.serves("large")
}

// manyFiles: it is told how far fetching is.
func (f forge) manyFiles(s service) {
	s.Helper()
	f.push("many", `echo many >index.html
seq 3000 | split -l 1 -a 4 - file-
head -c 8000000 /dev/urandom >noise`)
	began := time.Now()
	contains(s, s.deploys(0, f.url("many")), "Receiving objects: 100% (30")
	s.Logf("3000 files took %s", time.Since(began).Round(time.Millisecond))
	s.serves("many")
}
