package ui

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// serversScreen is the home: all servers.
type serversScreen struct {
	table  widget.Table
	filter filter
	marks  map[store.ID]bool
	offer  int // hosts in ~/.ssh/config that could be imported
}

// offerMsg says how many hosts could be imported.
type offerMsg int

func newServersScreen() *serversScreen {
	return &serversScreen{
		filter: newFilter(),
		marks:  map[store.ID]bool{},
		table: widget.Table{Columns: []widget.Column{
			{Min: 1},
			{Title: "NAME", Min: 12, Max: 28, Middle: true, Whole: true},
			{Title: "ADDRESS", Min: 12, Max: 28, Middle: true, Whole: true, Drop: 2},
			{Title: "SYSTEM", Min: 9, Max: 14, Drop: 4},
			{Title: "PACKAGES", Min: 12, Max: 40, Drop: 3},
			{Title: "SITES", Right: true, Drop: 5},
			{Title: "STATE", Min: 26, Grow: 1},
		}},
	}
}

func (s *serversScreen) title(env) string { return "Servers" }

// init looks for hosts to offer. A file that can't be read is told of when they
// are asked for.
func (s *serversScreen) init(e env) effect {
	return e.ask(func() tea.Msg {
		list, err := e.hosts()
		if err != nil {
			return offerMsg(0)
		}
		return offerMsg(len(list.Entries))
	})
}

func (s *serversScreen) capturing() bool { return s.filter.typing }

func (s *serversScreen) back(env) (effect, bool) { return effect{}, s.filter.back() }

func (s *serversScreen) update(e env, msg tea.Msg) effect {
	if n, ok := msg.(offerMsg); ok {
		s.offer = int(n)
		return effect{}
	}
	s.filter.update(msg)
	return effect{}
}

// targets are the marked servers, or else the one under the cursor.
func (s *serversScreen) targets(e env) []store.ID {
	var out []store.ID
	for _, v := range e.data.overview.Servers {
		if s.marks[v.ID] {
			out = append(out, v.ID)
		}
	}
	if id := store.ID(s.table.Selected()); len(out) == 0 && id != "" {
		out = append(out, id)
	}
	return out
}

func (s *serversScreen) bindings(e env) []binding {
	if s.filter.typing {
		return s.filter.typed()
	}
	s.fill(e)
	none := unless(s.table.Selected() != "", "there is no server here; a adds one")
	empty := e.data.loaded && len(e.data.overview.Servers) == 0
	id := store.ID(s.table.Selected())
	list := []binding{
		{keys: []string{"enter"}, help: "open", more: "open the server", off: none, run: func() effect { return push(newServerScreen(id)) }},
		{keys: []string{"space"}, help: "mark", more: "mark for install, remove and refresh", off: none, run: func() effect {
			s.mark(id)
			s.table.Move(widget.Down, 1)
			return effect{}
		}},
		{keys: []string{"i"}, help: "install", more: "install packages on the marked servers, or on this one", off: none, run: func() effect {
			return push(newPickScreen(e, store.Install, s.targets(e)))
		}},
		{keys: []string{"x"}, help: "remove", more: "remove packages from the marked servers, or from this one", off: none, run: func() effect {
			return push(newPickScreen(e, store.Remove, s.targets(e)))
		}},
		{keys: []string{"a"}, help: "add", more: "add a server", run: func() effect { return push(newAddScreen()) }},
		{keys: []string{"I"}, help: "import", more: "import the hosts of ~/.ssh/config; shows them first", quiet: !empty || s.offer == 0, run: func() effect { return push(newImportScreen()) }},
		shellBinding(e, id, none),
		s.filter.binding(),
		{keys: []string{"r"}, help: "refresh", more: "read the facts of the marked servers, or of this one, again", off: none, run: func() effect {
			return effect{now: []tea.Msg{refreshMsg{s.targets(e)}}}
		}},
		{keys: []string{"*"}, help: "mark all", more: "mark all that are shown, or none", quiet: true, off: none, run: func() effect { s.markAll(); return effect{} }},
		{keys: []string{"D"}, help: "forget", more: "forget the server here; nothing is done on it", quiet: true, off: none, run: func() effect { return forgetServer(e, id) }},
	}
	return append(list, moves(func(m widget.Move) { s.table.Move(m, e.size.h-2) })...)
}

func (s *serversScreen) mark(id store.ID) {
	if s.marks[id] {
		delete(s.marks, id)
		return
	}
	s.marks[id] = true
}

func (s *serversScreen) markAll() {
	all := !slices.ContainsFunc(s.table.Rows(), func(r widget.Row) bool { return !s.marks[store.ID(r.ID)] })
	for _, r := range s.table.Rows() {
		if all {
			delete(s.marks, store.ID(r.ID))
		} else {
			s.marks[store.ID(r.ID)] = true
		}
	}
}

// fill makes the rows from the snapshot.
func (s *serversScreen) fill(e env) {
	var rows []widget.Row
	there := map[store.ID]bool{}
	for _, v := range e.data.overview.Servers {
		there[v.ID] = true
		if matches(s.filter.value(), v.Tags, v.Name, v.Address, systemName(v), packageNames(v)) {
			rows = append(rows, s.row(e, v))
		}
	}
	maps.DeleteFunc(s.marks, func(id store.ID, _ bool) bool { return e.data.loaded && !there[id] })
	s.table.Empty = "no server matches " + s.filter.value()
	s.table.SetRows(rows)
}

