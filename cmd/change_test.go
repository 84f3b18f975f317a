package cmd

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestInstallOnSeveralServers(t *testing.T) {
	e := newEngine("web1", "db")
	e.frames["web1"], e.frames["db"] = goodRun("web1"), badRun("db")
	w := newWorld(t, e)
	w.run(t, StatusFailed, "install", "nginx", "php", "--on", "web1,db", "--set", "php.memory=7", "--yes")

	want := []job.Request{{
		Action:   store.Install,
		Packages: []packages.Want{{Name: "nginx"}, {Name: "php", Values: packages.Values{"memory": "7"}}},
		Servers:  []store.ID{"server0", "server1"},
	}}
	if diff := cmp.Diff(want, e.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
	at := noon.Local().Format("15:04")
	holds(t, "stdout", w.out.String(),
		at+":00 web1 ▸ Preparing\n",
		at+":12 web1 = Preparing  already so\n",
		at+":12 web1 ✓ Installing  12s\n",
		at+":12 db   ✗ Installing failed  12s\n",
		"✓ web1", "✗ db", "2 of 2", "1 of 2")
	holds(t, "stderr", w.errs.String(),
		"brokeforge: db: the server's disk is full\n",
		"apt-get install nginx", "exit status  100", "No space left", "make space there", "brokeforge run show DB....")
	if strings.Contains(w.out.String(), "Unpacking") {
		t.Error("output of the server was shown without --output")
	}
	if strings.Contains(w.errs.String(), "\x1b") {
		t.Error("an escape sequence reached the terminal")
	}
	if !e.recovered {
		t.Error("runs of a former call were not taken up")
	}
}

func TestOutputIsShownInOrder(t *testing.T) {
	e := newEngine("web1")
	e.frames["web1"] = goodRun("web1")
	w := newWorld(t, e)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--yes", "-v")
	text := w.out.String()
	text = text[strings.Index(text, "▸"):]
	last := 0
	for _, part := range []string{"▸ Preparing", "Reading lists", "= Preparing", "▸ Installing", "Ready", "✓ Installing", "✓ web1"} {
		i := strings.Index(text, part)
		if i < last {
			t.Fatalf("%q is missing or too early:\n%s", part, text)
		}
		last = i
	}
}

func TestEventsAsJSON(t *testing.T) {
	e := newEngine("web1", "db", "gone")
	e.frames["web1"], e.frames["db"] = goodRun("web1"), badRun("db")
	e.prepared["gone"] = job.Prepared{Err: &job.ReachError{Server: "gone", Err: errors.New("no route to host")}}
	w := newWorld(t, e)
	w.run(t, StatusFailed, "install", "nginx", "--on", "web1", "--on", "db,gone", "--yes", "--json", "--output")

	type event struct {
		Time, Event, Server, Run, State, Name, Line string
		Finished, Total                             int
		ExitStatus                                  int `json:"exit_status"`
		Error                                       any
		Parts                                       []planPart
	}
	kinds := map[string][]string{}
	var last event
	for s := bufio.NewScanner(&w.out); s.Scan(); {
		var ev event
		if err := json.Unmarshal(s.Bytes(), &ev); err != nil {
			t.Fatalf("%v in %q", err, s.Text())
		}
		if ev.Time == "" || ev.Server == "" {
			t.Errorf("no time or server in %s", s.Text())
		}
		word := ev.Event
		switch ev.Event {
		case "state", "end":
			word += " " + ev.State
		case "milestone":
			word += " " + ev.Name + " " + ev.State
		case "output":
			word += " " + ev.Line
		}
		kinds[ev.Server] = append(kinds[ev.Server], word)
		if ev.Server == "db" {
			last = ev
		}
	}
	want := map[string][]string{
		"web1": {
			"plan", "state queued", "state running", "milestone prepare working", "output Reading lists",
			"output Unpacking", "milestone prepare unchanged", "milestone install working",
			"output Ready", "milestone install done", "end done",
		},
		"db":   {"plan", "state running", "milestone prepare working", "milestone prepare done", "milestone install failed", "end failed"},
		"gone": {"refused"},
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if reason, _ := last.Error.(map[string]any); reason["exit_status"] != 100.0 || reason["advice"] != "make space there" {
		t.Errorf("the end says %v", last.Error)
	}
}

func TestExitStatusOfSeveralServers(t *testing.T) {
	unknown := &job.HostKeyError{Server: "b", Address: "b:22", Type: "ssh-ed25519", Fingerprint: "SHA256:x"}
	tests := []struct {
		name       string
		a, b       error
		fails      bool // the run that can be started
		want       int
		started    int
		complaints []string
	}{
		{"all well", nil, nil, false, StatusDone, 3, nil},
		{"one refused", &packages.RefusedError{Reason: "it conflicts"}, nil, false, StatusRefused, 2, []string{"a: it conflicts"}},
		{"one not reached", &job.ReachError{Server: "a", Err: errors.New("connect to a: refused")}, nil, false, StatusUnreached, 2, []string{"brokeforge: connect to a: refused"}},
		{"key refused and refused", &packages.RefusedError{Reason: "no"}, unknown, false, StatusUnreached, 1, []string{"SHA256:x", "--accept-new"}},
		{"not reached and failed", &job.ReachError{Server: "a", Err: errors.New("silent")}, nil, true, StatusFailed, 2, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEngine("a", "b", "c")
			for _, name := range []string{"a", "b", "c"} {
				e.frames[name] = goodRun(name)
			}
			if tt.fails {
				e.frames["c"] = badRun("c")
			}
			for name, err := range map[string]error{"a": tt.a, "b": tt.b} {
				if err != nil {
					e.prepared[name] = job.Prepared{Err: err}
				}
			}
			w := newWorld(t, e)
			w.run(t, tt.want, "install", "nginx", "--on", "a,b,c", "--yes")
			if len(e.started) != tt.started {
				t.Errorf("started on %q", e.started)
			}
			holds(t, "stderr", w.errs.String(), tt.complaints...)
		})
	}
}

func TestNothingToDo(t *testing.T) {
	e := newEngine("web1")
	e.prepared["web1"] = job.Prepared{Nothing: true}
	w := newWorld(t, e)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--yes")
	if got := w.out.String(); got != "nothing to do: nginx is installed on web1 as asked\n" {
		t.Errorf("got %q", got)
	}
	w.out.Reset()
	w.run(t, StatusDone, "remove", "nginx", "rule@80", "--on", "web1", "--yes")
	if got := w.out.String(); got != "nothing to do: nginx, rule@80 are not installed on web1\n" {
		t.Errorf("got %q", got)
	}
	if len(e.started) > 0 {
		t.Errorf("started on %q", e.started)
	}
}

func TestPreview(t *testing.T) {
	e := newEngine("web1")
	w := newWorld(t, e)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview")
	want := `web1:  4 commands, 1 file
  base  (needed by nginx)
    Preparing
    = run    useradd app  (already so)
  nginx  workers=4
    Installing
      run    apt-get install nginx ...
      write  /etc/nginx/x.conf  3 lines, 0640 root:root
      run    nginx -s reload  (as deploy)  (if something changed)
      run    ufw enable  (taken back unless a new login succeeds)
      record record that it is installed

`
	if diff := cmp.Diff(want, w.out.String()); diff != "" {
		t.Errorf("preview (-want +got):\n%s", diff)
	}
	if len(e.started) > 0 {
		t.Error("a preview has started something")
	}
	w.out.Reset()
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview", "-v")
	if strings.Contains(w.out.String(), "\x1b") {
		t.Error("an escape sequence reached the terminal")
	}
	holds(t, "the full preview", w.out.String(), "| systemctl start nginx\n", "|         b;\n")
}

func TestPreviewOfServersThatAreAlike(t *testing.T) {
	e := newEngine("web1", "web2", "db")
	other, already := plan(store.Install)
	already[3] = true
	e.prepared["db"] = job.Prepared{Plan: other, Already: already}
	w := newWorld(t, e)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1,db,web2", "--preview")
	holds(t, "the preview", w.out.String(), "web1, web2:  4 commands", "\ndb:  4 commands")
	if n := strings.Count(w.out.String(), "useradd app"); n != 2 {
		t.Errorf("shown %d times in place of once for each kind:\n%s", n, &w.out)
	}
}

func TestRefusedBeforeAnythingIsOpened(t *testing.T) {
	tests := []struct {
		args  []string
		error string
	}{
		{[]string{"install", "--on", "a", "--yes"}, "PACKAGE is missing"},
		{[]string{"install", "nginx", "--yes"}, "--on is missing"},
		{[]string{"install", "nginx", "--on", "a"}, "no terminal"},
		{[]string{"remove", "nginx", "--on", "a"}, "no terminal"},
		{[]string{"install", "ngnix", "--on", "a", "--yes"}, `there is no package "ngnix"; there are: nginx, php, rule`},
		{[]string{"install", "nginx; rm -rf /", "--on", "a", "--yes"}, "there is no package"},
		{[]string{"install", "nginx", "nginx", "--on", "a", "--yes"}, "nginx is given twice"},
		{[]string{"install", "rule", "rule", "--on", "a", "--yes"}, "with a call of its own"},
		{[]string{"install", "rule@80", "--on", "a", "--yes"}, "--set rule.OPTION=VALUE"},
		{[]string{"remove", "nginx@1", "--on", "a", "--yes"}, "only one nginx"},
		{[]string{"remove", "rule@", "--on", "a", "--yes"}, "names no instance"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "php.memory"}, "PACKAGE.OPTION=VALUE"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "memory=1"}, "PACKAGE.OPTION=VALUE"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "php.memroy=1"}, "there is no such option; there are: memory, extensions, token"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "php.memory=10"}, "is not between 1 and 9"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "php.memory=1", "--set", "php.memory=2"}, "twice"},
		{[]string{"install", "php", "--on", "a", "--yes", "--set", "php.extensions=xml,no"}, `"no"`},
		{[]string{"install", "nginx", "--on", "a", "--yes", "--set", "nginx.x=1"}, "this package has none"},
		{[]string{"install", "nginx", "--on", "a", "--yes", "--set", "php.memory=1"}, "php is not among the packages"},
		{[]string{"install", "nginx", "--on", "a", "--force"}, "unknown flag: --force"},
	}
	for _, tt := range tests {
		t.Run(strings.Join(tt.args, " "), func(t *testing.T) {
			w := newWorld(t, newEngine("a"))
			w.run(t, StatusRefused, tt.args...)
			if w.opened {
				t.Error("the state folder was opened")
			}
			if w.out.Len() > 0 {
				t.Errorf("something is on standard output: %s", &w.out)
			}
			holds(t, "stderr", w.errs.String(), "brokeforge: ", tt.error, "--help")
			if lines := strings.Count(w.errs.String(), "\n"); lines != 2 {
				t.Errorf("%d lines in place of an error and a hint:\n%s", lines, &w.errs)
			}
		})
	}
}

