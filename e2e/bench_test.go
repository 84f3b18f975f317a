package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/packages/catalog"
	"brokeforge/packages/job"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// rounds is how often each side of a comparison is timed, in turn; what counts
// is the median.
const rounds = 7

// trivial is a package of n steps that do nothing.
type trivial struct{ n int }

func (p trivial) Name() packages.Name             { return "trivial" }
func (p trivial) Type() packages.Type             { return packages.System }
func (p trivial) Credential() packages.Credential { return packages.Root() }
func (p trivial) Describe() packages.Description  { return packages.Description{Title: "Trivial"} }
func (p trivial) Probe() string                   { return "" }
func (p trivial) Install(packages.Context) ([]packages.Command, error) {
	commands := []packages.Command{packages.Track{Name: "work", Label: "Working"}}
	for range p.n {
		commands = append(commands, packages.Run{Script: "/bin/true"})
	}
	return append(commands, packages.Persist{}), nil
}
func (p trivial) Remove(packages.Context) ([]packages.Command, error) { return nil, nil }

func (p trivial) Server(packages.Name) (packages.ServerPackage, bool) { return p, true }
func (p trivial) Names() []packages.Name                              { return []packages.Name{p.Name()} }

// engine is an engine on a fresh store with hosts added to it.
type engine struct {
	testing.TB
	*job.Engine
	pool    *sshrun.Pool
	servers []store.ID
}

func newEngine(t testing.TB, c packages.Catalog, list ...*hosts.Host) engine {
	t.Helper()
	db, err := store.Open(t.TempDir(), store.Options{By: "bench"})
	if err != nil {
		t.Fatal(err)
	}
	e := engine{TB: t, pool: sshrun.NewPool(sshrun.Options{AgentSocket: "none", Home: t.TempDir()})}
	e.Engine = job.New(job.Config{Store: db, Catalog: c, Connector: job.Pool(e.pool), By: "bench"})
	t.Cleanup(func() {
		if err := e.Engine.Close(); err != nil {
			t.Error(err)
		}
		e.pool.Close()
		db.Close()
	})
	for _, h := range list {
		server, err := e.AddServer(t.Context(), job.NewServer{Name: h.Name, Address: h.Address(), KeyFile: lab.Key(), AcceptNew: true})
		if err != nil {
			t.Fatal(err)
		}
		e.servers = append(e.servers, server.ID)
	}
	return e
}

func (e engine) prepare(servers []store.ID, names ...packages.Name) []job.Prepared {
	e.Helper()
	request := job.Request{Action: store.Install, Servers: servers}
	for _, name := range names {
		request.Packages = append(request.Packages, packages.Want{Name: name})
	}
	prepared := e.Prepare(e.Context(), request)
	for _, p := range prepared {
		if p.Err != nil {
			e.Fatal(p.Err)
		}
	}
	return prepared
}

// install runs plans to their end and returns how long each run took on its
// own, and how long all took together.
func (e engine) install(prepared []job.Prepared) (each []time.Duration, all time.Duration) {
	e.Helper()
	sub := e.Subscribe()
	defer sub.Close()
	begun := time.Now()
	runs, err := e.Start(e.Context(), store.Install, prepared)
	if err != nil {
		e.Fatal(err)
	}
	ended := make([]time.Duration, len(runs))
	for slices.Contains(ended, 0) {
		<-sub.Changed()
		for i, run := range runs {
			p, err := e.Progress(run.ID)
			if err != nil {
				e.Fatal(err)
			}
			if p.Run.State.Live() || ended[i] != 0 {
				continue
			}
			if p.Run.State != store.RunDone {
				e.Fatalf("run on %s: %v", p.Run.ServerName, p.Run.Error)
			}
			ended[i] = time.Since(begun)
		}
	}
	return ended, time.Since(begun)
}

func median(list []time.Duration) time.Duration {
	list = slices.Clone(list)
	slices.Sort(list)
	return list[len(list)/2]
}

// compare times two things in turn and returns their medians.
func compare(a, b func() time.Duration) (first, second time.Duration) {
	var as, bs []time.Duration
	for range rounds {
		as, bs = append(as, a()), append(bs, b())
	}
	return median(as), median(bs)
}

func timed(fn func()) time.Duration {
	begun := time.Now()
	fn()
	return time.Since(begun)
}

// sh pipes a script into one ssh, as an admin would.
func sh(t testing.TB, h *hosts.Host, script string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "ssh", "-i", lab.Key(), "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		"root@"+h.Address(), "sh")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ssh: %v\n%s", err, out)
	}
}

