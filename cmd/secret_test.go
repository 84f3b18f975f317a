package cmd

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

const canary = " Canary-7f3 'x' $(id) "

func TestSecretOnTheCommandLineIsRefused(t *testing.T) {
	for _, value := range []string{"hunter2", "-x", "x@y", " "} {
		w := newWorld(t, newEngine("a"))
		w.run(t, StatusRefused, "install", "php", "--on", "a", "--yes", "--set", "php.token="+value)
		holds(t, "stderr", w.errs.String(), "php.token", "ps", "php.token=-", "@FILE")
		if w.opened || strings.Contains(w.errs.String(), "hunter2") {
			t.Errorf("it was repeated, or something was done: %s", &w.errs)
		}
	}
	// What is no secret may look like one of these.
	w := newWorld(t, newEngine("a"))
	w.run(t, StatusRefused, "install", "php", "--on", "a", "--yes", "--set", "php.memory=-")
	holds(t, "stderr", w.errs.String(), "not a whole number")
}

func TestSecretIsReadFromElsewhere(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte(canary+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for source, stdin := range map[string]string{"-": canary + "\n", "@" + file: ""} {
		e := newEngine("a")
		w := newWorld(t, e)
		w.Stdin = strings.NewReader(stdin)
		w.run(t, StatusDone, "install", "php", "--on", "a", "--preview", "--set", "php.token="+source)
		if got := e.requests[0].Packages[0].Values["token"]; got != canary {
			t.Errorf("%s gave %q", source, got)
		}
		if strings.Contains(w.out.String()+w.errs.String(), "Canary") {
			t.Errorf("%s: it was printed", source)
		}
	}
}

func TestSecretFromElsewhereIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ source, stdin, want string }{
		"no file":    {"@/no/such/file", "", "no such file"},
		"two lines":  {"-", "Canary\nCanary\n", "more than one line"},
		"NUL":        {"-", "Canary\x00", "can't be printed"},
		"a mark":     {"-", "‹secret:php.Canary›", "stands for secrets"},
		"a long one": {"-", strings.Repeat("Canary", 1000), "longer than"},
	} {
		w := newWorld(t, newEngine("a"))
		w.Stdin = strings.NewReader(test.stdin)
		w.run(t, StatusRefused, "install", "php", "--on", "a", "--yes", "--set", "php.token="+test.source)
		holds(t, name, w.errs.String(), "php.token", test.want)
		if strings.Contains(w.errs.String(), "Canary") {
			t.Errorf("%s: it was repeated: %s", name, &w.errs)
		}
	}
}

func TestSecretIsTypedUnseen(t *testing.T) {
	e := newEngine("a")
	w := newWorld(t, e)
	term := newTerminal(t)
	w.Stdin, w.Stderr = term.theirs, term.theirs
	status := make(chan int, 1)
	go func() {
		status <- run(t.Context(), []string{"install", "php", "--on", "a", "--preview", "--set", "php.token=-"}, w.Env)
	}()
	term.await(t, "php.token: ")
	term.awaitNoEcho(t)
	if _, err := term.ours.WriteString(canary + "\n"); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != StatusDone {
		t.Errorf("status %d: %s", got, term.text())
	}
	if got := e.requests[0].Packages[0].Values["token"]; got != canary || strings.Contains(term.text(), "Canary") {
		t.Errorf("typed %q, shown %q", got, term.text())
	}
}

func TestSecretCommands(t *testing.T) {
	e := newEngine("web1", "web2")
	e.secrets = packages.Secrets{"php.token": canary, "base.ssh-key-u": "line 1\nline 2\n"}
	w := newWorld(t, e)
	w.run(t, StatusDone, "secret", "list", "--on", "web2")
	holds(t, "list", w.out.String(), "web2/php.token", "web2/base.ssh-key-u", "ann")
	if strings.Contains(w.out.String(), "Canary") || strings.Contains(w.out.String(), "web1") {
		t.Errorf("listed:\n%s", &w.out)
	}
	w = newWorld(t, e)
	w.run(t, StatusDone, "secret", "list", "--json")
	var list []map[string]any
	if err := json.Unmarshal(w.out.Bytes(), &list); err != nil || len(list) != 4 || strings.Contains(w.out.String(), "Canary") {
		t.Errorf("listed as JSON: %v\n%s", err, &w.out)
	}
	w = newWorld(t, e)
	w.run(t, StatusRefused, "secret", "show", "web1/php.token")
	holds(t, "stderr", w.errs.String(), "--yes")
	w.run(t, StatusDone, "secret", "show", "web1/php.token", "--yes")
	if w.out.String() != canary+"\n" {
		t.Errorf("shown: %q", &w.out)
	}
	for _, name := range []string{"php.token", "/x", "web1/"} {
		w := newWorld(t, e)
		w.run(t, StatusRefused, "secret", "show", name, "--yes")
		holds(t, "stderr", w.errs.String(), "SERVER/NAME")
	}
	w = newWorld(t, e)
	w.run(t, StatusRefused, "secret", "show", "web1/none", "--yes")
	holds(t, "stderr", w.errs.String(), "web1/none", "secret list")
	w = newWorld(t, e)
	w.run(t, StatusDone, "secret", "copy", "web1/base.ssh-key-u")
	if w.copied != "line 1\nline 2\n" || strings.Contains(w.out.String()+w.errs.String(), "line 1") {
		t.Errorf("copied %q, printed %s%s", w.copied, &w.out, &w.errs)
	}
}

func TestRekeyCommand(t *testing.T) {
	e := newEngine()
	for _, args := range [][]string{{}, {"--passphrase"}, {"--no-passphrase"}, {"--forget-lost", "--json"}} {
		w := newWorld(t, e)
		w.run(t, StatusDone, append([]string{"rekey"}, args...)...)
	}
	if r := e.rekeyed; r[0].Wrap != nil || !*r[1].Wrap || *r[2].Wrap || !r[3].ForgetLost || r[0].ForgetLost {
		t.Errorf("asked for %+v", r)
	}
	newWorld(t, e).run(t, StatusRefused, "rekey", "--passphrase", "--no-passphrase")
}

func TestKeyShow(t *testing.T) {
	e := newEngine("web1", "bare")
	e.servers[0] = job.ServerView{Server: e.servers[0].Server, Packages: []store.ServerPackage{{Name: packages.Base, Configuration: map[string]string{
		"app-user": "deploy", "public-key-deploy": "ssh-ed25519 AAAA deploy", "public-key-worker": "ssh-ed25519 BBBB worker",
	}}}}
	w := newWorld(t, e)
	w.run(t, StatusDone, "key", "show", "web1")
	if w.out.String() != "ssh-ed25519 AAAA deploy\n" {
		t.Errorf("shown: %q", &w.out)
	}
	w = newWorld(t, e)
	w.run(t, StatusDone, "key", "show", "web1", "worker", "--json")
	holds(t, "JSON", w.out.String(), `"user": "worker"`, "BBBB")
	w = newWorld(t, e)
	w.run(t, StatusDone, "key", "show", "web1", "--copy")
	if w.copied != "ssh-ed25519 AAAA deploy" || w.out.Len() > 0 {
		t.Errorf("copied %q", w.copied)
	}
	w = newWorld(t, e)
	w.run(t, StatusRefused, "key", "show", "web1", "bob")
	holds(t, "stderr", w.errs.String(), "bob", "deploy, worker")
	w = newWorld(t, e)
	w.run(t, StatusRefused, "key", "show", "bare")
	holds(t, "stderr", w.errs.String(), "base is not installed")
}
