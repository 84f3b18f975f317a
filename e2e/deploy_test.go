package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// TestDeployment deploys an application from a git server on another host, well and
// badly, while it is visited all the time.
func TestDeployment(t *testing.T) {
	if !hosts.Require(t) {
		return
	}
	t.Parallel()
	d := deployment{
		program: newProgram(t), domain: "blog.example.org",
		web: start(t, hosts.Spec{Name: "deploy-web", Suite: hosts.Trixie}),
		git: start(t, hosts.Spec{Name: "deploy-git", Suite: hosts.Bookworm}),
	}
	d.add(d.web)
	// The disk of the sites is small, so that it is soon full.
	d.onWeb("mkdir -p /srv/sites && mount -t tmpfs -o mode=0755,size=48m sites /srv/sites")
	d.gitServer()
	d.must(0, "site", "add", d.domain, "--on", d.web.Name, "--set", "kind=laravel", "--yes")
	d.refused()
	d.unknownHostKey()
	d.keyIsRefused()
	d.first()
	d.withoutFailures(d.good)
	d.withoutFailures(d.broken)
	d.hostileRepository()
	d.withoutFailures(d.rollback)
	d.history()
	d.workerKey()
	d.withoutFailures(d.cancelled)
	d.withoutFailures(d.fullDisk)
	d.endless()
	d.secrets()
	d.composer()
	d.prunes()
	d.removed()
}

type deployment struct {
	program
	domain   string
	web, git *hosts.Host
}

// artisan stands for Laravel's: it does what is asked for in a small way.
const artisan = `#!/usr/bin/env php
<?php
$env = __DIR__ . '/.env';
switch ($argv[1]) {
case 'key:generate':
	file_put_contents($env, preg_replace('/^APP_KEY=.*/m', 'APP_KEY=made-' . getmypid(), file_get_contents($env)));
	break;
case 'storage:link':
	@symlink(__DIR__ . '/storage/app/public', __DIR__ . '/public/storage');
	break;
case 'migrate':
	file_put_contents(__DIR__ . '/storage/migrations', trim(file_get_contents(__DIR__ . '/version')) . "\n", FILE_APPEND);
	break;
}
echo $argv[1], " done as ", get_current_user(), "\n";
`

const indexPHP = `<?php
require __DIR__ . '/../answer.php';
if (!preg_match('/^APP_KEY=made-/m', file_get_contents(__DIR__ . '/../.env'))) {
	http_response_code(503);
}
file_put_contents(__DIR__ . '/../storage/logs/visits', "x", FILE_APPEND);
echo answer(), ' ', trim(file_get_contents(__DIR__ . '/../version'));
`

// gitServer makes one of plain git by ssh.
func (d deployment) gitServer() {
	d.Helper()
	d.onGit(`DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install git >/dev/null
useradd -m -s /bin/bash git
install -d -o git -g git -m 0700 ~git/.ssh
runuser -u git -- git init -q --bare -b main ~git/blog.git
git config --global user.name 'Ada Example' && git config --global user.email ada@example.org && git config --global safe.directory '*'
git init -q -b main /root/work`)
	d.write("artisan", artisan)
	d.write("public/index.php", indexPHP)
	d.write("answer.php", "<?php\nfunction answer() { return 'version'; }\n")
	d.write(".env.example", "APP_KEY=\n")
	d.write("storage/logs/.gitignore", "*\n!.gitignore\n")
	d.push("one")
}

func (d deployment) onGit(script string) string {
	d.Helper()
	return on(d, d.git, "sh", "-ec", "export HOME=/root\n"+script)
}

func (d deployment) onWeb(script string) string {
	d.Helper()
	return on(d, d.web, "sh", "-ec", script)
}

// write writes a file of the work tree.
func (d deployment) write(path, content string) {
	d.Helper()
	d.onGit(fmt.Sprintf("mkdir -p /root/work/%s && cat >/root/work/%s <<'END'\n%sEND", filepath.Dir(path), path, content))
}

// push commits everything as a version.
func (d deployment) push(version string) {
	d.Helper()
	d.onGit(fmt.Sprintf(`cd /root/work
echo %[1]s >version
git add -A
git commit -q -m 'it is "version" %[1]s; $(date)'
git push -q -f /home/git/blog.git HEAD:main
chown -R git:git /home/git/blog.git`, version))
}

// undo takes the last commit back.
func (d deployment) undo() {
	d.Helper()
	d.onGit("cd /root/work && git reset -q --hard HEAD~1")
}

func (d deployment) deploy(code int, args ...string) string {
	d.Helper()
	r := d.must(code, append([]string{"deploy", d.domain, "--yes"}, args...)...)
	return r.stdout + r.stderr
}

// page is what a visitor from outside gets.
func (d deployment) page(ctx context.Context) (int, string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+d.web.Address()+"/", nil)
	if err != nil {
		return 0, "", err
	}
	request.Host = d.domain
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

func (d deployment) shows(version string) {
	d.Helper()
	status, body, err := d.page(d.Context())
	if err != nil || status != 200 || body != "version "+version {
		d.Fatalf("wanted version %s, the site answers %d %q, %v", version, status, body, err)
	}
}

