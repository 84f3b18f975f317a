package dotenv

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	text := "# app\nAPP_NAME=\"My App\"\nexport PORT=80 # web\nEMPTY=\nS='a $b \"c\"'\nKEY=\"-----BEGIN\nabc\n-----END\"\nURL=https://u:p@h/?a=b\r\nE=\"q\\\"\\\\ \\$x\\n\"\nC=#none\n"
	list, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"APP_NAME": "My App", "PORT": "80", "EMPTY": "", "S": `a $b "c"`, "KEY": "-----BEGIN\nabc\n-----END",
		"URL": "https://u:p@h/?a=b", "E": "q\"\\ $x\n", "C": "",
	}
	if len(list) != len(want) {
		t.Errorf("%d variables, wanted %d", len(list), len(want))
	}
	for _, v := range list {
		if v.Value != want[v.Name] {
			t.Errorf("%s is %q, wanted %q", v.Name, v.Value, want[v.Name])
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct {
		text   string
		line   int
		reason string
	}{
		{"A=1\nnonsense hunter2", 2, "has no ="},
		{"1A=hunter2", 1, "no name"},
		{"A B=hunter2", 1, "no name"},
		{"A=1\n\nA=hunter2", 3, "line 1 sets already"},
		{"A=\"hunter2", 1, "nothing closes"},
		{"A='hunter2\nB=2", 1, "nothing closes"},
		{"A=\"a\" hunter2", 1, "after the closing quote"},
		{"A=a hunter2", 1, "must be quoted"},
		{"A=hunter2'", 1, "quote within"},
		{"A=1\nB=hunter2\x00", 2, "control character"},
		{"A=\x1b]52;c;hunter2\a", 1, "control character"},
		{"A=\xff", 1, "not UTF-8"},
		{"$(touch /tmp/pwn)=hunter2", 1, "no name"},
		{strings.Repeat("#", MaxSize+1), 0, "larger"},
	} {
		_, err := Parse(test.text)
		var refused *Error
		if !errors.As(err, &refused) || refused.Line != test.line || !strings.Contains(refused.Reason, test.reason) {
			t.Errorf("%.40q gives %v, wanted line %d: %s", test.text, err, test.line, test.reason)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v repeats a value", err)
		}
	}
}

func TestSet(t *testing.T) {
	text := "# keep\nA=1\nM=\"two\nlines\" # x\nB=2"
	for _, test := range []struct{ name, value, want string }{
		{"A", "x y", "# keep\nA='x y'\nM=\"two\nlines\" # x\nB=2"},
		{"M", "one", "# keep\nA=1\nM=one\nB=2"},
		{"C", "it's", "# keep\nA=1\nM=\"two\nlines\" # x\nB=2\nC=\"it's\"\n"},
	} {
		got, err := Set(text, test.name, test.value)
		if err != nil || got != test.want {
			t.Errorf("%s=%q gives %q and %v, wanted %q", test.name, test.value, got, err, test.want)
		}
	}
	if _, err := Set(text, "A=B", "1"); err == nil {
		t.Error("a name with = is taken")
	}
}

func TestDiff(t *testing.T) {
	changes := Diff("A=1\nB=old\nC=3\n", "A=1\nB=new\nD=4\n")
	var masked, shown []string
	for _, c := range changes {
		masked, shown = append(masked, c.Lines(false)...), append(shown, c.Lines(true)...)
	}
	if want := []string{"- B=" + Mask, "+ B=" + Mask, "+ D=" + Mask, "- C=" + Mask}; !slices.Equal(masked, want) {
		t.Errorf("masked: %q", masked)
	}
	if want := []string{"- B=old", "+ B=new", "+ D=4", "- C=3"}; !slices.Equal(shown, want) {
		t.Errorf("shown: %q", shown)
	}
}

func TestSecretValues(t *testing.T) {
	got := SecretValues("APP_ENV=production\nAPP_KEY=base64:abcd\nDB_PASSWORD=hunter2\nDB_HOST=localhost\nREDIS_PASSWORD=null\nDATABASE_URL=mysql://app:swordfish@db/app\nMONKEY_NAME=x\n")
	if want := []string{"base64:abcd", "hunter2", "swordfish"}; !slices.Equal(got, want) {
		t.Errorf("%q, wanted %q", got, want)
	}
}

func FuzzSet(f *testing.F) {
	for _, v := range []string{"", "a b", "it's", `"`, `\`, "$x", "#c", "a #b", "x\ny", "'\"\\$", " lead", "tab\t", "é"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		text, err := Set("A=1\nX=before\nB=2\n", "X", value)
		if err != nil {
			return
		}
		list, err := Parse(text)
		if err != nil {
			t.Fatalf("%q is not read: %v", text, err)
		}
		if len(list) != 3 || list[1].Value != value || list[0].Value != "1" || list[2].Value != "2" {
			t.Errorf("%q is read as %v from %q", value, list, text)
		}
	})
}
