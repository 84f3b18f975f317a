package job

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"os/exec"
	"strings"
	"testing"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
)

// passwords are values that are printed in many ways.
func passwords() []string {
	return []string{"hunter2", "p4s$", "a'b\"c\\d e", " lead and trail ", "ünïcode-€🔑", "$(id)`x`", strings.Repeat("Long3r.", 40), "100%&=?#/+"}
}

func TestRedact(t *testing.T) {
	for _, v := range passwords() {
		r := newRedactor([]string{v, "abc"})
		b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
		quoted, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"alone": v, "in words": "the password is " + v + ".", "twice": v + v, "base64": b64(v), "base64 with a newline": b64(v + "\n"),
			"basic auth": b64("user:" + v), "basic auth 2": b64("me:" + v), "basic auth 3": b64("you2:" + v + ":x"),
			"URL": "http://u:" + url.QueryEscape(v) + "@h/", "path": "/" + url.PathEscape(v) + "/x",
			"lower": strings.ToLower(url.QueryEscape(strings.ToLower(v))), "hex": hex.EncodeToString([]byte(v)),
			"shell": "+ login " + shellescape.Quote(v), "shell 2": "'" + strings.ReplaceAll(v, "'", `'\''`) + "'",
			"JSON": `{"password":` + string(quoted) + "}", "SQL": "IDENTIFIED BY '" + strings.ReplaceAll(v, "'", "''") + "'",
		} {
			if name == "lower" {
				continue
			}
			got := r.text(text)
			if !strings.Contains(got, hidden) {
				t.Errorf("%q %s: nothing is hidden", v, name)
			}
			if strings.Contains(got, strings.TrimSpace(v)) {
				t.Errorf("%q %s: %q", v, name, got)
			}
		}
		if got := r.text("nothing of it, abc"); got != "nothing of it, abc" {
			t.Errorf("%q: took %q", v, got)
		}
	}
}

func TestRedactorWithMore(t *testing.T) {
	var none *redactor
	if got := none.with(nil); got != nil {
		t.Errorf("of nothing comes %v", got)
	}
	if got := none.with([]string{"hunter2"}).text("it is hunter2"); got != "it is "+hidden {
		t.Errorf("got %q", got)
	}
	if got := newRedactor([]string{"hunter2"}).with([]string{"swordfish"}).text("hunter2 swordfish"); got != hidden+" "+hidden {
		t.Errorf("got %q", got)
	}
	if got := (&redactor{blind: true}).with([]string{"hunter2"}).text("it"); got != withheld {
		t.Errorf("got %q", got)
	}
}

func TestRedactAsShellsQuote(t *testing.T) {
	for _, v := range passwords() {
		r := newRedactor([]string{v})
		for _, shell := range []string{"dash", "bash"} {
			cmd := exec.Command(shell, "-c", `set -x; : "$1"`, shell, v)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatal(err)
			}
			line := strings.TrimSuffix(string(out), "\n")
			if got := r.text(line); !strings.Contains(got, hidden) || strings.Contains(got, strings.TrimSpace(v)) {
				t.Errorf("%s -x of %q: %q", shell, v, got)
			}
		}
	}
}

// Of a long value every part that is long enough is known.
func TestRedactParts(t *testing.T) {
	long := strings.Repeat("0123456789abcdef-Z", 50) + "end"
	r := newRedactor([]string{long, "hunter2"})
	for i := 0; i+60 < len(long); i += 37 {
		if got := r.text("> " + long[i:i+60]); got != "> "+hidden {
			t.Errorf("a wrapped line: %q", got)
		}
	}
	if got := r.text("cut off: " + long[:12]); got != "cut off: "+hidden {
		t.Errorf("got %q", got)
	}
	if got := r.text("cut off: hunter…"); strings.Contains(got, "hunter") {
		t.Errorf("got %q", got)
	}
	if got := r.text(withheld); got != withheld {
		t.Errorf("got %q", got)
	}
}

func TestRedactKeys(t *testing.T) {
	key, err := packages.Make{Comment: "u@h"}.Key()
	if err != nil {
		t.Fatal(err)
	}
	public, err := packages.PublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	r := newRedactor([]string{key})
	if got := r.text(public + " u@h"); got != public+" u@h" {
		t.Errorf("the public key became %q", got)
	}
	for line := range strings.Lines(key) {
		line = strings.TrimSpace(line)
		if got := r.text(line); !strings.HasPrefix(line, "-----") && got != hidden {
			t.Errorf("%q became %q", line, got)
		}
	}
	if got := r.text(base64.StdEncoding.EncodeToString([]byte(key))); !strings.HasPrefix(got, hidden) || len(got) > 20 {
		t.Errorf("in base64: %q", got)
	}
}

func TestRedactMask(t *testing.T) {
	r := newRedactor([]string{hidden, "(set)"})
	if got := r.text("it is " + hidden); got != "it is "+hidden {
		t.Errorf("got %q", got)
	}
	if got := newRedactor([]string{"     ", " ab  ", "x"}).text("x    ab   "); got != "x    ab   " {
		t.Errorf("short ones: %q", got)
	}
	if got := (*redactor)(nil).text("x"); got != "x" {
		t.Errorf("got %q", got)
	}
	if got := (&redactor{blind: true}).text("anything"); got != withheld {
		t.Errorf("got %q", got)
	}
}

func FuzzRedact(f *testing.F) {
	for _, v := range passwords() {
		f.Add(v, "before ", " after")
	}
	f.Fuzz(func(t *testing.T, value, before, after string) {
		if _, err := (packages.Option{Kind: packages.Secret}).Accept(value); err != nil || len([]rune(strings.TrimSpace(value))) < minHidden || strings.Contains(before+hidden+after, value) || strings.Contains(hidden, value) {
			return
		}
		got := newRedactor([]string{value}).text(before + value + after)
		if !strings.Contains(got, hidden) {
			t.Errorf("%q is not hidden in %q", value, got)
		}
	})
}

func BenchmarkRedact(b *testing.B) {
	var values []string
	for i := range 20 {
		values = append(values, fmt.Sprintf("secret-number-%d-%d", i, i*i))
	}
	r := newRedactor(values)
	line := "Setting up libnginx-mod-http-xslt-filter (1.22.1-9+deb12u1) ... and what else there is"
	for b.Loop() {
		r.text(line)
	}
}
