package sshrun

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func (r *rig) path(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) read(name string) string {
	r.t.Helper()
	b, err := os.ReadFile(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

func (r *rig) write(name, content string) {
	r.t.Helper()
	if err := os.WriteFile(r.path(name), []byte(content), 0o644); err != nil {
		r.t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// eventually polls until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("in vain waited until %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestFirstFailureEndsTheRun(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		for _, status := range []int{1, 2, 75, 126, 137, 141, 200, 255} {
			marks := r.ship(Shipment{Steps: []Step{run("echo before"), run(fmt.Sprintf("exit %d", status)), run("echo never")}})
			r.want(marks, fmt.Sprintf(`begin 0, "before", end 0=0, begin 1, end 1=%d, finish 1`, status))
		}
		marks := r.ship(Shipment{Steps: []Step{run("kill -KILL $$")}})
		r.want(marks, `begin 0, end 0=137, finish 1`)
	})
}

func TestFromResumes(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		marks := r.ship(Shipment{From: 1, Steps: []Step{run("echo no"), run("echo yes")}})
		r.want(marks, `begin 1, "yes", end 1=0, finish 0`)
	})
}

func TestStepsHaveAMadeEnvironment(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		t.Setenv("SECRET_OF_THE_TEST", "x")
		marks := r.ship(Shipment{Steps: []Step{run("cat; env | sort; umask; pwd; ls -l /proc/$$/fd | grep -e '/lock$' -e '/plan$'")}})
		r.want(marks, `begin 0, "HOME=/root", "LANG=C.UTF-8", "LC_ALL=C.UTF-8", "LOGNAME=root", `+
			`"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PWD=/", "SHELL=/bin/sh", "USER=root", `+
			`"0022", "/", end 0=1, finish 1`)
	})
}

func TestStepsRunInASessionOfTheirOwn(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		marks := r.ship(Shipment{Steps: []Step{run(`read -r stat </proc/$$/stat; set -- ${stat##*) }; [ "$4" = $$ ] && echo own`)}})
		r.want(marks, `begin 0, "own", end 0=0, finish 0`)
	})
}

func TestCheckSkips(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		check := run("echo ran >" + r.path("file"))
		check.Check = "echo hidden; test -e " + r.path("file")
		r.want(r.ship(Shipment{Steps: []Step{check}}), `begin 0, end 0=0, finish 0`)
		r.want(r.ship(Shipment{Steps: []Step{check}}), `begin 0, skipped 0, finish 0`)
	})
}

func TestIfChanged(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		reload := Step{Kind: StepRun, Script: "echo reload", IfChanged: true, Group: "nginx@../a b\n%"}
		write := func(content string) Step {
			return r.file("conf", content, func(s *Step) { s.Group = "nginx@../a b\n%" })
		}
		broken := Step{Kind: StepRun, Script: "false", Group: "nginx@../a b\n%"}
		other := Step{Kind: StepRun, Script: ":", Group: "php"}

		r.want(r.ship(Shipment{Steps: []Step{other, reload}}), `begin 0, end 0=0, begin 1, skipped 1, finish 0`)
		r.want(r.ship(Shipment{Steps: []Step{write("1"), reload}}), `begin 0, end 0=0, begin 1, "reload", end 1=0, finish 0`)
		r.want(r.ship(Shipment{Steps: []Step{write("1"), reload}}), `begin 0, skipped 0, begin 1, skipped 1, finish 0`)
		// The change of a failed run is not forgotten.
		r.want(r.ship(Shipment{Steps: []Step{write("2"), broken, reload}}), `begin 0, end 0=0, begin 1, end 1=1, finish 1`)
		r.want(r.ship(Shipment{Steps: []Step{write("2"), reload}}), `begin 0, skipped 0, begin 1, "reload", end 1=0, finish 0`)
		r.want(r.ship(Shipment{Steps: []Step{write("2"), reload}}), `begin 0, skipped 0, begin 1, skipped 1, finish 0`)
	})
}

// file returns a step that writes a file of the test as its own user.
func (r *rig) file(name, content string, change func(*Step)) Step {
	r.t.Helper()
	me, err := user.Current()
	if err != nil {
		r.t.Fatal(err)
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		r.t.Fatal(err)
	}
	s := Step{Kind: StepWrite, Path: r.path(name), Content: []byte(content), Owner: me.Username, GroupName: group.Name}
	if change != nil {
		change(&s)
	}
	return s
}

