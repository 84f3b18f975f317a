package sshconfig

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testEnv(home string) Env {
	return Env{Home: home, User: "ann", Host: "desk.example.org", UID: "1000", Getenv: func(name string) string {
		return map[string]string{"KEYS": "/keys", "SOCK": "/run/agent"}[name]
	}}
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// load makes a configuration of texts for files in ~/.ssh.
func load(t *testing.T, texts map[string]string) (*Config, string, error) {
	t.Helper()
	home := t.TempDir()
	for name, text := range texts {
		write(t, filepath.Join(home, ".ssh", name), text)
	}
	c, err := Load(testEnv(home), filepath.Join(home, ".ssh", "config"), filepath.Join(home, ".ssh", "missing"))
	return c, home, err
}

func TestResolve(t *testing.T) {
	c, home, err := load(t, map[string]string{
		"config": `# comment
Include conf.d/*.conf
Host web1 web-? "quoted host"
	HostName %h.example.org
	Port=2222
	User ops # comment
	IdentityFile ~/.ssh/id_%r_%h
	IdentityFile "${KEYS}/two words"
	CertificateFile /c/%n-cert.pub
	IdentitiesOnly yes
	IdentityAgent $SOCK
	ProxyJump jump@bastion1:2200,[2001:db8::1]:22,bastion2
	UserKnownHostsFile ~/a "/b c"
	HostKeyAlias the-web
	ServerAliveInterval 5
	HostKeyAlgorithms ssh-ed25519
	StrictHostKeyChecking ask
	StrictHostKeyChecking no
Host web1
	Port 3
	IdentityFile ~/third
Host *.internal !secret.internal
	User inner
Host direct
	ProxyJump none
Host cmd
	ProxyCommand nc %h %p
Host both
	ProxyJump b
	ProxyCommand nc
Match host db.example.org user dba
	Port 5
Match originalhost match1 exec "touch /tmp/x"
	Port 7
Match !final originalhost match2
	Port 8
Host *
	ProxyJump last
	FutureKeyword x
`,
		"conf.d/a.conf": "Host included\n\tPort 99\n\tHostName Inc.Example.ORG\nHost db\n  HostName db.example.org\n  User dba\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Host{
		"web1": {
			HostName: "web1.example.org", Port: 2222, User: "ops", IdentitiesOnly: true,
			IdentityFiles:    []string{home + "/.ssh/id_ops_web1.example.org", "/keys/two words", home + "/third"},
			CertificateFiles: []string{"/c/web1-cert.pub"}, IdentityAgent: "/run/agent",
			ProxyJump:  []Jump{{"jump", "bastion1", 2200}, {"", "2001:db8::1", 22}, {"", "bastion2", 0}},
			KnownHosts: []string{home + "/a", "/b c"}, HostKeyAlias: "the-web",
		},
		"quoted host":     {HostName: "quoted host.example.org", Port: 2222, User: "ops"},
		"included":        {HostName: "inc.example.org", Port: 99, ProxyJump: []Jump{{Host: "last"}}},
		"db":              {HostName: "db.example.org", Port: 5, User: "dba", ProxyJump: []Jump{{Host: "last"}}},
		"x.internal":      {HostName: "x.internal", User: "inner", ProxyJump: []Jump{{Host: "last"}}},
		"secret.internal": {HostName: "secret.internal", ProxyJump: []Jump{{Host: "last"}}},
		"direct":          {HostName: "direct"},
		"cmd":             {HostName: "cmd", ProxyCommand: "nc %h %p", ProxyAt: home + "/.ssh/config:27"},
		"both":            {HostName: "both", ProxyJump: []Jump{{Host: "b"}}},
		"match1":          {HostName: "match1", ProxyJump: []Jump{{Host: "last"}}},
		"match2":          {HostName: "match2", Port: 8, ProxyJump: []Jump{{Host: "last"}}},
	} {
		got, err := c.Resolve(name, "")
		if err != nil {
			t.Fatal(err)
		}
		var notes []string
		for _, n := range got.Notes {
			notes = append(notes, n.Text)
		}
		wantNotes := []string{"FutureKeyword x"}
		switch name {
		case "web1":
			wantNotes = []string{"HostKeyAlgorithms ssh-ed25519", "StrictHostKeyChecking no", "FutureKeyword x"}
		case "quoted host":
			got = Host{HostName: got.HostName, Port: got.Port, User: got.User}
			notes = wantNotes
		case "match1":
			wantNotes = []string{`Match originalhost match1 exec touch /tmp/x`, "FutureKeyword x"}
		}
		if diff := cmp.Diff(wantNotes, notes); diff != "" {
			t.Errorf("%s: notes (-want +got):\n%s", name, diff)
		}
		want.Alias, got.Alias, got.Notes = "", "", nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if h, err := c.Resolve("web1", "root"); err != nil || h.User != "root" || h.IdentityFiles[0] != home+"/.ssh/id_root_web1.example.org" {
		t.Errorf("with a user of its own: %+v, %v", h, err)
	}
}

func TestMalformed(t *testing.T) {
	for text, want := range map[string]string{
		"Host a\nPort x\n":                    "config:2: Port x",
		"Port 0":                              "config:1: Port 0",
		"Port 70000":                          "config:1: Port",
		"\n\nHost\n":                          "config:3: Host has no value",
		"Host \"\"":                           "config:1: Host: a pattern is empty",
		"User \"ann":                          "config:1: User: a quote is not closed",
		"IdentitiesOnly maybe":                "config:1: IdentitiesOnly",
		"ProxyJump a:b:c@":                    "config:1: ProxyJump",
		"ProxyJump -oProxyCommand=x":          "config:1: ProxyJump",
		"ProxyJump a, b":                      "config:1: ProxyJump",
		"ProxyJump $(id)":                     "config:1: ProxyJump",
		"Match":                               "config:1: Match has no value",
		"Match host":                          "config:1: Match: host has no value",
		"Match colour red":                    "config:1: Match: there is no condition",
		"User a b":                            "config:1: User has more than one value",
		"Host a\x00b":                         "config:1: it is not text",
		"Include config":                      "config:1: files are included over more than",
		"Include b":                           "b:1: Port",
		"Host *\n=x":                          "config:2: there is no keyword",
		strings.Repeat("# 123456789\n", 1e5):  "config: it is larger than",
		"Include " + strings.Repeat("[", 3):   "config:1: Include",
		"Host x\n\tInclude ~nobody/x\n":       "config:2: Include ~nobody/x: the home of another user",
		"Host x\n\tIdentityFile \"a\" \"b\n ": "config:2: IdentityFile: a quote",
	} {
		_, _, err := load(t, map[string]string{"config": text, "b": "Port y"})
		var bad *Error
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\x00") {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
	for text, want := range map[string]string{
		"IdentityFile %z":       "config:1: IdentityFile %z",
		"IdentityFile ${NONE}":  "is not set",
		"IdentityFile ${NONE":   "is not closed",
		"IdentityFile ~bob/key": "another user",
		"IdentityFile a%":       "config:1",
		"ProxyJump %x":          "config:1: ProxyJump",
		"IdentityAgent $NONE":   "config:1: IdentityAgent",
	} {
		c, _, err := load(t, map[string]string{"config": text})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Resolve("web1", ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestAliases(t *testing.T) {
	_, home, err := load(t, map[string]string{
		"config": "Host web1 web2 *.x !no\n  Port 2\nHost web1\n\tUser ops\nInclude more\nHost last\n  HostName 10.0.0.1\n  ProxyJump web1",
		"more":   "Host more\n  Port 5",
	})
	if err != nil {
		t.Fatal(err)
	}
	list, err := ReadAliases(testEnv(home), home+"/.ssh/config")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, a := range list {
		got = append(got, a.Name+" "+strings.TrimPrefix(a.File, home+"/.ssh/")+":"+strconv.Itoa(a.Line)+" "+a.Host.User+"@"+a.Host.HostName+":"+strconv.Itoa(a.Host.Port))
	}
	want := []string{"web1 config:1 ops@web1:2", "web2 config:1 @web2:2", "more more:1 @more:0", "last config:6 @10.0.0.1:0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := ReadAliases(testEnv(home), home+"/none"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestAgreesWithSSH compares with what ssh itself makes of a configuration.
func TestAgreesWithSSH(t *testing.T) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		t.Fatalf("the test needs ssh: %v", err)
	}
	c, home, err := load(t, map[string]string{"config": `
Host a b*c "d e" !bxc
 HostName=%h.Example.org
 Port "22"22
 IdentityFile /k/%n-%r-%p-%%
 IdentityFile '/k/two words'
User early
Host b??c
 User late
 Port 33
 IdentityFile /k/other
 ProxyJump u@j1:5,j2
Host *c,a
 Port 44
Match host *.example.org
 Port 55
 HostKeyAlias al
 CertificateFile /c/a\ b
Match originalhost a,x user early
 IdentitiesOnly yes
Host x
 ProxyJump none
 IdentityAgent none
Host *
 ProxyJump all
 UserKnownHostsFile /kh1 /kh2
`})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "bxc", "b12c", "bc", "x", "A", "10.0.0.1", "zc"} {
		out, err := exec.Command(ssh, "-G", "-F", home+"/.ssh/config", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		said := map[string][]string{}
		for line := range bytes.Lines(out) {
			key, value, _ := strings.Cut(strings.TrimSpace(string(line)), " ")
			said[key] = append(said[key], value)
		}
		h, err := c.Resolve(name, "")
		if err != nil {
			t.Fatal(err)
		}
		check := func(key, got string) {
			if want := strings.Join(said[key], "|"); got != want {
				t.Errorf("%s: %s is %q, ssh has %q", name, key, got, want)
			}
		}
		check("hostname", h.HostName)
		if h.User != "" {
			check("user", h.User)
		}
		port := h.Port
		if port == 0 {
			port = 22
		}
		check("port", strconv.Itoa(port))
		if len(h.IdentityFiles) > 0 {
			var raw []string
			for _, f := range said["identityfile"] {
				// ssh shows them without the tokens expanded.
				f = strings.NewReplacer("%%", "%", "%n", name, "%r", h.User, "%p", strconv.Itoa(port)).Replace(f)
				raw = append(raw, f)
			}
			if !slices.Equal(raw, h.IdentityFiles) {
				t.Errorf("%s: identity files %q, ssh has %q", name, h.IdentityFiles, raw)
			}
		}
		check("identitiesonly", map[bool]string{true: "yes", false: "no"}[h.IdentitiesOnly])
		check("hostkeyalias", h.HostKeyAlias)
		check("certificatefile", strings.Join(h.CertificateFiles, "|"))
		check("userknownhostsfile", strings.Join(h.KnownHosts, " "))
		var jumps []string
		for _, j := range h.ProxyJump {
			s := j.Host
			if j.User != "" {
				s = j.User + "@" + s
			}
			if j.Port != 0 {
				s += ":" + strconv.Itoa(j.Port)
			}
			jumps = append(jumps, s)
		}
		check("proxyjump", strings.Join(jumps, ","))
	}
}

func FuzzResolve(f *testing.F) {
	for _, s := range []string{
		"Host a\n Port 5\n", "Match host a exec x\nUser b", "IdentityFile %d/%h\n", "Host \"a b\" !c\nHostName=%%", "Include x\n",
		"ProxyJump a@b:5,[::1]:2\n", "UserKnownHostsFile none", "IdentityFile ${KEYS}/\\ x", "Match all\n", "\ufeffHost *\r\nUser x\r\n",
	} {
		f.Add(s, "a")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		r := &reader{config: &Config{env: testEnv("/nowhere")}}
		if err := r.text("f", []byte(text), nil, 0); err != nil {
			if strings.ContainsAny(err.Error(), "\n\x1b") {
				t.Errorf("the error is not clean: %q", err)
			}
			return
		}
		h, err := r.config.Resolve(name, "")
		if err != nil {
			return
		}
		if h.Port < 0 || h.Port > 65535 {
			t.Errorf("port %d", h.Port)
		}
		for _, n := range h.Notes {
			if strings.ContainsAny(n.String(), "\n\x1b") {
				t.Errorf("the note is not clean: %q", n)
			}
		}
		if _, err := r.config.Aliases(); err != nil && strings.ContainsAny(err.Error(), "\n\x1b") {
			t.Errorf("the error is not clean: %q", err)
		}
	})
}
