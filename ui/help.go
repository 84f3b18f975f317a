package ui

import (
	"fmt"
	"slices"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// help lists all keys of a screen.
type help struct {
	title string
	own   []binding
	all   []binding
	top   int
}

func (a *app) newHelp() *help {
	en := a.top()
	e := a.envFor(en)
	return &help{title: "Keys of " + en.screen.title(e), own: en.screen.bindings(e), all: a.global()}
}

func (h *help) bindings(env) []binding {
	return []binding{
		{keys: []string{"j", "down"}, show: "j ↓", help: "down", run: func() effect { h.top++; return effect{} }},
		{keys: []string{"k", "up"}, show: "k ↑", help: "up", run: func() effect { h.top = max(h.top-1, 0); return effect{} }},
		{keys: []string{"esc", "enter", "q", "?"}, help: "close", run: func() effect { return effect{} }},
	}
}

func (h *help) update(e env, msg tea.Msg) (effect, bool) {
	key, ok := msg.(tea.KeyPressMsg)
	if !ok {
		return effect{}, false
	}
	bindings := h.bindings(e)
	closes := bindings[len(bindings)-1]
	if slices.Contains(closes.keys, key.String()) {
		return effect{}, true
	}
	out, _ := act(bindings, key.String())
	return out, false
}

func (h *help) view(_ env, s size) []widget.Line {
	inner := min(s.w-6, 74)
	var lines []widget.Line
	for _, list := range [][]binding{h.own, h.all} {
		for _, b := range list {
			lines = append(lines, helpLine(b, inner)...)
		}
		lines = append(lines, widget.Line{})
	}
	lines = lines[:len(lines)-1]
	room := max(s.h-3, 1)
	h.top = max(min(h.top, len(lines)-room), 0)
	more := ""
	if len(lines) > room {
		more = fmt.Sprintf("%d to %d of %d lines; j and k scroll", h.top+1, h.top+room, len(lines))
		lines = lines[h.top : h.top+room]
	}
	return widget.Box(h.title, widget.Accent, append(lines, widget.Of(widget.Dim, more)), inner)
}

// helpLine is a binding in the help, and why it can't act now.
func helpLine(b binding, width int) []widget.Line {
	const keysWidth = 14
	keys := strings.Join(b.keys, " ")
	if b.show != "" {
		keys = b.show
	}
	texts := widget.Wrap(widget.Plain, b.about(), width-keysWidth)
	if b.off != "" {
		texts = append(texts, widget.Wrap(widget.Dim, "not now: "+b.off, width-keysWidth)...)
	}
	out := make([]widget.Line, len(texts))
	for i, l := range texts {
		head := widget.Line{widget.Spaces(keysWidth)}
		if i == 0 {
			head = widget.Of(widget.Accent, keys).Fit(keysWidth)
		}
		out[i] = head.And(l...)
	}
	return out
}
