package sshrun

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeSudo does what sudo does with a password, that in the file right: it asks with
// the prompt of -p, up to three times, and records what it was called with.
const fakeSudo = `#!/bin/sh
dir=$(dirname "$0")
echo "$@" >>"$dir/calls"
env >>"$dir/calls"
if [ "$1" = -n ]; then
	[ -e "$dir/said" ] && { cat "$dir/said" >&2; exit 1; }
	echo 'sudo: a password is required' >&2
	exit 1
fi
[ "$1 $2" = "-S -p" ] || exit 9
prompt=$3
shift 3
tries=0
until [ "$tries" = 3 ]; do
	[ -e "$dir/asks-not" ] && exec "$@"
	printf '%s' "$prompt" >&2
	IFS= read -r given || { echo 'sudo: no password was provided' >&2; exit 1; }
	[ -e "$dir/echoes" ] && echo "sudo read $given" >&2
	[ "$given" = "$(cat "$dir/right")" ] && exec "$@"
	echo 'Sorry, try again.' >&2
	tries=$((tries + 1))
done
echo 'sudo: 3 incorrect password attempts' >&2
exit 1
`

// sudoer returns a client of a user for whom sudo wants a password.
func sudoer(t *testing.T, a *answerer) (c *Client, bin string) {
	t.Helper()
	bin = t.TempDir()
	for name, text := range map[string]string{"id": "#!/bin/sh\necho 1000\n", "sudo": fakeSudo} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	put(t, bin, "right", "pa'ss $(word) \\")
	s := newServer(t, func(s *server) { s.path = bin + ":" + os.Getenv("PATH") })
	target := s.target()
	target.User = "deploy"
	var asker Asker
	if a != nil {
		asker = a
	}
	c, err := newPool(t, func(o *Options) { o.Asker = asker }).Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	return c, bin
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestSudoWithPassword(t *testing.T) {
	a := &answerer{answers: []string{"no", "pa'ss $(word) \\", "changed"}}
	c, bin := sudoer(t, a)
	r, err := c.Execute(t.Context(), Script{Text: "echo root; cat; env", Become: true})
	if err != nil || !strings.HasPrefix(string(r.Stdout), "root\n") {
		t.Fatalf("%+v, %v", r, err)
	}
	if a.count() != 2 || a.asked[0] != (Question{Kind: Sudo, Server: "web1", User: "deploy"}) || a.asked[1].Wrong != 1 {
		t.Errorf("asked %+v", a.asked)
	}
	// It is remembered, and whatever goes by root takes it.
	var marks []Mark
	id := "sudo-" + strings.ToLower(newToken())
	if err := c.Ship(t.Context(), Shipment{RunID: id, Nonce: testNonce, Steps: []Step{run("cat; echo x")}}, func(m Mark) error {
		marks = append(marks, m)
		return nil
	}); err != nil || tell(marks) != `begin 0, "x", end 0=0, finish 0` {
		t.Errorf("ship: %v, %s", err, tell(marks))
	}
	if err := c.Follow(t.Context(), id, testNonce, 0, func(Mark) error { return nil }); err != nil {
		t.Errorf("follow: %v", err)
	}
	if err := c.Cancel(t.Context(), id); err != nil {
		t.Errorf("cancel: %v", err)
	}
	if info, err := c.Inspect(t.Context(), id); err != nil || info.State != RunFinished {
		t.Errorf("inspect: %+v, %v", info, err)
	}
	if a.count() != 2 {
		t.Errorf("asked %d times", a.count())
	}
	// Where sudo does not ask, it is not sent at all.
	put(t, bin, "asks-not", "")
	r, err = c.Execute(t.Context(), Script{Text: "cat; echo $0", Become: true})
	if err != nil || strings.Contains(string(r.Stdout), "pa'ss") {
		t.Errorf("%+v, %v", r, err)
	}
	os.Remove(filepath.Join(bin, "asks-not"))
	// One that was changed is asked for anew.
	put(t, bin, "right", "changed")
	if _, err := c.Execute(t.Context(), Script{Text: ":", Become: true}); err != nil || a.count() != 3 {
		t.Errorf("%v, asked %d times", err, a.count())
	}
	calls, err := os.ReadFile(filepath.Join(bin, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"pa'ss", "changed"} {
		if strings.Contains(string(calls), secret) {
			t.Errorf("the password is in the arguments or the environment:\n%s", calls)
		}
	}
}

func TestSudoTrouble(t *testing.T) {
	var become *BecomeError
	a := &answerer{answers: []string{"w1rong", "w2rong", "w3rong", "x"}}
	c, bin := sudoer(t, a)
	put(t, bin, "echoes", "")
	_, err := c.Execute(t.Context(), Script{Text: ":", Become: true})
	if !errors.As(err, &become) || become.Wrong != 3 || a.count() != 3 || !strings.Contains(err.Error(), "faillock") {
		t.Errorf("wrong ones: %v, asked %d times", err, a.count())
	}
	if strings.Contains(err.Error(), "w3rong") {
		t.Errorf("the error holds the password: %v", err)
	}
	c, _ = sudoer(t, nil)
	_, err = c.Execute(t.Context(), Script{Text: ":", Become: true})
	if !errors.As(err, &become) || !errors.Is(err, ErrNobody) || !strings.Contains(err.Error(), "run it on a terminal") {
		t.Errorf("with nobody to ask: %v", err)
	}
	c, _ = sudoer(t, &answerer{})
	_, err = c.Execute(t.Context(), Script{Text: ":", Become: true})
	if !errors.As(err, &become) || !errors.Is(err, ErrDeclined) {
		t.Errorf("declined: %v", err)
	}
	for said, want := range map[string]SudoProblem{
		"sudo: sorry, you must have a tty to run sudo\n":                                 SudoNeedsTerminal,
		"deploy is not in the sudoers file.\n":                                           SudoNotAllowed,
		"Sorry, user deploy is not allowed to execute '/usr/bin/env' as root on web1.\n": SudoNotAllowed,
		"sudo: Account locked due to 3 failed logins\n":                                  SudoLocked,
		"sudo: something else\n":                                                         "",
	} {
		a := &answerer{}
		c, bin := sudoer(t, a)
		put(t, bin, "said", strings.Repeat("a banner\n", 1000)+said)
		_, err := c.Execute(t.Context(), Script{Text: ":", Become: true})
		if !errors.As(err, &become) || become.Problem != want || a.count() > 0 {
			t.Errorf("%q: %v (%q), asked %d times", said, err, become.Problem, a.count())
		}
	}
}
