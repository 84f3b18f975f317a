package e2e

import (
	"strings"
	"testing"

	"brokeforge/e2e/archive"
	"brokeforge/e2e/hosts"
)

// TestRuntimes installs composer, Node.js and Python on each release and takes them away again.
func TestRuntimes(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "run-" + name, Suite: suite})
			p := newProgram(t)
			p.add(h)
			p.must(0, "install", "base", "--on", h.Name, "--yes")
			builds := func() {}
			if suite == hosts.Trixie {
				builds = nodeBuilds(service{p, h})
			}
			before := packagesOf(t, h)
			composer(p, h)
			python(p, h)
			node(p, h, builds)
			isAsBefore(t, h, before)
		})
	}
}

// twice installs a package twice: the second time has nothing to do.
func twice(p program, h *hosts.Host, args ...string) {
	p.Helper()
	args = append([]string{"install"}, append(args, "--on", h.Name, "--yes")...)
	p.must(0, args...)
	r := p.must(0, args...)
	contains(p, r.stdout+r.stderr, "nothing to do")
}

func asUser(p program, h *hosts.Host, script string) string {
	p.Helper()
	return on(p, h, "runuser", "-l", "brokeforge", "-c", script)
}

func composer(p program, h *hosts.Host) {
	p.Helper()
	twice(p, h, "composer")
	contains(p, asUser(p, h, "composer --no-interaction --version"), "Composer version 2")
	contains(p, on(p, h, "php", "-v"), "PHP "+ownPHP[h.Suite])
	p.must(0, "remove", "composer", "--on", h.Name, "--yes")
	if out := on(p, h, "sh", "-c", "command -v composer php || true"); out != "" {
		p.Errorf("left of composer: %s", out)
	}
}

func python(p program, h *hosts.Host) {
	p.Helper()
	twice(p, h, "python")
	on(p, h, "apt-get", "-q", "-y", "install", "--no-install-recommends", "python3-yaml")
	contains(p, asUser(p, h, "python3 -m venv --system-site-packages v && v/bin/python -c 'import sys, yaml; print(sys.prefix, yaml.dump([1]))'"), "/home/brokeforge/v")
	asUser(p, h, "python3 -m venv w && w/bin/pip --version && pipx --version")
	r := p.must(0, "install", "python", "--set", "python.pipx=no", "--on", h.Name, "--yes")
	if out := on(p, h, "sh", "-c", "command -v pipx || true"); out != "" {
		p.Errorf("pipx is still there:\n%s", r.stdout)
	}
	p.must(0, "remove", "python", "--on", h.Name, "--yes")
	// Somebody else's package keeps the interpreter.
	contains(p, on(p, h, "python3", "-c", "import yaml; print(yaml.dump([1]))"), "- 1")
	on(p, h, "apt-get", "-q", "-y", "purge", "--auto-remove", "python3-yaml")
	on(p, h, "rm", "-r", "/home/brokeforge/v", "/home/brokeforge/w")
}

// nodeBuilds makes a site, and returns what deploys it with the preset static-node as
// soon as the server has npm. Without it that is said.
func nodeBuilds(s service) func() {
	s.Helper()
	s.must(0, "site", "add", shopDomain, "--on", s.h.Name, "--yes")
	f := newForge(s.program, s.h)
	f.trustedBy(s.h)
	f.push("node", `cat >package.json <<'END'
{"name": "shop", "version": "1.0.0", "scripts": {"build": "node build.js"}}
END
cat >package-lock.json <<'END'
{"name": "shop", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": {"": {"name": "shop", "version": "1.0.0"}}}
END
echo "require('fs').writeFileSync('index.html', 'built by ' + require('os').userInfo().username + require('os').EOL)" >build.js`)
	contains(s, s.deploys(1, f.url("node"), "--preset", "static-node"), "npm is not on this server: install node there first")
	return func() {
		s.Helper()
		s.deploys(0, f.url("node"), "--preset", "static-node")
		s.serves("built by " + siteUser)
	}
}

func node(p program, h *hosts.Host, builds func()) {
	p.Helper()
	r := p.must(2, "install", "node", "--set", "node.corepack=yes", "--on", h.Name, "--yes")
	contains(p, r.stdout+r.stderr, "corepack comes with NodeSource")
	twice(p, h, "node")
	builds()
	contains(p, asUser(p, h, "node -e 'console.log(1+1)'"), "2")
	contains(p, asUser(p, h, `mkdir -p lib app && echo '{"name":"small","version":"1.0.0","main":"i.js"}' >lib/package.json && echo 'module.exports = "from npm"' >lib/i.js &&
(cd lib && npm pack --silent) && cd app && npm init -y >/dev/null && npm install --offline --no-audit ../lib/small-1.0.0.tgz >/dev/null && node -p 'require("small")'`), "from npm")
	on(p, h, "rm", "-r", "/home/brokeforge/lib", "/home/brokeforge/app")

	depot := newDepot(p, h, archive.Node("24"), archive.Node("22"))
	depot.publish("nodistro", "tests", "tests", depot.key)
	p.useArchive("nodesource", depot.url, depot.key.Fingerprint, "")
	r = p.run("install", "node", "--set", "node.version=20", "--on", h.Name, "--yes")
	if r.code != 1 {
		p.Errorf("a version that is not offered: exit status %d", r.code)
	}
	contains(p, r.stderr, "does not offer nodejs in a version 20", "choose version=distribution")
	contains(p, asUser(p, h, "node -p '1+1'; npm --version"), "2") // what was there still is
	on(p, h, "systemd-run", "--unit=sleeper", "sh", "-c", "exec sleep 1000 # node")
	for _, version := range []string{"24", "22"} {
		twice(p, h, "node", "--set", "node.version="+version, "--set", "node.corepack=yes")
		contains(p, asUser(p, h, "node -v; npm --version; readlink /usr/bin/yarn"), "v"+version+".99.0", "10.99.0", "corepack")
	}
	if got := on(p, h, "systemctl", "is-active", "sleeper"); got != "active" {
		p.Errorf("a program with node in its arguments is %s", got)
	}
	if err := h.Reboot(p.Context()); err != nil {
		p.Fatal(err)
	}
	contains(p, asUser(p, h, "node -v"), "v22.99.0")
	p.must(0, "install", "node", "--set", "node.corepack=no", "--on", h.Name, "--yes")
	twice(p, h, "node", "--set", "node.version=distribution", "--set", "node.npm=no")
	if left := sources(p, h); left != "" {
		p.Errorf("left of the repository: %s", left)
	}
	if out := on(p, h, "sh", "-c", "node -v; command -v npm yarn pnpm || true"); strings.Contains(out, ".99.") || strings.Contains(out, "/") {
		p.Errorf("the distribution's Node.js without npm is: %s", out)
	}
	p.must(0, "remove", "node", "--on", h.Name, "--yes")
	if out := on(p, h, "sh", "-c", "command -v node npm yarn || true"); out != "" {
		p.Errorf("left of Node.js: %s", out)
	}
	adoptNode(p, h, depot)
}