func TestWrite(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		mode := func(m os.FileMode) func(*Step) { return func(s *Step) { s.Mode = m } }
		placed, skipped := `begin 0, end 0=0, finish 0`, `begin 0, skipped 0, finish 0`
		binary := "\x00\xff'\"$(touch /tmp/no)\n\n"
		for _, name := range []string{"plain", "with space", "quote'$x", "ünïcode", "back\\slash"} {
			r.want(r.ship(Shipment{Steps: []Step{r.file(name, binary, nil)}}), placed)
			if got := r.read(name); got != binary {
				t.Errorf("%s holds %q", name, got)
			}
			r.want(r.ship(Shipment{Steps: []Step{r.file(name, binary, nil)}}), skipped)
		}
		r.want(r.ship(Shipment{Steps: []Step{r.file("plain", binary, mode(0o640))}}), placed)
		info, err := os.Stat(r.path("plain"))
		if err != nil || info.Mode() != 0o640 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		r.want(r.ship(Shipment{Steps: []Step{r.file("plain", "", mode(0o640))}}), placed)
		entries, err := os.ReadDir(r.dir)
		if err != nil || len(entries) != 5 {
			t.Errorf("%v is left, %v", entries, err)
		}
	})
}

func TestWriteDoesNotFollowALink(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		r.write("precious", "same")
		if err := os.Symlink(r.path("precious"), r.path("link")); err != nil {
			t.Fatal(err)
		}
		r.want(r.ship(Shipment{Steps: []Step{r.file("link", "same", nil)}}), `begin 0, end 0=0, finish 0`)
		if info, err := os.Lstat(r.path("link")); err != nil || !info.Mode().IsRegular() {
			t.Errorf("the link is %v, %v", info.Mode(), err)
		}
		r.want(r.ship(Shipment{Steps: []Step{r.file("link", "new", nil)}}), `begin 0, end 0=0, finish 0`)
		if got := r.read("precious"); got != "same" {
			t.Errorf("the file behind the link holds %q", got)
		}
	})
}

func TestWriteRefuses(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		if err := os.Mkdir(r.path("folder"), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mkfifo(r.path("fifo"), 0o644); err != nil {
			t.Fatal(err)
		}
		r.want(r.ship(Shipment{Steps: []Step{r.file("folder", "x", nil)}}),
			fmt.Sprintf(`begin 0, %q, end 0=1, finish 1`, r.path("folder")+" is there and is not a file"))
		r.want(r.ship(Shipment{Steps: []Step{r.file("fifo", "x", nil)}}),
			fmt.Sprintf(`begin 0, %q, end 0=1, finish 1`, r.path("fifo")+" is there and is not a file"))
		r.want(r.ship(Shipment{Steps: []Step{r.file("no/file", "x", nil)}}),
			fmt.Sprintf(`begin 0, %q, end 0=1, finish 1`, "the folder "+r.path("no")+" is not there"))
		marks := tell(r.ship(Shipment{Steps: []Step{r.file("x", "x", func(s *Step) { s.Owner = "nobody-such" })}}))
		if !strings.Contains(marks, "nobody-such") || !strings.HasSuffix(marks, "end 0=1, finish 1") || exists(r.path("x")) {
			t.Errorf("with an unknown owner: %s", marks)
		}
	})
}

func TestTimeoutEndsAStepAndWhatItStarted(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		step := run("sleep 1234567 & echo $! >" + r.path("pid") + "; wait")
		step.Timeout = time.Second
		r.want(r.ship(Shipment{Steps: []Step{step}}), `begin 0, end 0=124, finish 1`)
		pid := strings.TrimSpace(r.read("pid"))
		eventually(t, "the child is gone", func() bool { return !exists("/proc/"+pid) || zombie(pid) })
	})
}

