package inventory

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// show prints a list, an entry a line.
func show(l List) string {
	var b strings.Builder
	for _, e := range l.Entries {
		fmt.Fprintf(&b, "%s:%d %s at %s port %d user %q key %q tags %v\n", filepath.Base(e.File), e.Line, e.Name, e.Address, e.Port, e.User, e.KeyFile, e.Tags)
		for _, n := range e.Notes {
			fmt.Fprintf(&b, "    %s\n", n)
		}
	}
	for _, s := range l.Skipped {
		fmt.Fprintf(&b, "%s:%d %s is left: %s\n", filepath.Base(s.File), s.Line, s.Name, s.Reason)
	}
	return b.String()
}

func TestLists(t *testing.T) {
	home := filepath.Join("testdata", "ssh")
	for name, list := range map[string]func() (List, error){
		"classic": func() (List, error) { return Ansible("testdata/classic.ini") },
		"big":     func() (List, error) { return Ansible("testdata/big.ini") },
		"nested":  func() (List, error) { return Ansible("testdata/nested.yml") },
		"flat":    func() (List, error) { return Ansible("testdata/flat.yml") },
		"shop":    func() (List, error) { return Ansible("testdata/shop") },
		"ssh":     func() (List, error) { return SSHConfig(filepath.Join(home, ".ssh", "config"), home) },
	} {
		t.Run(name, func(t *testing.T) {
			l, err := list()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join("testdata", name+".golden")
			if *update {
				if err := os.WriteFile(file, []byte(show(l)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), show(l)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestRanges(t *testing.T) {
	for pattern, want := range map[string]string{
		"web1":              "web1",
		"web[01:03]":        "web01 web02 web03",
		"web[8:11]":         "web8 web9 web10 web11",
		"[01:10:3]":         "01 04 07 10",
		"[a:f]":             "a b c d e f",
		"x-[y:B]":           "x-y x-z x-A x-B",
		"[a:b][1:2].org":    "a1.org a2.org b1.org b2.org",
		"w[:2]":             "w0 w1 w2",
		"[2001:db8::1]":     "2001:db8::1",
		"[2001:db8::1]:22":  "2001:db8::1 22",
		"2001:DB8:0::1":     "2001:db8::1",
		"web[1:2]:2222":     "web1 web2 2222",
		"web1:22":           "web1 22",
		"web[1:2":           "!without its ]",
		"web1]":             "!without its [",
		"web[2:1]":          "!backwards",
		"web[01:3]":         "!as many digits",
		"web[a:3]":          "!backwards",
		"web[1]":            "!no range",
		"web[1:2:0]":        "!no step",
		"web[1:x]":          "!neither a number nor a letter",
		"web[1:]":           "!neither a number nor a letter",
		"web[0:2000000000]": "!more than",
		"[1:999][1:999]":    "!more than",
		"web1:":             "!not a port",
		"web1:ssh":          "!not a port",
		"web1:70000":        "!not a port",
		":22":               "!no name",
		"{{ host }}":        "!no name",
	} {
		names, port, err := hosts(pattern)
		got := strings.Join(names, " ")
		if port != 0 {
			got += fmt.Sprint(" ", port)
		}
		if part, bad := strings.CutPrefix(want, "!"); bad {
			if err == nil || !strings.Contains(err.Error(), part) {
				t.Errorf("%q gives %q, %v; want an error with %q", pattern, got, err, part)
			}
		} else if err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", pattern, got, err, want)
		}
	}
}

func TestWords(t *testing.T) {
	for line, want := range map[string][]string{
		`web1 a=b`:               {"web1", "a=b"},
		`web1  a="b c" d='e "f'`: {"web1", "a=b c", `d=e "f`},
		`web1 a=b\ c # "rest`:    {"web1", "a=b c"},
		`a="\"x\" \n"`:           {`a="x" \n`},
		`a=""`:                   {"a="},
		`# all`:                  nil,
	} {
		got, err := words(line)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q gives %q, %v; want %q", line, got, err, want)
		}
	}
	for _, line := range []string{`a="b`, `a='b`, `a\`} {
		if got, err := words(line); err == nil {
			t.Errorf("%q gives %q", line, got)
		}
	}
}

func TestMalformedNamesFileAndLine(t *testing.T) {
	for name, tt := range map[string]struct {
		file, text string
		line       int
		reason     string
	}{
		"unknown section":      {"a.ini", "[web]\nx\n\n[web:host]\n", 4, "no kind of section"},
		"not closed":           {"a.ini", "[web\n", 1, "without its ]"},
		"no assignment":        {"a.ini", "[web]\nweb1 ansible_host\n", 2, "NAME=VALUE"},
		"open quote":           {"a.ini", "web1 a='b\n", 1, "not closed"},
		"range":                {"a.ini", "# x\nweb[5:1]\n", 2, "backwards"},
		"unknown child":        {"a.ini", "[a:children]\nb\n", 2, "child b, which is no group"},
		"in itself":            {"a.ini", "[a:children]\nb\n[b:children]\na\n", 2, "in itself"},
		"vars of no group":     {"a.ini", "[a:vars]\nx=y\n", 1, "not here"},
		"vars without =":       {"a.ini", "[a]\n[a:vars]\nx\n", 3, "NAME=VALUE"},
		"two children":         {"a.ini", "[a:children]\nb c\n", 2, "one group"},
		"program":              {"inventory", "#!/usr/bin/python3\n", 1, "ansible-inventory"},
		"no yaml":              {"a.yml", "web:\n  hosts:\n   - a\n  b: [\n", 5, "no YAML"},
		"tab":                  {"a.yml", "web:\n\thosts:\n", 2, "no YAML"},
		"list of hosts":        {"a.yml", "web:\n  hosts:\n    - a\n", 3, "must be a mapping"},
		"list":                 {"a.yml", "- a\n- b\n", 1, "must be a mapping"},
		"unknown part":         {"a.yml", "web:\n  host:\n    a:\n", 2, "no part of group web"},
		"plugin":               {"aws_ec2.yml", "plugin: aws_ec2\nregions: [x]\n", 1, "inventory plugin aws_ec2"},
		"script's form":        {"a.json", `{"_meta": {"hostvars": {}}, "web": {"hosts": ["a"]}}`, 1, "--yaml"},
		"range in yaml":        {"a.yml", "web:\n  hosts:\n    a[3:1]:\n", 3, "backwards"},
		"yaml child in itself": {"a.yml", "a:\n  children:\n    b:\n      children:\n        a:\n", 3, "in itself"},
		"sniffed as yaml":      {"hosts", "# x\n---\nweb:\n  hosts: [a]\n", 4, "must be a mapping"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), tt.file)
			if err := os.WriteFile(file, []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Ansible(file)
			var bad *Error
			if !errors.As(err, &bad) || bad.File != file || bad.Line != tt.line || !strings.Contains(bad.Reason, tt.reason) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestWhatIsNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "none")
	if _, err := Ansible(missing); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an inventory that is not there: %v", err)
	}
	if _, err := SSHConfig(missing, ""); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an ssh config that is not there: %v", err)
	}
	if _, err := Ansible(t.TempDir()); err == nil || !strings.Contains(err.Error(), "hosts.yml") {
		t.Errorf("an empty folder: %v", err)
	}
}

func TestSSHConfigThatIncludesItself(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte("Host a\nInclude "+file+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := SSHConfig(file, ""); err == nil || !strings.Contains(err.Error(), "include itself") {
		t.Errorf("got %v", err)
	}
}

// TestAliasesDoNotMultiply reads a document that stands for 10^9 groups.
func TestAliasesDoNotMultiply(t *testing.T) {
	var b strings.Builder
	b.WriteString("a0: &a0 {hosts: {x: }}\n")
	for i := 1; i < 10; i++ {
		fmt.Fprintf(&b, "a%d: &a%[1]d {children: {", i)
		for j := range 10 {
			fmt.Fprintf(&b, "c%d_%d: *a%d, ", i, j, i-1)
		}
		b.WriteString("}}\n")
	}
	if _, err := parseYAML("a.yml", b.String()); err == nil || !strings.Contains(err.Error(), "too much") && !strings.Contains(err.Error(), "YAML") {
		t.Errorf("got %v", err)
	}
}

// check holds what every list must keep, whatever it was made of.
func check(t *testing.T, l List, err error, text string) {
	t.Helper()
	var bad *Error
	if err != nil {
		if errors.As(err, &bad) && (bad.Line < 0 || bad.Line > strings.Count(text, "\n")+2) {
			t.Errorf("line %d of a text of %d lines", bad.Line, strings.Count(text, "\n")+1)
		}
		return
	}
	seen := map[string]bool{}
	for _, e := range l.Entries {
		if e.Name == "" || e.Address == "" || e.Port < 0 || e.Port > 65535 || e.Line < 1 || seen[e.Name] {
			t.Errorf("entry %+v", e)
		}
		seen[e.Name] = true
	}
	if len(l.Entries)+len(l.Skipped) > maxHosts*2 {
		t.Error("there are too many")
	}
}

func fuzzAnsible(f *testing.F, parse func(file, text string) (*tree, error), files ...string) {
	for _, file := range files {
		text, err := os.ReadFile(filepath.Join("testdata", file))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		tree, err := parse("x", text)
		if err != nil {
			check(t, List{}, err, text)
			return
		}
		l, err := tree.list()
		check(t, l, err, text)
		again, err2 := parse("x", text)
		if err2 != nil {
			t.Fatal(err2)
		}
		l2, err2 := again.list()
		if diff := cmp.Diff(l, l2); diff != "" || (err == nil) != (err2 == nil) {
			t.Errorf("read twice it differs:\n%s", diff)
		}
	})
}

func FuzzINI(f *testing.F) { fuzzAnsible(f, parseINI, "classic.ini", "big.ini", "shop/hosts") }

func FuzzYAML(f *testing.F) { fuzzAnsible(f, parseYAML, "nested.yml", "flat.yml") }

func FuzzSSHConfig(f *testing.F) {
	text, err := os.ReadFile("testdata/ssh/.ssh/config")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.ReplaceAll(string(text), "Include", "SendEnv"))
	f.Fuzz(func(t *testing.T, text string) {
		// Included files would be those of this machine.
		if strings.Contains(strings.ToLower(text), "include") {
			return
		}
		l := &sshLister{at: map[string]int{}}
		err := l.parse("x", text, 0)
		check(t, l.list(), err, text)
	})
}
