package e2e

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
	"brokeforge/sshrun"
)

const runNonce = "e2e1234567890abcdef"

// A remote is a real host and a connection to it as root.
type remote struct {
	*testing.T
	host   *hosts.Host
	pool   *sshrun.Pool
	client *sshrun.Client
	target sshrun.Target
	runs   int
}

// eachSuite runs a test on a fresh host of each release, with word in its name.
func eachSuite(t *testing.T, word string, test func(r *remote)) {
	if !hosts.Require(t) {
		return
	}
	for _, suite := range []hosts.Suite{hosts.Bookworm, hosts.Trixie} {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			name := word + "-" + string(suite)
			h := start(t, hosts.Spec{Name: name, Suite: suite})
			pool := sshrun.NewPool(sshrun.Options{KnownHosts: []string{}, AgentSocket: "none"})
			t.Cleanup(func() { pool.Close() })
			target := sshrun.Target{Name: name, Address: h.Address(), KeyFile: lab.Key(), AcceptNew: true}
			c, err := pool.Connect(t.Context(), target)
			if err != nil {
				t.Fatal(err)
			}
			test(&remote{T: t, host: h, pool: pool, client: c, target: target})
		})
	}
}

func (r *remote) id() string {
	r.runs++
	return fmt.Sprintf("e2e-%d", r.runs)
}

func (r *remote) shell(script string) string {
	r.Helper()
	res, err := r.client.Execute(r.Context(), sshrun.Script{Text: script})
	if err != nil || res.Status != 0 {
		r.Fatalf("%s: status %d, %s, %v", script, res.Status, res.Stderr, err)
	}
	return strings.TrimSpace(string(res.Stdout))
}

// words tells marks without times, and of lines only the text.
func words(marks []sshrun.Mark) string {
	var list []string
	for _, m := range marks {
		switch m.Kind {
		case sshrun.MarkLine:
			list = append(list, fmt.Sprintf("%q", m.Text))
		case sshrun.MarkEnd, sshrun.MarkFinish:
			list = append(list, fmt.Sprintf("%v %d", m.Kind, m.Status))
		default:
			list = append(list, m.Kind.String())
		}
	}
	return strings.Join(list, ", ")
}

func (r *remote) ship(id string, steps []sshrun.Step, each func(sshrun.Mark) error) (string, error) {
	var marks []sshrun.Mark
	err := r.client.Ship(r.Context(), sshrun.Shipment{RunID: id, Nonce: runNonce, Steps: steps}, func(m sshrun.Mark) error {
		marks = append(marks, m)
		if each == nil {
			return nil
		}
		return each(m)
	})
	return words(marks), err
}

func step(script string) sshrun.Step { return sshrun.Step{Kind: sshrun.StepRun, Script: script} }

func (r *remote) await(what, script string) {
	r.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		res, err := r.client.Execute(r.Context(), sshrun.Script{Text: script})
		if err == nil && res.Status == 0 {
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("in vain waited until %s: %v", what, err)
		}
	}
}

