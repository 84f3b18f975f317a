package widget

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

func TestTextIsClean(t *testing.T) {
	l := Of(Plain, "a\x1b[2Jb\x1b]0;t\x07c\u009b1md\u202e")
	if got := l.String(); got != "abcd" {
		t.Errorf("got %q", got)
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		line  Line
		width int
		want  string
	}{
		{Of(Plain, "abc"), 5, "abc  "},
		{Of(Plain, "abc"), 3, "abc"},
		{Of(Plain, "abcdef"), 4, "abc…"},
		{Line{Text(Plain, "ab"), Text(Dim, "cd")}, 3, "ab…"},
		{Line{Text(Plain, "ab"), Text(Dim, "cd")}, 2, "a…"},
		{Line{Text(Plain, "ab"), Text(Dim, "")}, 2, "ab"},
		{Of(Plain, "日本語"), 5, "日本…"},
		{Of(Plain, "日本語"), 4, "日… "},
		{nil, 2, "  "},
	}
	for _, test := range tests {
		if got := test.line.Fit(test.width).String(); got != test.want {
			t.Errorf("Fit(%q, %d) = %q, want %q", test.line, test.width, got, test.want)
		}
	}
}

func TestCutMiddle(t *testing.T) {
	if got := CutMiddle("web-frankfurt-17", 10); got != "web-f…t-17" {
		t.Errorf("got %q", got)
	}
	if got := CutMiddle("web", 10); got != "web" {
		t.Errorf("got %q", got)
	}
}

func FuzzLineHasItsWidth(f *testing.F) {
	f.Add("abc", "日本", 4, 1)
	f.Add("\x1b[1m─│", "e\u0301x", 3, 2)
	f.Add("\xff\xfe", "👩‍👩‍👧 x", 7, 3)
	f.Fuzz(func(t *testing.T, a, b string, width, from int) {
		if width < 1 || width > 300 || from < 0 || from > 300 {
			return
		}
		l := Line{Text(Plain, a), Text(Bad, b)}
		for name, got := range map[string]Line{"Fit": l.Fit(width), "Slice": l.Slice(from, from+width), "Ends": Ends(l, Of(Dim, b), width)} {
			if w := got.Width(); w != width {
				t.Errorf("%s(%q, %d) has %d cells: %q", name, l, width, w, got)
			}
		}
		for _, painted := range []string{NewPainter(Theme{}).Paint([]Line{l}), NewPainter(Theme{ASCII: true}).Paint([]Line{l})} {
			if !utf8.ValidString(painted) {
				t.Errorf("%q is not UTF-8", painted)
			}
			if w := ansi.StringWidthWc(painted); w != l.Width() {
				t.Errorf("painted it has %d cells, not %d: %q", w, l.Width(), painted)
			}
		}
		if got := NewPainter(Theme{ASCII: true, Mono: true}).Paint([]Line{l}); strings.ContainsFunc(got, func(r rune) bool { return r > 0x7e }) {
			t.Errorf("%q is not ASCII", got)
		}
	})
}

func TestOver(t *testing.T) {
	base := []Line{Of(Plain, "abcdefgh"), Of(Plain, "ijklmnop"), Of(Plain, "qrstuvwx")}
	out := Over(base, []Line{Of(Plain, "XX")}, 8, 3)
	want := []string{"abcdefgh", "ijkXXnop", "qrstuvwx"}
	for i, l := range out {
		if l.String() != want[i] {
			t.Errorf("line %d is %q, want %q", i, l, want[i])
		}
	}
}