func (s *serversScreen) row(e env, v job.ServerView) widget.Row {
	st := serverState(v, e.now())
	line := widget.Of(st.look, st.word)
	if p, ok := e.data.live(v.ID); ok {
		st = runState(p.Run.State)
		line = liveLine(p)
	}
	name := widget.Of(widget.Plain, v.Name)
	if s.marks[v.ID] {
		name = name.And(widget.Text(widget.Accent, " ✓"))
	}
	names := packageNames(v)
	if names == "" {
		names = "–"
	}
	return widget.Row{ID: string(v.ID), Cells: []widget.Line{
		{st.mark()},
		name, widget.Of(widget.Plain, where(v.Server)), widget.Of(widget.Plain, systemName(v)),
		widget.Of(widget.Plain, names), widget.Of(widget.Plain, strconv.Itoa(v.Sites)), line,
	}}
}

// packageNames names what is recorded on a server, each once, with versions.
func packageNames(v job.ServerView) string {
	var out []string
	for _, p := range v.Packages {
		name := string(p.Name)
		if p.Version != "" {
			name += " " + shortVersion(string(p.Version))
		}
		if (p.Instance == "" || p.Type == packages.Runtime) && p.Name != packages.Base {
			out = append(out, name)
		}
	}
	return strings.Join(out, " · ")
}

// shortVersion is the part of a version that people speak of: without Debian's
// epoch and revision.
func shortVersion(v string) string {
	if _, rest, ok := strings.Cut(v, ":"); ok {
		v = rest
	}
	v, _, _ = strings.Cut(v, "-")
	v, _, _ = strings.Cut(v, "+")
	return v
}

func (s *serversScreen) view(e env, sz size) []widget.Line {
	if e.data.loaded && len(e.data.overview.Servers) == 0 {
		return emptyServers(s.offer)
	}
	s.fill(e)
	total := len(e.data.overview.Servers)
	head := widget.Line{widget.Spaces(1), widget.Text(widget.Dim, count(total, "server"))}
	if len(s.marks) > 0 {
		head = head.And(widget.Text(widget.Dim, " · "), widget.Text(widget.Accent, fmt.Sprintf("%d marked", len(s.marks))))
	}
	if !e.data.loaded {
		head = widget.Of(widget.Dim, " reading what is recorded…")
	}
	w := sz.w
	if sz.wide() {
		w = sz.w * 3 / 5
	}
	head = widget.Ends(head, s.note(e, total), w)
	lines := append([]widget.Line{head}, s.table.View(w, sz.h-1, true)...)
	if !sz.wide() {
		return lines
	}
	return widget.Beside(lines, s.detail(e, sz.w-w-3), w, sz.w, sz.h)
}

// note is the filter, or else when the facts of the server under the cursor were
// read.
func (s *serversScreen) note(e env, total int) widget.Line {
	if line := s.filter.line(len(s.table.Rows()), total); len(line) > 0 {
		return line
	}
	v, ok := e.data.server(store.ID(s.table.Selected()))
	switch {
	case !ok:
		return nil
	case v.Facts.ReadAt.IsZero():
		return widget.Of(widget.Dim, "facts never read ")
	}
	return widget.Of(widget.Dim, "facts read "+ago(e.now(), v.Facts.ReadAt)+" ")
}

func (s *serversScreen) detail(e env, width int) []widget.Line {
	v, ok := e.data.server(store.ID(s.table.Selected()))
	if !ok {
		return nil
	}
	return append([]widget.Line{{}}, serverDetail(e, v, width)...)
}

// emptyServers says how to begin. offer is how many hosts could be imported.
func emptyServers(offer int) []widget.Line {
	lines := []widget.Line{
		{},
		widget.Of(widget.Strong, "  There is no server yet."),
		{},
		{widget.Text(widget.Plain, "  Press "), widget.Text(widget.Accent, "a"), widget.Text(widget.Plain, " to add the first one, or leave this and run")},
		{},
		widget.Of(widget.Accent, "      brokeforge server add web1 203.0.113.10 --user root"),
		{},
		widget.Of(widget.Dim, "  A server is a Debian or Ubuntu machine that you can log in to over SSH,"),
		widget.Of(widget.Dim, "  as root or as a user with sudo. Nothing has to be installed on it, and"),
		widget.Of(widget.Dim, "  nothing is changed on it until you have read what will be done."),
	}
	if offer == 0 {
		return lines
	}
	return append(lines, widget.Line{}, widget.Line{
		widget.Text(widget.Plain, "  Press "), widget.Text(widget.Accent, "I"),
		widget.Text(widget.Plain, " to import "+count(offer, "host")+" from ~/.ssh/config; you see them first."),
	}, widget.Of(widget.Dim, "  brokeforge import ansible FILE takes those of an Ansible inventory."))
}

// forgetServer asks before it takes a server off the list.
func forgetServer(e env, id store.ID) effect {
	v, ok := e.data.server(id)
	if !ok {
		return effect{}
	}
	text := []widget.Line{
		widget.Of(widget.Strong, v.Name+"  "+where(v.Server)),
		{},
		widget.Of(widget.Plain, "Its records here are deleted: "+count(len(v.Packages), "package")+", "+count(v.Sites, "site")+" and its pinned host key. Its runs stay in the history."),
		widget.Of(widget.Plain, "On the server nothing is changed: all that is installed there stays."),
	}
	return open(ask("Forget "+v.Name+"?", widget.Bad, text, choice{"Cancel", "esc", nil}, choice{"Forget", "f", func() effect {
		return command(func() tea.Msg {
			if err := e.engine.RemoveServer(e.ctx, id); err != nil {
				return sayMsg{err.Error(), true}
			}
			return sayMsg{"forgot " + v.Name, false}
		})
	}}))
}
