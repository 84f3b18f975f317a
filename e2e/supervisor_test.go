package e2e

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/system"
)

// TestSupervisor has supervisor run programs of ours beside one of others.
func TestSupervisor(t *testing.T) {
	t.Parallel()
	onEachRelease(t, "supervisor", func(s service) {
		before := snapshot(s, s.h)
		s.install("supervisor")
		s.readsWhatIsWritten()
		s.sh("printf '[program:other]\\ncommand=sleep 9999\\n' >/etc/supervisor/conf.d/other.conf && supervisorctl update")
		other := s.sh("supervisorctl pid other")
		s.programOptions()
		s.ticker()
		s.manyProcesses()
		s.rotation()
		s.refusedBySupervisor()
		s.renamed()
		if got := s.sh("supervisorctl pid other"); got != other {
			s.Errorf("another's program was restarted: %s, now %s", other, got)
		}
		s.reboot()
		s.untilSh("the programs run after a reboot", "[ $(supervisorctl status | grep -c RUNNING) = 5 ]")

		r := s.must(2, "remove", "supervisor", "--on", s.h.Name, "--yes")
		contains(s, r.stderr, "still needed by program@")
		s.remove("program@tock", "program@many")
		if got := s.sh("supervisorctl status | awk '{print $1}'; ls /etc/supervisor/conf.d /var/log/supervisor | grep brokeforge || true"); got != "other" {
			s.Errorf("left of the programs: %s", got)
		}
		r = s.must(1, "remove", "supervisor", "--on", s.h.Name, "--yes")
		contains(s, r.stdout+r.stderr, "programs that BrokeForge did not make")
		contains(s, s.sh("supervisorctl status other"), "RUNNING")
		s.sh("rm /etc/supervisor/conf.d/other.conf && supervisorctl update")
		s.remove("supervisor")
		s.sh("rmdir '/srv/my %d folder'")
		s.leaves(before, "file /etc/inputrc", "file /etc/python3", "file /usr/local/lib/python3", "file /var/lib/python")
	})
}

func (s service) programOptions() {
	s.Helper()
	s.refused("program", []string{"name=x", "command=true", "environment=A=b c"}, "program.environment")
	s.refused("program", []string{"name=x", "command='true"}, "program.command", "not closed")
	s.refused("program", []string{"name=x y", "command=true"}, "program.name")
	s.refused("program", []string{"name=x", "command=true", "directory=/srv;/../x"}, "program.directory")
	s.fails("program", []string{"name=x", "command=true", "directory=/srv/$(reboot)"}, "there is no folder /srv/$(reboot) on this server")
	s.fails("program", []string{"name=x", "command=true", "user=nobody-such"}, "there is no user nobody-such")
	s.fails("program", []string{"name=x", "command=/no/such/program", "user=root"}, "does not keep running")
	s.must(0, "install", "program", "--on", s.h.Name, "--yes", "--set", "program.name=x", "--set", "program.command=true", "--set", "program.restart=never", "--set", "program.start-seconds=0")
	s.remove("program@x")
}

func (s service) ticker() {
	s.Helper()
	s.sh("install -d '/srv/my %d folder'")
	s.install("program", "name=tick", `command=/bin/sh -c 'trap "echo asked; exit" INT; echo "$WORD ;in $PWD as $(id -un): $0 $1" ; while :; do sleep 0.1; done' "it's" '# %(here)s $(id) ä☃'`,
		"directory=/srv/my %d folder", `environment=WORD='50% "of;all" ä'`, "stop-signal=INT")
	s.untilSh("the program prints", "grep -q . /var/log/supervisor/brokeforge-tick.log")
	want := `50% "of;all" ä ;in /srv/my %d folder as brokeforge: it's # %(here)s $(id) ä☃`
	if got := s.sh("cat /var/log/supervisor/brokeforge-tick.log"); got != want {
		s.Errorf("the program prints %q, want %q", got, want)
	}
	pid := s.sh("supervisorctl pid brokeforge-tick")
	s.sh("kill -9 " + pid)
	s.untilSh("the program is started again", "supervisorctl status brokeforge-tick | grep RUNNING")
	if got := s.sh("supervisorctl pid brokeforge-tick"); got == pid || got == "0" {
		s.Errorf("killed, its process is %s, before it was %s", got, pid)
	}
	s.sh("supervisorctl stop brokeforge-tick")
	contains(s, s.sh("cat /var/log/supervisor/brokeforge-tick.log"), "\nasked")
	s.install("program", "name=tick", "command=sleep 777", "start-seconds=0")
	contains(s, s.sh("ps -eo user:20,args | grep '[s]leep 777'"), "brokeforge")
}

func (s service) manyProcesses() {
	s.Helper()
	s.install("program", "name=many", "command=sh -c 'echo one of many; exec sleep 778'", "processes=3", "user=root")
	tick := s.sh("supervisorctl pid brokeforge-tick")
	if got := s.sh("pgrep -c -x -f 'sleep 778'; ls /var/log/supervisor/brokeforge-many_*.log | wc -l"); got != "3\n3" {
		s.Errorf("processes and logs: %s", got)
	}
	s.install("program", "name=many", "command=sh -c 'echo one of many; exec sleep 778'", "processes=2", "user=root")
	s.install("program", "name=many", "command=sh -c 'echo one of many; exec sleep 778'", "processes=3", "user=root")
	if got := s.sh("supervisorctl pid brokeforge-tick"); got != tick {
		s.Errorf("changing one program restarted another")
	}
}

