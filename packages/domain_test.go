package packages_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
)

func TestCleanDomain(t *testing.T) {
	for value, want := range map[string]string{
		"example.org": "example.org", "EXAMPLE.com.": "example.com", " www.a-b.example ": "www.a-b.example",
		"bücher.example": "xn--bcher-kva.example", "xn--bcher-kva.example": "xn--bcher-kva.example",
		"exаmple.com": "xn--exmple-4nf.com", "123.example.org": "123.example.org", "straße.example": "xn--strae-oqa.example",
		strings.Repeat("a", 63) + ".example": strings.Repeat("a", 63) + ".example",
	} {
		if got, err := packages.CleanDomain(value); err != nil || got != want {
			t.Errorf("%q is %q, %v, want %q", value, got, err, want)
		}
	}
	for _, value := range []string{
		"", " ", ".", "a..b", "ex ample.com", "a_b.com", "*.x.com", "xn--...", "xn--a.com", "-a.com", "a-.com", "a.com;}", "a.com # x",
		"a.com\n server_name b", "127.0.0.1", "[::1]", "::1", "1.2.3", "localhost", "a.com/../..", "../../etc", "http://a.com", "a.com:80",
		`"a.com"`, "'a.com'", "$(id).com", "`id`.com", "a.com\\", "-rf", "--help", "a.\x00com", "a.com\u202e", "a\u200b.com",
		strings.Repeat("a", 64) + ".com", strings.Repeat("a.", 150) + "com", strings.Repeat("ü", 62) + ".com",
	} {
		if got, err := packages.CleanDomain(value); err == nil {
			t.Errorf("%q is taken as %q", value, got)
		}
	}
}

func TestShownDomain(t *testing.T) {
	for domain, want := range map[string]string{
		"example.org": "example.org", "xn--bcher-kva.example": "xn--bcher-kva.example (bücher.example)", "xn--a.com": "xn--a.com",
	} {
		if got := packages.ShownDomain(domain); got != want {
			t.Errorf("%q is shown as %q, want %q", domain, got, want)
		}
	}
}

func FuzzCleanDomain(f *testing.F) {
	for _, seed := range []string{"example.org", "bücher.example", "a.com;}", "xn--bcher-kva.example", "１２７.0.0.1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		got, err := packages.CleanDomain(value)
		if err != nil {
			return
		}
		if strings.Trim(got, "abcdefghijklmnopqrstuvwxyz0123456789.-") != "" || len(got) > 253 {
			t.Errorf("%q is taken as %q", value, got)
		}
		if again, err := packages.CleanDomain(got); err != nil || again != got {
			t.Errorf("%q becomes %q, %v, when it is taken again", got, again, err)
		}
	})
}
