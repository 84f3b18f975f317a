package clean

import (
	"bytes"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "Reading package lists...", "Reading package lists..."},
		{"letters", "Größe: 5 µm, 日本", "Größe: 5 µm, 日本"},
		{"colour", "\x1b[1;31mE:\x1b[0m no", "E: no"},
		{"C1 colour", "\u009b31mred\u009b0m", "red"},
		{"raw C1", "\x9b31mred", "\ufffd31mred"},
		{"title", "\x1b]0;evil\x07after", "after"},
		{"clipboard", "\x1b]52;c;ZWNobw==\x1b\\after", "after"},
		{"C1 string", "\u009d0;x\u009cafter", "after"},
		{"link", "\x1b]8;;http://a\x1b\\text\x1b]8;;\x1b\\", "text"},
		{"DCS", "a\x1bPq#0;2\x1b\\b", "ab"},
		{"APC", "a\x1b_G1\x1b\\b", "ab"},
		{"PM", "a\x1b^x\x1b\\b", "ab"},
		{"unterminated OSC", "a\x1b]0;title", "a"},
		{"unterminated CSI", "a\x1b[12;", "a"},
		{"lone ESC", "a\x1b", "a"},
		{"reset", "a\x1bcb", "ab"},
		{"charset", "a\x1b(Bb", "ab"},
		{"string cancelled by a sequence", "\x1b]0;x\x1b[1mbold", "bold"},
		{"nested", "\x1b\x1b[31mx", "x"},
		{"controls", "a\x00\x07\x08\x0b\x7fb", "ab"},
		{"C1", "a\u0085\u0080b", "ab"},
		{"bidi", "user\u202egnp.exe\u2066\u2069\u200e\u200f\u061c", "usergnp.exe"},
		{"zero width", "a\u200b\u200d\ufeff\u2060\u00adb", "ab"},
		{"tags", "a\U000e0041b", "ab"},
		{"separators", "a\u2028b\u2029c", "a b c"},
		{"noncharacters", "a\ufffe\ufdd0\U0001ffffb", "ab"},
		{"invalid", "a\xffb", "a\ufffdb"},
		{"tab", "a\tb", "a       b"},
		{"tab at a stop", "12345678\tb", "12345678        b"},
		{"progress", "10%\r20%\r100%", "100%"},
		{"progress ended", "10%\r20%\r", "20%"},
		{"crlf", "text\r\n", "text"},
		{"newline within", "a\nb", "a b"},
		{"marks", "e" + strings.Repeat("\u0301", 200) + "x", "e" + strings.Repeat("\u0301", 4) + "x"},
		{"marks first", "\u0301\u0301x", "x"},
		{"marks with joiners between", "e" + strings.Repeat("\u0301\u200d", 9), "e" + strings.Repeat("\u0301", 4)},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Line(tt.in); got != tt.want {
				t.Errorf("Line(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestLineIsBounded(t *testing.T) {
	for _, in := range []string{strings.Repeat("a", 1<<20), strings.Repeat("日", 5000), strings.Repeat("\t", 9000)} {
		got := Line(in)
		if n := utf8.RuneCountInString(got); n != MaxLine+1 || !strings.HasSuffix(got, "…") {
			t.Errorf("Line of %d bytes has %d runes and ends in %q", len(in), n, got[len(got)-3:])
		}
	}
	if got := Line(strings.Repeat("a", MaxLine)); len(got) != MaxLine {
		t.Errorf("a line of just the limit became %d long", len(got))
	}
}

func TestText(t *testing.T) {
	if got, want := Text("a\x1b[1m\r\n\n\x07b\tc\n\n"), "a\n\nb       c"; got != want {
		t.Errorf("Text = %q, want %q", got, want)
	}
}

func TestSplitter(t *testing.T) {
	type line struct {
		text string
		end  int64
	}
	for _, tt := range []struct {
		name, in string
		want     []line
		rest     string
	}{
		{"lines", "a\nbc\n", []line{{"a", 2}, {"bc", 5}}, ""},
		{"rest", "a\nbc", []line{{"a", 2}}, "bc"},
		{"empty lines", "\n\n", []line{{"", 1}, {"", 2}}, ""},
		{"crlf", "a\r\nb\r\n", []line{{"a", 3}, {"b", 6}}, ""},
		{"progress", "1%\r2%\r\r3%\nx", []line{{"3%", 10}}, "x"},
		{"long", strings.Repeat("a", 1<<20) + "\nb\n", []line{{strings.Repeat("a", maxRaw), 1<<20 + 1}, {"b", 1<<20 + 3}}, ""},
	} {
		for _, size := range []int{1, 2, 3, 4096, 1 << 21} {
			var got []line
			s := Splitter{Line: func(raw []byte, end int64) error {
				got = append(got, line{string(raw), end})
				return nil
			}}
			for in := []byte(tt.in); len(in) > 0; {
				n := min(size, len(in))
				if _, err := s.Write(in[:n]); err != nil {
					t.Fatal(err)
				}
				in = in[n:]
			}
			if len(got) != len(tt.want) || string(s.Rest()) != tt.rest {
				t.Fatalf("%s by %d: %d lines and rest %q", tt.name, size, len(got), s.Rest())
			}
			for i := range got {
				if got[i] != tt.want[i] {
					t.Errorf("%s by %d: line %d ends at %d, want %d, or differs", tt.name, size, i, got[i].end, tt.want[i].end)
				}
			}
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"plain", "\x1b]52;c;x\x07y", "\u009b31m", "a\x1b[", "\x1bP\x1b\\", "e\u0301\u200d\u0301", "\t\t\r\n\xff", "\u202e",
		"\x1b" + "\u0301[31m", strings.Repeat("\u0301", 10),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got := Line(string(in))
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		for _, r := range got {
			if r < 0x20 || r >= 0x7f && r <= 0x9f || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				t.Fatalf("%U survived in %q", r, got)
			}
		}
		if again := Line(got); again != got {
			t.Fatalf("Line is not idempotent: %q, then %q", got, again)
		}
		if text := Text(string(in)); Text(text) != text {
			t.Fatalf("Text is not idempotent: %q", text)
		}
		lines := 0
		s := Splitter{Line: func([]byte, int64) error { lines++; return nil }}
		if _, err := s.Write(in); err != nil || lines != bytes.Count(in, []byte("\n")) {
			t.Fatalf("%d lines, %v", lines, err)
		}
	})
}