// rotation has a program print more than its log keeps.
func (s service) rotation() {
	s.Helper()
	s.install("program", "name=loud", "command=sh -c 'yes 0123456789 | head -c 25000000; exec sleep 779'")
	s.untilSh("the log is rotated", "[ -e /var/log/supervisor/brokeforge-loud.log.2 ]")
	s.remove("program@loud")
	if got := s.sh("ls /var/log/supervisor | grep loud || true"); got != "" {
		s.Errorf("left of the logs: %s", got)
	}
}

// refusedBySupervisor meets a file of others that supervisor can't read.
func (s service) refusedBySupervisor() {
	s.Helper()
	s.sh("printf '[program:broken]\\nuser=root\\n' >/etc/supervisor/conf.d/zz-broken.conf")
	before := snapshot(s, s.h)
	s.fails("program", []string{"name=late", "command=sleep 1000"}, "also without this program")
	s.fails("program", []string{"name=tick", "command=sleep 1000"}, "also without this program")
	same(s, "a refused program changed the server", before.Diff(snapshot(s, s.h), "file /var/lib/brokeforge/programs/", "file /var/lib/brokeforge/changed"))
	s.sh("rm /etc/supervisor/conf.d/zz-broken.conf")
	s.install("program", "name=tick", "command=sleep 780")
	s.must(0, "install", "program", "--on", s.h.Name, "--yes", "--set", "program.name=late", "--set", "program.command=sleep 1000")
	s.remove("program@late")
}

func (s service) renamed() {
	s.Helper()
	s.remove("program@tick")
	s.install("program", "name=tock", "command=sleep 780")
	if got := s.sh("pgrep -c -x -f 'sleep 780'; ls /etc/supervisor/conf.d /var/log/supervisor /var/lib/brokeforge/programs | grep tick || true"); got != "1" {
		s.Errorf("left of a program under its former name: %s", got)
	}
}

// readsWhatIsWritten has the real supervisor read commands and environments that
// are made at random of what is special to it.
func (s service) readsWhatIsWritten() {
	s.Helper()
	type example struct {
		Conf    string            `json:"conf"`
		Command []string          `json:"command"`
		Env     map[string]string `json:"env"`
	}
	special := []string{" ", ";", "#", "%", "%(here)s", "(", ")s", "'", `"`, `\`, "=", ",", "$", "ä", "☃", "a", "b1", "-", "[x]", ":", "{", "&", "`", "*", "~"}
	random := rand.New(rand.NewPCG(1, 2))
	text := func() string {
		var b strings.Builder
		for range random.IntN(9) {
			b.WriteString(special[random.IntN(len(special))])
		}
		return b.String()
	}
	quote := func(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }
	var examples []example
	for len(examples) < 400 {
		e := example{Command: []string{"/bin/x", text(), text()}, Env: map[string]string{"A": text(), "B_2": text()}}
		values, err := packages.Complete(system.Program{}, packages.Values{
			"name": "x", "command": e.Command[0] + " " + quote(e.Command[1]) + " " + quote(e.Command[2]),
			"environment": "A=" + quote(e.Env["A"]) + " B_2=" + quote(e.Env["B_2"]),
		})
		if err != nil {
			continue // supervisor can't read every environment, and is not given those
		}
		commands, err := system.Program{}.Install(packages.Context{Values: values, Facts: packages.Facts{Systemd: true}})
		if err != nil {
			s.Fatal(err)
		}
		for _, c := range commands {
			if w, ok := c.(packages.Write); ok {
				e.Conf = w.Content
			}
		}
		examples = append(examples, e)
	}
	data, err := json.Marshal(examples)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.h.WriteFile(s.Context(), "/root/examples.json", data); err != nil {
		s.Fatal(err)
	}
	if err := s.h.WriteFile(s.Context(), "/root/read.py", []byte(readConf)); err != nil {
		s.Fatal(err)
	}
	if got := s.sh("LC_ALL=C.UTF-8 python3 /root/read.py; rm -r /root/read.py /root/examples.json"); got != "400 read" {
		s.Errorf("supervisor reads: %s", got)
	}
}

// readConf has supervisor's own code read each example.
const readConf = `
import json, shlex
from supervisor.options import UnhosedConfigParser, expand
from supervisor.datatypes import dict_of_key_value_pairs
read = 0
for e in json.load(open('/root/examples.json', encoding='utf-8')):
    open('/root/example.conf', 'w', encoding='utf-8').write(e['conf'])
    p = UnhosedConfigParser()
    p.read('/root/example.conf')
    p.expand_here('/etc/supervisor')
    section = 'program:brokeforge-x'
    known = {'program_name': 'brokeforge-x', 'here': '/etc/supervisor', 'process_num': 0}
    command = shlex.split(p.saneget(section, 'command', expansions=known))
    env = dict_of_key_value_pairs(expand(p.saneget(section, 'environment', do_expand=False), known, 'environment'))
    if command != e['command'] or env != e['env']:
        print(e, command, env)
    else:
        read += 1
import os
os.remove('/root/example.conf')
print(read, 'read')
`
