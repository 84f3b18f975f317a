package ui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// journalScreen is the log of a package's services, followed.
type journalScreen struct {
	server store.ID
	want   packages.Want
	stream
	searchPane
}

// firstJournal is how many lines the log begins with.
const firstJournal = 500

func newJournalScreen(server store.ID, want packages.Want) *journalScreen {
	return &journalScreen{server: server, want: want, stream: newStream(), searchPane: newSearchPane()}
}

func (s *journalScreen) title(env) string {
	return "Log of " + packages.Label(s.want.Name, s.want.Instance)
}

func (s *journalScreen) init(e env) effect { return s.read(e) }

// read reads the log in the background, until the screen is left.
func (s *journalScreen) read(e env) effect {
	s.pane = widget.NewLogPane(keptLines)
	return s.start(e, func(ctx context.Context, tell func(string) error) error {
		return e.engine.Journal(ctx, s.server, s.want, firstJournal, true, tell)
	})
}

// back clears the search, or ends the reading.
func (s *journalScreen) back(e env) (effect, bool) {
	out, had := s.searchPane.back(e)
	if !had {
		s.stop()
	}
	return out, had
}

func (s *journalScreen) update(e env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		s.typed(m)
		return effect{}
	}
	return s.take(e, msg, s.pane)
}

func (s *journalScreen) bindings(e env) []binding {
	if s.typing {
		return s.typingBindings()
	}
	empty := unless(s.pane.Len() > 0, "there is no output yet")
	list := []binding{{keys: []string{"esc"}, help: "back", more: "back; the reading ends", run: func() effect {
		if _, had := s.back(e); had {
			return effect{}
		}
		return pop()
	}}}
	list = append(list, s.searchBindings()...)
	list = append(list,
		binding{keys: []string{"y"}, help: "copy", more: "copy the output to the terminal's clipboard", off: empty, run: func() effect {
			return toClipboard(e, s.pane.Content(), "sent "+count(s.pane.Len(), "line")+" to the terminal's clipboard")
		}},
		binding{keys: []string{"r"}, help: "read again", more: "read the log again from the server", run: func() effect { return s.read(e) }})
	return append(list, moves(func(m widget.Move) { s.pane.Scroll(m, s.room) })...)
}

func (s *journalScreen) view(e env, sz size) []widget.Line {
	v, _ := e.data.server(s.server)
	service, _ := serviceOf(e, v, s.want.Name)
	head := widget.Line{widget.Text(widget.Strong, " "+s.title(e)), widget.Text(widget.Plain, " on "+v.Name)}
	for _, unit := range service.Units {
		head = head.And(widget.Text(widget.Dim, "  "+unit))
	}
	end := widget.Of(widget.Working, " ◐ followed ")
	if !s.going {
		end = widget.Of(widget.Dim, " ○ not followed; r reads it again ")
	}
	out := []widget.Line{widget.Ends(head, end, sz.w)}
	if s.wrong != nil {
		out = append(out, indent(widget.Wrap(widget.Bad, "✗ "+s.wrong.Error(), sz.w-2))...)
	}
	out = append(out, s.paneRule(sz.w, 0))
	s.room = max(sz.h-len(out), 1)
	if s.pane.Len() == 0 {
		text := " nothing was logged yet"
		if s.going {
			text = " reading…"
		}
		return append(out, widget.Of(widget.Dim, text))
	}
	return append(out, indent(s.pane.View(sz.w-2, s.room))...)
}
