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
	next     int // number of the first line that is not in the pane
	searchPane
}

// runLoadedMsg is what a run's screen shows.
type runLoadedMsg struct {
	progress job.Progress
	since    int
	lines    []string
	next     int
	err      error
}

func newRunScreen(r store.Run) *runScreen {
	return &runScreen{run: r, progress: job.Progress{Run: r}, searchPane: newSearchPane()}
}

func (s *runScreen) title(env) string { return "Run " + s.run.ID.Short() }

func (s *runScreen) init(env) effect { return effect{} }

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
		s.typed(m)
	}
	return effect{}
}

func (s *runScreen) bindings(e env) []binding {
	if s.typing {
		return s.typingBindings()
	}
	live := s.progress.Run.State.Live()
	back := "back"
	if live {
		back = "back (it goes on)"
	}
	empty := unless(s.pane.Len() > 0, "there is no output yet")
	list := []binding{
		{keys: []string{"esc"}, help: back, more: "back; the run goes on", run: func() effect {
			if _, had := s.back(e); had {
				return effect{}
			}
			return pop()
		}},
		{keys: []string{"c"}, help: "cancel", more: "end the run; asks first", off: unless(live, "it has ended"), run: func() effect { return open(s.confirmCancel(e)) }},
	}
	list = append(list, s.searchBindings()...)
	list = append(list, []binding{
		{keys: []string{"y"}, help: "copy", more: "copy the output to the terminal's clipboard", off: empty, run: func() effect { return s.copy(e) }},
		{keys: []string{"o"}, help: "full log", more: "the whole log, in a pager", off: unless(!s.progress.Run.StartedAt.IsZero(), "it has not started"), run: func() effect { return s.page(e) }},
		s.shell(e),
	}...)
	return append(list, moves(func(m widget.Move) { s.pane.Scroll(m, s.room) })...)
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
