package files

import (
	"path"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestClean(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"/", ""},
		{".", ""},
		{"a", "a"},
		{"/a//b/./c/", "a/b/c"},
		{"a b\n", "a b\n"},
		{"\xff", "\xff"},
		{"...", "..."},
		{"a/..b", "a/..b"},
		{"-rf", "-rf"},
		{strings.Repeat("n", 255), strings.Repeat("n", 255)},
	} {
		if got, err := Clean(tt.in); err != nil || got != tt.want {
			t.Errorf("Clean(%q) = %q, %v", tt.in, got, err)
		}
	}
	for _, in := range []string{"..", "../x", "a/../b", "a/..", "/..", "a\x00b", strings.Repeat("n", 256), strings.Repeat("a/", 2100)} {
		if got, err := Clean(in); err == nil {
			t.Errorf("Clean(%q) = %q", in, got)
		}
	}
}

func TestWithin(t *testing.T) {
	for real, want := range map[string]bool{
		"/srv/site": true, "/srv/site/a": true, "/srv/site-evil": false, "/srv/site-evil/a": false, "/srv": false, "/": false, "": false,
	} {
		if within("/srv/site", real) != want {
			t.Errorf("within %q is %v", real, !want)
		}
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "/", "..", "a/../../b", "a//b", "./x/.", "\x00", "a\n/\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, err := Clean(s)
		if err != nil {
			return
		}
		// What the server makes of it is under the root, whatever links do.
		if at := path.Clean("/srv/site/" + clean); !within("/srv/site", at) {
			t.Errorf("%q leads to %q", s, at)
		}
		if again, err := Clean(clean); err != nil || again != clean {
			t.Errorf("%q becomes %q, %v", clean, again, err)
		}
	})
}

func TestShown(t *testing.T) {
	for in, want := range map[string]string{
		"index.php": "index.php", "a b": "a b", "ünï": "ünï", "日本": "日本", "a\nb": `a\nb`, "a\tb\r": `a\tb\r`, "\x1b[2J": `\e[2J`,
		"\xff": `\xff`, "a\\nb": `a\\nb`, "\u202ertl": `\u202ertl`, "\u009b2J": `\u009b2J`, "e\u0301": `e\u0301`, "\u200b": `\u200b`,
		"\x7f": `\x7f`, "\U000e0041": `\U000e0041`,
	} {
		if got := Shown(in); got != want {
			t.Errorf("Shown(%q) = %s, want %s", in, got, want)
		}
	}
}

func FuzzShown(f *testing.F) {
	for _, s := range []string{"a", "\x1b]52;c;x\x07", "\xff\xfe", "\\", "\u202e", "e\u0301", "a\\\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		shown := Shown(s)
		if !utf8.ValidString(shown) {
			t.Fatalf("%q is shown as %q", s, shown)
		}
		for _, r := range shown {
			if !unicode.IsPrint(r) || unicode.Is(unicode.M, r) || unicode.Is(unicode.Cf, r) {
				t.Fatalf("%q is shown with %q", s, r)
			}
		}
		// No two names look the same: the escapes can be read back.
		back, err := strconv.Unquote(`"` + strings.ReplaceAll(strings.ReplaceAll(shown, `"`, `\"`), `\e`, `\x1b`) + `"`)
		if err == nil && !strings.Contains(s, `\`) && back != s {
			t.Errorf("%q is shown as %s, which is %q", s, shown, back)
		}
	})
}

func TestLocalName(t *testing.T) {
	for _, name := range []string{"a.txt", "dir/a b.txt", "dir/ünï"} {
		if got, err := LocalName(name); err != nil || got != path.Base(name) {
			t.Errorf("LocalName(%q) = %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "..", ".bashrc", "-rf", "a\nb", "a\x1b", "\xff", "a\\b", "C:x", " a", "a ", "\u202ea"} {
		if got, err := LocalName(name); err == nil {
			t.Errorf("LocalName(%q) = %q", name, got)
		}
	}
}

func TestMode(t *testing.T) {
	for _, s := range []string{"0640", "0755", "2775", "4755", "1777", "0000", "7777"} {
		m, err := ParseMode(s)
		if err != nil || ShownMode(m) != s {
			t.Errorf("%s is %s, %v", s, ShownMode(m), err)
		}
	}
	if m, err := ParseMode("640"); err != nil || m != 0o640 {
		t.Errorf("640 is %v, %v", m, err)
	}
	for _, s := range []string{"", "8", "64", "999", "77777", "u+x", "-640", "0o64"} {
		if m, err := ParseMode(s); err == nil {
			t.Errorf("%q is %v", s, m)
		}
	}
}

func TestIsText(t *testing.T) {
	long := strings.Repeat("é", sniffed) // a character across the border
	for _, tt := range []struct {
		data string
		all  bool
		want bool
	}{
		{"", true, true},
		{"abc\n", true, true},
		{"é", true, true},
		{"a\x00", true, false},
		{"\xff", true, false},
		{"a\xc3", true, false},
		{"a\xc3", false, true},
		{"x" + long, true, true},
		{strings.Repeat("a", sniffed) + "\x00", true, true},
		{"\xe2\x82", false, true},
		{"\xff", false, false},
	} {
		if got := IsText([]byte(tt.data), tt.all); got != tt.want {
			t.Errorf("IsText(%.10q, %v) is %v", tt.data, tt.all, got)
		}
	}
}
