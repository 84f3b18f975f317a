package ui

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"

	"brokeforge/store"
	"brokeforge/ui/uitest"
)

// scenes lead to every screen and box.
var scenes = []struct {
	name  string
	empty bool
	keys  []string
}{
	{"servers", false, []string{"j", "j", "j"}},
	{"servers-empty", true, nil},
	{"servers-marked", false, []string{"j", "space", "space"}},
	{"servers-filter", false, []string{"/", "t", "a", "g", ":", "w"}},
	{"add", false, []string{"a", "w", "!", "tab"}},
	{"server", false, []string{"G", "enter"}},
	{"server-details", false, []string{"j", "j", "j", "enter", "j", "enter"}},
	{"server-sites", false, []string{"G", "enter", "tab"}},
	{"server-runs", false, []string{"G", "enter", "tab", "tab"}},
	{"server-firewall", false, []string{"j", "j", "j", "enter", "tab", "tab", "tab"}},
	{"server-monitor", false, []string{"G", "enter", "tab", "tab", "tab", "tab"}},
	{"server-facts", false, []string{"j", "j", "j", "enter", "tab", "tab", "tab", "tab", "tab"}},
	{"adopt", false, []string{"j", "enter", "G", "k", "A"}},
	{"service-menu", false, []string{"j", "j", "j", "enter", "G", "k", "S"}},
	{"service-preview", false, []string{"j", "j", "j", "enter", "G", "k", "R"}},
	{"journal", false, []string{"j", "j", "j", "enter", "G", "k", "L"}},
	{"journal-search", false, []string{"j", "j", "j", "enter", "G", "k", "L", "/", "3", "9", "enter"}},
	{"forget", false, []string{"D"}},
	{"pick", false, []string{"j", "j", "i", "space", "space"}},
	{"pick-several", false, []string{"j", "j", "space", "space", "i"}},
	{"options", false, []string{"j", "j", "i", "G", "e", "tab"}},
	{"options-short", false, []string{"j", "j", "j", "enter", "tab", "tab", "tab", "a"}},
	{"preview", false, []string{"j", "j", "space", "space", "i", "G", "enter", "j", "j", "space"}},
	{"options-remove", false, []string{"j", "j", "j", "x", "G", "k", "enter"}},
	{"preview-remove", false, []string{"j", "j", "j", "x", "G", "enter"}},
	{"confirm-remove", false, []string{"j", "j", "j", "x", "G", "enter", "enter"}},
	{"run", false, []string{"G", "enter", "o"}},
	{"run-failed", false, []string{"3", "j", "enter"}},
	{"run-search", false, []string{"G", "enter", "o", "/", "s", "e", "t", "enter"}},
	{"run-cancel", false, []string{"G", "enter", "o", "c"}},
	{"board", false, []string{"j", "j", "space", "space", "i", "G", "enter", "enter"}},
	{"runs", false, []string{"3"}},
	{"runs-empty", true, []string{"3"}},
	{"packages", false, []string{"4", "j"}},
	{"package", false, []string{"4", "G", "enter"}},
	{"sites", false, []string{"2"}},
	{"sites-empty", true, []string{"2"}},
	{"site", false, []string{"2", "enter"}},
	{"site-unreadable", false, []string{"2", "G", "enter"}},
	{"site-commands", false, []string{"2", "enter", "tab", "tab"}},
	{"site-command-new", false, []string{"2", "enter", "tab", "tab", "n", "l", "s"}},
	{"site-environment", false, []string{"2", "enter", "tab", "tab", "tab"}},
	{"site-environment-shown", false, []string{"2", "enter", "tab", "tab", "tab", "v", "j"}},
	{"site-log", false, []string{"2", "enter", "tab", "tab", "tab", "tab"}},
	{"site-log-errors", false, []string{"2", "enter", "tab", "tab", "tab", "tab", "e"}},
	{"site-log-filter", false, []string{"2", "enter", "tab", "tab", "tab", "tab", "F", "2", " ", "o", "f", "enter"}},
	{"site-certificate", false, []string{"2", "enter", "c"}},
	{"site-certificate-form", false, []string{"2", "enter", "c", "c"}},
	{"site-runs", false, []string{"2", "enter", "shift+tab", "shift+tab"}},
	{"site-add", false, []string{"2", "a", "tab", "b", "l", "o", "g", "tab"}},
	{"site-preview", false, []string{"2", "a", "tab", "b", ".", "o", "r", "g", "ctrl+o", "j", "j", "j"}},
	{"site-drift", false, []string{"2", "enter", "e", "ctrl+o", "j", "j", "j", "j", "space"}},
	{"site-options-remove", false, []string{"2", "x"}},
	{"site-remove", false, []string{"2", "x", "ctrl+o", "enter"}},
	{"site-remove-wrong", false, []string{"2", "x", "ctrl+o", "enter", "b", "enter"}},
	{"site-files", false, []string{"2", "enter", "tab", "tab"}},
	{"files", false, []string{"2", "f", "j"}},
	{"files-folder", false, []string{"2", "f", "enter"}},
	{"files-text", false, []string{"2", "f", "j", "j", "enter"}},
	{"files-binary", false, []string{"2", "f", "j", "j", "j", "j", "enter"}},
	{"files-mode", false, []string{"2", "f", "j", "m", "x", "enter"}},
	{"files-delete", false, []string{"2", "f", "j", "D"}},
	{"help", false, []string{"?"}},
	{"palette", false, []string{":", "n", "g"}},
	{"quit", false, []string{"q"}},
}

