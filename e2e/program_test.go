package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// suites are the releases that everything is tested on.
var suites = map[string]hosts.Suite{"debian12": hosts.Bookworm, "debian13": hosts.Trixie}

// start starts a fresh host that is taken away after the test.
func start(t testing.TB, spec hosts.Spec) *hosts.Host {
	t.Helper()
	h, err := lab.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// Its files go too, so that nobody needs it to shut down in order.
		if err := h.Crash(); err != nil {
			t.Error(err)
		}
	})
	return h
}

// on runs a command inside a host, past the program that is tested.
func on(t testing.TB, h *hosts.Host, name string, args ...string) string {
	t.Helper()
	out, err := h.Exec(t.Context(), name, args...)
	if err != nil {
		t.Fatalf("%s %v on %s: %v\n%s", name, args, h.Name, err, out)
	}
	return strings.TrimSpace(string(out))
}

// program is the built program with a home and a state folder of its own.
type program struct {
	testing.TB
	home string
}

func newProgram(t testing.TB) program {
	p := program{t, t.TempDir()}
	p.settings("")
	return p
}

// patient gives sshd the time that it may need where all the hosts share two cores.
const patient = "\n[ssh]\ndial_timeout = \"1m\"\n"

// settings writes the configuration file and returns its path. The text says nothing
// of ssh.
func (p program) settings(text string) string {
	p.Helper()
	file := filepath.Join(p.home, ".config", "brokeforge", "config.toml")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		p.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text+patient), 0o600); err != nil {
		p.Fatal(err)
	}
	return file
}

func (p program) env() []string {
	return []string{
		"HOME=" + p.home, "BROKEFORGE_STATE=" + p.home + "/state", "PATH=" + os.Getenv("PATH"),
		"LANG=C.UTF-8", "TERM=xterm-256color", "USER=root", "EDITOR=" + p.editor(), "TMPDIR=" + p.home,
	}
}

// editor is the program that texts are edited with; see edits.
func (p program) editor() string { return filepath.Join(p.home, "editor") }

// edits has the editor be a script, which finds the file in $1.
func (p program) edits(script string) {
	p.Helper()
	if err := os.WriteFile(p.editor(), []byte("#!/bin/sh\nset -e\n"+script+"\n"), 0o700); err != nil {
		p.Fatal(err)
	}
}

// noDrafts sees that nothing that was edited is left on this machine.
func (p program) noDrafts() {
	p.Helper()
	if left, err := filepath.Glob(filepath.Join(p.home, "brokeforge-*")); err != nil || len(left) > 0 {
		p.Errorf("of what was edited there is left %v, %v", left, err)
	}
}

// isThere reports whether there is a file on this machine.
func isThere(file string) bool {
	_, err := os.Lstat(file)
	return err == nil
}

type result struct {
	stdout, stderr string
	code           int
}

// run runs the program without a terminal.
func (p program) run(args ...string) result {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env = p.env()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		p.Fatalf("run %v: %v", args, err)
	}
	return result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs the program and demands an exit status.
func (p program) must(code int, args ...string) result {
	p.Helper()
	r := p.run(args...)
	if r.code != code {
		p.Fatalf("%v gives %d, wanted %d\nstdout:\n%s\nstderr:\n%s", args, r.code, code, r.stdout, r.stderr)
	}
	return r
}

// add adds a host under its name.
func (p program) add(h *hosts.Host) {
	p.Helper()
	p.must(0, "server", "add", h.Name, h.Address(), "--key", lab.Key(), "--accept-new")
}

// nowhereHere sees that a secret is in no file of the program's own.
func (p program) nowhereHere(secret string) {
	p.Helper()
	err := filepath.WalkDir(p.home, func(path string, entry os.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(path)
		if strings.Contains(string(data), secret) {
			p.Errorf("the secret is in %s", path)
		}
		return err
	})
	if err != nil {
		p.Fatal(err)
	}
}

// get requests a page of a host.
func get(t testing.TB, h *hosts.Host, path string) (status int, body string) {
	t.Helper()
	status, _, body = page(t, h, "80", path)
	return status, body
}

// page requests a page of what serves on a port of a host.
func page(t testing.TB, h *hosts.Host, port, path string) (status int, header http.Header, body string) {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	response, err := client.Get("http://" + net.JoinHostPort(h.Address(), port) + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(data)
}

// answers reports whether a port of a host takes connections.
func answers(h *hosts.Host, port string) bool {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(h.Address(), port), 2*time.Second)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// eventually waits until a condition holds.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not so after 30 s: %s", what)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func contains(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("no %q in:\n%s", part, text)
		}
	}
}
