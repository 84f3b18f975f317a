package ui

import (
	"errors"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/editor"
	"brokeforge/ui/widget"
)

// fieldEditedMsg is what the editor has left of a field of a form.
type fieldEditedMsg struct {
	name, text string
	err        error
}

// formBindings are the keys of a form of options, which leads to the preview.
func formBindings(e env, form *widget.Form, submit func() effect) []binding {
	next := func(by int) func() effect { return func() effect { form.Next(by); return effect{} } }
	now := binding{keys: []string{"ctrl+o"}, help: "preview now", more: "to the preview, from any field", run: submit}
	if _, _, several := form.Several(); several {
		return []binding{
			{keys: []string{"enter"}, help: "new line", run: func() effect { return updateForm(form, tea.KeyPressMsg{Code: tea.KeyEnter}) }},
			{keys: []string{"tab"}, help: "next", more: "to the next field", run: next(1)},
			{keys: []string{"shift+tab"}, help: "previous", more: "to the previous field", quiet: true, run: next(-1)},
			{keys: []string{"ctrl+x"}, help: "editor", more: "edit the field with $VISUAL or $EDITOR", run: func() effect { return editField(e, form) }},
			now,
		}
	}
	return []binding{
		{keys: []string{"enter"}, help: "next/preview", more: "to the next field; on the last one, to the preview", run: func() effect {
			if !form.OnLast() {
				return next(1)()
			}
			return submit()
		}},
		{keys: []string{"tab", "down"}, show: "tab", help: "next", more: "to the next field", run: next(1)},
		{keys: []string{"shift+tab", "up"}, show: "shift+tab", help: "previous", more: "to the previous field", quiet: true, run: next(-1)},
		now,
	}
}

// leaveForm asks before typed text is lost.
func leaveForm(form *widget.Form) effect {
	if !form.Changed() {
		return pop()
	}
	return open(ask("Leave the form?", widget.Working, []widget.Line{widget.Of(widget.Plain, "What was typed is lost.")},
		choice{"Stay", "s", nil}, choice{"Leave", "l", pop}))
}

// updateForm gives a form what is typed, pasted or edited.
func updateForm(form *widget.Form, msg tea.Msg) effect {
	m, edited := msg.(fieldEditedMsg)
	if !edited {
		if why := form.Update(msg); why != "" {
			return refuse(why)
		}
		return effect{}
	}
	out := effect{}
	switch {
	case m.err != nil:
		out = complain(m.err)
	case !utf8.ValidString(m.text):
		out = refuse("what was edited is not UTF-8: nothing of it was taken")
	default:
		form.Set(m.name, m.text)
	}
	return out.and(command(tea.ClearScreen))
}

// editField opens the field with the focus in the person's editor.
func editField(e env, form *widget.Form) effect {
	name, text, _ := form.Several()
	return editText(e, name, text, func(text string, err error) tea.Msg { return fieldEditedMsg{name, text, err} })
}

// editText opens a text in the person's editor, and brings what became of it to the
// screen.
func editText(e env, name, text string, then func(text string, err error) tea.Msg) effect {
	draft, err := editor.New(name, text, e.getenv)
	if err != nil {
		return complain(err)
	}
	self := e.self
	// What it works on is the terminal, which is given to it meanwhile.
	return command(tea.ExecProcess(draft.Command(e.ctx, nil, nil, nil), func(err error) tea.Msg {
		if err == nil {
			text, err = draft.Text()
		}
		return toScreen{self, then(text, errors.Join(err, draft.Close()))}
	}))
}