func scene(t *testing.T, i int, change func(*Options)) *driver {
	t.Helper()
	s := scenes[i]
	var engine *uitest.Engine
	if s.empty {
		engine = uitest.New(func() time.Time { return begin })
	}
	d := start(t, engine, change)
	for _, k := range s.keys {
		d.press(k)
	}
	return d
}

func TestScreens(t *testing.T) {
	for i, s := range scenes {
		t.Run(s.name, func(t *testing.T) {
			d := scene(t, i, nil)
			golden(t, s.name+"-80x24", d.screen())
			d.size(120, 40)
			golden(t, s.name+"-120x40", d.screen())
		})
	}
}

func TestScreensInASCII(t *testing.T) {
	for i, s := range scenes {
		d := scene(t, i, func(o *Options) { o.Environ = []string{"LANG=C", "TERM=vt100", "NO_COLOR=1"} })
		content := d.app.View().Content
		if at := strings.IndexFunc(content, func(r rune) bool { return r > 0x7e }); at >= 0 {
			t.Errorf("%s: %q is not ASCII", s.name, content[at:min(at+20, len(content))])
		}
		if strings.Contains(content, "\x1b[3") || strings.Contains(content, "\x1b[9") {
			t.Errorf("%s has colours in spite of NO_COLOR", s.name)
		}
		if s.name == "run" || s.name == "servers" {
			golden(t, s.name+"-ascii", d.screen())
		}
	}
}

// Reversed and bold text must still tell where one is when there are no
// colours.
func TestMonoMarksTheSelection(t *testing.T) {
	d := scene(t, 0, func(o *Options) { o.Theme = "mono" })
	for line := range strings.SplitSeq(d.app.View().Content, "\n") {
		if strings.Contains(line, "web1") {
			if !strings.Contains(line, "\x1b[7m") {
				t.Errorf("the row under the cursor is not reversed: %q", line)
			}
			return
		}
	}
	t.Error("web1 is not shown")
}

func TestEveryScreenHasExactlyItsSize(t *testing.T) {
	sizes := [][2]int{{80, 24}, {120, 40}, {200, 60}, {60, 15}, {99, 20}, {40, 10}, {20, 5}, {1, 1}}
	for i, s := range scenes {
		for _, ascii := range []bool{false, true} {
			d := scene(t, i, func(o *Options) { o.ASCII = ascii })
			for _, size := range sizes {
				d.size(size[0], size[1])
				content := d.app.View().Content
				lines := strings.Split(content, "\n")
				if len(lines) != size[1] {
					t.Errorf("%s at %v has %d lines", s.name, size, len(lines))
				}
				for n, l := range lines {
					if w := ansi.StringWidthWc(l); w != size[0] {
						t.Errorf("%s at %v: line %d has %d cells: %q", s.name, size, n, w, ansi.Strip(l))
					}
				}
			}
		}
	}
}

func TestTooSmall(t *testing.T) {
	d := scene(t, 0, nil)
	d.size(58, 12)
	d.shows("58x12 is too small: 60x15 is needed")
}

