package cmd

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestServerChange(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	key := filepath.Join(t.TempDir(), "id")
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.run(t, StatusDone, "server", "change", "web1", "--address", "web-alias", "--port", "2222", "--user", "ops", "--key", key, "--tag", "a", "--tag", "b")
	w.run(t, StatusDone, "server", "change", "web1", "--port", "", "--user", "", "--tag", "")
	address, port, none, user, empty := "web-alias", 2222, 0, "ops", ""
	var noTags []string
	want := []job.ServerChange{
		{Address: &address, Port: &port, User: &user, KeyFile: &key, Tags: &[]string{"a", "b"}},
		{Port: &none, User: &empty, Tags: &noTags},
	}
	if diff := cmp.Diff(want, e.changes); diff != "" {
		t.Errorf("changes (-want +got):\n%s", diff)
	}
	holds(t, "stdout", w.out.String(), "web1 is changed: root@192.0.2.1")
	for _, args := range [][]string{{"web1"}, {"web1", "--port", "x"}, {"none", "--port", "1"}, {}} {
		w.run(t, StatusRefused, append([]string{"server", "change"}, args...)...)
	}
	if len(e.changes) != 2 {
		t.Errorf("there were %d changes", len(e.changes))
	}
}

// changedKey is what reaching a server fails with whose host key has changed.
func changedKey() error {
	return &job.HostKeyError{
		Server: "web1", Address: "192.0.2.1:22", Type: "ssh-ed25519", Fingerprint: fingerprint,
		Known: []job.KnownKey{{Type: "ssh-ed25519", Fingerprint: "SHA256:old", From: "accepted 2026-01-02 by ann"}},
	}
}

func TestServerTrust(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	w.run(t, StatusRefused, "server", "trust", "web1")
	holds(t, "stderr", w.errs.String(), "has not changed")
	e.refresh = changedKey()
	w.errs.Reset()
	w.run(t, StatusUnreached, "server", "trust", "web1")
	holds(t, "stderr", w.errs.String(), fingerprint, "SHA256:old", "accepted 2026-01-02 by ann", "brokeforge server trust web1")
	w.run(t, StatusRefused, "server", "trust", "web1", "--fingerprint", "")
	if len(e.trusted) > 0 {
		t.Fatalf("trusted %q", e.trusted)
	}
	w.run(t, StatusDone, "server", "trust", "web1", "--fingerprint", fingerprint)
	if diff := cmp.Diff([]string{fingerprint}, e.trusted); diff != "" {
		t.Errorf("trusted (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		answer  string
		want    int
		trusted int
	}{{"y\n", StatusDone, 1}, {"n\n", StatusUnreached, 0}} {
		e := newEngine("web1")
		e.refresh = changedKey()
		w := newWorld(t, e)
		got := runOnTerminal(t, w, "Is the key that is shown now the key of web1? [y/N]", tt.answer, "server", "trust", "web1")
		if got != tt.want || len(e.trusted) != tt.trusted {
			t.Errorf("answer %q: exit status %d, trusted %q", tt.answer, got, e.trusted)
		}
	}
}

// waits has the engine ask a question while a server is added.
func waits(e *fakeEngine, q job.Question, got *string) {
	e.questions = []job.Question{q}
	e.add = func(n job.NewServer) (store.Server, error) {
		*got = <-e.answers
		return store.Server{ID: "new", Name: n.Name, Address: n.Address, CreatedAt: noon}, nil
	}
}

func TestQuestionOnTheTerminal(t *testing.T) {
	for _, tt := range []struct {
		q               job.Question
		question, typed string
		want            string
		shown           bool
	}{
		{job.Question{ID: "1", Kind: job.AskPassphrase, KeyFile: "/k", Server: "web1", User: "ops"}, "Passphrase of the key /k, for ops@web1: ", "s3cret word\r", "s3cret word", false},
		{job.Question{ID: "1", Kind: job.AskSudo, Server: "web1", User: "ops", Wrong: 1}, "that was wrong; some servers lock", "s3cret\r", "s3cret", false},
		{job.Question{ID: "1", Kind: job.AskPrompt, Server: "web1", User: "ops", Prompt: "Code\x1b[2J:", Echo: true}, "web1 asks ops: Code", "123456\r", "123456", true},
		{job.Question{ID: "1", Kind: job.AskPassword, Server: "web1", User: "ops"}, "Password of ops on web1: ", "\x04", "declined", false},
	} {
		e := newEngine()
		w := newWorld(t, e)
		var got string
		waits(e, tt.q, &got)
		term := newTerminal(t)
		w.Stdin, w.Stderr = term.theirs, term.theirs
		status := make(chan int, 1)
		go func() {
			status <- run(context.WithoutCancel(t.Context()), []string{"server", "add", "web1", "192.0.2.9"}, w.Env)
		}()
		term.await(t, tt.question)
		if _, err := term.ours.WriteString(tt.typed); err != nil {
			t.Fatal(err)
		}
		if s := <-status; s != StatusDone || got != tt.want {
			t.Errorf("%s: exit status %d, answered %q", tt.q.Kind, s, got)
		}
		typed := strings.TrimSpace(tt.typed)
		if tt.shown {
			term.await(t, typed)
		}
		text := term.text()
		if !tt.shown && strings.Contains(text, typed) {
			t.Errorf("%s: the terminal shows %q", tt.q.Kind, text)
		}
		if strings.Contains(text, "\x1b[2J") {
			t.Errorf("an escape sequence reached the terminal: %q", text)
		}
	}
}
