package ui

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/term"
	"brokeforge/ui/widget"
)

// fileWork is something that is done with files in the background.
type fileWork struct {
	what        string
	since       time.Time
	bytes       bool // it is counted in bytes, not in entries
	done, total atomic.Int64
	stop        context.CancelFunc
}

// fileDoneMsg says what came of it.
type fileDoneMsg struct {
	work  *fileWork
	said  string
	want  string // the name to be selected
	err   error
	again func() effect // does it though something is there already; nil where that can't be
}

// start does something in the background, and then reads the folder again.
func (s *filesScreen) start(e env, what, said, want string, again func() effect, fn func(context.Context, *fileWork) error) effect {
	ctx, stop := context.WithCancel(s.ctx)
	w := &fileWork{what: what, since: e.now(), stop: stop}
	s.work = w
	return e.ask(func() tea.Msg {
		defer stop()
		return fileDoneMsg{w, said, want, fn(ctx, w), again}
	})
}

// tell notes how far a transfer is.
func (w *fileWork) tell(done, total int64) {
	w.done.Store(done)
	w.total.Store(total)
}

func (s *filesScreen) done(e env, m fileDoneMsg) effect {
	if s.work != m.work {
		return effect{}
	}
	s.work = nil
	var exists *job.FileExists
	var changed *job.FileChanged
	switch {
	case errors.Is(m.err, context.Canceled):
		return say(m.work.what + " was stopped").and(s.list(e, s.dir))
	case (errors.As(m.err, &exists) || errors.As(m.err, &changed)) && m.again != nil:
		return e.openHere(ask("Replace it?", widget.Working, widget.Wrap(widget.Plain, m.err.Error(), min(e.size.w-6, 76)),
			choice{"Cancel", "esc", nil}, choice{"Replace", "r", m.again}))
	case m.err != nil:
		return complain(m.err).and(s.list(e, s.dir))
	}
	s.want = m.want
	return say(m.said).and(s.list(e, s.dir))
}

// checkName refuses what is no name of a file in this folder.
func checkName(name string) string {
	switch {
	case name == "" || name == "." || strings.Contains(name, "/"):
		return "a name is needed, without a slash"
	}
	if _, err := job.CleanPath(name); err != nil {
		return err.Error()
	}
	return ""
}

func (s *filesScreen) askNew(e env, title string, make func(job.Files, context.Context, string) error) effect {
	return open(newPrompt(title, "Its name:", "", checkName, func(name string) effect {
		at := s.here(name)
		return s.start(e, "making "+job.ShownName(name), "made "+job.ShownName(name), name, nil, func(ctx context.Context, _ *fileWork) error {
			return make(s.files, ctx, at)
		})
	}))
}

// askRename asks for the new name. One that can't be typed begins empty.
func (s *filesScreen) askRename(e env, f job.FileEntry) effect {
	value := f.Name
	if job.ShownName(value) != value {
		value = ""
	}
	from := s.here(f.Name)
	return open(newPrompt("Rename "+job.ShownName(f.Name), "Its new name:", value, checkName, func(name string) effect {
		to := s.here(name)
		return s.start(e, "renaming", "it is called "+job.ShownName(name)+" now", name, nil, func(ctx context.Context, _ *fileWork) error {
			return s.files.Rename(ctx, from, to)
		})
	}))
}

func (s *filesScreen) askMode(e env, f job.FileEntry) effect {
	check := func(v string) string {
		if _, err := job.ParseMode(v); err != nil {
			return err.Error()
		}
		return ""
	}
	at := s.here(f.Name)
	return open(newPrompt("Mode of "+job.ShownName(f.Name), "In octal digits, such as 640; it is "+modeOf(f.Mode)+":", job.ShownMode(f.Mode), check, func(v string) effect {
		return s.start(e, "changing the mode", "the mode is "+v+" now", "", nil, func(ctx context.Context, _ *fileWork) error {
			mode, err := job.ParseMode(v)
			if err != nil {
				return err
			}
			return s.files.Chmod(ctx, at, mode)
		})
	}))
}

