package job

import (
	"testing"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// TestPercent: how far a command is, is shown while it runs and never stored.
func TestPercent(t *testing.T) {
	run := store.Run{ID: "r", State: store.RunRunning}
	plan := packages.Plan{Parts: []packages.Part{{Package: "x", Commands: packages.Commands{
		packages.Track{Name: "a", Label: "A"}, packages.Run{Script: "one"}, packages.Run{Script: "two"},
	}}}}
	db, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	r := recorder{e: New(Config{Store: db}), live: newLive(run, plan), run: run, steps: plan.Steps(), milestones: plan.Milestones()}
	take := func(marks ...sshrun.Mark) *changes {
		ch := &changes{}
		for _, m := range marks {
			r.take(m, ch)
		}
		r.live.change(func(p *Progress) { r.show(p, ch) })
		return ch
	}
	percent := func() int { return r.live.snapshot().Percent }
	begin := func(step int) sshrun.Mark { return sshrun.Mark{Kind: sshrun.MarkBegin, Step: step} }
	says := func(step, n int) sshrun.Mark {
		return sshrun.Mark{Kind: sshrun.MarkPercent, Step: step, Status: n}
	}
	for _, test := range []struct {
		marks []sshrun.Mark
		want  int
	}{
		{[]sshrun.Mark{begin(0), begin(1)}, 0},
		{[]sshrun.Mark{says(1, 30)}, 30},
		{[]sshrun.Mark{says(1, 1000), says(1, -1), says(0, 50), says(2, 60)}, 30},
		{[]sshrun.Mark{says(1, 90), {Kind: sshrun.MarkEnd, Step: 1}, begin(2)}, 0},
		{[]sshrun.Mark{says(2, 10)}, 10},
	} {
		take(test.marks...)
		if got := percent(); got != test.want {
			t.Errorf("after %v it is %d, want %d", test.marks, got, test.want)
		}
	}
	if !passing([]sshrun.Mark{says(2, 20), {Kind: sshrun.MarkLine}}) || passing([]sshrun.Mark{says(2, 20), begin(2)}) {
		t.Error("it is recorded, or what has to be is not")
	}
}