// BenchmarkSteps ships a plan of 20 trivial steps, logging in for it, against
// the same lines piped into one ssh.
func BenchmarkSteps(b *testing.B) {
	if !hosts.Require(b) {
		return
	}
	h := start(b, hosts.Spec{Name: "steps", Suite: hosts.Bookworm})
	ship := func(n int) func() time.Duration {
		e := newEngine(b, trivial{n}, h)
		return func() time.Duration {
			prepared := e.prepare(e.servers, "trivial")
			e.pool.Forget(sshrun.Target{Name: h.Name, Address: h.Address(), Port: 22, User: "root", KeyFile: lab.Key()})
			return timed(func() { e.install(prepared) })
		}
	}
	for b.Loop() {
		twenty, piped := compare(ship(20), func() time.Duration {
			return timed(func() { sh(b, h, strings.Repeat("/bin/true\n", 20)) })
		})
		many, one := compare(ship(41), ship(1))
		b.ReportMetric(float64(twenty)/float64(piped), "of-ssh-sh")
		b.ReportMetric(float64(twenty.Milliseconds()), "ms-20-steps")
		b.ReportMetric(float64((many-one).Microseconds())/40/1000, "ms/step")
	}
}

// BenchmarkConverged installs nginx, php and the firewall where they are
// installed: seeing that there is nothing to do, against running the plan's
// commands all the same, piping the same commands into one ssh, and Ansible.
func BenchmarkConverged(b *testing.B) {
	if !hosts.Require(b) {
		return
	}
	h := start(b, hosts.Spec{Name: "converged", Suite: hosts.Bookworm})
	names := []packages.Name{"nginx", "php", "firewall"}
	e := newEngine(b, catalog.New(), h)
	e.install(e.prepare(e.servers, names...))
	see := func() time.Duration {
		return timed(func() {
			if p := e.prepare(e.servers, names...)[0]; !p.Nothing {
				b.Fatal("what is installed is not seen to be")
			}
		})
	}
	always := e.unchecked(names)
	for b.Loop() {
		seen, done := compare(see, func() time.Duration {
			return timed(func() { e.install(always) })
		})
		run, piped := compare(
			func() time.Duration { return timed(func() { e.install(always) }) },
			func() time.Duration { return timed(func() { sh(b, h, script(b, always[0].Plan)) }) })
		b.ReportMetric(float64(done)/float64(seen), "x-faster-than-doing-it")
		b.ReportMetric(float64(run)/float64(piped), "of-ssh-sh")
		b.ReportMetric(float64(seen.Milliseconds()), "ms-to-see")
		b.ReportMetric(float64(done.Milliseconds()), "ms-to-do")
		if ansible, ok := playbook(b, h); ok {
			b.ReportMetric(float64(ansible)/float64(seen), "x-faster-than-ansible")
			b.ReportMetric(float64(ansible.Milliseconds()), "ms-ansible")
		}
	}
}

// repeatable reports whether a script may run again where it has run: what it
// calls sees by itself that nothing is left to do.
func repeatable(script string) bool {
	for _, tool := range []string{apt.Path + " install", "install -d", "ufw allow", "systemctl"} {
		if strings.HasPrefix(script, tool) {
			return true
		}
	}
	return false
}

// unchecked returns the plan that installs packages, rid of the checks that
// would skip what can be done again.
func (e engine) unchecked(names []packages.Name) []job.Prepared {
	var resolved []packages.Resolved
	prepared := e.prepare(e.servers, names...)
	for _, name := range append([]packages.Name{packages.Base}, names...) {
		pkg, _ := catalog.New().Server(name)
		values, err := packages.Complete(pkg, nil)
		if err != nil {
			e.Fatal(err)
		}
		resolved = append(resolved, packages.Resolved{Package: pkg, Values: values})
	}
	p := prepared[0]
	plan, err := packages.Build(store.Install, resolved, packages.Context{Server: p.Server, Facts: p.Facts})
	if err != nil {
		e.Fatal(err)
	}
	for _, part := range plan.Parts {
		for i, cmd := range part.Commands {
			run, ok := cmd.(packages.Run)
			if !ok {
				continue
			}
			run.IfChanged = false
			if repeatable(run.Script) {
				run.Check = ""
			}
			part.Commands[i] = run
		}
	}
	p.Plan, p.Nothing = plan, false
	return []job.Prepared{p}
}

