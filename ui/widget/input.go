package widget

import (
	"slices"
	"strings"
	"unicode"

	tea "charm.land/bubbletea/v2"

	"brokeforge/sshrun/clean"
)

// maxInput is how many characters an input takes, so that a pasted file does
// not hold the screen up.
const maxInput = 4096

// Input is one line of text that is typed, with the keys of readline(3). (That
// of Bubbles is not used because its ctrl+v runs clipboard programs of the
// machine, which over SSH is the wrong one.)
type Input struct {
	runes   []rune
	at      int
	secret  bool
	several bool // it is a line of an Area, which bounds it and has tabs
}

// NewInput returns an input that holds a text.
func NewInput(value string) *Input {
	i := &Input{}
	i.Set(value)
	return i
}

// NewSecretInput returns an empty input that shows how much was typed, and not
// what.
func NewSecretInput() *Input { return &Input{secret: true} }

// Value is what was typed.
func (i *Input) Value() string { return string(i.runes) }

// Set replaces what was typed.
func (i *Input) Set(value string) {
	i.runes = []rune(value)
	i.at = len(i.runes)
}

// Update takes a key or a paste. Of a paste it takes the first line.
func (i *Input) Update(msg tea.Msg) {
	switch msg := msg.(type) {
	case tea.PasteMsg:
		first, _, _ := strings.Cut(strings.TrimLeft(unixLines(msg.Content), "\n"), "\n")
		if !i.secret { // of which every character counts
			first = clean.Line(first)
		}
		i.insert(first)
	case tea.KeyPressMsg:
		if !i.edit(msg.String()) && msg.Text != "" {
			i.insert(msg.Text)
		}
	}
}

func (i *Input) insert(text string) {
	runes := slices.DeleteFunc([]rune(text), func(r rune) bool { return !unicode.IsPrint(r) })
	if !i.several {
		runes = runes[:min(len(runes), max(maxInput-len(i.runes), 0))]
	}
	i.runes = slices.Insert(i.runes, i.at, runes...)
	i.at += len(runes)
}

// edit does what a key means and reports whether it means anything.
func (i *Input) edit(key string) bool {
	from, to := i.at, i.at
	switch key {
	case "left", "ctrl+b":
		i.at = max(i.at-1, 0)
		return true
	case "right", "ctrl+f":
		i.at = min(i.at+1, len(i.runes))
		return true
	case "home", "ctrl+a":
		i.at = 0
		return true
	case "end", "ctrl+e":
		i.at = len(i.runes)
		return true
	case "backspace", "ctrl+h":
		from = max(i.at-1, 0)
	case "delete":
		to = min(i.at+1, len(i.runes))
	case "ctrl+w", "alt+backspace":
		from = i.wordStart()
	case "ctrl+u":
		from = 0
	case "ctrl+k":
		to = len(i.runes)
	default:
		return false
	}
	i.runes = slices.Delete(i.runes, from, to)
	i.at = from
	return true
}

func (i *Input) wordStart() int {
	at := i.at
	for at > 0 && i.runes[at-1] == ' ' {
		at--
	}
	for at > 0 && i.runes[at-1] != ' ' {
		at--
	}
	return at
}

// View returns the text in exactly width cells, with the cursor where it has
// the focus.
func (i *Input) View(width int, focus bool) Line {
	runes := i.runes
	if i.secret {
		runes = []rune(strings.Repeat("·", len(runes)))
	}
	if !focus {
		return Of(Plain, string(runes)).Fit(width)
	}
	line := Of(Plain, shown(runes[:i.at]))
	under, rest := " ", ""
	if i.at < len(runes) {
		under, rest = shown(runes[i.at:i.at+1]), shown(runes[i.at+1:])
	}
	start := max(line.Width()+Width(under)-width, 0)
	line = line.And(Text(Cursor, under), Text(Plain, rest))
	return line.Slice(start, start+width)
}

// shown is text as it is on the screen, where a tab has no width of its own.
func shown[T string | []rune](text T) string { return strings.ReplaceAll(string(text), "\t", "    ") }
