package system

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		"":                            nil,
		"  ":                          nil,
		"a  b\tc":                     {"a", "b", "c"},
		`a 'b c' "d e" f\ g`:          {"a", "b c", "d e", "f g"},
		`a'b'"c"d`:                    {"abcd"},
		`'' ""`:                       {"", ""},
		`"a\"b\\c\d\$e" '\n'`:         {`a"b\c\d$e`, `\n`},
		`\'\"`:                        {`'"`},
		`$(reboot) %x ;y #z`:          {"$(reboot)", "%x", ";y", "#z"},
		`php artisan "--name=Jörg ☃"`: {"php", "artisan", "--name=Jörg ☃"},
	} {
		got, err := words(line)
		if err != nil || !cmp.Equal(want, got) {
			t.Errorf("%q: got %q, %v, want %q", line, got, err, want)
		}
	}
	for _, bad := range []string{`'a`, `"a`, `a\`, `"a\"`} {
		if got, err := words(bad); err == nil {
			t.Errorf("%q is taken as %q", bad, got)
		}
	}
}

// read reads a value as supervisor does; what it relies on is asked of the real
// one in package e2e.
func read(t *testing.T, value string) string {
	t.Helper()
	if i := regexp.MustCompile(`(^|\s)[;#]`).FindStringIndex(value); i != nil {
		t.Fatalf("%q is cut by a comment", value)
	}
	value = strings.ReplaceAll(value, "%(here)s", "/etc/supervisor")
	plain := strings.ReplaceAll(value, "%%", "")
	if strings.Contains(plain, "%") {
		t.Fatalf("%q has a lone %%", value)
	}
	return strings.ReplaceAll(value, "%%", "%")
}

func FuzzCommand(f *testing.F) {
	for _, line := range []string{
		`/bin/sh -c 'echo "a ;b" # c'`, `x %(here)s %(program_name)s %%(here)s %`, `a ' ; ' "#"`, `;`, `x "it's"`, `x '% (' "%'('"`, "x ä☃", `x \; \#`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) || acceptProgram(line) != nil {
			return
		}
		want, err := words(line)
		if err != nil {
			t.Fatal(err)
		}
		got, err := words(read(t, confCommand(want)))
		if err != nil || !slices.Equal(want, got) {
			t.Errorf("%q is written as %q, which reads %q, %v", want, confCommand(want), got, err)
		}
	})
}

func TestEnvironment(t *testing.T) {
	for value, want := range map[string]string{
		"":                           "",
		"A=1":                        `A="1"`,
		`A='b c' _X=d,e=f;g B=`:      `A="b c",_X="d,e=f;g",B=""`,
		`A="it's 100%"`:              `A="it's 100%%"`,
		`A='say "yes" or "no" now'`:  `A='say "yes" or "no" now'`,
		`A=$(reboot) B=%(ENV_HOME)s`: `A="$(reboot)",B="%%(ENV_HOME)s"`,
		`A=ä☃`:                       `A="ä☃"`,
	} {
		list, err := words(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := confEnvironment(list); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", value, got, err, want)
		}
	}
	for value, reason := range map[string]string{
		"A":                              "NAME=VALUE",
		"A=b c":                          "quote values with spaces",
		"1A=b":                           "the name",
		"A-B=c":                          "the name",
		"=b":                             "the name",
		"A=1 A=2":                        "A twice",
		`A='x ;y'`:                       "comment",
		`A='x #y'`:                       "comment",
		`A='"x"'`:                        "begins or ends with a quote",
		`A="x'"`:                         "begins or ends with a quote",
		`A="b\"c'd"`:                     "both kinds of quotes",
		`A=%(here)s`:                     "supervisor replaces",
		`A='x`:                           "not closed",
		"A=" + strings.Repeat("x", 2000): "2000",
	} {
		if err := acceptEnvironment(value); err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%.40s: got %v, want %q", value, err, reason)
		}
	}
}

func TestProgramRefusesFolders(t *testing.T) {
	for _, v := range []string{"srv", "../x", "/srv/../etc", "/srv/", "/a ;b", "/a #b", "/%(here)s", "/" + strings.Repeat("x", 1000), "$(reboot)", "'; rm -rf / #"} {
		if err := acceptDirectory(v); err == nil {
			t.Errorf("%.40q is taken", v)
		}
	}
	for _, v := range []string{"/", "/srv/a b", "/srv/50%", "/srv/$(reboot)", "/srv/ä;#'\""} {
		if err := acceptDirectory(v); err != nil {
			t.Errorf("%q: %v", v, err)
		}
	}
}

func TestProgramConf(t *testing.T) {
	values, err := packages.Complete(Program{}, packages.Values{
		"name": "q", "command": `php "a ;b" 5%`, "processes": "2", "directory": "/srv/5%", "restart": "never", "environment": "A=1", "stop-signal": "QUIT", "start-seconds": "0",
	})
	if err != nil {
		t.Fatal(err)
	}
	conf, err := programConf(values, "app")
	if err != nil {
		t.Fatal(err)
	}
	want := `; Written by BrokeForge, which writes it again when the program is installed again.
[program:brokeforge-q]
command=php 'a '';b' '5%%'
process_name=%(program_name)s_%(process_num)02d
directory=/srv/5%%
environment=A="1"
user=app
numprocs=2
autostart=true
autorestart=false
startsecs=0
stopsignal=QUIT
stopasgroup=true
killasgroup=true
redirect_stderr=true
stdout_logfile=/var/log/supervisor/brokeforge-q_%(process_num)02d.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=5
`
	if diff := cmp.Diff(want, conf); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