func TestRunIsAService(t *testing.T) {
	t.Parallel()
	eachSuite(t, "service", func(r *remote) {
		r.shell("useradd -m deploy")
		id := r.id()
		user := step("id -un; pwd; echo $HOME")
		user.User = "deploy"
		got, err := r.ship(id, []sshrun.Step{
			step("grep -q '/brokeforge-" + id + ".service' /proc/self/cgroup && echo service; tty"),
			user,
			{Kind: sshrun.StepWrite, Path: "/home/deploy/x", Content: []byte("x"), Owner: "deploy", GroupName: "deploy", Mode: 0o600},
		}, nil)
		want := `begin, "service", "not a tty", end 1, finish 1`
		if err != nil || got != want {
			r.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
		got, err = r.ship(r.id(), []sshrun.Step{user, {Kind: sshrun.StepWrite, Path: "/home/deploy/x", Content: []byte("x"), Owner: "deploy", GroupName: "deploy", Mode: 0o600}}, nil)
		want = `begin, "deploy", "/", "/home/deploy", end 0, begin, end 0, finish 0`
		if err != nil || got != want {
			r.Errorf("%v\ngot  %s\nwant %s", err, got, want)
		}
		if got := r.shell("stat -c '%U %G %a' /home/deploy/x"); got != "deploy deploy 600" {
			r.Errorf("the file is %s", got)
		}
		r.await("the services are gone", "! systemctl list-units --all --plain --no-legend 'brokeforge-*' | grep -q .")
	})
}

func TestRunOutlivesSshd(t *testing.T) {
	t.Parallel()
	eachSuite(t, "outlives", func(r *remote) {
		id := r.id()
		var offset int64
		_, err := r.ship(id, []sshrun.Step{step("echo up; until [ -e /tmp/go ]; do sleep 0.1; done; echo down")}, func(m sshrun.Mark) error {
			offset = m.Offset
			if m.Text == "up" {
				// The session's own sshd, as a cut connection would end it.
				go r.client.Execute(context.WithoutCancel(r.Context()), sshrun.Script{Text: "pkill -KILL -f 'sshd.*: root'"})
			}
			return nil
		})
		var lost *sshrun.LostError
		if !errors.As(err, &lost) {
			r.Fatalf("ship: %v", err)
		}
		if r.client, err = r.pool.Connect(r.Context(), r.target); err != nil {
			r.Fatal(err)
		}
		r.await("nobody follows the log", "! pgrep -x tail")
		r.shell("touch /tmp/go")
		var marks []sshrun.Mark
		if err := r.client.Follow(r.Context(), id, runNonce, offset, func(m sshrun.Mark) error {
			marks = append(marks, m)
			return nil
		}); err != nil {
			r.Fatal(err)
		}
		if got := words(marks); got != `"down", end 0, finish 0` {
			r.Errorf("got %s", got)
		}
	})
}

func TestKilledDriverTakesItsStepsAlong(t *testing.T) {
	t.Parallel()
	eachSuite(t, "killed", func(r *remote) {
		id := r.id()
		prove := sshrun.Step{Kind: sshrun.StepProve, Script: "setsid sleep 1234567 & :", Undo: "touch /tmp/undone", Within: time.Hour}
		got, err := r.ship(id, []sshrun.Step{prove}, func(m sshrun.Mark) error {
			if m.Kind == sshrun.MarkProve {
				r.shell("systemctl kill --kill-whom=main --signal=KILL brokeforge-" + id)
			}
			return nil
		})
		var died *sshrun.DiedError
		if !errors.As(err, &died) || died.Rebooted || got != "begin, prove" {
			r.Errorf("ship: %v, %s", err, got)
		}
		r.await("it is undone and nothing is left", "test -e /tmp/undone && ! pgrep -f 1234567")
	})
}

func TestCancelEndsAllOfARun(t *testing.T) {
	t.Parallel()
	eachSuite(t, "cancel", func(r *remote) {
		id := r.id()
		got, err := r.ship(id, []sshrun.Step{step("setsid sleep 1234567 & setsid -f sleep 1234567; echo up; wait")}, func(m sshrun.Mark) error {
			if m.Text == "up" {
				return r.client.Cancel(r.Context(), id)
			}
			return nil
		})
		if err != nil || got != `begin, "up", end 143, finish 2` {
			r.Errorf("%v, %s", err, got)
		}
		r.await("nothing is left", "! pgrep -f 1234567")
	})
}

func TestRebootIsToldOf(t *testing.T) {
	t.Parallel()
	eachSuite(t, "reboot", func(r *remote) {
		id := r.id()
		_, err := r.ship(id, []sshrun.Step{step("echo up; sleep 1234567")}, func(m sshrun.Mark) error {
			if m.Text == "up" {
				return errors.New("enough")
			}
			return nil
		})
		if err == nil || err.Error() != "enough" {
			r.Fatal(err)
		}
		r.shell("sync")
		if err := r.host.Crash(); err != nil {
			r.Fatal(err)
		}
		if err := r.host.Boot(r.Context()); err != nil {
			r.Fatal(err)
		}
		r.pool.Forget(r.target)
		if r.client, err = r.pool.Connect(r.Context(), r.target); err != nil {
			r.Fatal(err)
		}
		info, err := r.client.Inspect(r.Context(), id)
		if err != nil || info.State != sshrun.RunDead || info.SameBoot || info.Step != 0 {
			r.Errorf("%+v, %v", info, err)
		}
		var died *sshrun.DiedError
		err = r.client.Follow(r.Context(), id, runNonce, 0, func(sshrun.Mark) error { return nil })
		if !errors.As(err, &died) || !died.Rebooted {
			r.Errorf("follow: %v", err)
		}
	})
}

func TestLoginShells(t *testing.T) {
	t.Parallel()
	eachSuite(t, "shells", func(r *remote) {
		r.shell("DEBIAN_FRONTEND=noninteractive apt-get -qq --no-install-recommends install fish tcsh >/dev/null")
		r.shell(`echo 'ALL ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/all
			for sh in bash fish tcsh dash; do
				useradd -m -s "$(command -v $sh)" "u$sh"
				cp -r /root/.ssh "/home/u$sh/"
				for rc in .bashrc .tcshrc .profile; do echo 'echo noise $TERM' >"/home/u$sh/$rc"; done
				mkdir -p "/home/u$sh/.config/fish"
				echo 'echo noise' >"/home/u$sh/.config/fish/config.fish"
				chown -R "u$sh:" "/home/u$sh"
			done
			useradd -m -s /usr/sbin/nologin unone; cp -r /root/.ssh /home/unone/; chown -R unone: /home/unone`)
		for _, shell := range []string{"bash", "fish", "tcsh", "dash"} {
			target := r.target
			target.User = "u" + shell
			c, err := r.pool.Connect(r.Context(), target)
			if err != nil {
				r.Fatal(err)
			}
			res, err := c.Execute(r.Context(), sshrun.Script{Text: "id -un"})
			if err != nil || string(res.Stdout) != "u"+shell+"\n" {
				r.Errorf("%s: %q %v", shell, res.Stdout, err)
			}
			res, err = c.Execute(r.Context(), sshrun.Script{Text: "id -un", Become: true})
			if err != nil || string(res.Stdout) != "root\n" {
				r.Errorf("%s as root: %q %v", shell, res.Stdout, err)
			}
			as := &remote{T: r.T, client: c}
			got, err := as.ship("shell-"+shell, []sshrun.Step{step("id -un")}, nil)
			if err != nil || got != `begin, "root", end 0, finish 0` {
				r.Errorf("%s: %s, %v", shell, got, err)
			}
		}
		target := r.target
		target.User = "unone"
		c, err := r.pool.Connect(r.Context(), target)
		if err != nil {
			r.Fatal(err)
		}
		var shell *sshrun.ShellError
		if _, err := c.Execute(r.Context(), sshrun.Script{Text: "id"}); !errors.As(err, &shell) {
			r.Errorf("nologin: %v", err)
		}
	})
}

func TestOneSession(t *testing.T) {
	t.Parallel()
	eachSuite(t, "onesession", func(r *remote) {
		r.shell("echo MaxSessions 1 >>/etc/ssh/sshd_config; systemctl reload ssh")
		r.pool.Forget(r.target)
		var err error
		// While sshd reads its configuration it listens to nobody.
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if r.client, err = r.pool.Connect(r.Context(), r.target); err == nil {
				break
			}
			if time.Now().After(deadline) {
				r.Fatal(err)
			}
		}
		id := r.id()
		got, err := r.ship(id, []sshrun.Step{step("echo up; sleep 1234567")}, func(m sshrun.Mark) error {
			if m.Text == "up" {
				return r.client.Cancel(r.Context(), id)
			}
			return nil
		})
		if err != nil || got != `begin, "up", "Terminated", end 143, finish 2` {
			r.Errorf("%v, %s", err, got)
		}
		for range 5 {
			r.shell("true")
		}
	})
}

