package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"brokeforge/e2e/hosts"
)

// TestPreviewTellsWhatComesOfIt compares what the preview says with what then is
// so: the packages that come and go, the files that change, edits by hand.
func TestPreviewTellsWhatComesOfIt(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "foresee-" + name, Suite: suite})
			p := newProgram(t)
			p.add(h)
			f := foresight{p, h}
			f.unread()
			f.adds()
			f.edits()
			f.removes()
		})
	}
}

type foresight struct {
	program
	h *hosts.Host
}

// debs lists the installed Debian packages.
func (f foresight) debs() string {
	f.Helper()
	return on(f, f.h, "sh", "-c", `dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort`)
}

// unread: nobody guesses before apt's lists are read.
func (f foresight) unread() {
	f.Helper()
	on(f, f.h, "sh", "-c", "rm -rf /var/lib/apt/lists/*")
	before := f.debs()
	contains(f, f.must(0, "install", "nginx", "--on", f.h.Name, "--preview").stdout, "not known before apt's lists are read", "starts nginx")
	if now := f.debs(); now != before {
		f.Errorf("a preview changed the packages:\n%s", now)
	}
	f.must(0, "install", "base", "--on", f.h.Name, "--yes")
}

// effects are those of the steps of a previewed plan.
func (f foresight) effects(args ...string) (effects []map[string]any) {
	f.Helper()
	var events []map[string]any
	decode(f, f.must(0, append(args, "--on", f.h.Name, "--preview", "--json")...).stdout, &events)
	for _, event := range events {
		parts, _ := event["parts"].([]any)
		for _, part := range parts {
			for _, step := range part.(map[string]any)["steps"].([]any) {
				if effect, ok := step.(map[string]any)["effect"].(map[string]any); ok {
					effects = append(effects, effect)
				}
			}
		}
	}
	return effects
}

// names are those of the packages under a key of effects.
func names(effects []map[string]any, key string) (out []string) {
	for _, e := range effects {
		list, _ := e[key].([]any)
		for _, deb := range list {
			out = append(out, deb.(map[string]any)["name"].(string))
		}
	}
	return out
}

// adds: what is said to be added is what comes.
func (f foresight) adds() {
	f.Helper()
	// With the lists read, apt needs no update.
	on(f, f.h, "/var/lib/brokeforge/apt", "update")
	said := names(f.effects("install", "nginx", "firewall"), "adds")
	before := map[string]bool{}
	for _, name := range strings.Fields(f.debs()) {
		before[name] = true
	}
	var events []map[string]any
	decode(f, f.must(0, "install", "nginx", "firewall", "--on", f.h.Name, "--yes", "--json").stdout, &events)
	var last float64
	told := 0
	for _, e := range events {
		if e["event"] == "percent" && e["package"] == "nginx" {
			if percent := e["percent"].(float64); percent < last+10 || percent > 100 {
				f.Errorf("after %v percent it says %v", last, percent)
			}
			last = e["percent"].(float64)
			told++
		}
	}
	if told < 2 || last < 50 {
		f.Errorf("how far apt is was told %d times, at last %v percent", told, last)
	}
	came := map[string]bool{}
	for _, name := range strings.Fields(f.debs()) {
		if !before[name] {
			came[name] = true
		}
	}
	if len(said) != len(came) || len(said) == 0 {
		f.Errorf("%d packages were said to come, %d came: %v, %v", len(said), len(came), said, came)
	}
	for _, name := range said {
		if !came[name] {
			f.Errorf("%s was said to come and did not", name)
		}
	}
}

// edits: what somebody changed by hand is seen before it is overwritten.
func (f foresight) edits() {
	f.Helper()
	const file = "/etc/nginx/conf.d/brokeforge.conf"
	contains(f, f.must(0, "install", "nginx", "--on", f.h.Name, "--preview").stdout, "nothing to do")
	r := f.must(0, "install", "nginx", "--set", "nginx.client-max-body=8m", "--on", f.h.Name, "--preview", "--output")
	contains(f, r.stdout, "+1 −1", "-client_max_body_size 64m;", "+client_max_body_size 8m;", "reloads nginx")
	if strings.Contains(r.stdout, "by hand") {
		f.Errorf("a file that nobody touched is said to be changed by hand:\n%s", r.stdout)
	}
	on(f, f.h, "sh", "-c", "echo '# ours' >>"+file+"; chmod 0664 "+file)
	r = f.must(0, "install", "nginx", "--on", f.h.Name, "--preview", "--output")
	contains(f, r.stdout, "changed by hand", "-# ours", "root:root 0664 → root:root 0644")
	if got := on(f, f.h, "tail", "-n1", file); got != "# ours" {
		f.Errorf("the preview changed the file: %q", got)
	}
	f.must(0, "install", "nginx", "--on", f.h.Name, "--yes")
	if got := on(f, f.h, "cat", file); strings.Contains(got, "# ours") {
		f.Errorf("the edit is still there: %q", got)
	}
}

// removes: what is said to be removed goes, and nothing else.
func (f foresight) removes() {
	f.Helper()
	said := names(f.effects("remove", "nginx"), "removes")
	before := strings.Fields(f.debs())
	contains(f, f.must(0, "remove", "nginx", "--on", f.h.Name, "--preview").stdout, "REMOVES", "stops nginx")
	f.must(0, "remove", "nginx", "--on", f.h.Name, "--yes")
	now := " " + strings.Join(strings.Fields(f.debs()), " ") + " "
	var went []string
	for _, name := range before {
		if !strings.Contains(now, " "+name+" ") {
			went = append(went, name)
		}
	}
	if len(went) == 0 || len(went) != len(said) {
		f.Errorf("%v were said to go, %v went", said, went)
	}
}

