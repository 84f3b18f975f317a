package widget

import (
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
)

func TestArea(t *testing.T) {
	tests := []struct {
		keys []string
		want string
	}{
		{[]string{"x"}, "one\ntwox"},
		{[]string{"enter", "x"}, "one\ntwo\nx"},
		{[]string{"up", "x"}, "onex\ntwo"},
		{[]string{"up", "home", "x", "down", "y"}, "xone\ntywo"},
		{[]string{"home", "backspace"}, "onetwo"},
		{[]string{"up", "delete"}, "onetwo"},
		{[]string{"home", "left", "x"}, "onex\ntwo"},
		{[]string{"up", "right", "x"}, "one\nxtwo"},
		{[]string{"left", "enter"}, "one\ntw\no"},
		{[]string{"ctrl+u", "backspace", "backspace"}, "on"},
		{[]string{"up", "up", "home", "backspace", "left", "x"}, "xone\ntwo"},
		{[]string{"down", "delete", "right", "x"}, "one\ntwox"},
	}
	for _, test := range tests {
		a := NewArea("one\ntwo")
		for _, k := range test.keys {
			a.Update(key(k))
		}
		if a.Value() != test.want {
			t.Errorf("%v gives %q, want %q", test.keys, a.Value(), test.want)
		}
	}
}

func TestAreaPaste(t *testing.T) {
	a := NewArea("ab")
	a.Update(key("left"))
	a.Update(tea.PasteMsg{Content: "1\r\n\t2\r3\n\x1b[31m4\u202e"})
	if want := "a1\n\t2\n3\n[31m4b"; a.Value() != want {
		t.Errorf("got %q, want %q", a.Value(), want)
	}
	a.Update(key("x"))
	if got := a.Value(); !strings.HasSuffix(got, "4xb") {
		t.Errorf("the cursor is elsewhere: %q", got)
	}
	before := a.Value()
	if why := a.Update(tea.PasteMsg{Content: strings.Repeat("x", maxArea)}); why == "" || a.Value() != before {
		t.Errorf("too much is taken, with %q", why)
	}
	a.Set(strings.Repeat("x", maxArea))
	if why := a.Update(key("y")); why == "" || len(a.Value()) != maxArea {
		t.Errorf("one character too many is taken, with %q", why)
	}
}

func TestAreaView(t *testing.T) {
	a := NewArea(strings.Repeat("line\n", 99) + "\tend")
	got := a.View(20, true)
	if len(got) != areaRows+1 || !strings.HasPrefix(got[areaRows-1].String(), "    end ") {
		t.Errorf("got %q", got)
	}
	for _, l := range got {
		if l.Width() != 20 {
			t.Errorf("%q has %d cells", l, l.Width())
		}
	}
	if got := text(a.View(20, false)); !strings.HasPrefix(got, "line") || !strings.Contains(got, "… 100 lines") {
		t.Errorf("without the focus: %q", got)
	}
	a.secret = true
	for _, focus := range []bool{true, false} {
		if got := text(a.View(50, focus)); strings.Contains(got, "end") || !strings.Contains(got, "100 lines, 499 characters") {
			t.Errorf("of a secret: %q", got)
		}
	}
}