func TestFullDiskLosesNoStatus(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	h := start(t, hosts.Spec{Name: "sshrun-full", DiskBytes: 48 << 20})
	pool := sshrun.NewPool(sshrun.Options{KnownHosts: []string{}, AgentSocket: "none"})
	defer pool.Close()
	r := &remote{T: t, host: h, pool: pool, target: sshrun.Target{Name: "full", Address: h.Address(), KeyFile: lab.Key(), AcceptNew: true}}
	var err error
	if r.client, err = pool.Connect(t.Context(), r.target); err != nil {
		t.Fatal(err)
	}
	got, err := r.ship(r.id(), []sshrun.Step{
		step("echo before; cat /dev/zero >/var/fill 2>/dev/null; yes | head -c 3000000 >/dev/stderr; echo last"),
		step("echo small; exit 3"),
	}, nil)
	if err != nil || !strings.HasSuffix(got, "finish 1") || !strings.Contains(got, `"before"`) ||
		strings.Count(got, "end 0") != 1 || strings.Count(got, "end 3") != 1 {
		t.Errorf("%v, %.200s … %s", err, got, got[max(0, len(got)-300):])
	}
	info, err := r.client.Inspect(t.Context(), "e2e-1")
	if err != nil || info.State != sshrun.RunFinished || info.Status != 1 {
		t.Errorf("%+v, %v", info, err)
	}
	var start *sshrun.StartError
	if got, err = r.ship(r.id(), []sshrun.Step{step("echo never")}, nil); !errors.As(err, &start) || !strings.Contains(err.Error(), "disk full") {
		t.Errorf("a run on a full disk: %v, %s", err, got)
	}
}

// TestGivenUpStreamEndsOnTheServer gives a stream up while the connection stays: what
// it ran is ended, also where it has nothing to print.
func TestGivenUpStreamEndsOnTheServer(t *testing.T) {
	t.Parallel()
	eachSuite(t, "stream", func(r *remote) {
		ctx, stop := context.WithCancel(r.Context())
		defer stop()
		_, err := r.client.Stream(ctx, sshrun.Script{Text: "echo up; sleep 1234567 | cat"}, func(string) error {
			stop()
			return nil
		})
		if !errors.Is(err, context.Canceled) {
			r.Errorf("the stream ends with %v", err)
		}
		r.await("nothing is left", "! pgrep -x sleep")
	})
}
