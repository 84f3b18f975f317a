package ui

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// TestPreviewCutsNothing: what is opened in the preview is there to its last
// character, however long a line is.
func TestPreviewCutsNothing(t *testing.T) {
	long := strings.Repeat("0123456789", 40) + " end"
	plan := packages.Plan{Action: store.Install, Parts: []packages.Part{{Package: "x", Commands: packages.Commands{
		packages.Track{Name: "work", Label: "Working"},
		packages.Run{Script: "echo " + long},
		packages.Write{Path: "/etc/x", Content: "a\n" + long + "\n"},
	}}}}
	for _, width := range []int{60, 80, 120} {
		page := newPlanPage(job.Prepared{Plan: plan}, store.Install)
		page.toggleAll()
		var text strings.Builder
		for _, l := range page.view(width, 200) {
			line := strings.TrimRight(l.String(), " ")
			line = strings.TrimPrefix(strings.TrimPrefix(line, "        │ "), "        │↳")
			text.WriteString(line)
		}
		if n := strings.Count(strings.ReplaceAll(text.String(), " ", ""), strings.ReplaceAll(long, " ", "")); n != 2 {
			t.Errorf("at %d cells the long line is there %d times whole, want 2:\n%s", width, n, text.String())
		}
	}
}
