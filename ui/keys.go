package ui

import (
	"slices"
	"strings"

	"brokeforge/ui/widget"
)

// binding is a key as data: what acts, what it is called, and why it can't act
// now.
type binding struct {
	keys  []string // as tea.KeyPressMsg names them
	show  string   // what is shown for them; empty means the first key
	help  string   // a word or two, for the footer
	more  string   // for the help; empty means help
	quiet bool     // not in the footer
	off   string   // why it can't act now; empty where it can
	run   func() effect
}

// label is what is shown for the keys.
func (b binding) label() string {
	if b.show != "" {
		return b.show
	}
	return b.keys[0]
}

// about is what the help says.
func (b binding) about() string {
	if b.more != "" {
		return b.more
	}
	return b.help
}

// act does what a key is bound to, and reports whether it is bound.
func act(list []binding, key string) (effect, bool) {
	for _, b := range list {
		if !slices.Contains(b.keys, key) {
			continue
		}
		if b.off != "" {
			return refuse(b.label() + ": " + b.off), true
		}
		return b.run(), true
	}
	return effect{}, false
}

// moves are the bindings that move in a list.
func moves(move func(widget.Move)) []binding {
	bind := func(m widget.Move, show, help string, keys ...string) binding {
		return binding{keys: keys, show: show, help: help, quiet: true, run: func() effect {
			move(m)
			return effect{}
		}}
	}
	return []binding{
		bind(widget.Down, "j ↓", "down", "j", "down"),
		bind(widget.Up, "k ↑", "up", "k", "up"),
		bind(widget.HalfDown, "ctrl+d", "half a page down", "ctrl+d"),
		bind(widget.HalfUp, "ctrl+u", "half a page up", "ctrl+u"),
		bind(widget.PageDown, "pgdn", "a page down", "pgdown"),
		bind(widget.PageUp, "pgup", "a page up", "pgup"),
		bind(widget.First, "g", "to the first", "g", "home"),
		bind(widget.Last, "G", "to the last", "G", "end"),
	}
}

// footer shows as many bindings as fit, with those at the end always, and
// closer together where that lets more of them in.
func footer(list, end []binding, width int) widget.Line {
	for _, gap := range []int{2, 1} {
		line, all := footerWith(list, end, width, gap)
		if all || gap == 1 {
			return line
		}
	}
	return nil
}

// footerWith reports too whether all fitted.
func footerWith(list, end []binding, width, gap int) (widget.Line, bool) {
	tail := widget.Line{}
	for _, b := range end {
		tail = tail.And(widget.Spaces(gap)).And(hint(b)...)
	}
	line := widget.Line{}
	all := true
	for _, b := range list {
		if b.quiet {
			continue
		}
		one := hint(b)
		if 1+line.Width()+gap+one.Width()+tail.Width() > width {
			all = false
			continue
		}
		if len(line) > 0 {
			line = line.And(widget.Spaces(gap))
		}
		line = line.And(one...)
	}
	return widget.Line{widget.Spaces(1)}.And(line...).And(tail...), all
}

// hint is a binding in the footer.
func hint(b binding) widget.Line {
	look, key := widget.Plain, widget.Accent
	if b.off != "" {
		look, key = widget.Dim, widget.Dim
	}
	return widget.Line{widget.Text(key, b.label()), widget.Text(look, " "+b.help)}
}

// unless returns a reason where something does not hold.
func unless(ok bool, reason string) string {
	if ok {
		return ""
	}
	return reason
}

// matches reports whether every word of a filter is found: "tag:web" as the
// beginning of a tag, others anywhere in the texts or, letter by letter, in
// the first.
func matches(filter string, tags []string, texts ...string) bool {
	for word := range strings.FieldsSeq(strings.ToLower(filter)) {
		if tag, ok := strings.CutPrefix(word, "tag:"); ok {
			if !slices.ContainsFunc(tags, func(t string) bool { return strings.HasPrefix(strings.ToLower(t), tag) }) {
				return false
			}
			continue
		}
		found := slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), word) })
		if !found && (len(texts) == 0 || !inOrder(word, strings.ToLower(texts[0]))) {
			return false
		}
	}
	return true
}

// inOrder reports whether the letters of word are in text, in their order.
func inOrder(word, text string) bool {
	rest := []rune(word)
	for _, r := range text {
		if len(rest) > 0 && r == rest[0] {
			rest = rest[1:]
		}
	}
	return len(rest) == 0
}