// countedEntries is how many entries of a folder are counted before it is deleted.
const countedEntries = 100_000

// fileAskMsg is what would be deleted.
type fileAskMsg struct {
	work  *fileWork
	name  string
	entry job.FileEntry
	n     int // entries in a folder
	err   error
}

// count counts what is in a folder before it asks whether to delete it.
func (s *filesScreen) count(e env, f job.FileEntry) effect {
	ctx, stop := context.WithCancel(s.ctx)
	w := &fileWork{what: "counting", since: e.now(), stop: stop}
	s.work = w
	name, files := s.here(f.Name), s.files
	return e.ask(func() tea.Msg {
		defer stop()
		m := fileAskMsg{work: w, name: name, entry: f}
		if f.Mode.IsDir() {
			m.n, m.err = files.Count(ctx, name, countedEntries)
		}
		return m
	})
}

func (s *filesScreen) askDelete(e env, m fileAskMsg) effect {
	if s.work != m.work {
		return effect{}
	}
	s.work = nil
	if m.err != nil {
		return complain(m.err)
	}
	text := "It is deleted on the server, and can't be had back."
	if m.entry.Mode.IsDir() {
		much := countOf(m.n)
		if m.n == countedEntries {
			much = "at least " + much
		}
		text = "The folder and " + much + " in it are deleted on the server, and can't be had back. Links in it are deleted, not what they lead to."
	}
	shown := job.ShownName(m.entry.Name)
	return e.openHere(ask("Delete "+shown+"?", widget.Bad, widget.Wrap(widget.Plain, text, min(e.size.w-6, 76)),
		choice{"Cancel", "esc", nil},
		choice{"Delete", "d", func() effect {
			return s.start(e, "deleting "+shown, "deleted "+shown, "", nil, func(ctx context.Context, w *fileWork) error {
				return s.files.Delete(ctx, m.name, func(n int) { w.done.Store(int64(n)) })
			})
		}}))
}

func (s *filesScreen) askDownload(e env, f job.FileEntry) effect {
	value, err := job.LocalName(f.Name)
	if err != nil {
		value = "" // the person names it
	}
	check := func(v string) string {
		if v == "" || strings.HasSuffix(v, "/") {
			return "say what it is to be called here"
		}
		return ""
	}
	return open(newPrompt("Download "+job.ShownName(f.Name), "To this file of this machine:", value, check, func(to string) effect {
		return s.download(e, s.here(f.Name), to, false)
	}))
}

func (s *filesScreen) download(e env, name, to string, overwrite bool) effect {
	again := func() effect { return s.download(e, name, to, true) }
	out := s.start(e, "downloading", "downloaded to "+to, "", again, func(ctx context.Context, w *fileWork) error {
		dir, err := os.OpenRoot(filepath.Dir(to))
		if err != nil {
			return err
		}
		return errors.Join(s.files.Download(ctx, name, dir, filepath.Base(to), overwrite, w.tell), dir.Close())
	})
	s.work.bytes = true
	return out
}

func (s *filesScreen) askUpload(e env) effect {
	check := func(v string) string {
		if info, err := os.Stat(v); err != nil || !info.Mode().IsRegular() {
			return "there is no such file on this machine"
		}
		return checkName(filepath.Base(v))
	}
	return open(newPrompt("Upload", "This file of this machine:", "", check, func(from string) effect {
		return s.upload(e, from, s.here(filepath.Base(from)), false)
	}))
}

func (s *filesScreen) upload(e env, from, name string, overwrite bool) effect {
	again := func() effect { return s.upload(e, from, name, true) }
	out := s.start(e, "uploading", "uploaded "+job.ShownName(filepath.Base(from)), filepath.Base(from), again, func(ctx context.Context, w *fileWork) error {
		f, err := os.Open(from)
		if err != nil {
			return err
		}
		return errors.Join(s.files.Upload(ctx, f, name, overwrite, w.tell), f.Close())
	})
	s.work.bytes = true
	return out
}

