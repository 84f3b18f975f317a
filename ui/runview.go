package ui

import (
	"fmt"

	"brokeforge/store"
	"brokeforge/ui/widget"
)

func (s *runScreen) view(e env, sz size) []widget.Line {
	p := s.progress
	st := runState(p.Run.State)
	took := ""
	if d := p.Elapsed(e.now()); d > 0 {
		took = "  " + lasted(d)
	}
	end := widget.Line{widget.Text(st.look, " "+st.symbol+" "+st.word+took), widget.Text(widget.Dim, "  by "+p.Run.By+" ")}
	out := []widget.Line{
		widget.Ends(widget.Line{widget.Text(widget.Strong, " "+p.Run.Title), widget.Text(widget.Plain, " on "+p.Run.ServerName)}, end, sz.w),
		s.bar(st.look, sz.w),
	}
	if line := s.waiting(sz.w); line != nil {
		out = append(out, line)
	}
	out = append(out, s.failure(sz.w)...)
	h := sz.h - len(out) - 1
	if sz.w >= 100 {
		left := min(max(sz.w/3, 34), 46)
		s.room = h
		out = append(out, s.paneRule(sz.w, left+1))
		return append(out, widget.Beside(indent(milestoneLines(e, p, left-1, h)), s.output(sz.w-left-3), left, sz.w, h)...)
	}
	n := min(len(p.Milestones), max(h/2, 3))
	out = append(append(out, widget.Rule(sz.w)), indent(milestoneLines(e, p, sz.w-2, n))...)
	s.room = max(h-n-1, 1)
	out = append(out, s.paneRule(sz.w, 0))
	return append(out, indent(s.output(sz.w-2))...)
}

// indent begins each line with a space.
func indent(lines []widget.Line) []widget.Line {
	out := make([]widget.Line, len(lines))
	for i, l := range lines {
		out[i] = widget.Line{widget.Spaces(1)}.And(l...)
	}
	return out
}

// bar shows how much is finished.
func (s *runScreen) bar(look widget.Look, w int) widget.Line {
	done, total := progressOf(s.progress)
	if s.progress.Run.State == store.RunDone {
		look = widget.Good
	}
	text := fmt.Sprintf("  %d of %d ", done, total)
	return widget.Line{widget.Spaces(1)}.And(widget.Meter(hundredths(s.progress), total*100, min(w-len(text)-2, 60), look)...).And(widget.Text(widget.Plain, text))
}

// waiting tells what a live run waits for, or which command is running.
func (s *runScreen) waiting(w int) widget.Line {
	p := s.progress
	switch {
	case !p.Run.State.Live():
		return nil
	case p.Run.State == store.RunQueued || p.Waiting != "":
		return widget.Line{widget.Text(widget.Working, " ◐ "+doing(p))}
	case p.Run.State == store.RunLost:
		return widget.Of(widget.Odd, " ? contact is lost; it may be going on on the server, and is followed again")
	}
	line := widget.Line{widget.Text(widget.Dim, " $ "), widget.Text(widget.Plain, p.Command)}
	percent := widget.Of(widget.Working, percentOf(p))
	if room := w - percent.Width() - 1; line.Width() > room {
		line = line.Fit(room) // the percentage is never cut
	}
	return line.And(percent...)
}

// failure tells why the run failed and what can be done.
func (s *runScreen) failure(w int) []widget.Line {
	r := s.progress.Run.Error
	if r == nil {
		return nil
	}
	var out []widget.Line
	add := func(look widget.Look, text string) {
		for _, l := range widget.Wrap(look, text, w-4) {
			out = append(out, widget.Line{widget.Spaces(3)}.And(l...))
		}
	}
	add(widget.Bad, r.Summary)
	if len(out) > 0 {
		out[0] = widget.Line{widget.Text(widget.Bad, " ✗ ")}.And(out[0][1:]...)
	}
	if r.Command != "" {
		status := fmt.Sprintf("  exit status %d", r.Status)
		if r.Status > 128 {
			status = fmt.Sprintf("  ended by signal %d", r.Status-128)
		}
		out = append(out, widget.Ends(widget.Line{widget.Text(widget.Dim, " $ "), widget.Text(widget.Plain, r.Command)}, widget.Of(widget.Bad, status+" "), w))
	}
	if r.Advice != "" {
		add(widget.Working, r.Advice)
	}
	return out
}

// output is the pane. A failed run whose lines are not known here shows those
// that its error keeps.
func (s *runScreen) output(w int) []widget.Line {
	if s.pane.Len() > 0 {
		return s.pane.View(w, s.room)
	}
	if r := s.progress.Run.Error; r != nil && len(r.Output) > 0 {
		kept := widget.NewLogPane(keptLines)
		kept.Append(r.Output)
		return kept.View(w, s.room)
	}
	text := "no output yet"
	switch {
	case s.loaded && !s.progress.Run.State.Live():
		text = "it printed nothing; o shows the whole log"
	case !s.loaded:
		text = "reading…"
	}
	return widget.Block([]widget.Line{widget.Of(widget.Dim, text)}, w, s.room)
}