// adoptNode takes over a Node.js of NodeSource's that somebody has put there without the repository. What
// BrokeForge brings to it then, the repository, goes again.
func adoptNode(p program, h *hosts.Host, depot *depot) {
	p.Helper()
	on(p, h, "sh", "-c", "curl -sSf -o /tmp/node.deb "+depot.url+"/pool/nodejs_22.99.0-1nodesource1_all.deb && apt-get -qq -y install --no-install-recommends /tmp/node.deb && rm /tmp/node.deb && corepack enable")
	p.must(0, "adopt", "node", "--on", h.Name)
	was := adoption{p, h}.recorded("node", "")
	if was["version"] != "22" || was["npm"] != "yes" || was["corepack"] != "yes" {
		p.Errorf("of Node.js is recorded %v", was)
	}
	r := p.must(2, "install", "node", "--set", "node.version=distribution", "--set", "node.corepack=no", "--on", h.Name, "--yes")
	contains(p, r.stderr, "this server had Node.js 22 before BrokeForge, which does not take it off")
	p.must(0, "install", "node", "--set", "node.version=22", "--set", "node.corepack=yes", "--on", h.Name, "--yes")
	contains(p, sources(p, h), "brokeforge-nodesource.sources")
	p.must(0, "remove", "node", "--on", h.Name, "--yes")
	contains(p, asUser(p, h, "node -v; readlink /usr/bin/yarn"), "v22.99.0", "corepack")
	if left := sources(p, h); left != "" {
		p.Errorf("left of the repository: %s", left)
	}
	on(p, h, "sh", "-c", "corepack disable && apt-get -qq -y purge --auto-remove nodejs")
}

// TestRuntimeInput gives every option of the runtimes values that it must refuse, before any server is
// asked.
func TestRuntimeInput(t *testing.T) {
	t.Parallel()
	p := newProgram(t)
	bad := []string{
		"$(id)", "`id`", "a;id", "a\nb", "a'b", `a"b`, "x\x1b[31m", "é", "-", "--yes", "../../etc", "9.9", "8", "8.3 ", "8.3;id",
		strings.Repeat("9", 5000), "\x00", "\u202e8.3", "NaN", "%s",
	}
	for _, option := range []string{"php.version", "php.memory-limit", "php.upload-max", "php.extensions", "php.ini", "php.cli-default", "php.site-default", "node.version", "node.npm", "node.corepack", "python.pipx", "python.headers"} {
		name, _, _ := strings.Cut(option, ".")
		for _, value := range bad {
			if strings.Contains(value, "\x00") || option == "php.version" && strings.TrimSpace(value) == "8.3" {
				continue // no argument can hold the one, and the other is right
			}
			r := p.run("install", name, "--set", option+"="+value, "--on", "nowhere", "--yes")
			if r.code != 2 || !strings.Contains(r.stderr, option) {
				t.Errorf("%s=%.40q: exit status %d\n%.300s", option, value, r.code, r.stderr)
			}
			if strings.ContainsAny(r.stderr, "\x1b\u202e") || len(r.stderr) > 20000 {
				t.Errorf("%s=%.40q: the answer is no text for people: %.300q", option, value, r.stderr)
			}
		}
	}
	r := p.must(2, "install", "php", "--set", "php.version=8.3", "--set", "php.version=8.2", "--on", "nowhere")
	contains(t, r.stderr, "twice")
	p.useArchive("sury", "https://x/$(id)", strings.Repeat("A", 40), "")
	contains(t, p.must(2, "install", "php", "--on", "nowhere", "--yes").stderr, "repositories.sury.uri")
	p.useArchive("sury", "https://x/php", strings.Repeat("a", 40), "")
	contains(t, p.must(2, "install", "php", "--on", "nowhere", "--yes").stderr, "repositories.sury.fingerprint")
	p.useArchive("sury", "https://x/php", strings.Repeat("A", 40), "../x")
	contains(t, p.must(2, "install", "php", "--on", "nowhere", "--yes").stderr, "repositories.sury.suite")
}