func TestKeysDoNotConflict(t *testing.T) {
	for i, s := range scenes {
		d := scene(t, i, nil)
		en := d.app.top()
		e := d.app.envFor(en)
		lists := map[string][]binding{"screen": en.screen.bindings(e), "global": d.app.global()}
		if n := len(d.app.boxes); n > 0 {
			lists["box"] = d.app.boxes[n-1].bindings(e)
		}
		for which, list := range lists {
			seen := map[string]string{}
			for _, b := range list {
				if b.help == "" || b.run == nil || len(b.keys) == 0 {
					t.Errorf("%s, %s: a binding lacks something: %+v", s.name, which, b)
				}
				for _, k := range b.keys {
					if other, ok := seen[k]; ok {
						t.Errorf("%s, %s: %q is both %q and %q", s.name, which, k, other, b.help)
					}
					seen[k] = b.help
				}
			}
		}
		mine := map[string]bool{}
		for _, b := range lists["screen"] {
			for _, k := range b.keys {
				mine[k] = true
			}
		}
		for _, b := range lists["global"] {
			for _, k := range b.keys {
				if mine[k] && k != "esc" {
					t.Errorf("%s: the screen takes %q away from the root", s.name, k)
				}
			}
		}
	}
}

func TestHelpHasEveryKey(t *testing.T) {
	for i, s := range scenes {
		d := scene(t, i, nil)
		en := d.app.top()
		box := d.app.newHelp()
		var text strings.Builder
		for _, l := range box.view(d.app.envFor(en), size{100, 200}) {
			text.WriteString(l.String() + "\n")
		}
		for _, b := range append(en.screen.bindings(d.app.envFor(en)), d.app.global()...) {
			about, _, _ := strings.Cut(b.about(), ";")
			if !strings.Contains(text.String(), b.label()) || !strings.Contains(text.String(), about) {
				t.Errorf("%s: the help lacks %q, %q", s.name, b.label(), b.about())
			}
		}
	}
}

// hostile has everything that must not reach a terminal.
const hostile = nasty + "\rover"

// nasty is hostile without the carriage return, which hides what is before it.
const nasty = "\x1b[32mgreen\x1b[0m\x1b]52;c;aGk=\x07\x1bPq\x1b\\\u009b2J\x85\xff\u202ertl\u200b\x00\x08x\ttab\nline\x7f"

func TestNothingHostileReachesTheTerminal(t *testing.T) {
	for i, s := range scenes {
		if s.empty {
			continue
		}
		engine := uitest.Scene(func() time.Time { return begin })
		poison(engine)
		d := start(t, engine, func(o *Options) { o.Theme = "mono"; o.By = hostile; o.Host = hostile })
		d.press(scenes[i].keys...)
		for _, size := range [][2]int{{80, 24}, {160, 50}} {
			d.size(size[0], size[1])
			if err := onlyLooks(d.app.View().Content); err != nil {
				t.Errorf("%s at %v: %v", s.name, size, err)
			}
		}
	}
}

// onlyLooks returns an error unless a text has printable characters, newlines
// and the looks of a painter without colours.
func onlyLooks(content string) error {
	for _, look := range []string{"\x1b[m", "\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[7m"} {
		content = strings.ReplaceAll(content, look, "")
	}
	for i, r := range content {
		bad := r < 0x20 && r != '\n' || r >= 0x7f && r < 0xa0 ||
			r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
		if bad {
			return fmt.Errorf("%q at %q", r, content[max(i-20, 0):min(i+20, len(content))])
		}
	}
	return nil
}

// poison puts hostile text into every field that is shown.
func poison(e *uitest.Engine) {
	e.Logged = hostile
	for i := range e.Servers {
		v := &e.Servers[i]
		for _, field := range []*string{&v.Name, &v.Address, &v.User, &v.ConnectionError, &v.Facts.Hostname, &v.Facts.OS.Pretty, &v.Facts.OS.ID, &v.Facts.OS.Version, &v.Facts.Kernel, &v.Facts.Arch} {
			*field += hostile
		}
		v.Tags = []string{"w" + hostile}
		v.Facts.Addresses = []string{hostile}
		for j := range v.Packages {
			p := &v.Packages[j]
			p.Version += store.PackageVersion(hostile)
			p.By += hostile
			p.Configuration = map[string]string{hostile: hostile}
			if p.Instance != "" {
				p.Instance += hostile
			}
		}
		for j := range v.HostKeys {
			v.HostKeys[j].Key, v.HostKeys[j].PinnedBy = hostile, hostile
		}
	}
	for i := range e.Hosted {
		e.Hosted[i].Domain += hostile
	}
	for i := range e.All {
		p := &e.All[i]
		p.Run.Title += hostile
		p.Run.ServerName += hostile
		p.Run.By += hostile
		p.Waiting, p.Command = hostile, hostile
		for j := range p.Milestones {
			p.Milestones[j].Label += hostile
		}
		if r := p.Run.Error; r != nil {
			r.Summary, r.Advice, r.Command, r.Output = hostile, hostile, hostile, []string{hostile}
		}
		e.Output[p.Run.ID] = []string{"set " + hostile, hostile}
	}
}
