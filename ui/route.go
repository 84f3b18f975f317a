package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// apply obeys an effect of the screen on top or of a box over it.
func (a *app) apply(out effect) tea.Cmd { return a.applyFrom(a.top(), out) }

// applyFrom obeys an effect of a screen, which need not be on top.
func (a *app) applyFrom(from *entry, out effect) tea.Cmd {
	cmds := slices.Clone(out.cmds)
	for _, m := range out.now {
		switch m := m.(type) {
		case popMsg:
			cmds = append(cmds, a.leave(from))
		case replaceMsg:
			cmds = append(cmds, a.replace(from, m.screen))
		case landMsg:
			cmds = append(cmds, a.land(from, m.screen))
		default:
			cmds = append(cmds, a.intent(m))
		}
	}
	return tea.Batch(cmds...)
}

// intent obeys one message of an effect.
func (a *app) intent(msg tea.Msg) tea.Cmd {
	switch m := msg.(type) {
	case pushMsg:
		return a.push(m.screen)
	case openMsg:
		a.boxes = append(a.boxes, m.box)
	case openOnMsg:
		if a.top().id == m.screen {
			a.boxes = append(a.boxes, m.box)
		}
	case sayMsg:
		a.said = m
	case refreshMsg:
		a.refresh.add(m.servers, true)
		return a.refreshMore()
	case tabMsg:
		return a.turn(int(m))
	case quitMsg:
		return tea.Quit
	}
	return nil
}

// tabMsg shows another tab.
type tabMsg int

func (a *app) push(s screen) tea.Cmd {
	a.nextID++
	en := &entry{a.nextID, s}
	t := a.tabs[a.tab]
	t.stack = append(t.stack, en)
	return tea.Batch(a.applyFrom(en, s.init(a.envFor(en))), a.snapshot(false), a.tick())
}

// leave takes a screen off its stack. The first one of a tab stays.
func (a *app) leave(en *entry) tea.Cmd {
	for _, t := range a.tabs {
		if i := slices.Index(t.stack, en); i > 0 {
			t.stack = slices.Delete(t.stack, i, i+1)
		}
	}
	return tea.Batch(a.snapshot(false), a.tick())
}

// replace puts a screen in the place of another, with a number of its own.
func (a *app) replace(en *entry, s screen) tea.Cmd {
	for _, t := range a.tabs {
		if i := slices.Index(t.stack, en); i >= 0 {
			a.nextID++
			with := &entry{a.nextID, s}
			t.stack[i] = with
			return tea.Batch(a.applyFrom(with, s.init(a.envFor(with))), a.snapshot(false), a.tick())
		}
	}
	return nil
}

// land replaces a screen, and takes those below it away that led to it.
func (a *app) land(en *entry, s screen) tea.Cmd {
	for _, t := range a.tabs {
		i := slices.Index(t.stack, en)
		for i > 0 {
			if _, step := t.stack[i-1].screen.(transient); !step {
				break
			}
			t.stack = slices.Delete(t.stack, i-1, i)
			i--
		}
	}
	return a.replace(en, s)
}

func (a *app) turn(i int) tea.Cmd {
	a.tab = i
	return tea.Batch(a.snapshot(false), a.tick())
}

// key gives a key to the box on top, else to what the screen binds, else to
// the text that is typed, else to what the root binds.
func (a *app) key(msg tea.KeyPressMsg) tea.Cmd {
	key := msg.String()
	switch key {
	case "ctrl+l":
		return tea.ClearScreen
	case "ctrl+z":
		return tea.Suspend
	case "ctrl+c":
		return a.interrupt()
	}
	a.said = sayMsg{}
	if len(a.boxes) > 0 {
		return a.toBox(msg)
	}
	en := a.top()
	e := a.envFor(en)
	if out, ok := act(en.screen.bindings(e), key); ok {
		return a.apply(out)
	}
	if en.screen.capturing() {
		if key == "esc" {
			return a.back()
		}
		return a.apply(en.screen.update(e, msg))
	}
	if out, ok := act(a.global(), key); ok {
		return a.apply(out)
	}
	if key == "esc" {
		return a.back()
	}
	return nil
}

func (a *app) toBox(msg tea.Msg) tea.Cmd {
	i := len(a.boxes) - 1
	box := a.boxes[i]
	out, done := box.update(a.envFor(a.top()), msg)
	if done {
		a.boxes = slices.DeleteFunc(a.boxes, func(o overlay) bool { return o == box })
	}
	return a.apply(out)
}