func TestSecretIsNotRepeated(t *testing.T) {
	w := newWorld(t, newEngine("a"))
	w.run(t, StatusRefused, "install", "php", "--on", "a", "--yes", "--set", "php.token=pass\x01word")
	holds(t, "stderr", w.errs.String(), "php.token")
	if strings.Contains(w.errs.String(), "word") {
		t.Errorf("the secret is shown: %s", &w.errs)
	}
}

func TestUnknownServer(t *testing.T) {
	e := newEngine("a")
	w := newWorld(t, e)
	w.run(t, StatusRefused, "install", "nginx", "--on", "a,b", "--yes")
	holds(t, "stderr", w.errs.String(), `there is no server "b"`)
	w.run(t, StatusRefused, "install", "nginx", "--on", "a,,", "--yes")
	if len(e.requests) > 0 {
		t.Error("a plan was made")
	}
}

func TestSignalLetsGo(t *testing.T) {
	e := newEngine("web1", "web2")
	e.frames["web1"] = goodRun("web1")[:2]
	e.frames["web2"] = goodRun("web2")[:1]
	ctx, cancel := context.WithCancelCause(t.Context())
	e.idle = func(server string) {
		if server == "web1" {
			cancel(&SignalError{syscall.SIGHUP})
		}
	}
	w := newWorld(t, e)
	got := run(ctx, []string{"install", "nginx", "--on", "web1,web2", "--yes"}, w.Env)
	if want := 128 + int(syscall.SIGHUP); got != want {
		t.Errorf("exit status %d, want %d", got, want)
	}
	holds(t, "stderr", w.errs.String(),
		"web1: the run goes on there; follow it with: brokeforge run show WEB1..",
		"web2: run ", "has not begun")
	if len(e.cancelled) > 0 {
		t.Error("a run was cancelled")
	}
}

