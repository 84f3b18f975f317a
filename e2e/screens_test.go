package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// terminal is a tmux pane in which the program runs.
type terminal struct {
	testing.TB
	socket string
}

// openTerminal starts the screens in a terminal of a size.
func openTerminal(p program, width, height int) terminal {
	p.Helper()
	term := terminal{p, filepath.Join(p.home, fmt.Sprintf("tmux-%d", time.Now().UnixNano()))}
	// The shell stays behind, to see what the program leaves.
	script := filepath.Join(p.home, "shell")
	if err := os.WriteFile(script, []byte("exec sh -i\n"), 0o600); err != nil {
		p.Fatal(err)
	}
	args := []string{"new-session", "-d", "-s", "t", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height)}
	for _, variable := range append(p.env(), "PS1=ready> ", "HISTFILE=/dev/null") {
		args = append(args, "-e", variable)
	}
	term.tmux(append(args, "sh", script)...)
	p.Cleanup(func() { _ = exec.Command("tmux", "-S", term.socket, "kill-server").Run() })
	term.see("ready>")
	term.keys(binary, "Enter")
	return term
}

func (t terminal) tmux(args ...string) string {
	t.Helper()
	out, err := exec.Command("tmux", append([]string{"-S", t.socket, "-f", "/dev/null"}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("tmux %s: %v\n%s", args[0], err, out)
	}
	return string(out)
}

// keys presses keys, as tmux names them.
func (t terminal) keys(keys ...string) {
	t.Helper()
	t.tmux(append([]string{"send-keys", "-t", "t"}, keys...)...)
}

// typed types text as it is.
func (t terminal) typed(text string) {
	t.Helper()
	t.tmux("send-keys", "-t", "t", "-l", text)
}

func (t terminal) pane() string {
	t.Helper()
	return t.tmux("capture-pane", "-p", "-t", "t")
}

// shell runs the program from the shell that openTerminal has left behind.
func (t terminal) shell(args ...string) {
	t.Helper()
	t.keys("clear", "Enter")
	t.typed(binary + " " + strings.Join(args, " "))
	t.keys("Enter")
}

// hides demands that the pane shows none of some texts.
func (t terminal) hides(texts ...string) {
	t.Helper()
	pane := t.pane()
	for _, text := range texts {
		if strings.Contains(pane, text) {
			t.Errorf("%q is shown:\n%s", text, pane)
		}
	}
}

// see waits until the pane shows all of some texts.
func (t terminal) see(texts ...string) {
	t.Helper()
	t.seeWithin(time.Minute, texts...)
}

func (t terminal) seeWithin(patience time.Duration, texts ...string) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		pane := t.pane()
		missing := ""
		for _, text := range texts {
			if !strings.Contains(pane, text) {
				missing = text
			}
		}
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q is not shown:\n%s", missing, pane)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// pressUntil presses a key again until a text is shown: a screen that has just
// come swallows keys for a moment.
func (t terminal) pressUntil(key, text string) {
	t.Helper()
	for range 20 {
		t.keys(key)
		for range 20 {
			if strings.Contains(t.pane(), text) {
				return
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	t.Fatalf("%s does not lead to %q:\n%s", key, text, t.pane())
}

// mark marks packages in the list, by filtering for each.
func (t terminal) mark(names ...string) {
	t.Helper()
	for i, name := range names {
		t.keys("/")
		t.typed(name)
		t.see(name)
		t.keys("Enter", "Space")
		t.see(fmt.Sprintf("%d marked", i+1))
		t.keys("Escape")
		eventually(t, "the filter is off", func() bool { return !strings.Contains(t.pane(), "/ "+name) })
	}
}

// TestScreens goes the whole way with the screens, at both sizes.
func TestScreens(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for _, c := range []struct {
		name          string
		suite         hosts.Suite
		width, height int
	}{
		{"small", hosts.Bookworm, 80, 24},
		{"wide", hosts.Trixie, 120, 40},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProgram(t)
			h := start(t, hosts.Spec{Name: c.name, Suite: c.suite})
			term := openTerminal(p, c.width, c.height)
			term.addServer(h)
			term.install(h)
			term.remove(h)
			term.quitAndComeBack(h)
			term.resize(c.width, c.height)
		})
	}
}

func (t terminal) addServer(h *hosts.Host) {
	t.Helper()
	t.see("no server yet", "server add")
	t.keys("a")
	t.see("Key file")
	t.typed(h.Name)
	t.keys("Tab")
	t.typed(h.Address())
	t.keys("Tab", "Tab", "Tab")
	t.typed(lab.Key())
	t.keys("C-o")
	t.see("SHA256:")
	t.pressUntil("a", "not prepared")
	t.see(h.Name)
}

func (t terminal) install(h *hosts.Host) {
	t.Helper()
	t.keys("i")
	t.see("Install on "+h.Name, "base")
	t.mark("nginx", "php")
	t.keys("Enter")
	t.see("needed by", "as root", "enter run")
	if out := on(t, h, "sh", "-c", "test ! -e /var/lib/brokeforge || echo changed"); out != "" {
		t.Errorf("the preview changed the server")
	}
	t.pressUntil("Enter", "esc back (it goes on)")
	t.see("Installing software")
	t.keys("Escape")
	t.see("1 running")
	t.seeWithin(5*time.Minute, "active")
	if status, _ := get(t, h, "/"); status != 200 {
		t.Errorf("/ answers %d", status)
	}
}

func (t terminal) remove(h *hosts.Host) {
	t.Helper()
	t.keys("x")
	t.see("Remove", "nginx", "php")
	t.mark("nginx")
	t.keys("Enter")
	t.see("Delete data too")
	t.keys("C-o")
	t.see("› Preview")
	t.pressUntil("Enter", "Cancel")
	t.pressUntil("y", "Run ")
	t.seeWithin(2*time.Minute, "done")
	if answers(h, "80") {
		t.Error("80 still answers after nginx is removed")
	}
	if got := on(t, h, "systemctl", "is-active", fpm[h.Suite]); got != "active" {
		t.Errorf("after the removal of nginx, PHP-FPM is %s", got)
	}
	t.pressUntil("Escape", "1 Servers") // from the run, and from the server
}

func (t terminal) quitAndComeBack(h *hosts.Host) {
	t.Helper()
	t.keys("q")
	t.see("ready>")
	t.keys("clear", "Enter")
	t.keys(binary, "Enter")
	t.see(h.Name, "active")
	t.keys("3")
	t.see("remove nginx", "install ", "done")
	t.keys("1")
	t.see("NAME")
	t.keys("Enter")
	t.see("base", "installed") // what else there is stands further down on a small screen
	t.keys("Escape")
	t.see("NAME")
}

func (t terminal) resize(width, height int) {
	t.Helper()
	t.tmux("resize-window", "-t", "t", "-x", "20", "-y", "5")
	t.see("too small")
	t.tmux("resize-window", "-t", "t", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
	t.see("NAME")
	t.keys("q")
	t.see("ready>")
}

// TestRunGoesOnWithoutTheProgram ends the program in three ways while an
// installation goes on, and finds it again.
func TestRunGoesOnWithoutTheProgram(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for _, c := range []struct {
		name string
		end  func(terminal)
	}{
		{"killed", func(t terminal) {
			out, err := exec.Command("tmux", "-S", t.socket, "list-panes", "-F", "#{pane_pid}").Output()
			if err != nil {
				t.Fatal(err)
			}
			if out, err := exec.Command("pkill", "-KILL", "-P", strings.TrimSpace(string(out))).CombinedOutput(); err != nil {
				t.Fatalf("kill the program: %v %s", err, out)
			}
		}},
		{"terminal-gone", func(t terminal) { t.tmux("kill-server") }},
		{"quit", func(t terminal) {
			t.keys("Escape")
			t.see("NAME")
			t.keys("q")
			t.see("Stay")
			t.pressUntil("q", "ready>")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newProgram(t)
			h := start(t, hosts.Spec{Name: c.name, Suite: hosts.Bookworm})
			p.add(h)
			term := openTerminal(p, 100, 30)
			term.see(h.Name)
			term.keys("i")
			term.see("Install on", "base")
			term.mark("nginx")
			term.keys("Enter")
			term.see("enter run")
			term.pressUntil("Enter", "esc back (it goes on)")
			eventually(t, "the run is on the server", func() bool {
				return on(t, h, "sh", "-c", "ls /var/lib/brokeforge/runs 2>/dev/null | wc -l") == "1"
			})
			c.end(term)
			again := openTerminal(p, 100, 30)
			again.see(h.Name)
			again.seeWithin(3*time.Minute, "active")
			again.keys("3")
			again.see("install nginx", "done")
			if status, _ := get(t, h, "/"); status != 200 {
				t.Errorf("/ answers %d", status)
			}
			if runs := on(t, h, "sh", "-c", "ls /var/lib/brokeforge/runs | wc -l"); runs != "1" {
				t.Errorf("%s runs are on the server in place of one", runs)
			}
		})
	}
}
