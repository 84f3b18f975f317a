package cmd

import (
	"fmt"
	"io"
	"strings"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// glyphs are the symbols of states. Each stands before words that say the same.
type glyphs struct{ done, same, failed, working, waiting string }

func (a *app) glyphs() glyphs {
	ascii := a.config.Screen.ASCII
	if ascii == "always" || ascii == "auto" && !a.UTF8 {
		return glyphs{done: "+", same: "=", failed: "x", working: ">", waiting: "."}
	}
	return glyphs{done: "✓", same: "=", failed: "✗", working: "▸", waiting: "·"}
}

// reporterFor returns what tells of the runs, and what is to be called with
// them when all have ended.
func (a *app) reporterFor(runs []store.Run, output bool) (reporter, func([]*followed) error) {
	if a.json {
		lines := &jsonLines{env: a.Env, withOutput: output}
		return lines, func([]*followed) error { return lines.err }
	}
	text := &textLines{Env: a.Env, glyphs: a.glyphs(), withOutput: output}
	for _, r := range runs {
		text.width = max(text.width, len(r.ServerName))
	}
	return text, text.summary
}

// textLines tells of runs in lines for people.
type textLines struct {
	Env
	glyphs     glyphs
	withOutput bool
	width      int // of the longest name
}

func (t *textLines) line(p job.Progress, at time.Time, glyph, text string) {
	if at.IsZero() {
		at = t.Now()
	}
	fmt.Fprintf(t.Stdout, "%s %-*s %s %s\n", at.Local().Format("15:04:05"), t.width, p.Run.ServerName, glyph, oneLine(text))
}

func (t *textLines) state(p job.Progress) {
	switch {
	case p.Waiting != "":
		t.line(p, time.Time{}, t.glyphs.waiting, p.Waiting)
	case p.Run.State == store.RunLost:
		t.line(p, time.Time{}, t.glyphs.waiting, "contact is lost; the run goes on there and is picked up again")
	case p.Run.State == store.RunQueued && p.Position > 0:
		t.line(p, time.Time{}, t.glyphs.waiting, fmt.Sprintf("waiting behind %s on this server", count(p.Position, "run", "runs")))
	case p.Run.State == store.RunRunning:
		t.line(p, time.Time{}, t.glyphs.working, fmt.Sprintf("%s (run %s)", p.Run.Title, p.Run.ID.Short()))
	}
}

// labelOf names a milestone, with its package where the run has several.
func labelOf(p job.Progress, m job.Milestone) string {
	for _, other := range p.Milestones {
		if other.Package != m.Package || other.Instance != m.Instance {
			return packages.Label(m.Package, m.Instance) + ": " + m.Label
		}
	}
	return m.Label
}

func (t *textLines) milestone(p job.Progress, m job.Milestone) {
	label, span := labelOf(p, m), ""
	if !m.Ended.IsZero() && !m.Begun.IsZero() {
		span = "  " + took(m.Ended.Sub(m.Begun))
	}
	switch m.State {
	case job.Working:
		t.line(p, m.Begun, t.glyphs.working, label)
	case job.Done:
		t.line(p, m.Ended, t.glyphs.done, label+span)
	case job.Unchanged:
		t.line(p, m.Ended, t.glyphs.same, label+"  already so")
	case job.Broken:
		t.line(p, m.Ended, t.glyphs.failed, label+" failed"+span)
	}
}

func (t *textLines) percent(p job.Progress, m job.Milestone) {
	t.line(p, time.Time{}, t.glyphs.working, fmt.Sprintf("%s  %d%%", labelOf(p, m), p.Percent))
}

func (t *textLines) output(p job.Progress, lines []string) {
	if !t.withOutput {
		return
	}
	for _, line := range lines {
		fmt.Fprintf(t.Stdout, "%s %-*s   %s\n", t.Now().Local().Format("15:04:05"), t.width, p.Run.ServerName, visible(line))
	}
}

func (t *textLines) end(job.Progress) {}

// summary says what became of each run, and of those that failed why.
func (t *textLines) summary(list []*followed) error {
	fmt.Fprintln(t.Stdout)
	table := newTable(t.Stdout)
	for _, f := range list {
		p := f.told
		glyph := t.glyphs.done
		if p.Run.State != store.RunDone {
			glyph = t.glyphs.failed
		}
		table.row(glyph+" "+p.Run.ServerName, stateWord(p.Run.State), p.Run.Title,
			fmt.Sprintf("%d of %d", p.Finished(), len(p.Milestones)), took(p.Elapsed(t.Now())), "run "+p.Run.ID.Short())
	}
	if err := table.flush(); err != nil {
		return err
	}
	for _, f := range list {
		if f.told.Run.State != store.RunDone {
			fmt.Fprintf(t.Stderr, "\nbrokeforge: %s: ", f.told.Run.ServerName)
			explainEnd(t.Stderr, f.told.Run)
			fmt.Fprintf(t.Stderr, "  all of it    brokeforge run show %s --output\n", f.told.Run.ID.Short())
		}
	}
	return nil
}

// explainEnd says why a run did not end well.
func explainEnd(w io.Writer, run store.Run) {
	e := run.Error
	if e == nil {
		e = &store.RunError{Summary: "the run was " + string(run.State)}
		if run.State == store.RunUnknown {
			e = &store.RunError{
				Summary: "the server no longer knows this run, so what was done is not known",
				Advice:  "run it again: what is done already is skipped",
			}
		}
	}
	fmt.Fprintln(w, oneLine(e.Summary))
	if e.Command != "" {
		fmt.Fprintf(w, "  command      %s\n", oneLine(e.Command))
		fmt.Fprintf(w, "  exit status  %d\n", e.Status)
	}
	for i, line := range e.Output {
		head := ""
		if i == 0 {
			head = "last output"
		}
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("  %-11s  %s", head, visible(line)), " "))
	}
	if e.Advice != "" {
		fmt.Fprintf(w, "  advice       %s\n", oneLine(e.Advice))
	}
}