func (a *app) paste(msg tea.PasteMsg) tea.Cmd {
	if len(a.boxes) > 0 {
		return a.toBox(msg)
	}
	en := a.top()
	if !en.screen.capturing() {
		return nil
	}
	return a.apply(en.screen.update(a.envFor(en), msg))
}

// wheel moves as the arrow keys do.
func (a *app) wheel(msg tea.MouseWheelMsg) tea.Cmd {
	switch msg.Button {
	case tea.MouseWheelUp:
		return a.key(tea.KeyPressMsg{Code: tea.KeyUp})
	case tea.MouseWheelDown:
		return a.key(tea.KeyPressMsg{Code: tea.KeyDown})
	}
	return nil
}

// back undoes one step: what the screen has to undo, else the screen, else the
// tab. It never quits.
func (a *app) back() tea.Cmd {
	en := a.top()
	if b, ok := en.screen.(backer); ok {
		if out, had := b.back(a.envFor(en)); had {
			return a.apply(out)
		}
	}
	switch {
	case len(a.tabs[a.tab].stack) > 1:
		return a.leave(en)
	case a.tab > 0:
		return a.turn(0)
	}
	return nil
}

// global are the keys that act on every screen.
func (a *app) global() []binding {
	first := a.tab == 0 && len(a.tabs[0].stack) == 1
	list := []binding{
		{keys: []string{":"}, help: "go", more: "go anywhere: actions, servers, packages, runs", run: func() effect { return open(a.newPalette()) }},
		{keys: []string{"?"}, help: "help", more: "this help", run: func() effect { return open(a.newHelp()) }},
		{keys: []string{"q"}, help: "back", run: func() effect {
			if first {
				return a.quit()
			}
			return command(a.back())
		}},
		{keys: []string{"esc"}, help: "back", more: "one step back; never quits", quiet: true, run: func() effect { return command(a.back()) }},
		{keys: []string{"ctrl+c"}, help: "quit", more: "quit; pressed twice, without asking", quiet: true, run: a.quit},
		{keys: []string{"ctrl+l"}, help: "redraw", quiet: true, run: func() effect { return command(tea.ClearScreen) }},
		{keys: []string{"ctrl+z"}, help: "suspend", quiet: true, run: func() effect { return command(tea.Suspend) }},
	}
	if first {
		list[2].help = "quit"
	}
	for i, t := range a.tabs {
		list = append(list, binding{keys: []string{string(rune('1' + i))}, help: t.name, quiet: true, run: func() effect {
			return effect{now: []tea.Msg{tabMsg(i)}}
		}})
	}
	return list
}

// quit ends the screens, after saying what becomes of live runs.
func (a *app) quit() effect {
	live := a.env.data.overview.Live
	if len(live) == 0 {
		return effect{now: []tea.Msg{quitMsg{}}}
	}
	return open(quitBox(live))
}

// interrupt is ctrl+c: it quits as q does, and the second time at once.
func (a *app) interrupt() tea.Cmd {
	for _, b := range a.boxes {
		if d, ok := b.(*dialog); ok && d.title == quitTitle {
			return tea.Quit
		}
	}
	return a.apply(a.quit())
}

const quitTitle = "Quit while runs are going on?"

func quitBox(live []job.Progress) *dialog {
	text := []widget.Line{}
	queued := 0
	for _, p := range live {
		st := runState(p.Run.State)
		text = append(text, widget.Line{st.mark(), widget.Text(widget.Strong, " "+p.Run.ServerName), widget.Text(widget.Plain, "  "+p.Run.Title), widget.Text(widget.Dim, "  "+doing(p))})
		if p.Run.State == store.RunQueued {
			queued++
		}
	}
	text = append(text[:min(len(text), 6)], widget.Line{}, widget.Of(widget.Plain, "What runs goes on on its server. The next start of BrokeForge picks it up and shows what came of it."))
	if queued > 0 {
		text = append(text, widget.Of(widget.Plain, "What is queued is not on its server yet: it waits for the next start."))
	}
	return ask(quitTitle, widget.Working, text,
		choice{"Stay", "s", nil},
		choice{"Quit", "q", func() effect { return effect{now: []tea.Msg{quitMsg{}}} }})
}
