package ui

import (
	"context"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/packages/job/inventory"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// screen is one of the things that fill the body. Its methods are called by
// the root alone, one at a time.
type screen interface {
	// title is its part of the path in the header.
	title(e env) string
	// init is called once, when it is put on a stack.
	init(e env) effect
	// update takes answers to its commands and, while it captures, keys.
	update(e env, msg tea.Msg) effect
	// view returns its body; the root fits it to the size.
	view(e env, s size) []widget.Line
	// bindings are the keys that act now, the most used first.
	bindings(e env) []binding
	// capturing reports whether keys are typed text.
	capturing() bool
}

// A loader is a screen that shows more than the overview. What its func
// returns comes to update. The func is called in the background, whenever
// something has changed.
type loader interface {
	load(e env) func() tea.Msg
}

// A backer is a screen that has something to undo before it is left. It
// reports whether it had.
type backer interface {
	back(e env) (effect, bool)
}

// A worker is a screen that may be waiting for something, and shows for how
// long.
type worker interface {
	working() bool
}

// A transient screen is a step on the way to another one, and is gone once that
// is reached.
type transient interface{ transient() }

// size is the size of the body in cells.
type size struct{ w, h int }

// wide reports whether a list and its detail stand side by side.
func (s size) wide() bool { return s.w >= 120 }

// env is what a screen may know. It is not changed; the root makes a new one.
type env struct {
	ctx    context.Context
	engine Engine
	now    func() time.Time
	hosts  func() (inventory.List, error) // of ~/.ssh/config
	self   int                            // the number of the screen that it is given to
	size   size                           // of the body
	remote bool                           // the terminal is far away: fewer bytes
	tmux   bool                           // in a pane of tmux
	pager  string
	getenv func(string) string
	by     string
	data   data
}

// data is the last snapshot of what the engine knows.
type data struct {
	loaded   bool
	overview job.Overview
	err      error
}

// server returns a server of the snapshot.
func (d data) server(id store.ID) (job.ServerView, bool) {
	for _, s := range d.overview.Servers {
		if s.ID == id {
			return s, true
		}
	}
	return job.ServerView{}, false
}

// live returns the run that goes on or waits on a server: the first one.
func (d data) live(server store.ID) (job.Progress, bool) {
	for _, p := range d.overview.Live {
		if p.Run.ServerID == server {
			return p, true
		}
	}
	return job.Progress{}, false
}

// names returns the names of servers, in the order of the ids.
func (d data) names(ids []store.ID) []string {
	var out []string
	for _, id := range ids {
		if s, ok := d.server(id); ok {
			out = append(out, s.Name)
		}
	}
	return out
}

// effect is what a screen wants to happen: messages for the root, which it
// obeys at once and in order, and commands for the background.
type effect struct {
	now  []tea.Msg
	cmds []tea.Cmd
}

func (a effect) and(b effect) effect {
	return effect{append(a.now[:len(a.now):len(a.now)], b.now...), append(a.cmds[:len(a.cmds):len(a.cmds)], b.cmds...)}
}

// What a screen may ask of the root.
type (
	pushMsg    struct{ screen screen } // put it on top
	replaceMsg struct{ screen screen } // put it in place of the one on top
	landMsg    struct{ screen screen } // put it in place of the steps that led to it
	popMsg     struct{}                // leave the one on top
	openMsg    struct{ box overlay }   // show a dialog
	openOnMsg  struct {                // show a dialog, if that screen is on top
		screen int
		box    overlay
	}
	refreshMsg struct{ servers []store.ID } // read their facts again
	quitMsg    struct{}
)

// sayMsg is one line for the person, over the footer.
type sayMsg struct {
	text string
	bad  bool
}

// toScreen brings an answer to the screen that asked, wherever it is.
type toScreen struct {
	id  int
	msg tea.Msg
}

func push(s screen) effect       { return effect{now: []tea.Msg{pushMsg{s}}} }
func replace(s screen) effect    { return effect{now: []tea.Msg{replaceMsg{s}}} }
func land(s screen) effect       { return effect{now: []tea.Msg{landMsg{s}}} }
func pop() effect                { return effect{now: []tea.Msg{popMsg{}}} }
func open(o overlay) effect      { return effect{now: []tea.Msg{openMsg{o}}} }
func say(text string) effect     { return effect{now: []tea.Msg{sayMsg{text, false}}} }
func complain(err error) effect  { return effect{now: []tea.Msg{sayMsg{err.Error(), true}}} }
func refuse(text string) effect  { return effect{now: []tea.Msg{sayMsg{text, true}}} }
func command(cmd tea.Cmd) effect { return effect{cmds: []tea.Cmd{cmd}} }

// ask runs fn in the background and brings what it returns to the screen that
// this env was given to.
func (e env) ask(fn func() tea.Msg) effect {
	self := e.self
	return command(func() tea.Msg { return toScreen{self, fn()} })
}

// openHere shows a dialog unless another screen has come on top meanwhile.
func (e env) openHere(o overlay) effect {
	return effect{now: []tea.Msg{openOnMsg{e.self, o}}}
}
