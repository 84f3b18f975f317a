package ui

import (
	"fmt"
	"os"
	"os/exec"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// runScreen is one run: its milestones and its output.
type runScreen struct {
	run      store.Run // as it was when the screen was opened
	progress job.Progress
	loaded   bool
	pane     *widget.LogPane
	next     int // number of the first line that is not in the pane
	room     int // lines of the pane, as last drawn
	search   *widget.Input
	typing   bool
}

// runLoadedMsg is what a run's screen shows.
type runLoadedMsg struct {
	progress job.Progress
	since    int
	lines    []string
	next     int
	err      error
}

// keptLines is how many lines of output a run's screen keeps. The rest is in
// the log file.
const keptLines = 5000

func newRunScreen(r store.Run) *runScreen {
	return &runScreen{run: r, progress: job.Progress{Run: r}, pane: widget.NewLogPane(keptLines), room: 10, search: widget.NewInput("")}
}

func (s *runScreen) title(env) string { return "Run " + s.run.ID.Short() }

func (s *runScreen) init(env) effect { return effect{} }

func (s *runScreen) capturing() bool { return s.typing }

func (s *runScreen) load(e env) func() tea.Msg {
	id, since := s.run.ID, s.next
	return func() tea.Msg {
		progress, err := e.engine.Progress(id)
		if err != nil {
			return runLoadedMsg{err: err}
		}
		lines, next, err := e.engine.Lines(id, since)
		return runLoadedMsg{progress, since, lines, next, err}
	}
}

func (s *runScreen) update(e env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case runLoadedMsg:
		if m.err != nil {
			return complain(m.err)
		}
		s.loaded = true
		if m.progress.Version >= s.progress.Version {
			s.progress = m.progress
		}
		if m.since == s.next {
			s.pane.Append(m.lines)
			s.next = m.next
		}
	case pagerMsg:
		if m.err != nil {
			return complain(m.err).and(command(tea.ClearScreen))
		}
		return command(tea.ClearScreen)
	case tea.KeyPressMsg, tea.PasteMsg:
		s.search.Update(m)
		s.pane.Search(s.search.Value(), s.room)
	}
	return effect{}
}

// back clears the search.
func (s *runScreen) back(env) (effect, bool) {
	had := s.typing || s.search.Value() != ""
	s.clear()
	return effect{}, had
}

func (s *runScreen) clear() {
	if s.search.Value() != "" {
		s.search.Set("")
		s.pane.Search("", s.room)
		s.pane.Follow(true, s.room)
	}
	s.typing = false
}

func (s *runScreen) bindings(e env) []binding {
	if s.typing {
		return []binding{
			{keys: []string{"enter"}, help: "keep", more: "keep the search; n and N go on in it", run: func() effect { s.typing = false; return s.counted() }},
			{keys: []string{"esc"}, help: "clear", more: "clear the search", run: func() effect { s.clear(); return effect{} }},
		}
	}
	live := s.progress.Run.State.Live()
	back := "back"
	if live {
		back = "back (it goes on)"
	}
	empty := unless(s.pane.Len() > 0, "there is no output yet")
	nothing := unless(s.search.Value() != "", "nothing is searched for; / does")
	list := []binding{
		{keys: []string{"esc"}, help: back, more: "back; the run goes on", run: func() effect {
			if _, had := s.back(e); had {
				return effect{}
			}
			return pop()
		}},
		{keys: []string{"c"}, help: "cancel", more: "end the run; asks first", off: unless(live, "it has ended"), run: func() effect { return open(s.confirmCancel(e)) }},
		{keys: []string{"f"}, help: "follow", more: "follow the newest output, or stay", off: empty, run: func() effect {
			s.pane.Follow(!s.pane.Following(), s.room)
			return effect{}
		}},
		{keys: []string{"/"}, help: "search", more: "search in the output", off: empty, run: func() effect { s.typing = true; return effect{} }},
		{keys: []string{"y"}, help: "copy", more: "copy the output to the terminal's clipboard", off: empty, run: func() effect { return s.copy(e) }},
		{keys: []string{"o"}, help: "full log", more: "the whole log, in a pager", off: unless(!s.progress.Run.StartedAt.IsZero(), "it has not started"), run: func() effect { return s.page(e) }},
		s.shell(e),
		{keys: []string{"n"}, help: "next found", quiet: true, off: nothing, run: func() effect { return s.found(1) }},
		{keys: []string{"N"}, help: "previous found", quiet: true, off: nothing, run: func() effect { return s.found(-1) }},
	}
	return append(list, moves(func(m widget.Move) { s.pane.Scroll(m, s.room) })...)
}

func (s *runScreen) counted() effect {
	n := s.pane.Search(s.search.Value(), s.room)
	if n == 0 {
		return refuse("no line has " + s.search.Value())
	}
	return say(count(n, "line") + " with " + s.search.Value() + "; n and N go on")
}

func (s *runScreen) found(by int) effect {
	if !s.pane.Next(by, s.room) {
		return say("no more lines with " + s.search.Value())
	}
	return effect{}
}

func (s *runScreen) confirmCancel(e env) *dialog {
	p := s.progress
	text := []widget.Line{widget.Of(widget.Strong, p.Run.Title+" on "+p.Run.ServerName), {}}
	if p.Run.State == store.RunQueued {
		text = append(text, widget.Of(widget.Plain, "Nothing was sent to the server yet. It is taken out of the queue."))
	} else {
		text = append(text, widget.Of(widget.Plain, "The command that is running is ended, and those after it are not run. What was done so far stays on the server as it is."))
	}
	return ask("Cancel this run?", widget.Bad, text,
		choice{"Let it go on", "esc", nil},
		choice{"Cancel the run", "y", func() effect {
			return command(func() tea.Msg {
				if err := e.engine.Cancel(e.ctx, p.Run.ID); err != nil {
					return sayMsg{err.Error(), true}
				}
				return sayMsg{"the run is told to end", false}
			})
		}})
}

// shell is the key for a shell on the run's server. Where the run failed, it is
// named in the footer.
func (s *runScreen) shell(e env) binding {
	_, there := e.data.server(s.run.ServerID)
	b := shellBinding(e, s.run.ServerID, unless(there, "the server is not there any more"))
	b.quiet = s.progress.Run.State != store.RunFailed
	return b
}

// copy sends what the pane holds to the clipboard.
func (s *runScreen) copy(e env) effect {
	text := s.pane.Content()
	if r := s.progress.Run.Error; r != nil {
		text = strings.Join([]string{r.Summary, r.Command, text}, "\n")
	}
	return toClipboard(e, text, "sent "+count(s.pane.Len(), "line")+" to the terminal's clipboard")
}

// pagerMsg says that the pager was left.
type pagerMsg struct{ err error }

// page shows the log file in the person's pager, or says where it is.
func (s *runScreen) page(e env) effect {
	path := e.engine.LogPath(s.run.ID)
	if _, err := os.Stat(path); err != nil {
		return refuse("there is no log here: " + err.Error())
	}
	words := strings.Fields(e.pager)
	if len(words) == 0 {
		words = []string{"less"}
	}
	if _, err := exec.LookPath(words[0]); err != nil {
		return say("the whole log is in " + path)
	}
	self := e.self
	cmd := exec.CommandContext(e.ctx, words[0], append(words[1:], path)...)
	return command(tea.ExecProcess(cmd, func(err error) tea.Msg {
		if err != nil {
			err = fmt.Errorf("show %s with %s: %w", path, words[0], err)
		}
		return toScreen{self, pagerMsg{err}}
	}))
}
