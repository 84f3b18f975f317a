package database

import (
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// unquote reads what is between quotes: a doubled quote is one, and with escapes
// a backslash takes the character after it as it is.
func unquote(t *testing.T, text, quote string, escapes bool) string {
	t.Helper()
	inner, ok := strings.CutPrefix(text, quote)
	if !ok {
		t.Fatalf("%q does not begin with %s", text, quote)
	}
	var b strings.Builder
	for inner != "" {
		switch {
		case escapes && inner[0] == '\\' && len(inner) > 1:
			b.WriteByte(inner[1])
			inner = inner[2:]
		case strings.HasPrefix(inner, quote+quote):
			b.WriteString(quote)
			inner = inner[2:]
		case strings.HasPrefix(inner, quote):
			if inner != quote {
				t.Fatalf("%q ends before its end", text)
			}
			return b.String()
		default:
			b.WriteByte(inner[0])
			inner = inner[1:]
		}
	}
	t.Fatalf("%q has no end", text)
	return ""
}

func seeds(f *testing.F) {
	for _, s := range append(hostile, `\'; DROP`, `\\"`, "'", "''", "`", "``", "a\\", "€😀", "SQL", "x\nSQL\ny") {
		f.Add(s)
	}
}

func FuzzQuotes(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		for name, got := range map[string]string{
			"myName":          unquote(t, myName(s), "`", false),
			"myLiteral":       unquote(t, myLiteral(s), "'", true),
			"pgName":          unquote(t, pgName(s), `"`, false),
			"pgLiteral":       unquote(t, pgLiteral(s), "'", false),
			"optionFileValue": unquote(t, optionFileValue(s), `"`, true),
		} {
			if got != s {
				t.Errorf("%s of %q is read back as %q", name, s, got)
			}
		}
	})
}

func FuzzQuoteRedis(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		// Go reads the same escapes, but takes what is no UTF-8 apart.
		got, err := strconv.Unquote(quoteRedis(s))
		if err != nil || got != s {
			t.Errorf("%q is read back as %q, %v", s, got, err)
		}
	})
}

func FuzzPassFile(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		var fields []string
		var b strings.Builder
		line := passFileField(s) + ":end"
		for i := 0; i < len(line); i++ {
			switch {
			case line[i] == '\\' && i+1 < len(line):
				i++
				b.WriteByte(line[i])
			case line[i] == ':':
				fields = append(fields, b.String())
				b.Reset()
			default:
				b.WriteByte(line[i])
			}
		}
		if len(fields) != 1 || fields[0] != s {
			t.Errorf("%q is read back as %q", s, fields)
		}
	})
}

// Whatever is fed arrives as it is, and nothing of it is run by the shell.
func FuzzFeed(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, s string) {
		if strings.ContainsRune(s, 0) {
			return // no file of a step can hold it: see Option.Accept
		}
		out, err := exec.Command("sh", "-c", feed(s, "cat")).Output()
		if want := strings.TrimSpace(s) + "\n"; err != nil || string(out) != want {
			t.Errorf("%q arrives as %q, %v", s, out, err)
		}
	})
}

func TestMyPattern(t *testing.T) {
	if got := myPattern(`a_b%c\d`); got != `a\_b\%c\\d` {
		t.Errorf("%q", got)
	}
}