// fileReadMsg is a file that is to be edited.
type fileReadMsg struct {
	work    *fileWork
	name    string
	data    []byte
	version job.FileVersion
	copied  string // where it is on this machine
	err     error
}

// fileEditedMsg says that the editor was left.
type fileEditedMsg struct {
	fileReadMsg
	err error
}

// read reads a file whole, and writes it where an editor finds it.
func (s *filesScreen) read(e env, f job.FileEntry) effect {
	ctx, stop := context.WithCancel(s.ctx)
	w := &fileWork{what: "reading " + job.ShownName(f.Name), since: e.now(), stop: stop}
	s.work = w
	name, files := s.here(f.Name), s.files
	return e.ask(func() tea.Msg {
		defer stop()
		m := fileReadMsg{work: w, name: name}
		if m.data, m.version, m.err = files.Read(ctx, name); m.err != nil {
			return m
		}
		if !job.IsText(m.data, true) {
			m.err = errors.New(job.ShownName(f.Name) + " is no text: download it")
			return m
		}
		m.copied, m.err = job.EditCopy(name, m.data)
		return m
	})
}

// edit gives the terminal over to the editor.
func (s *filesScreen) edit(e env, m fileReadMsg) effect {
	if s.work != m.work {
		return effect{}
	}
	s.work = nil
	if m.err != nil {
		return complain(m.err)
	}
	self := e.self
	return command(tea.ExecProcess(term.EditCommand(e.ctx, term.Editor(e.getenv), m.copied), func(err error) tea.Msg {
		return toScreen{self, fileEditedMsg{m, err}}
	}))
}

// edited saves what the editor has left.
func (s *filesScreen) edited(e env, m fileEditedMsg) effect {
	if m.err != nil {
		return complain(errors.Join(errors.New("the editor "+term.Editor(e.getenv)+" failed, nothing was saved: "+m.err.Error()), os.RemoveAll(filepath.Dir(m.copied))))
	}
	return s.save(e, m.fileReadMsg, false)
}

// save saves an edited file. What could not be saved stays on this machine.
func (s *filesScreen) save(e env, m fileReadMsg, force bool) effect {
	shown := job.ShownName(m.name)
	w := &fileWork{what: "saving " + shown, since: e.now(), stop: func() {}}
	s.work = w
	files, ctx := s.files, s.ctx
	return e.ask(func() tea.Msg {
		out := fileDoneMsg{work: w, said: "saved " + shown}
		edited, err := os.ReadFile(m.copied)
		switch {
		case err != nil:
			out.err = err
			return out
		case bytes.Equal(edited, m.data):
			out.said = "nothing was changed in " + shown
		default:
			saved, err := files.Save(ctx, m.name, edited, m.version, force)
			if err != nil {
				return s.unsaved(e, out, m, err)
			}
			if saved.InPlace != "" {
				out.said += " in place: " + saved.InPlace
			}
		}
		out.err = os.RemoveAll(filepath.Dir(m.copied))
		return out
	})
}

// unsaved says what becomes of a text that was not saved, and asks where it can be.
func (s *filesScreen) unsaved(e env, out fileDoneMsg, m fileReadMsg, err error) fileDoneMsg {
	var changed *job.FileChanged
	text := err.Error() + "; what was edited is kept in " + m.copied
	out.err = errors.New(text)
	if errors.As(err, &changed) {
		out.err = &keptError{text, err}
		out.again = func() effect { return s.save(e, m, true) }
	}
	return out
}

// keptError is of a text that was kept on this machine.
type keptError struct {
	text  string
	cause error
}

func (e *keptError) Error() string { return e.text }

func (e *keptError) Unwrap() error { return e.cause }
