package ui

import (
	"context"
	"encoding/hex"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

const (
	viewedText   = 1 << 20  // bytes of a text that are shown
	viewedBinary = 16 << 10 // bytes of anything else
)

// fileScreen shows the beginning of a file.
type fileScreen struct {
	files job.Files
	name  string
	head  job.FileHead
	shown int // bytes
	stop  context.CancelFunc
	going bool
	wrong error
	searchPane
}

// fileHeadMsg is the beginning of a file.
type fileHeadMsg struct {
	head job.FileHead
	err  error
}

func newFileScreen(files job.Files, name string) *fileScreen {
	s := &fileScreen{files: files, name: name, stop: func() {}, searchPane: newSearchPane()}
	s.pane = widget.NewLogPane(viewedText)
	return s
}

func (s *fileScreen) title(env) string { return job.ShownName(s.name) }

func (s *fileScreen) working() bool { return s.going }

func (s *fileScreen) init(e env) effect {
	ctx, stop := context.WithCancel(e.ctx)
	s.stop, s.going = stop, true
	files, name := s.files, s.name
	return e.ask(func() tea.Msg {
		head, err := files.Head(ctx, name, viewedText)
		return fileHeadMsg{head, err}
	})
}

func (s *fileScreen) back(e env) (effect, bool) {
	out, had := s.searchPane.back(e)
	if !had {
		s.stop()
	}
	return out, had
}

func (s *fileScreen) update(_ env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case fileHeadMsg:
		s.going, s.head, s.wrong = false, m.head, m.err
		data := m.head.Data
		var lines []string
		if m.head.Binary {
			data = data[:min(len(data), viewedBinary)]
			lines = strings.Split(strings.TrimRight(hex.Dump(data), "\n"), "\n")
		} else if len(data) > 0 {
			lines = strings.Split(strings.TrimRight(string(data), "\n"), "\n")
		}
		s.shown = len(data)
		s.pane.Append(lines)
		s.pane.Scroll(widget.First, s.room)
	case tea.KeyPressMsg, tea.PasteMsg:
		s.typed(m)
	}
	return effect{}
}

func (s *fileScreen) bindings(e env) []binding {
	if s.typing {
		return s.typingBindings()
	}
	var list []binding
	for _, b := range s.searchBindings() {
		if b.keys[0] != "f" { // nothing comes that could be followed
			list = append(list, b)
		}
	}
	list = append(list, binding{keys: []string{"h", "left", "backspace"}, show: "h", help: "back", more: "back to the folder", run: func() effect {
		if _, had := s.back(e); had {
			return effect{}
		}
		return pop()
	}})
	return append(list, moves(func(m widget.Move) { s.pane.Scroll(m, s.room) })...)
}

func (s *fileScreen) view(e env, sz size) []widget.Line {
	end := widget.Of(widget.Dim, " "+inBytes(s.head.Size)+" ")
	switch {
	case s.going:
		end = widget.Of(widget.Working, " "+spin(e.now())+" reading ")
	case s.head.Binary:
		end = widget.Of(widget.Working, " no text · the first "+inBytes(int64(s.shown))+" of "+inBytes(s.head.Size)+" ")
	case s.head.More():
		end = widget.Of(widget.Working, " the first "+inBytes(int64(s.shown))+" of "+inBytes(s.head.Size)+" ")
	}
	head := widget.Of(widget.Strong, " "+widget.CutMiddle(job.ShownName(s.name), max(sz.w-end.Width()-2, 1)))
	out := []widget.Line{widget.Ends(head, end, sz.w)}
	if s.wrong != nil {
		out = append(out, indent(widget.Wrap(widget.Bad, "✗ "+s.wrong.Error(), sz.w-2))...)
	}
	rule := widget.Rule(sz.w)
	if s.typing || s.search.Value() != "" {
		rule = s.paneRule(sz.w, 0)
	}
	out = append(out, rule)
	s.room = max(sz.h-len(out), 1)
	if s.pane.Len() == 0 && !s.going && s.wrong == nil {
		return append(out, widget.Of(widget.Dim, " it is empty"))
	}
	return append(out, indent(s.pane.View(sz.w-2, s.room))...)
}