// releases lists the folders of releases, but for the placeholder.
func (d deployment) releases() []string {
	d.Helper()
	return strings.Fields(d.onWeb("ls /srv/sites/" + d.domain + "/releases | grep -v placeholder || true"))
}

// withoutFailures visits the site while something is done. Every visit must be
// answered.
func (d deployment) withoutFailures(do func()) {
	d.Helper()
	const most = 20000 // visits
	ctx, stop := context.WithCancel(d.Context())
	type outcome struct {
		visits int
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		var o outcome
		for ctx.Err() == nil && o.visits < most && o.err == nil {
			status, body, err := d.page(ctx)
			switch {
			case errors.Is(err, context.Canceled):
			case err != nil:
				o.err = err
			case status != 200 || !strings.HasPrefix(body, "version "):
				o.err = fmt.Errorf("the visit after %d others was answered with %d %q", o.visits, status, body)
			default:
				o.visits++
			}
			select {
			case <-ctx.Done():
			case <-time.After(2 * time.Millisecond): // the host has other work too
			}
		}
		ended <- o
	}()
	func() {
		defer stop()
		do()
	}()
	o := <-ended
	d.Logf("%d visits", o.visits)
	if o.err != nil || o.visits < 20 {
		d.Errorf("of %d visits one failed, or they are few: %v", o.visits, o.err)
	}
}

// refused: what would have git or ssh do something else is refused before any server
// is asked.
func (d deployment) refused() {
	d.Helper()
	for _, address := range []string{
		"ext::sh -c touch% /tmp/pwn", "file:///etc", "--upload-pack=touch /tmp/pwn", "ssh://-oProxyCommand=touch%20/tmp/pwn/x", "https://user:secret@host/r.git",
		"https://h%0a.evil/", "../../etc", "host:$(touch /tmp/pwn)", "git@host:a\nb",
	} {
		d.must(2, "deploy", d.domain, "--yes", "--repository="+address)
	}
	for _, ref := range []string{"-rf", "--upload-pack=x", "x..y", "a\nb", "@{-1}", "refs/heads/../../x", "a b", strings.Repeat("x", 300)} {
		d.must(2, "deploy", d.domain, "--yes", "--ref="+ref)
	}
	d.must(2, "rollback", d.domain, "../../etc", "--yes")
	d.deploy(2) // from no repository
}

// repository are the arguments that name it.
func (d deployment) repository(hostKey string) []string {
	args := []string{"--repository", "git@" + d.git.Address() + ":blog.git", "--preset", "laravel"}
	if hostKey != "" {
		args = append(args, "--set", "git-repository.host-key="+hostKey)
	}
	return args
}

func (d deployment) hostKey() string {
	d.Helper()
	return strings.Fields(d.onGit("ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub"))[1]
}

func (d deployment) unknownHostKey() {
	d.Helper()
	contains(d, d.deploy(1, d.repository("")...), "host key", d.hostKey())
	contains(d, d.deploy(1, d.repository("SHA256:"+strings.Repeat("x", 43))...), "host key", d.hostKey())
}

var publicKey = regexp.MustCompile(`ssh-ed25519 [A-Za-z0-9+/=]+ brokeforge blog\.example\.org`)

// keyIsRefused: the key is shown, and the same one is used once it is allowed.
func (d deployment) keyIsRefused() {
	d.Helper()
	out := d.deploy(1, d.repository(d.hostKey())...)
	contains(d, out, "does not let this key read the repository")
	key := publicKey.FindString(out)
	if key == "" {
		d.Fatalf("no public key in:\n%s", out)
	}
	d.onGit("echo 'restrict " + key + "' >~git/.ssh/authorized_keys && chown git ~git/.ssh/authorized_keys && chmod 600 ~git/.ssh/authorized_keys")
}

func (d deployment) first() {
	d.Helper()
	out := d.deploy(0, append(d.repository(d.hostKey()), "--output")...)
	contains(d, out, "migrate done", `it is "version" one; $(date)`)
	d.shows("one")
	d.onWeb(`cd /srv/sites/blog.example.org
[ "$(stat -c %U current/version)" = site_blog_example_org ]
[ ! -e current/.git ] && [ -L current/storage ] && [ "$(cat shared/storage/migrations)" = one ]
! grep -rq 'PRIVATE KEY' . /etc/brokeforge`)
}

// good: the next version comes in place of this one.
func (d deployment) good() {
	d.Helper()
	d.push("two")
	d.deploy(0)
	d.shows("two")
	if now := d.onWeb("readlink /srv/sites/blog.example.org/current"); now != "releases/"+d.releases()[1] {
		d.Errorf("the link leads to %s", now)
	}
}

