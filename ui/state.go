package ui

import (
	"fmt"
	"time"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// state is how something is: a symbol, a word and a look.
type state struct {
	symbol string
	word   string
	look   widget.Look
}

// mark is the symbol alone.
func (s state) mark() widget.Span { return widget.Text(s.look, s.symbol) }

// line is the symbol and the word.
func (s state) line() widget.Line {
	return widget.Line{s.mark(), widget.Text(s.look, " "+s.word)}
}

// runState is how a run is.
func runState(s store.RunState) state {
	switch s {
	case store.RunQueued:
		return state{"○", "queued", widget.Working}
	case store.RunRunning:
		return state{"◐", "running", widget.Working}
	case store.RunLost:
		return state{"?", "contact lost", widget.Odd}
	case store.RunDone:
		return state{"●", "done", widget.Good}
	case store.RunFailed:
		return state{"✗", "failed", widget.Bad}
	case store.RunCancelled:
		return state{"✗", "cancelled", widget.Odd}
	case store.RunUnknown:
		return state{"?", "not known", widget.Odd}
	}
	return state{"?", string(s), widget.Odd}
}

// milestoneState is how a milestone is.
func milestoneState(s job.MilestoneState) state {
	switch s {
	case job.Ahead:
		return state{"○", "ahead", widget.Dim}
	case job.Working:
		return state{"◐", "working", widget.Working}
	case job.Done:
		return state{"✓", "done", widget.Good}
	case job.Unchanged:
		return state{"✓", "already so", widget.Good}
	case job.Broken:
		return state{"✗", "failed", widget.Bad}
	}
	return state{"?", string(s), widget.Odd}
}

// serverState is how a server is, apart from what runs there.
func serverState(s job.ServerView, now time.Time) state {
	switch {
	case s.Connection == store.Unreachable:
		return state{"✗", "unreachable", widget.Bad}
	case s.Connection == store.Refused && len(s.HostKeys) == 0:
		return state{"?", "host key not known yet", widget.Odd}
	case s.Connection == store.Refused:
		return state{"✗", "host key refused", widget.Bad}
	case len(s.Alerts) > 0:
		st := state{"!", s.Alerts[0].Text, widget.Bad}
		if n := len(s.Alerts) - 1; n > 0 {
			st.word += fmt.Sprintf(" (+%d)", n)
		}
		return st
	case s.Last != nil && (s.Last.State == store.RunFailed || s.Last.State == store.RunUnknown):
		st := runState(s.Last.State)
		st.word += ": " + s.Last.Title + " · " + ago(now, s.Last.EndedAt)
		return st
	case s.Busy || s.Connection == store.Connecting:
		return state{"◐", "reading facts", widget.Working}
	case s.Status == store.Prepared:
		return state{"●", "active", widget.Good}
	case s.Status == store.PrepFailed:
		return state{"✗", "preparing failed", widget.Bad}
	}
	return state{"○", "not prepared", widget.Dim}
}

// meter is a short bar with numbers beside it: the cells that change together
// stand together.
func meter(p job.Progress, width int) widget.Line {
	done, total := progressOf(p)
	return widget.Meter(hundredths(p), total*100, width, widget.Working).And(widget.Text(widget.Working, fmt.Sprintf(" %d/%d ", done, total)))
}

// progressOf returns how many milestones are finished, and of how many.
func progressOf(p job.Progress) (done, total int) {
	if len(p.Milestones) > 0 {
		return p.Finished(), len(p.Milestones)
	}
	return p.Run.Finished, p.Run.Total
}

// hundredths is how much of a run is finished, in hundredths of a milestone: those
// that are finished and, where it says how far it is, the one that goes on.
func hundredths(p job.Progress) int {
	done, total := progressOf(p)
	if done == total {
		return 100 * done
	}
	return 100*done + min(p.Percent, 99)
}

// percentOf is how far the command of a run says that it is, or nothing.
func percentOf(p job.Progress) string {
	if p.Percent == 0 {
		return ""
	}
	return fmt.Sprintf("  %d%%", p.Percent)
}

// doing is what a live run does now, for people.
func doing(p job.Progress) string {
	switch {
	case p.Run.State == store.RunQueued && p.Position > 0:
		return fmt.Sprintf("queued, %d before it", p.Position)
	case p.Run.State == store.RunQueued:
		return "queued"
	case p.Waiting != "":
		return p.Waiting
	case p.Run.State == store.RunLost:
		return "contact lost"
	}
	if m, ok := p.Current(); ok {
		return m.Label
	}
	return p.Run.Title
}

// liveLine is the state of a server on which something runs, in one cell of a
// table.
func liveLine(p job.Progress) widget.Line {
	st := runState(p.Run.State)
	if p.Run.State == store.RunQueued {
		return widget.Line{st.mark(), widget.Text(st.look, " "+doing(p))}
	}
	return meter(p, 6).And(widget.Text(st.look, doing(p)))
}

// systemName is the name of a server's system, short.
func systemName(s job.ServerView) string {
	os := s.Facts.OS
	switch os.ID {
	case "":
		return "–"
	case "debian":
		return "Debian " + os.Version
	case "ubuntu":
		return "Ubuntu " + os.Version
	}
	return os.ID + " " + os.Version
}

// where is a server's address, with its port unless it is the usual one.
func where(s store.Server) string {
	if s.Port == 0 || s.Port == 22 {
		return s.Address
	}
	return fmt.Sprintf("%s:%d", s.Address, s.Port)
}