// TestAnEndedStepCleansUp sees that what a script has set to be run at its exit is
// run when it is ended from outside, after the command that it waits for.
func TestAnEndedStepCleansUp(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		const script = `folder=$(mktemp -d %[1]s/work.XXXXXX) || exit 1
trap 'echo bye; rm -rf "$folder"' EXIT
echo up
sh -c 'trap "echo last >%[1]s/last; exit 5" TERM; : >%[1]s/waits; while :; do sleep 0.05; done' 2>/dev/null
echo never`
		left := func() []string {
			t.Helper()
			entries, err := filepath.Glob(r.path("work.*"))
			if err != nil {
				t.Fatal(err)
			}
			return entries
		}
		id := r.runID()
		wait := r.begin(id, run(fmt.Sprintf(script, r.dir)))
		eventually(t, "the command waits", func() bool { return exists(r.path("waits")) })
		if len(left()) != 1 {
			t.Errorf("while it runs there is %v", left())
		}
		if err := r.client.Cancel(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		r.want(wait(), `begin 0, "up", "bye", end 0=143, finish 2`)
		if got := r.read("last"); got != "last\n" || len(left()) > 0 {
			t.Errorf("cancelled, the command has written %q, and there is %v", got, left())
		}
		late := run(fmt.Sprintf(script, r.dir))
		late.Timeout = time.Second
		r.want(r.ship(Shipment{Steps: []Step{late}}), `begin 0, "up", "bye", end 0=124, finish 1`)
		if len(left()) > 0 {
			t.Errorf("out of time it has left %v", left())
		}
	})
}

func zombie(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestADaemonLeftBehindHoldsNothingUp(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		started := time.Now()
		marks := r.ship(Shipment{Steps: []Step{
			run("setsid sleep 120 & echo $! >" + r.path("pid")),
			run("echo next"),
		}})
		r.want(marks, `begin 0, end 0=0, begin 1, "next", end 1=0, finish 0`)
		if took := time.Since(started); took > time.Minute {
			t.Errorf("it took %v", took)
		}
		pid := strings.TrimSpace(r.read("pid"))
		if zombie(pid) {
			t.Error("the daemon was killed")
		}
		var n int
		fmt.Sscan(pid, &n)
		if err := syscall.Kill(n, syscall.SIGKILL); err != nil {
			t.Error(err)
		}
	})
}

func TestStepsRunAsTheirUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Log("only root can become another user: the hosts of e2e cover it")
		return
	}
	shells(t, func(t *testing.T, r *rig) {
		step := run(`id -un; echo "$HOME $USER $LOGNAME"; cat /dev/fd/7 >/dev/null && exit 3`)
		step.User = "nobody"
		r.want(r.ship(Shipment{Steps: []Step{step}}),
			`begin 0, "nobody", "/nonexistent nobody nobody", end 0=3, finish 1`)
		step.User = "no-such-user"
		r.want(r.ship(Shipment{Steps: []Step{step}}),
			`begin 0, "there is no user no-such-user on this server", end 0=67, finish 1`)
	})
}

func TestScriptsAreGoneAfterTheRun(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		id := r.runID()
		r.ship(Shipment{RunID: id, Steps: []Step{run(": secret-word"), r.file("f", "secret-word", nil)}})
		at := r.pool.opts.places
		eventually(t, "the folder is gone", func() bool { return !exists(filepath.Join(at.volatile, id)) })
		err := filepath.WalkDir(at.base, func(path string, d os.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			if info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			if d.Type().IsRegular() {
				b, err := os.ReadFile(path)
				if err != nil || strings.Contains(string(b), "secret-word") {
					t.Errorf("%s holds the secret, %v", path, err)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestPercent(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		// It says more only when what it said has come.
		step := Step{Kind: StepRun, Percent: true, Script: `say() { echo "$1" >"$PERCENT"; until [ "$(grep -c " 0 percent " "$LOG")" -ge "$2" ]; do sleep 0.01; done; }
LOG=$(echo ` + r.pool.opts.places.base + `/runs/*/log)
echo begun
say 7 1
echo nonsense >"$PERCENT"
echo 1000 >"$PERCENT"
echo -5 >"$PERCENT"
say 100 2
echo ended`}
		var got []string
		s := Shipment{Steps: []Step{step, {Kind: StepRun, Script: `[ -z "${PERCENT:-}" ]`}}}
		s.RunID, s.Nonce = "percent", testNonce
		err := r.client.Ship(t.Context(), s, func(m Mark) error {
			switch m.Kind {
			case MarkPercent:
				got = append(got, fmt.Sprintf("percent %d=%d", m.Step, m.Status))
			case MarkLine:
				got = append(got, m.Text)
			case MarkEnd:
				got = append(got, fmt.Sprintf("end %d=%d", m.Step, m.Status))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(got, ", "); text != "begun, percent 0=7, percent 0=100, ended, end 0=0, end 1=0" {
			t.Errorf("it told %s", text)
		}
	})
}