// broken: what fails leaves the release before in use, and nothing of its own.
func (d deployment) broken() {
	d.Helper()
	const there = "readlink /srv/sites/blog.example.org/current; ls /srv/sites/blog.example.org/releases"
	before := d.onWeb(there)
	fails := func(what, says string, args ...string) {
		d.Helper()
		contains(d, d.deploy(1, args...), says)
		d.shows("two")
		if after := d.onWeb(there); after != before {
			d.Errorf("%s: it was\n%s\nand is\n%s", what, before, after)
		}
	}
	d.push("three")
	fails("the script fails", "the script failed with status 7", "--script", d.file("echo building\nexit 7\n"))
	fails("no shell can read it", "can't read the script", "--script", d.file("if true; then\n"))
	fails("it never ends", "took longer than 2 seconds", "--script", d.file("sleep 1000 & while :; do sleep 1; done\n"), "--set", "deployment.timeout=2")
	fails("there is no such branch", "has no branch, tag or commit", "--ref", "nowhere")
	fails("what follows the switch fails", "the script for after the switch failed", "--after-script", d.file("exit 3\n"))
	fails("the site answers with something else", "answers 200 and not 404", "--set", "deployment.check-path=/up", "--set", "deployment.check-status=404")
	if left := d.onWeb("pgrep -xf 'sleep 1000' || true"); left != "" {
		d.Errorf("the script that was ended has left a process: %s", left)
	}
	// What a failed run was given is not remembered.
	d.deploy(0)
	d.shows("three")
}

// hostileRepository: links that lead out do no harm.
func (d deployment) hostileRepository() {
	d.Helper()
	d.onGit("cd /root/work && ln -s /etc/passwd public/passwd.txt && ln -s ../../.. up")
	d.push("four")
	contains(d, d.deploy(1), "a link that leads out of it: public/passwd.txt -> /etc/passwd", "a link that leads out of it: up")
	d.shows("three")
	d.undo()
	d.onGit("cd /root/work && git rm -rq storage && rm -rf storage && mkdir vendor && touch vendor/x && ln -s vendor storage")
	d.push("five")
	d.deploy(0)
	d.shows("five")
	d.onWeb(`cd /srv/sites/blog.example.org && [ "$(readlink current/storage)" = ../../shared/storage ] && [ ! -L shared/storage ] && grep -q one shared/storage/migrations`)
}

func (d deployment) rollback() {
	d.Helper()
	contains(d, d.must(0, "rollback", d.domain, "--yes").stderr, "migrations of a database")
	d.shows("three")
	list := d.releases()
	d.must(0, "rollback", d.domain, list[0], "--yes")
	d.shows("one")
	contains(d, d.must(1, "rollback", d.domain, "20200101000000-abcdef0", "--yes").stderr, "is not kept")
	contains(d, d.must(1, "rollback", d.domain, "--yes").stderr, "no release before")
	d.must(0, "rollback", d.domain, list[len(list)-1], "--yes")
	d.shows("five")
}

// history: each deployment is there, with what it deployed and what came of it.
func (d deployment) history() {
	d.Helper()
	out := d.must(0, "site", "releases", d.domain, "--limit", "0").stdout
	contains(d, out, "rolled back, in use", `it is "version" two; $(date)`, "failed with status 7")
	if strings.Count(out, "in use") != 1 {
		d.Errorf("not one release is in use:\n%s", out)
	}
	contains(d, d.must(0, "run", "list", "--limit", "0").stdout, "install git-repository, deploy "+d.domain, " deploy "+d.domain, " roll back "+d.domain)
	contains(d, d.must(0, "site", "releases", d.domain, "--json").stdout, `"author": "Ada Example"`, `"current": true`)
}

// workerKey: the key of the server's worker user reads a repository that lets it alone
// in, and does not stay with the site.
func (d deployment) workerKey() {
	d.Helper()
	const allowed = "~git/.ssh/authorized_keys"
	d.onGit("cp -p " + allowed + " /root/site-key")
	worker := strings.TrimSpace(d.must(0, "key", "show", d.web.Name, "worker").stdout)
	d.onGit("echo 'restrict " + worker + "' >" + allowed)
	d.push("worker")
	contains(d, d.deploy(1), "does not let this key read the repository")
	d.deploy(0, "--set", "git-repository.key=worker")
	d.shows("worker")
	d.onWeb("! grep -rq 'PRIVATE KEY' /srv/sites/blog.example.org /etc/brokeforge")
	d.onGit("cat /root/site-key >" + allowed)
	contains(d, d.deploy(1), "does not let this key read the repository")
	d.deploy(0, "--set", "git-repository.key=site")
}

// prunes: no more releases are kept than wanted.
func (d deployment) prunes() {
	d.Helper()
	d.push("six")
	d.deploy(0, "--set", "deployment.keep=2")
	d.shows("six")
	if list := d.releases(); len(list) != 2 {
		d.Errorf("kept are %q", list)
	}
}

// removed: with the site goes what was known of its repository.
func (d deployment) removed() {
	d.Helper()
	contains(d, d.must(0, "secret", "list").stdout, "blog.example.org/git-repository.deploy-key")
	d.must(0, "site", "remove", d.domain, "--yes")
	d.onWeb("[ ! -e /srv/sites/blog.example.org ] && [ -z \"$(ls /etc/brokeforge/git)\" ]")
	if out := d.must(0, "secret", "list").stdout; strings.Contains(out, "blog.example.org") {
		d.Errorf("secrets of the site are left:\n%s", out)
	}
}
