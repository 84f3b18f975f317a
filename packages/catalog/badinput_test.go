package catalog_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/apt"
	"brokeforge/packages/catalog"
	"brokeforge/store"
)

// corpus are values that some shell, server, file or list could take for more
// than text.
func corpus() []string {
	list := []string{
		// Shells.
		"$(touch /tmp/pwn)", "`id`", "a; touch /tmp/pwn", "a && b", "a|tee x", "'; touch /tmp/pwn; '", `"$HOME"`, "a\nb", "!!", "{a,b}", "~root", "*",
		`\`, "a\x00b", "'; rm -rf / #", "$(reboot)", "%", `\n`, "a\r\nb", "a\tb", "-rf", "--help", "",
		// Databases.
		"db; DROP", "a`b", `a"b`, "a'b", `a\b`, "a%", strings.Repeat("x", 65), "mysql", "MySQL", "information_schema", "ünïcode", "root", "%'",
		// Passwords.
		"'", `"`, "$x1234567", "`1234567", `\1234567`, "%1234567", ":1234567", "#1234567", " leading1", "trailing1 ", "!1234567",
		strings.Repeat("p4", 512), "emoji 😀😀😀😀😀", "line\nbreak12", "--password=x", "•••••••••", "x",
		// cron.
		"* * * * * root id", "@reboot", "MAILTO=x", "0 0 * * * *", "60 * * * *", "0 0 * * *\n* * * * * root id", "*/0 * * * *", "no-such-user", strings.Repeat("c", 1000),
		// Networks.
		"0", "65536", "22;id", "fe80::1%eth0", "0.0.0.0/0", "::/0", "10.0.0.0/33", "256.1.1.1", "10.0.0.1/8", "22", "-1", "1e3", "0x16",
		// Debian packages.
		"nginx -o APT::x=y", "./evil.deb", "nginx=1.*", "nginx/unstable", "task^", "nginx-", "nginx+", ".*", "NGINX",
		// Terminals and more than people write.
		"\x1b]0;x\x07", "\u009b31m", "\u202eabc", "\xff\xfe", strings.Repeat("9", 5000), strings.Repeat("a", 1<<20), "../../etc/passwd", "/etc/../etc/shadow",
	}
	return list
}

// TestBadInput gives each option of each package each value: it is refused with
// a sentence, or changes nothing but texts of the plan.
func TestBadInput(t *testing.T) {
	taken := 0
	for _, p := range all(t) {
		for _, o := range p.Describe().Options {
			for _, value := range corpus() {
				if tryValue(t, p, o, value) {
					taken++
				}
			}
		}
	}
	t.Logf("%d values were taken", taken)
	if taken < 100 {
		t.Errorf("only %d values were taken: the rest of this test has looked at little", taken)
	}
}

func tryValue(t *testing.T, p packages.ServerPackage, o packages.Option, value string) (taken bool) {
	t.Helper()
	what := string(p.Name()) + "." + o.Name + "=" + strconv.QuoteToASCII(value[:min(len(value), 40)])
	built, err := planWith(p, o, value)
	if err != nil {
		isSentence(t, what, o, value, err)
		return false
	}
	stored, err := json.Marshal(built)
	if err != nil {
		t.Fatal(err)
	}
	if o.Kind == packages.Secret {
		if len(value) > 8 && !strings.Contains(value, "schema") && bytes.Contains(stored, mustJSON(t, value)) {
			t.Errorf("%s: the plan holds the secret", what)
		}
		return true
	}
	if value == "" || value == "%" && o.Name == "host" || o.Kind != packages.Text && o.Kind != packages.Lines {
		return true // it chooses something else
	}
	plain, err := planWith(p, o, plainValue(p, o))
	if err != nil {
		t.Errorf("%s: not even with the plain value %q: %v", what, plainValue(p, o), err)
		return true
	}
	if diff := cmp.Diff(shapes(t, what, plain), shapes(t, what, built)); diff != "" {
		t.Errorf("%s: it is more than a text in the plan (-plain +this):\n%s", what, diff)
	}
	return true
}

func mustJSON(t *testing.T, s string) []byte {
	t.Helper()
	b, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return b[1 : len(b)-1]
}

// plainValue is one that is certainly fine.
func plainValue(p packages.ServerPackage, o packages.Option) string {
	for _, list := range []packages.Values{
		{"host": "10.0.0.7", "ini": "max_execution_time=60"},
		choices(p.Name()), otherChoices()[p.Name()],
		{"ssh-port": "2222", "mail": "ops@example.org", "webhook": "https://example.org/alerts"},
		{o.Name: o.Default},
	} {
		if v := list[o.Name]; v != "" {
			return v
		}
	}
	return "plain"
}

// planWith makes the plan with a value of one option.
func planWith(p packages.ServerPackage, o packages.Option, value string) (packages.Plan, error) {
	values := packages.Values{}
	maps.Copy(values, choices(p.Name()))
	switch string(p.Name()) + "." + o.Name {
	case "mail.user", "mail.password":
		values["user"], values["password"] = "ops@example.org", "of no interest"
	case "scheduled-task.expression":
		values["frequency"] = "expression"
	case "postgresql.clients":
		values["bind"] = "10.0.0.5"
	}
	values[o.Name] = value
	resolved, err := packages.ResolveInstall(catalog.New(), []packages.Want{{Name: p.Name(), Values: values}}, everythingBeside(p), nil)
	if err != nil {
		return packages.Plan{}, err
	}
	ctx := packages.Context{Facts: releases()["debian12"], Server: store.Server{Port: 22}, Installed: everythingBeside(p)}
	return packages.Build(store.Install, resolved[len(resolved)-1:], ctx)
}

// everythingBeside are records of all that a package may need.
func everythingBeside(p packages.ServerPackage) []store.ServerPackage {
	list := beside(p.Name())
	for _, name := range []packages.Name{"base", "firewall", "supervisor", "scheduler"} {
		if name != p.Name() {
			list = append(list, store.ServerPackage{Name: name})
		}
	}
	return list
}

// isSentence sees that a refusal is a line that people can read.
func isSentence(t *testing.T, what string, o packages.Option, value string, err error) {
	t.Helper()
	said := err.Error()
	var refused *packages.OptionError
	if errors.As(err, &refused) && refused.Option != o.Name {
		t.Errorf("%s: refused for another option: %v", what, err)
	}
	if strings.ContainsFunc(said, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("%s: the refusal has what can't be printed: %.200q", what, said)
	}
	if len(said) > 3000 {
		t.Errorf("%s: the refusal has %d characters: %.200q…", what, len(said), said)
	}
	if len(strings.Fields(said)) < 4 {
		t.Errorf("%s: no sentence: %q", what, said)
	}
	if o.Kind == packages.Secret && len(value) > 7 && strings.Contains(said, value) {
		t.Errorf("%s: the refusal tells the secret", what)
	}
}

// shapes tells what a plan does without the texts in it: of scripts how they are
// built, of files how many lines they have.
func shapes(t *testing.T, what string, plan packages.Plan) []string {
	t.Helper()
	var out []string
	for _, step := range plan.Steps() {
		if w, ok := step.Command.(packages.Write); ok {
			out = append(out, "write "+strconv.Itoa(strings.Count(w.Content, "\n")))
		}
	}
	for _, script := range scripts(plan) {
		file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
		if err != nil {
			t.Errorf("%s: %v in\n%s", what, err, script)
			continue
		}
		out = append(out, shape(file))
	}
	return out
}

// shape writes the kinds of nodes of a script; a text of whatever kind is one
// node, as it is quoted or not by what is in it.
func shape(file *syntax.File) string {
	var b strings.Builder
	syntax.Walk(file, func(node syntax.Node) bool {
		switch n := node.(type) {
		case nil:
			b.WriteByte(')')
		case *syntax.Lit, *syntax.SglQuoted, *syntax.Comment:
			return false
		case *syntax.Word:
			b.WriteString("w(")
		case *syntax.DblQuoted:
			if !slices.ContainsFunc(n.Parts, func(p syntax.WordPart) bool { _, text := p.(*syntax.Lit); return !text }) {
				return false
			}
			b.WriteString("q(")
		default:
			b.WriteString(strings.TrimPrefix(strings.TrimPrefix(fmt.Sprintf("%T", n), "*syntax."), "syntax.") + "(")
		}
		return true
	})
	return b.String()
}

// TestBadNames gives names of Debian packages to whatever takes names of packages.
func TestBadNames(t *testing.T) {
	var many []packages.Want
	for i := range 5000 {
		many = append(many, packages.Want{Name: packages.Name("nginx" + strconv.Itoa(i))})
	}
	var unknown *packages.UnknownError
	if _, err := packages.ResolveInstall(catalog.New(), many, nil, nil); !errors.As(err, &unknown) {
		t.Errorf("5,000 names: %v", err)
	}
	for _, name := range corpus() {
		var refused *packages.RefusedError
		want := packages.Parse(name)
		if _, ok := catalog.New().Server(want.Name); ok {
			continue
		}
		if _, err := packages.ResolveInstall(catalog.New(), []packages.Want{want}, nil, nil); !errors.As(err, &unknown) && !errors.As(err, &refused) {
			t.Errorf("%.40q: %v", name, err)
		}
		if strings.ContainsFunc(name, func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789.+-_", r) }) || strings.HasSuffix(name, "-") || strings.HasSuffix(name, "+") {
			var bad *apt.NameError
			if _, err := apt.Install("owner", name); !errors.As(err, &bad) {
				t.Errorf("apt takes %.40q: %v", name, err)
			}
		}
	}
}
