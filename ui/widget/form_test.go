package widget

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func key(name string) tea.KeyPressMsg {
	switch name {
	case "space":
		return tea.KeyPressMsg{Code: ' ', Text: " "}
	case "left":
		return tea.KeyPressMsg{Code: tea.KeyLeft}
	case "right":
		return tea.KeyPressMsg{Code: tea.KeyRight}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	case "delete":
		return tea.KeyPressMsg{Code: tea.KeyDelete}
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "home":
		return tea.KeyPressMsg{Code: tea.KeyHome}
	case "up":
		return tea.KeyPressMsg{Code: tea.KeyUp}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

func TestInput(t *testing.T) {
	tests := []struct {
		keys []string
		want string
	}{
		{[]string{"a", "b"}, "oneab"},
		{[]string{"ctrl+a", "x"}, "xone"},
		{[]string{"left", "backspace"}, "oe"},
		{[]string{"space", "t", "w", "o", "ctrl+w"}, "one "},
		{[]string{"ctrl+u"}, ""},
		{[]string{"left", "left", "ctrl+k"}, "o"},
	}
	for _, test := range tests {
		i := NewInput("one")
		for _, k := range test.keys {
			i.Update(key(k))
		}
		if i.Value() != test.want {
			t.Errorf("%v gives %q, want %q", test.keys, i.Value(), test.want)
		}
	}
}

func TestAPasteIsOneCleanLine(t *testing.T) {
	for _, end := range []string{"\n", "\r", "\r\n"} {
		i := NewInput("")
		i.Update(tea.PasteMsg{Content: "10.0.\x1b[31m0.1" + end + "q" + end})
		if i.Value() != "10.0.0.1" {
			t.Errorf("with %q got %q", end, i.Value())
		}
	}
}

func TestALongInputShowsItsCursor(t *testing.T) {
	i := NewInput(strings.Repeat("x", 50) + "end")
	l := i.View(10, true)
	if l.Width() != 10 || !strings.HasSuffix(strings.TrimRight(l.String(), " "), "end") {
		t.Errorf("got %q", l)
	}
}

func TestFormChoices(t *testing.T) {
	f := NewForm([]Field{
		{Name: "yes", Kind: YesNoField, Value: "no"},
		{Name: "one", Kind: ChoiceField, Choices: []string{"a", "b"}, Value: "a"},
		{Name: "some", Kind: SeveralField, Choices: []string{"x", "y", "z"}, Value: "z"},
		{Name: "secret", Kind: SecretField},
	})
	if f.Changed() {
		t.Error("it is changed from the start")
	}
	f.Update(key("space"))
	f.Next(1)
	f.Update(key("right"))
	f.Next(1)
	f.Update(key("space"))
	f.Next(1)
	f.Update(key("p"))
	want := map[string]string{"yes": "yes", "one": "b", "some": "x,z", "secret": "p"}
	for name, value := range f.Values() {
		if value != want[name] {
			t.Errorf("%s is %q, want %q", name, value, want[name])
		}
	}
	if strings.Contains(text(f.View(60, 20)), "p ") {
		t.Error("the secret is shown")
	}
	if !f.Changed() || !f.OnLast() {
		t.Error("it is not changed, or not on its last field")
	}
}

func TestFormSaysWhatIsWrong(t *testing.T) {
	f := NewForm([]Field{{Name: "a", Label: "A"}, {Name: "b", Label: "B", Check: func(v string) string {
		if v == "" {
			return "a value is needed"
		}
		return ""
	}}})
	if f.Valid() {
		t.Error("it is valid")
	}
	if got := text(f.View(60, 10)); !strings.Contains(got, "✗ a value is needed") || !strings.Contains(got, "▸ B") {
		t.Errorf("got\n%s", got)
	}
	f.Update(key("x"))
	if !f.Valid() {
		t.Error("it is not valid")
	}
	f.Refuse("a", "taken")
	if f.Valid() || !strings.Contains(text(f.View(60, 10)), "taken") {
		t.Error("what was refused is accepted")
	}
	f.Update(key("y"))
	if !f.Valid() {
		t.Error("what was changed is still refused")
	}
}

func TestLogPane(t *testing.T) {
	p := NewLogPane(100)
	for range 150 {
		p.Append([]string{"line", "Error here"})
	}
	if p.Len() != 100 || !p.Following() {
		t.Errorf("%d lines, following %v", p.Len(), p.Following())
	}
	p.Scroll(Up, 10)
	if p.Following() {
		t.Error("it follows though somebody scrolled back")
	}
	p.Scroll(Last, 10)
	if !p.Following() {
		t.Error("it does not follow at its end")
	}
	if n := p.Search("ERROR", 10); n != 50 {
		t.Errorf("found %d", n)
	}
	if !p.Next(-1, 10) || p.Following() {
		t.Error("there is no line before")
	}
	if got := p.View(20, 10); len(got) != 10 {
		t.Errorf("%d lines", len(got))
	}
}
