package packages_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

func TestAccept(t *testing.T) {
	choices := []string{"a", "b", "c"}
	even := func(s string) error {
		if len(s)%2 != 0 {
			return fmt.Errorf("is odd")
		}
		return nil
	}
	tests := []struct {
		option  packages.Option
		value   string
		want    string
		refused string // a part of the reason
	}{
		{packages.Option{}, "  x y ", "x y", ""},
		{packages.Option{}, "a\nb", "", "can't be printed"},
		{packages.Option{}, "a\x00b", "", "can't be printed"},
		{packages.Option{}, "a\u202eb", "", "can't be printed"},
		{packages.Option{}, "a\xf3", "", "can't be printed"},
		{packages.Option{}, "a\x1b[31m", "", "can't be printed"},
		{packages.Option{Required: true}, " ", "", "a value is needed"},
		{packages.Option{Kind: packages.Several, Choices: choices, Required: true}, " , ", "", "a value is needed"},
		{packages.Option{Kind: packages.Secret}, " x ", " x ", ""},
		{packages.Option{Kind: packages.Number}, "007", "7", ""},
		{packages.Option{Kind: packages.Number}, "1e3", "", "not a whole number"},
		{packages.Option{Kind: packages.Number, Min: 1, Max: 9}, "10", "", "not between 1 and 9"},
		{packages.Option{Kind: packages.Number, Min: 1, Max: 9}, "99999999999999999999", "", "not a whole number"},
		{packages.Option{Kind: packages.Choice, Choices: choices}, "b", "b", ""},
		{packages.Option{Kind: packages.Choice, Choices: choices}, "B", "", "not one of a, b, c"},
		{packages.Option{Kind: packages.Several, Choices: choices}, "c, a c", "a,c", ""},
		{packages.Option{Kind: packages.Several, Choices: choices}, ",,", "", ""},
		{packages.Option{Kind: packages.Several, Choices: choices}, "a,d", "", `"d", which is not one of`},
		{packages.Option{Kind: packages.YesNo}, "TRUE", "yes", ""},
		{packages.Option{Kind: packages.YesNo}, "", "no", ""},
		{packages.Option{Kind: packages.YesNo}, "maybe", "", "neither yes nor no"},
		{packages.Option{Validate: even}, "abc", "", "is odd"},
		{packages.Option{Validate: even}, "ab", "ab", ""},
	}
	for _, test := range tests {
		got, err := test.option.Accept(test.value)
		switch {
		case test.refused != "":
			if err == nil || !strings.Contains(err.Error(), test.refused) {
				t.Errorf("%s %q: got %q, %v; want %q", test.option.Kind, test.value, got, err, test.refused)
			}
		case err != nil || got != test.want:
			t.Errorf("%s %q: got %q, %v; want %q", test.option.Kind, test.value, got, err, test.want)
		}
	}
}

func TestSecretsAreNeitherRecordedNorNamed(t *testing.T) {
	p := fake{name: "db", describe: packages.Description{Options: []packages.Option{
		{Name: "password", Kind: packages.Secret},
		{Name: "user"},
	}}}
	values, err := packages.Complete(p, packages.Values{"password": "hunter2", "user": "u"})
	if err != nil {
		t.Fatal(err)
	}
	sealed, _ := packages.Seal(p, "", values)
	if diff := cmp.Diff(packages.Values{"user": "u", "password": "‹secret:db.password›"}, sealed); diff != "" {
		t.Errorf("recorded (-want +got):\n%s", diff)
	}
	_, err = packages.Complete(p, packages.Values{"password": "hunter2\n"})
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the secret", err)
	}
}
