package ui

import (
	"slices"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/store"
	"brokeforge/ui/term"
	"brokeforge/ui/widget"
)

// entry is a screen on a stack, with the number that answers find it by.
type entry struct {
	id     int
	screen screen
}

// tab is a stack of screens.
type tab struct {
	name  string
	stack []*entry
}

// app is the root: it routes messages, keeps the stacks and draws the frame.
type app struct {
	env      env
	options  Options
	wait     func(last time.Time) tea.Cmd         // for a change
	after    func(time.Duration, tea.Msg) tea.Cmd // a time
	width    int
	height   int
	light    bool
	painter  widget.Painter
	tabs     []*tab
	tab      int
	boxes    []overlay
	answered map[string]bool // questions that had their box
	said     sayMsg
	nextID   int
	refresh  refreshQueue
	every    time.Duration // of the tick
	series   int           // of the tick
}

// newApp makes the root. changed tells of what the engine knows anew.
func newApp(e env, o Options, changed <-chan struct{}) *app {
	a := &app{env: e, options: o, width: 80, height: 24, light: o.Theme == "light"}
	a.wait = func(last time.Time) tea.Cmd { return waitFeed(e.ctx, changed, last, e.interval()) }
	a.after = func(d time.Duration, msg tea.Msg) tea.Cmd {
		return tea.Tick(d, func(time.Time) tea.Msg { return msg })
	}
	a.answered = map[string]bool{}
	a.refresh.going, a.refresh.asked = map[store.ID]bool{}, map[store.ID]bool{}
	for _, s := range []screen{newServersScreen(), newSitesScreen(), newHistoryScreen(), newCatalogScreen()} {
		a.nextID++
		a.tabs = append(a.tabs, &tab{s.title(e), []*entry{{a.nextID, s}}})
	}
	a.dress()
	return a
}

// Init asks for what the first screen shows.
func (a *app) Init() tea.Cmd {
	cmds := []tea.Cmd{a.snapshot(false), a.wait(time.Time{}), a.tick()}
	for _, t := range a.tabs {
		cmds = append(cmds, a.applyFrom(t.stack[0], t.stack[0].screen.init(a.envFor(t.stack[0]))))
	}
	if a.options.Theme == "auto" {
		cmds = append(cmds, tea.RequestBackgroundColor)
	}
	return tea.Batch(cmds...)
}

// Update routes a message to whom it concerns.
func (a *app) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		a.width, a.height = max(m.Width, 1), max(m.Height, 1)
		a.dress()
		return a, nil
	case tea.BackgroundColorMsg:
		a.light = a.options.Theme == "auto" && !m.IsDark()
		a.dress()
		return a, nil
	case tea.ResumeMsg:
		return a, tea.ClearScreen
	case changedMsg:
		return a, a.snapshot(true)
	case snapshotMsg:
		return a, a.took(m)
	case trustedMsg:
		return a, a.trusted(m)
	case refreshedMsg:
		return a, a.refreshed(m)
	case shellOpenedMsg:
		return a, a.shellOpened(m)
	case shellEndedMsg:
		return a, a.shellEnded(m)
	case tickMsg:
		if m.series == a.series {
			return a, a.nextTick()
		}
		return a, nil
	case toScreen:
		return a, a.deliver(m)
	case sayMsg:
		return a, a.intent(m)
	case tea.KeyPressMsg:
		return a, a.key(m)
	case tea.PasteMsg:
		return a, a.paste(m)
	case tea.MouseWheelMsg:
		return a, a.wheel(m)
	}
	return a, nil
}

// dress makes what depends on the size and the theme anew.
func (a *app) dress() {
	a.env.size = size{a.width, max(a.height-frameLines, 1)}
	a.painter = widget.NewPainter(widget.Theme{
		Light: a.light,
		Mono:  a.options.Theme == "mono" || term.Env(a.options.Environ, "NO_COLOR") != "",
		ASCII: a.options.ASCII,
	})
}

// top is the entry of the screen that is shown.
func (a *app) top() *entry {
	stack := a.tabs[a.tab].stack
	return stack[len(stack)-1]
}

func (a *app) envFor(en *entry) env {
	e := a.env
	e.self = en.id
	return e
}

// find returns the entry of a number, in any stack.
func (a *app) find(id int) *entry {
	for _, t := range a.tabs {
		if i := slices.IndexFunc(t.stack, func(en *entry) bool { return en.id == id }); i >= 0 {
			return t.stack[i]
		}
	}
	return nil
}

// deliver brings a message to a screen. Where that is gone, so is the message.
func (a *app) deliver(m toScreen) tea.Cmd {
	en := a.find(m.id)
	if en == nil || m.msg == nil {
		return nil
	}
	cmd := a.applyFrom(en, en.screen.update(a.envFor(en), m.msg))
	return tea.Batch(cmd, a.tick())
}