func TestThePreviewTellsWhatComesOfIt(t *testing.T) {
	engine := newEngine("web1")
	p := job.Prepared{Effects: map[int]job.Effect{
		3: {Debs: &job.DebsEffect{Removes: []job.Deb{{Name: "apache2"}}, Upgrades: []job.Deb{{Name: "libc6", From: "1", To: "2"}}}},
		5: {File: &job.FileEffect{State: job.OtherFile, Added: 2, Removed: 1, Diff: []string{"-old", "+new"}, ByHand: true}},
	}}
	p.Plan, p.Already = plan(store.Install)
	engine.prepared["web1"] = p
	w := newWorld(t, engine)
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview", "--output")
	holds(t, "the preview", w.out.String(), "REMOVES 1: apache2", "upgrades 1: libc6 (1 → 2)", "+2 −1", "changed by hand", ": -old", ": +new")
	w.out.Reset()
	w.UTF8 = false
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview")
	holds(t, "the preview in ASCII", w.out.String(), "libc6 (1 -> 2)", "+2 -1")
	w.out.Reset()
	w.run(t, StatusDone, "install", "nginx", "--on", "web1", "--preview", "--json")
	holds(t, "the JSON", w.out.String(), `"removes":[{"name":"apache2"}]`, `"by_hand":true`, `"sum":["REMOVES 1"]`)
}

