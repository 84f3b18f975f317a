package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// keptLines is how many lines of output a screen keeps.
const keptLines = 5000

// searchPane is output that can be followed and searched.
type searchPane struct {
	pane   *widget.LogPane
	room   int // lines of the pane, as last drawn
	search *widget.Input
	typing bool
}

func newSearchPane() searchPane {
	return searchPane{pane: widget.NewLogPane(keptLines), room: 10, search: widget.NewInput("")}
}

func (s *searchPane) capturing() bool { return s.typing }

// typed takes a key of the search.
func (s *searchPane) typed(msg tea.Msg) {
	s.search.Update(msg)
	s.pane.Search(s.search.Value(), s.room)
}

// back clears the search.
func (s *searchPane) back(env) (effect, bool) {
	had := s.typing || s.search.Value() != ""
	s.clear()
	return effect{}, had
}

func (s *searchPane) clear() {
	if s.search.Value() != "" {
		s.search.Set("")
		s.pane.Search("", s.room)
		s.pane.Follow(true, s.room)
	}
	s.typing = false
}

// typingBindings are the keys while a search is typed.
func (s *searchPane) typingBindings() []binding {
	return []binding{
		{keys: []string{"enter"}, help: "keep", more: "keep the search; n and N go on in it", run: func() effect { s.typing = false; return s.counted() }},
		{keys: []string{"esc"}, help: "clear", more: "clear the search", run: func() effect { s.clear(); return effect{} }},
	}
}

// searchBindings are the keys that follow and search.
func (s *searchPane) searchBindings() []binding {
	empty := unless(s.pane.Len() > 0, "there is no output yet")
	nothing := unless(s.search.Value() != "", "nothing is searched for; / does")
	return []binding{
		{keys: []string{"f"}, help: "follow", more: "follow the newest output, or stay", off: empty, run: func() effect {
			s.pane.Follow(!s.pane.Following(), s.room)
			return effect{}
		}},
		{keys: []string{"/"}, help: "search", more: "search in the output", off: empty, run: func() effect { s.typing = true; return effect{} }},
		{keys: []string{"n"}, help: "next found", quiet: true, off: nothing, run: func() effect { return s.found(1) }},
		{keys: []string{"N"}, help: "previous found", quiet: true, off: nothing, run: func() effect { return s.found(-1) }},
	}
}

func (s *searchPane) counted() effect {
	n := s.pane.Search(s.search.Value(), s.room)
	if n == 0 {
		return refuse("no line has " + s.search.Value())
	}
	return say(count(n, "line") + " with " + s.search.Value() + "; n and N go on")
}

func (s *searchPane) found(by int) effect {
	if !s.pane.Next(by, s.room) {
		return say("no more lines with " + s.search.Value())
	}
	return effect{}
}

// paneRule is the rule over the output, with the search or whether it follows.
func (s *searchPane) paneRule(w, cross int) widget.Line {
	line := widget.Rule(w)
	if cross > 0 {
		line = line.Slice(0, cross).And(widget.Text(widget.Dim, "┬")).And(line.Slice(cross+1, w)...)
	}
	var note widget.Line
	switch {
	case s.typing:
		note = widget.Line{widget.Text(widget.Accent, " / ")}.And(s.search.View(max(widget.Width(s.search.Value())+1, 12), true)...)
	case s.search.Value() != "":
		note = widget.Of(widget.Accent, " / "+s.search.Value())
	case !s.pane.Following():
		note = widget.Of(widget.Working, " scrolled back; f follows")
	}
	if note == nil {
		return line
	}
	note = note.And(widget.Spaces(1))
	return line.Slice(0, max(w-note.Width(), 0)).And(note...)
}
