package packages_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/store"
)

func everyCommand() []packages.Command {
	return []packages.Command{
		packages.Track{Name: "a", Label: "A"},
		packages.Run{Script: "x <&2 && y", Check: "z", As: packages.User("u"), Timeout: time.Minute, Secrets: map[string]string{"a": "‹secret:p.a›"}},
		packages.Write{Path: "/p", Content: "c\n", Owner: "o", Group: "g", Mode: 0o600},
		packages.Track{Name: "b", Label: "B"},
		packages.Run{Script: "r", IfChanged: true},
		packages.Prove{Script: "s", Check: "c", Undo: "u", Within: time.Second},
		packages.Persist{Version: "v", Configuration: map[string]string{"k": "v"}},
		packages.Forget{},
		packages.Make{Secret: "p.key", Comment: "u@h"},
		packages.Note{Name: "key", Script: "cat k", As: packages.User("u")},
	}
}

func TestPlanSurvivesStoring(t *testing.T) {
	plan := packages.Plan{Action: store.Install, Parts: []packages.Part{{Package: "p", Commands: everyCommand()}}}
	data, err := json.Marshal(plan)
	if err != nil {
		t.Fatal(err)
	}
	var got packages.Plan
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(plan, got); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
}

func TestPlanRefusesUnknownCommands(t *testing.T) {
	for _, data := range []string{`[{"reboot":{}}]`, `[{}]`, `[{"run":{},"write":{}}]`, `[{"run":[]}]`, `{}`} {
		var c packages.Commands
		if err := json.Unmarshal([]byte(data), &c); err == nil {
			t.Errorf("%s: read as %v, want an error", data, c)
		}
	}
}

func TestPlanCounts(t *testing.T) {
	plan := packages.Plan{Parts: []packages.Part{
		{Package: "p", Commands: everyCommand()},
		{Package: "q", Instance: "i", Commands: everyCommand()},
	}}
	commands, files := plan.Count()
	if commands != 6 || files != 2 {
		t.Errorf("got %d commands and %d files, want 6 and 2", commands, files)
	}
	var milestones []string
	for _, m := range plan.Milestones() {
		milestones = append(milestones, packages.Label(m.Package, m.Instance)+" "+m.Name)
	}
	if diff := cmp.Diff([]string{"p a", "p b", "q@i a", "q@i b"}, milestones); diff != "" {
		t.Errorf("milestones (-want +got):\n%s", diff)
	}
	var covered []int
	for i, s := range plan.Steps() {
		if s.Index != i {
			t.Errorf("step %d has the index %d", i, s.Index)
		}
		covered = append(covered, s.Milestone)
	}
	if diff := cmp.Diff([]int{0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3}, covered); diff != "" {
		t.Errorf("covering milestones (-want +got):\n%s", diff)
	}
}

// watcher remembers what was recorded when its commands were asked for.
type watcher struct {
	fake
	saw *[]store.ServerPackage
}

func (w watcher) Install(ctx packages.Context) ([]packages.Command, error) {
	*w.saw = ctx.Installed
	return nil, nil
}

func TestBuildShowsLaterPartsWhatEarlierOnesMake(t *testing.T) {
	first := fake{name: "first", install: []packages.Command{packages.Persist{Configuration: map[string]string{"branch": "2"}}}}
	var saw []store.ServerPackage
	resolved := []packages.Resolved{
		{Package: first, Values: packages.Values{"k": "v"}},
		{Package: watcher{fake{name: "second"}, &saw}, Because: "of a test"},
	}
	plan, err := packages.Build(store.Install, resolved, packages.Context{Installed: []store.ServerPackage{record("first", "")}})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"k": "v", "branch": "2"}
	if len(saw) != 1 || !cmp.Equal(want, saw[0].Configuration) {
		t.Errorf("second saw %v, want one record with %v", saw, want)
	}
	if plan.Parts[1].Because != "of a test" || plan.Empty() {
		t.Errorf("got %+v", plan)
	}
}

func TestBuildNamesThePackageThatFails(t *testing.T) {
	bad := errors.New("no such release")
	_, err := packages.Build(store.Remove, []packages.Resolved{{Package: fake{name: "p", err: bad}, Instance: "i"}}, packages.Context{})
	if !errors.Is(err, bad) || !strings.Contains(err.Error(), "remove p@i") {
		t.Errorf("got %v", err)
	}
}

func TestParseReadsWhatLabelWrites(t *testing.T) {
	for _, label := range []string{"nginx", "firewall-rule@allow-80-tcp-from-10.0.0.0_8"} {
		w := packages.Parse(label)
		if got := packages.Label(w.Name, w.Instance); got != label {
			t.Errorf("%s came back as %s", label, got)
		}
	}
}