func TestRemovalOptions(t *testing.T) {
	w := newWorld(t, newEngine("web1"))
	w.run(t, StatusDone, "remove", "nginx", "--on", "web1", "--preview", "--purge")
	w.run(t, StatusDone, "remove", "nginx", "--on", "web1", "--preview", "--set", "nginx.purge=on")
	w.run(t, StatusDone, "remove", "nginx", "--on", "web1", "--preview")
	var got []packages.Values
	for _, r := range w.engine.requests {
		got = append(got, r.Packages[0].Removal)
		if len(r.Packages[0].Values) > 0 {
			t.Errorf("options of installing are asked for: %v", r.Packages[0].Values)
		}
	}
	if diff := cmp.Diff([]packages.Values{{"purge": "yes"}, {"purge": "on"}, nil}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, bad := range [][]string{
		{"remove", "php", "--on", "web1", "--preview", "--purge"},
		{"remove", "nginx", "--on", "web1", "--preview", "--set", "nginx.workers=4"},
		{"remove", "nginx", "--on", "web1", "--preview", "--set", "nginx.purge=perhaps"},
		{"remove", "nginx", "--on", "web1", "--preview", "--set", "php.purge=yes"},
		{"remove", "nginx", "--on", "web1", "--preview", "--set", "purge"},
		{"install", "nginx", "--on", "web1", "--preview", "--purge"},
	} {
		w.run(t, StatusRefused, bad...)
	}
}
