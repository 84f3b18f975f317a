package ui

import (
	"slices"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/ui/widget"
)

// questionBox asks for what only a person can give: a passphrase, a password, or
// what a server wants to know at the login. What is typed is kept nowhere else,
// and gone with the box.
type questionBox struct {
	question job.Question
	input    *widget.Input
	grace    grace
}

func newQuestionBox(e env, q job.Question) *questionBox {
	input := widget.NewInput("")
	if !q.Echo {
		input = widget.NewSecretInput()
	}
	return &questionBox{q, input, newGrace(e.now())}
}

func (b *questionBox) bindings(env) []binding {
	return []binding{
		{keys: []string{"enter"}, help: "answer", run: func() effect { return effect{} }},
		{keys: []string{"esc"}, help: "give no answer", run: func() effect { return effect{} }},
	}
}

func (b *questionBox) update(e env, msg tea.Msg) (effect, bool) {
	// It opened by itself, and what comes now was typed for something else.
	if b.grace.swallows(e.now()) {
		return effect{}, false
	}
	key, ok := msg.(tea.KeyPressMsg)
	switch {
	case ok && key.String() == "esc":
		id := b.question.ID
		return command(func() tea.Msg { e.engine.Decline(id); return nil }), true
	case ok && key.String() == "enter":
		id, value := b.question.ID, b.input.Value()
		b.input.Set("")
		return command(func() tea.Msg {
			if err := e.engine.Answer(id, value); err != nil {
				return sayMsg{err.Error(), true}
			}
			return nil
		}), true
	}
	b.input.Update(msg)
	return effect{}, false
}

func (b *questionBox) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 76)
	lines := append([]widget.Line{{}}, widget.Wrap(widget.Strong, b.question.Text(), inner)...)
	if warning := b.question.Warning(); warning != "" {
		lines = append(lines, widget.Wrap(widget.Bad, warning, inner)...)
	}
	lines = append(lines, widget.Line{}, widget.Line{widget.Text(widget.Accent, "> ")}.And(b.input.View(inner-2, true)...), widget.Line{})
	where := "It is held in memory until BrokeForge ends, and written nowhere."
	if b.question.Echo {
		where = "It goes to the server as it is."
	}
	lines = append(lines, widget.Wrap(widget.Dim, where, inner)...)
	return widget.Box("A login needs an answer", widget.Working, append(lines, widget.Line{}), inner)
}

// askQuestions opens a box for each question that has none, and takes those away
// whose question is no longer open.
func (a *app) askQuestions() {
	open := a.env.data.overview.Questions
	isOpen := func(id string) bool {
		return slices.ContainsFunc(open, func(q job.Question) bool { return q.ID == id })
	}
	asked := map[string]bool{}
	a.boxes = slices.DeleteFunc(a.boxes, func(o overlay) bool {
		box, ok := o.(*questionBox)
		if ok {
			asked[box.question.ID] = true
		}
		return ok && !isOpen(box.question.ID)
	})
	for _, q := range open {
		// One that was just answered may still stand in a snapshot.
		if !asked[q.ID] && !a.answered[q.ID] {
			a.answered[q.ID] = true
			a.boxes = append(a.boxes, newQuestionBox(a.env, q))
		}
	}
}
