package ui

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// addScreen adds a server.
type addScreen struct {
	form  *widget.Form
	since time.Time // of the try that goes on; zero where none does
	try   int       // counts the tries: the answer of one that was given up is dropped
	stop  context.CancelFunc
	wrong error // of the last try
}

// addedMsg is what a try gave.
type addedMsg struct {
	try    int
	given  job.NewServer
	server store.Server
	err    error
}

func newAddScreen() *addScreen {
	check := func(field string, needed bool) func(string) string {
		return func(value string) string {
			if value == "" && !needed {
				return ""
			}
			return inputProblem(job.CheckField(field, value))
		}
	}
	return &addScreen{form: widget.NewForm([]widget.Field{
		{Name: job.FieldName, Label: "Name", Help: "what you call it, such as web1", Check: check(job.FieldName, true)},
		{Name: job.FieldAddress, Label: "Address", Help: "an IP address, a host name, or a Host of ~/.ssh/config", Check: check(job.FieldAddress, true)},
		{Name: job.FieldPort, Label: "Port", Help: "of SSH; empty: as ~/.ssh/config says, else 22", Check: check(job.FieldPort, false)},
		{Name: job.FieldUser, Label: "User", Help: "root or one with sudo; empty: as ~/.ssh/config says, else root", Check: check(job.FieldUser, false)},
		{Name: job.FieldKey, Label: "Key file", Help: "a private key on this machine; empty: as ssh finds one", Check: check(job.FieldKey, false)},
		{Name: job.FieldTag, Label: "Tags", Help: "words to filter by, with spaces between; may be empty", Check: checkTags},
	})}
}

func checkTags(value string) string {
	for tag := range strings.FieldsSeq(value) {
		if reason := inputProblem(job.CheckField(job.FieldTag, tag)); reason != "" {
			return reason
		}
	}
	return ""
}

// inputProblem is the reason of an error of a field, or nothing.
func inputProblem(err error) string {
	var input *job.InputError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &input):
		return input.Reason
	}
	return err.Error()
}

func (s *addScreen) title(env) string { return "Add server" }

func (s *addScreen) init(env) effect { return effect{} }

func (s *addScreen) capturing() bool { return true }

func (s *addScreen) working() bool { return !s.since.IsZero() }

func (s *addScreen) bindings(e env) []binding {
	if s.working() {
		return []binding{{keys: []string{"esc"}, help: "stop trying", run: func() effect { s.giveUp(); return effect{} }}}
	}
	next := func(by int) func() effect { return func() effect { s.form.Next(by); return effect{} } }
	return []binding{
		{keys: []string{"enter"}, help: "next, then add", more: "to the next field; on the last one, add the server", run: func() effect {
			if !s.form.OnLast() {
				return next(1)()
			}
			return s.submit(e)
		}},
		{keys: []string{"tab", "down"}, show: "tab", help: "next", more: "to the next field", run: next(1)},
		{keys: []string{"shift+tab", "up"}, show: "shift+tab", help: "previous", more: "to the previous field", run: next(-1)},
		{keys: []string{"ctrl+o"}, help: "add now", more: "add the server, from any field", run: func() effect { return s.submit(e) }},
		{keys: []string{"esc"}, help: "back", more: "leave the form; asks if something was typed", run: func() effect { return leaveForm(s.form) }},
	}
}

func (s *addScreen) giveUp() {
	s.stop()
	s.since = time.Time{}
	s.try++
}

func (s *addScreen) submit(e env) effect {
	if !s.form.Valid() {
		return refuse("some fields are not right yet")
	}
	v := s.form.Values()
	port := 0 // as ssh's configuration says
	if text := v[job.FieldPort]; text != "" {
		var err error
		if port, err = strconv.Atoi(text); err != nil {
			return refuse("the port is not a number")
		}
	}
	return s.start(e, job.NewServer{
		Name: v[job.FieldName], Address: v[job.FieldAddress], Port: port, User: v[job.FieldUser],
		KeyFile: v[job.FieldKey], Tags: strings.Fields(v[job.FieldTag]),
	})
}

// start tries to add the server in the background.
func (s *addScreen) start(e env, n job.NewServer) effect {
	ctx, stop := context.WithCancel(e.ctx)
	s.stop, s.since, s.wrong = stop, e.now(), nil
	s.try++
	try := s.try
	return e.ask(func() tea.Msg {
		defer stop()
		server, err := e.engine.AddServer(ctx, n)
		return addedMsg{try, n, server, err}
	})
}

func (s *addScreen) update(e env, msg tea.Msg) effect {
	added, ok := msg.(addedMsg)
	switch {
	case ok && added.try == s.try:
		s.since = time.Time{}
		return s.added(e, added)
	case !ok && !s.working():
		s.form.Update(msg)
	}
	return effect{}
}

func (s *addScreen) added(e env, m addedMsg) effect {
	var key *job.HostKeyError
	var input *job.InputError
	switch {
	case m.err == nil:
		return replace(newServerScreen(m.server.ID)).and(say("added " + m.server.Name))
	case errors.As(m.err, &key) && !key.Changed():
		return e.openHere(s.firstContact(e, m.given, key))
	case errors.As(m.err, &key):
		s.wrong = m.err
		return e.openHere(hostKeyBox(e, "", m.err))
	case errors.As(m.err, &input) && s.form.Refuse(input.Field, input.Reason):
		return refuse(input.Reason)
	}
	s.wrong = m.err
	return effect{}
}

// firstContact asks whether the key that a server showed is its own.
func (s *addScreen) firstContact(e env, n job.NewServer, key *job.HostKeyError) *dialog {
	n.Accept = strings.TrimSpace(n.Accept + " " + key.Fingerprint) // of jump hosts too
	return ask("First contact with "+key.Whose(), widget.Working, hostKeyText(key, false),
		choice{"Cancel", "esc", nil},
		choice{"Accept this key", "a", func() effect { return s.start(e, n) }}).byItself(e)
}

func (s *addScreen) view(e env, sz size) []widget.Line {
	w := min(sz.w, 100)
	lines := []widget.Line{{}}
	below := s.below(e, w)
	lines = append(lines, s.form.View(w, max(sz.h-2-len(below), 6))...)
	if len(lines)+len(below) > sz.h {
		lines = lines[:sz.h-len(below)]
	}
	return append(lines, below...)
}

// below tells how the try goes, or why it failed.
func (s *addScreen) below(e env, w int) []widget.Line {
	switch {
	case s.working():
		took := e.now().Sub(s.since)
		return []widget.Line{widget.Of(widget.Working, " "+spin(e.now())+" reaching "+s.form.Values()[job.FieldAddress]+" and reading its facts… "+lasted(took))}
	case s.wrong != nil:
		var out []widget.Line
		for _, l := range widget.Wrap(widget.Bad, "✗ "+s.wrong.Error(), w-2) {
			out = append(out, widget.Line{widget.Spaces(1)}.And(l...))
		}
		return append(out, widget.Of(widget.Dim, " Nothing was stored. Change what is wrong, and add it again."))
	}
	return []widget.Line{widget.Of(widget.Dim, " Adding it logs in and reads its facts. Nothing is changed on it.")}
}