// script is what an admin would pipe: the plan's commands, one after the other.
func script(t testing.TB, plan packages.Plan) string {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("set -e\n")
	for _, step := range plan.Steps() {
		switch c := step.Command.(type) {
		case packages.Run:
			if c.Check != "" {
				fmt.Fprintf(&b, "(\n%s\n) </dev/null >/dev/null 2>&1 ||\n", c.Check)
			}
			fmt.Fprintf(&b, "(\n%s\n) </dev/null >/dev/null\n", c.Script)
		case packages.Write:
			fmt.Fprintf(&b, "cat >%s.new <<'EOF-OF-FILE'\n%s\nEOF-OF-FILE\ncmp -s %[1]s.new %[1]s || true\nrm %[1]s.new\n", c.Path, c.Content)
		case packages.Persist:
			if c.Version == "" {
				continue
			}
			fmt.Fprintf(&b, "(\n%s\n) >/dev/null\n", c.Version)
		}
	}
	return b.String()
}

// playbook times Ansible seeing that about the same is so already. It reports
// false where there is no Ansible.
func playbook(t testing.TB, h *hosts.Host) (time.Duration, bool) {
	t.Helper()
	if _, err := exec.LookPath("ansible-playbook"); err != nil {
		t.Log("no ansible-playbook here: not compared")
		return 0, false
	}
	on(t, h, "sh", "-c", "DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3-minimal python3-apt >/dev/null 2>&1")
	dir := t.TempDir()
	files := map[string]string{
		"play.yml": `- hosts: all
  gather_facts: false
  tasks:
    - user: {name: brokeforge, shell: /bin/bash}
    - user: {name: worker}
    - apt: {name: [ca-certificates, curl], state: present}
    - apt: {name: nginx, state: present}
    - service: {name: nginx, state: started, enabled: true}
    - apt: {name: [php8.2-fpm, php8.2-cli, php8.2-curl, php8.2-mbstring, php8.2-xml, php8.2-zip], state: present}
    - service: {name: php8.2-fpm, state: started, enabled: true}
    - apt: {name: ufw, state: present}
    - command: ufw status
`,
		"hosts":       fmt.Sprintf("h ansible_host=%s ansible_user=root ansible_ssh_private_key_file=%s ansible_ssh_common_args='-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null'\n", h.Address(), lab.Key()),
		"ansible.cfg": "[ssh_connection]\npipelining = true\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	play := func() time.Duration {
		cmd := exec.CommandContext(t.Context(), "ansible-playbook", "-i", "hosts", "play.yml")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "ANSIBLE_CONFIG="+filepath.Join(dir, "ansible.cfg"))
		return timed(func() {
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("ansible-playbook: %v\n%s", err, out)
			}
		})
	}
	play()
	return median([]time.Duration{play(), play(), play()}), true
}

// BenchmarkSideBySide installs base on ten fresh servers together, against the
// slowest of them alone on another.
func BenchmarkSideBySide(b *testing.B) {
	if !hosts.Require(b) {
		return
	}
	const n = 10
	for b.Loop() {
		list := make([]*hosts.Host, 2*n)
		for i := range list {
			list[i] = start(b, hosts.Spec{Name: fmt.Sprintf("side%d-%d", i, b.N), Suite: hosts.Bookworm})
		}
		e := newEngine(b, sleeper{}, list...)
		var alone []time.Duration
		for _, id := range e.servers[:n] {
			_, all := e.install(e.prepare([]store.ID{id}, "sleeper"))
			alone = append(alone, all)
		}
		_, together := e.install(e.prepare(e.servers[n:], "sleeper"))
		b.ReportMetric(float64(together)/float64(slices.Max(alone)), "of-slowest-alone")
		b.ReportMetric(float64(together.Milliseconds()), "ms-together")
		for _, h := range list {
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			if err := h.Stop(ctx); err != nil {
				b.Error(err)
			}
			cancel()
		}
	}
}

// sleeper stands for an installation that waits for its mirror most of the
// time: ten servers of it are not bound by this machine's two processors, as
// ten unpacking at once are.
type sleeper struct{ trivial }

func (p sleeper) Name() packages.Name { return "sleeper" }
func (p sleeper) Install(packages.Context) ([]packages.Command, error) {
	commands := []packages.Command{packages.Track{Name: "work", Label: "Working"}}
	for range 20 {
		commands = append(commands, packages.Run{Script: "sleep 0.2; seq 1 50"})
	}
	return append(commands, packages.Persist{}), nil
}
func (p sleeper) Server(packages.Name) (packages.ServerPackage, bool) { return p, true }
func (p sleeper) Names() []packages.Name                              { return []packages.Name{p.Name()} }

func (trivial) Site(packages.Name) (packages.SitePackage, bool) { return nil, false }
func (trivial) SiteNames() []packages.Name                      { return nil }