// TestServices stops, starts and restarts a service, and reads its log.
func TestServices(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "services", Suite: hosts.Trixie})
	p := newProgram(t)
	p.add(h)
	contains(t, p.must(2, "service", "restart", "nginx", "--on", h.Name, "--yes").stderr, "nginx is not installed")
	p.must(0, "install", "nginx", "php", "--on", h.Name, "--yes")
	is := func(want string) {
		t.Helper()
		out, _ := h.Exec(t.Context(), "systemctl", "is-active", "nginx") // its status says the same
		if got := strings.TrimSpace(string(out)); got != want {
			t.Errorf("nginx is %s, want %s", got, want)
		}
	}
	contains(t, p.must(0, "service", "list", "--on", h.Name).stdout, "nginx", "php8.4-fpm", "active (running)", "enabled")
	p.must(2, "service", "stop", "nginx", "--on", h.Name)
	is("active")
	p.must(0, "service", "stop", "nginx", "--on", h.Name, "--yes")
	is("inactive")
	contains(t, p.must(0, "service", "stop", "nginx", "--on", h.Name, "--yes").stdout, "nothing to do: nginx is stopped")
	p.must(0, "service", "start", "nginx", "--on", h.Name)
	is("active")
	pid := on(t, h, "systemctl", "show", "-P", "MainPID", "nginx")
	p.must(0, "service", "restart", "nginx", "--on", h.Name, "--yes")
	if on(t, h, "systemctl", "show", "-P", "MainPID", "nginx") == pid {
		t.Error("nginx was not restarted")
	}
	p.must(0, "service", "disable", "nginx", "--on", h.Name, "--yes")
	if out, _ := h.Exec(t.Context(), "systemctl", "is-enabled", "nginx"); strings.TrimSpace(string(out)) != "disabled" {
		t.Errorf("nginx is %s", out)
	}
	is("active")

	// A service that does not come up says why, by its own log.
	on(t, h, "sh", "-c", "echo 'nonsense;' >/etc/nginx/conf.d/zz.conf")
	r := p.must(1, "service", "restart", "nginx", "--on", h.Name, "--yes")
	contains(t, r.stdout+r.stderr, "nonsense")
	on(t, h, "rm", "/etc/nginx/conf.d/zz.conf")
	p.must(0, "service", "restart", "nginx", "--on", h.Name, "--yes")

	contains(t, p.must(0, "service", "log", "nginx", "--on", h.Name, "-n", "100").stdout, "nonsense", "Started nginx")
	contains(t, p.must(0, "run", "list").stdout, "restart nginx", "stop nginx", "disable nginx")

	follow := p.start("service", "log", "nginx", "--on", h.Name, "--follow", "-n", "1")
	eventually(t, "the log is followed", func() bool { return strings.Contains(processes(t, h), "journalctl") })
	on(t, h, "systemctl", "reload", "nginx")
	eventually(t, "a new line is shown", func() bool { return strings.Contains(follow.output(), "Reloaded nginx") })
	follow.interrupt()
	eventually(t, "nothing is left that reads the log", func() bool { return !strings.Contains(processes(t, h), "journalctl") })

	// What people have made goes only when that is asked for.
	on(t, h, "sh", "-c", "echo '# of a person' >/etc/nginx/conf.d/person.conf")
	contains(t, p.must(0, "remove", "nginx", "--purge", "--on", h.Name, "--preview").stdout, "purge=yes", "REMOVES 2: nginx, nginx-common", "delete the operator's settings and the logs")
	p.must(0, "remove", "nginx", "--purge", "--on", h.Name, "--yes")
	if out := on(t, h, "sh", "-c", "ls -d /etc/nginx /var/log/nginx /var/lib/brokeforge/kept-nginx 2>/dev/null || true"); out != "" {
		t.Errorf("after a purge there is still %s", out)
	}
	if got := on(t, h, "systemctl", "is-active", "php8.4-fpm"); got != "active" {
		t.Errorf("after the purge of nginx PHP-FPM is %s", got)
	}
}

func processes(t *testing.T, h *hosts.Host) string {
	t.Helper()
	return on(t, h, "ps", "-eo", "args")
}

// following is the program while it goes on.
type following struct {
	program
	cmd *exec.Cmd
	out *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

// start starts the program and leaves it going on until the test ends.
func (p program) start(args ...string) following {
	p.Helper()
	f := following{p, exec.CommandContext(p.Context(), binary, args...), &lockedBuffer{}}
	f.cmd.Env, f.cmd.Stdout, f.cmd.Stderr = p.env(), f.out, f.out
	if err := f.cmd.Start(); err != nil {
		p.Fatal(err)
	}
	return f
}

func (f following) output() string {
	f.out.mu.Lock()
	defer f.out.mu.Unlock()
	return f.out.b.String()
}

// interrupt ends it as ctrl+c does, and waits.
func (f following) interrupt() {
	f.Helper()
	if err := f.cmd.Process.Signal(os.Interrupt); err != nil {
		f.Fatal(err)
	}
	_ = f.cmd.Wait() // what it ends with is that of the signal
	if code := f.cmd.ProcessState.ExitCode(); code != 130 {
		f.Errorf("it ended with %d:\n%s", code, f.output())
	}
}
