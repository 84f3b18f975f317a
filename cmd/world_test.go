package cmd

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// runOn is a run on a server.
func runOn(server string, state store.RunState) store.Run {
	run := store.Run{
		ID: store.ID(strings.Repeat("0", 20) + strings.ToUpper((server + "......")[:6])), ServerName: server, Title: "install nginx",
		State: state, Total: 2, By: "ops", QueuedAt: noon.Add(-time.Minute),
	}
	if state != store.RunQueued {
		run.StartedAt = noon.Add(-30 * time.Second)
	}
	if !state.Live() {
		run.EndedAt = noon
	}
	return run
}

// states makes the progress of a run of the milestones Preparing and
// Installing.
func states(server string, state store.RunState, first, second job.MilestoneState) job.Progress {
	p := job.Progress{Run: runOn(server, state)}
	for i, s := range []job.MilestoneState{first, second} {
		m := job.Milestone{State: s}
		m.Package, m.Name, m.Label = "nginx", []string{"prepare", "install"}[i], []string{"Preparing", "Installing"}[i]
		if s != job.Ahead {
			m.Begun = noon
		}
		if s != job.Ahead && s != job.Working {
			m.Ended = noon.Add(12 * time.Second)
		}
		p.Milestones = append(p.Milestones, m)
	}
	return p
}

// goodRun is what a run does that ends well, badRun what one does that fails.
func goodRun(server string) []frame {
	return []frame{
		{Progress: states(server, store.RunQueued, job.Ahead, job.Ahead)},
		{Progress: states(server, store.RunRunning, job.Working, job.Ahead), lines: []string{"Reading lists"}},
		{Progress: states(server, store.RunRunning, job.Unchanged, job.Working), lines: []string{"Unpacking"}},
		{Progress: states(server, store.RunDone, job.Unchanged, job.Done), lines: []string{"Ready"}},
	}
}

func badRun(server string) []frame {
	failed := states(server, store.RunFailed, job.Done, job.Broken)
	failed.Run.Error = &store.RunError{
		Summary: "the server's disk is full", Advice: "make space there", Command: "apt-get install nginx",
		Status: 100, Output: []string{"E: write", "\tNo space left\x1b[2J"},
	}
	return []frame{{Progress: states(server, store.RunRunning, job.Working, job.Ahead)}, {Progress: failed}}
}

// plan is what is done on a server that has no preview of its own.
func plan(action store.Action) (packages.Plan, []bool) {
	return packages.Plan{Action: action, Parts: []packages.Part{
		{Package: "base", Credential: packages.Root(), Because: "needed by nginx", Commands: packages.Commands{
			packages.Track{Name: "prepare", Label: "Preparing"},
			packages.Run{Script: "set -e\nuseradd app\n", Check: "id app"},
		}},
		{Package: "nginx", Credential: packages.Root(), Values: packages.Values{"workers": "4"}, Commands: packages.Commands{
			packages.Track{Name: "install", Label: "Installing"},
			packages.Run{Script: "apt-get install nginx\nsystemctl start nginx\n"},
			packages.Write{Path: "/etc/nginx/x.conf", Content: "a {\n\tb;\n}\n", Mode: 0o640},
			packages.Run{Script: "nginx -s reload", IfChanged: true, As: packages.Worker("deploy")},
			packages.Prove{Script: "ufw enable", Undo: "ufw disable"},
			packages.Persist{},
		}},
	}}, []bool{false, true, false, false, false, false, false, false}
}

// world is an Env with its ends in memory.
type world struct {
	Env
	engine      *fakeEngine
	out, errs   bytes.Buffer
	opened      bool
	copied      string
	released    bool
	settings    Settings
	environment map[string]string
}

func newWorld(t *testing.T, engine *fakeEngine) *world {
	t.Helper()
	w := &world{engine: engine, environment: map[string]string{"HOME": t.TempDir()}}
	w.Env = Env{
		Stdin: strings.NewReader(""), Stdout: &w.out, Stderr: &w.errs,
		Getenv: func(k string) string { return w.environment[k] },
		Now:    func() time.Time { return noon }, Version: "1.2.3", UTF8: true, Catalog: catalog(),
		Copy:    func(_ context.Context, text string) error { w.copied = text; return nil },
		CanShow: func() error { return errors.New("there is no terminal") },
		Open: func(_ context.Context, s Settings) (*Session, error) {
			w.opened, w.settings = true, s
			return &Session{
				Engine:  engine,
				Screens: func(context.Context) error { return nil },
				Release: func() error { w.released = true; return nil },
				Close:   func() error { return nil },
			}, nil
		},
	}
	return w
}

// run runs a command and checks its exit status.
func (w *world) run(t *testing.T, want int, args ...string) {
	t.Helper()
	if got := run(t.Context(), args, w.Env); got != want {
		t.Errorf("brokeforge %q: exit status %d, want %d\nstdout:\n%s\nstderr:\n%s", args, got, want, &w.out, &w.errs)
	}
}

// holds checks that a text has all of the parts.
func holds(t *testing.T, what, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s lacks %q:\n%s", what, part, text)
		}
	}
}
