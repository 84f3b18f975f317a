package ui

import (
	"context"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteLog is a site's log of requests or of errors, followed.
type siteLog struct {
	errors bool
	text   string // that lines must have to be shown; empty takes all
	begun  bool
	stream
	searchPane
}

func newSiteLog() *siteLog { return &siteLog{stream: newStream(), searchPane: newSearchPane()} }

func (*siteLog) title(job.SiteView) string         { return "Log" }
func (*siteLog) load(env, store.ID) func() tea.Msg { return nil }

// shown reads the log when its tab is first shown.
func (p *siteLog) shown(e env, v job.SiteView) effect {
	if p.begun {
		return effect{}
	}
	return p.read(e, v)
}

// leave ends the reading.
func (p *siteLog) leave() { p.stop() }

func (p *siteLog) read(e env, v job.SiteView) effect {
	p.begun, p.pane = true, widget.NewLogPane(keptLines)
	log := job.SiteLog{Errors: p.errors, Lines: firstJournal, Text: p.text, Follow: true}
	return p.start(e, func(ctx context.Context, tell func(string) error) error {
		return e.engine.SiteLog(ctx, v.ID, log, tell)
	})
}

func (p *siteLog) update(e env, _ job.SiteView, msg tea.Msg) effect {
	switch msg.(type) {
	case tea.KeyPressMsg, tea.PasteMsg:
		p.typed(msg)
		return effect{}
	}
	return p.take(e, msg, p.pane)
}

// kind names the log that is shown.
func (p *siteLog) kind() string {
	if p.errors {
		return "errors"
	}
	return "requests"
}

func (p *siteLog) bindings(e env, v job.SiteView) []binding {
	if p.typing {
		return p.typingBindings()
	}
	other := "errors"
	if p.errors {
		other = "requests"
	}
	list := append(p.searchBindings(),
		binding{keys: []string{"e"}, help: other, more: "the log of " + other + " in place of this", run: func() effect {
			p.errors = !p.errors
			return p.read(e, v)
		}},
		binding{keys: []string{"F"}, help: "filter", more: "only lines that hold a text", run: func() effect {
			return open(newPrompt("Filter the log of "+p.kind(), "Only lines that hold this text; empty shows all:", p.text, func(string) string { return "" }, func(text string) effect {
				p.text = text
				return p.read(e, v)
			}))
		}},
		binding{keys: []string{"y"}, help: "copy", more: "copy the output to the terminal's clipboard", off: unless(p.pane.Len() > 0, "there is no output yet"), run: func() effect {
			return toClipboard(e, p.pane.Content(), "sent "+count(p.pane.Len(), "line")+" to the terminal's clipboard")
		}},
		binding{keys: []string{"r"}, help: "read again", more: "read the log again from the server", quiet: true, run: func() effect { return p.read(e, v) }})
	return append(list, moves(func(m widget.Move) { p.pane.Scroll(m, p.room) })...)
}

func (p *siteLog) view(_ env, _ job.SiteView, sz size) []widget.Line {
	end := widget.Of(widget.Working, " ◐ followed ")
	if !p.going {
		end = widget.Of(widget.Dim, " ○ not followed; r reads it again ")
	}
	head := widget.Of(widget.Strong, " The log of "+p.kind())
	if p.text != "" {
		head = head.And(widget.Text(widget.Accent, ", lines with "+p.text))
	}
	out := []widget.Line{widget.Ends(head, end, sz.w)}
	if p.wrong != nil {
		out = append(out, indent(widget.Wrap(widget.Bad, "✗ "+p.wrong.Error(), sz.w-2))...)
	}
	out = append(out, p.paneRule(sz.w, 0))
	p.room = max(sz.h-len(out), 1)
	if p.pane.Len() == 0 {
		nothing := " nothing was logged yet"
		if p.text != "" {
			nothing = " no line has " + p.text + " yet"
		}
		return append(out, widget.Of(widget.Dim, nothing))
	}
	return append(out, indent(p.pane.View(sz.w-2, p.room))...)
}
