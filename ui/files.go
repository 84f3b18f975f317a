package ui

import (
	"cmp"
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

// filesScreen shows the files of a site, a folder at a time.
type filesScreen struct {
	domain string    // of the site
	server string    // its name
	files  job.Files // nil until they are opened

	dir     string
	listed  []job.FileEntry // all that is in the folder: folders first, each by name
	entries []job.FileEntry // of these, what the filter leaves
	cut     bool            // there are more
	filter  filter
	scroll  widget.Scroll
	want    string // the name to be selected once there are entries
	room    int    // rows that are shown

	ctx   context.Context // ends when the screen is left
	stop  context.CancelFunc
	try   int       // counts what is read: an answer that is late is dropped
	since time.Time // of what is read; zero where nothing is
	wrong error
	work  *fileWork // that goes on; nil for none
}

// filesOpenedMsg says that the files are there, or why not.
type filesOpenedMsg struct {
	files job.Files
	err   error
}

// filesListedMsg is what is in a folder.
type filesListedMsg struct {
	try     int
	dir     string
	entries []job.FileEntry
	cut     bool
	err     error
}

func (s *filesScreen) title(env) string { return "Files of " + s.domain }

func (s *filesScreen) capturing() bool { return s.filter.typing }

func (s *filesScreen) working() bool { return s.going() || s.work != nil }

// going reports whether something is read.
func (s *filesScreen) going() bool { return !s.since.IsZero() }

func (s *filesScreen) init(e env) effect { return s.open(e) }

// open connects in the background.
func (s *filesScreen) open(e env) effect {
	s.ctx, s.stop = context.WithCancel(e.ctx)
	s.since, s.wrong = e.now(), nil
	ctx := s.ctx
	return e.ask(func() tea.Msg {
		at, err := e.engine.FilesOfSite(s.domain, s.server)
		if err != nil {
			return filesOpenedMsg{nil, err}
		}
		files, err := e.engine.Files(ctx, at)
		if err == nil && ctx.Err() != nil {
			err = files.Close() // the screen was left meanwhile
			files = nil
		}
		return filesOpenedMsg{files, err}
	})
}

// list reads a folder in the background.
func (s *filesScreen) list(e env, dir string) effect {
	if s.files == nil {
		return s.open(e)
	}
	s.try++
	s.since, s.wrong = e.now(), nil
	try, files, ctx := s.try, s.files, s.ctx
	return e.ask(func() tea.Msg {
		listing, err := files.List(ctx, dir)
		slices.SortFunc(listing.Entries, func(a, b job.FileEntry) int {
			return cmp.Or(cmp.Compare(isFile(a), isFile(b)), strings.Compare(a.Name, b.Name))
		})
		return filesListedMsg{try, dir, listing.Entries, listing.Cut, err}
	})
}

func isFile(e job.FileEntry) int {
	if e.Mode.IsDir() {
		return 0
	}
	return 1
}

// back clears the filter, or ends what goes on for the screen and leaves it.
func (s *filesScreen) back(env) (effect, bool) {
	f, _ := s.selected()
	if s.filter.back() {
		s.narrow(f.Name)
		return effect{}, true
	}
	s.stop()
	files := s.files
	return pop().and(command(func() tea.Msg {
		if files == nil {
			return nil
		}
		if err := files.Close(); err != nil {
			return sayMsg{err.Error(), true}
		}
		return nil
	})), true
}

func (s *filesScreen) update(e env, msg tea.Msg) effect {
	switch m := msg.(type) {
	case filesOpenedMsg:
		s.since = time.Time{}
		if s.files, s.wrong = m.files, m.err; m.err != nil || m.files == nil {
			return effect{}
		}
		return s.list(e, s.dir)
	case filesListedMsg:
		return s.took(m)
	case tea.KeyPressMsg, tea.PasteMsg:
		f, _ := s.selected()
		s.filter.update(m)
		s.narrow(f.Name)
	case filePathMsg:
		return s.followed(e, m)
	case fileAskMsg:
		return s.askDelete(e, m)
	case fileReadMsg:
		return s.edit(e, m)
	case fileEditedMsg:
		return s.edited(e, m)
	case fileDoneMsg:
		return s.done(e, m)
	}
	return effect{}
}

// took shows what is in a folder, with the cursor where it was or is wanted.
func (s *filesScreen) took(m filesListedMsg) effect {
	if m.try != s.try {
		return effect{}
	}
	s.since = time.Time{}
	if m.err != nil {
		s.wrong = m.err
		return effect{}
	}
	if m.dir != s.dir {
		s.scroll = widget.Scroll{}
		s.filter.clear()
	} else if old, ok := s.selected(); ok && s.want == "" {
		s.want = old.Name
	}
	if !s.passes(s.want) {
		s.filter.clear() // it would hide what was made just now
	}
	s.dir, s.listed, s.cut = m.dir, m.entries, m.cut
	want := s.want
	s.want = ""
	s.narrow(want)
	return effect{}
}

// passes reports whether the filter leaves a name.
func (s *filesScreen) passes(name string) bool {
	return name == "" || matches(s.filter.value(), nil, job.ShownName(name))
}

// narrow has the list be what the filter leaves, with the cursor on a name if it is
// among that.
func (s *filesScreen) narrow(want string) {
	s.entries = s.listed
	if s.filter.value() != "" {
		s.entries = slices.DeleteFunc(slices.Clone(s.listed), func(f job.FileEntry) bool { return !s.passes(f.Name) })
	}
	at := slices.IndexFunc(s.entries, func(f job.FileEntry) bool { return f.Name == want })
	if at < 0 {
		at = s.scroll.Cursor()
	}
	s.scroll.To(at, len(s.entries))
}

func (s *filesScreen) selected() (job.FileEntry, bool) {
	if i := s.scroll.Cursor(); i < len(s.entries) {
		return s.entries[i], true
	}
	return job.FileEntry{}, false
}

// here is the path of a name in the folder that is shown.
func (s *filesScreen) here(name string) string {
	if s.dir == "" {
		return name
	}
	return s.dir + "/" + name
}

func (s *filesScreen) bindings(e env) []binding {
	f, there := s.selected()
	if s.filter.typing {
		list := s.filter.typed()
		for i, b := range list {
			list[i].run = func() effect { out := b.run(); s.narrow(f.Name); return out }
		}
		return list
	}
	none := unless(there, "there is no file here")
	closed := unless(s.files != nil, "the files are not opened yet")
	busy := closed
	if busy == "" && s.work != nil {
		busy = s.work.what + " goes on; c stops it"
	}
	on := func(off string) string { return cmp.Or(busy, none, off) }
	list := []binding{
		{keys: []string{"enter", "l", "right"}, show: "enter", help: "open", more: "open the folder, or view the file", off: cmp.Or(closed, none), run: func() effect { return s.enter(e, f) }},
		{keys: []string{"backspace", "h", "left"}, show: "h", help: "up", more: "to the folder above", off: unless(s.dir != "", "this is the site's folder; esc leaves the files"), run: func() effect { return s.up(e) }},
		{keys: []string{"e"}, help: "edit", more: "edit the file in $EDITOR on this machine", off: on(unless(!f.Mode.IsDir(), "it is a folder")), run: func() effect { return s.read(e, f) }},
		{keys: []string{"d"}, help: "download", more: "download the file to this machine", off: on(unless(!f.Mode.IsDir(), "only files are downloaded")), run: func() effect { return s.askDownload(e, f) }},
		{keys: []string{"u"}, help: "upload", more: "upload a file of this machine into this folder", off: busy, run: func() effect { return s.askUpload(e) }},
		{keys: []string{"n"}, help: "new", more: "make an empty file", off: busy, run: func() effect { return s.askNew(e, "New file", job.Files.Create) }},
		{keys: []string{"N"}, help: "new folder", quiet: true, off: busy, run: func() effect { return s.askNew(e, "New folder", job.Files.Mkdir) }},
		{keys: []string{"r"}, help: "rename", off: on(""), run: func() effect { return s.askRename(e, f) }},
		{keys: []string{"m"}, help: "mode", more: "change the mode", off: on(unless(!f.IsLink(), "a link has no mode of its own")), run: func() effect { return s.askMode(e, f) }},
		{keys: []string{"D"}, help: "delete", more: "delete the file, or the folder with all in it", off: on(""), run: func() effect { return s.count(e, f) }},
		{keys: []string{"R"}, help: "read again", more: "read the folder again", quiet: true, run: func() effect { return s.list(e, s.dir) }},
	}
	stop := binding{keys: []string{"c"}, help: "stop", more: "stop what goes on", quiet: s.work == nil, off: unless(s.work != nil, "nothing goes on"), run: func() effect { s.work.stop(); return effect{} }}
	list = slices.Insert(list, 0, stop)
	list = append(list, s.filter.binding())
	return append(list, moves(func(m widget.Move) {
		s.scroll.To(s.scroll.Cursor()+m.Lines(s.room, len(s.entries)), len(s.entries))
	})...)
}

// up goes to the folder above.
func (s *filesScreen) up(e env) effect {
	s.want = path.Base(s.dir)
	dir := path.Dir(s.dir)
	if dir == "." {
		dir = ""
	}
	return s.list(e, dir)
}

// filePathMsg says where something leads.
type filePathMsg struct {
	try   int
	path  string
	entry job.FileEntry
	err   error
}

// enter opens a folder or views a file; a link is followed first.
func (s *filesScreen) enter(e env, f job.FileEntry) effect {
	name := s.here(f.Name)
	switch {
	case f.Mode.IsDir():
		return s.list(e, name)
	case f.Mode.IsRegular():
		return push(newFileScreen(s.files, name))
	case !f.IsLink():
		return refuse("it is " + f.Kind() + ", which can't be viewed")
	}
	s.try++
	s.since = e.now()
	try, files, ctx := s.try, s.files, s.ctx
	return e.ask(func() tea.Msg {
		to, entry, err := files.Follow(ctx, name)
		return filePathMsg{try, to, entry, err}
	})
}

func (s *filesScreen) followed(e env, m filePathMsg) effect {
	if m.try != s.try {
		return effect{}
	}
	s.since = time.Time{}
	switch {
	case m.err != nil:
		return complain(m.err)
	case m.entry.Mode.IsDir():
		return s.list(e, m.path)
	case m.entry.Mode.IsRegular():
		return push(newFileScreen(s.files, m.path))
	}
	return refuse("it leads to " + m.entry.Kind() + ", which can't be viewed")
}

// modeOf is a mode as ls(1) shows it.
func modeOf(m fs.FileMode) string {
	kind := "-"
	switch {
	case m.IsDir():
		kind = "d"
	case m&fs.ModeSymlink != 0:
		kind = "l"
	case m&fs.ModeNamedPipe != 0:
		kind = "p"
	case m&fs.ModeSocket != 0:
		kind = "s"
	case m&fs.ModeCharDevice != 0:
		kind = "c"
	case m&fs.ModeDevice != 0:
		kind = "b"
	}
	bits := []byte(m.Perm().String()[1:])
	for _, b := range []struct {
		bit   fs.FileMode
		at    int
		x, no byte
	}{{fs.ModeSetuid, 2, 's', 'S'}, {fs.ModeSetgid, 5, 's', 'S'}, {fs.ModeSticky, 8, 't', 'T'}} {
		switch {
		case m&b.bit == 0:
		case bits[b.at] == 'x':
			bits[b.at] = b.x
		default:
			bits[b.at] = b.no
		}
	}
	return kind + string(bits)
}

// filesOfSite shows the files of a site on a server.
func filesOfSite(domain, server string) *filesScreen {
	return &filesScreen{domain: domain, server: server, stop: func() {}, room: 10, filter: newFilter()}
}
