package ui

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// foreseenPlan is a plan of which everything is known that can be.
func foreseenPlan() job.Prepared {
	return job.Prepared{
		Plan: packages.Plan{Action: store.Install, Parts: []packages.Part{{Package: "nginx", Commands: packages.Commands{
			packages.Track{Name: "work", Label: "Working"},
			packages.Run{Script: "apt install nginx", Touch: packages.Touch{Opens: []string{"80", "443"}}},
			packages.Write{Path: "/etc/x.conf", Content: "a\nB\n"},
		}}}},
		Already: make([]bool, 3),
		Effects: map[int]job.Effect{
			1: {Debs: &job.DebsEffect{
				Adds:     []job.Deb{{Name: "nginx"}, {Name: "nginx-common"}, {Name: strings.Repeat("lib", 30)}},
				Upgrades: []job.Deb{{Name: "libc6", From: "1", To: "2"}},
				Removes:  []job.Deb{{Name: "apache2" + nasty}},
			}},
			2: {File: &job.FileEffect{State: job.OtherFile, Added: 1, Removed: 1, ByHand: true, Diff: []string{"@@ -1,2 +1,2 @@", " a", "-b", "+B"}, From: "www-data:root 0644", To: "root:root 0644"}},
		},
	}
}

func TestThePreviewTellsWhatComesOfIt(t *testing.T) {
	text := func(page *planPage) string {
		var b strings.Builder
		for _, l := range page.view(80, 100) {
			b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
		}
		return b.String()
	}
	page := newPlanPage(foreseenPlan(), store.Install)
	closed := text(page)
	for _, want := range []string{"REMOVES 1: apache2", "upgrades 1: libc6 (1 → 2)", "adds 3: nginx, nginx-common", "+1 −1 · www-data:root 0644 → root:root 0644", "changed by hand since"} {
		if !strings.Contains(closed, want) {
			t.Errorf("%q is not told:\n%s", want, closed)
		}
	}
	page.toggleAll()
	open := text(page)
	for _, want := range []string{strings.Repeat("lib", 10), "│ -b", "│ +B", "the whole of it"} {
		if !strings.Contains(open, want) {
			t.Errorf("%q is not told when it is open:\n%s", want, open)
		}
	}
	if foresightLook(job.Foresight{Bad: true}, widget.Dim) != widget.Bad {
		t.Error("what is lost is not shown as bad")
	}
}
