package ui

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/google/go-cmp/cmp"

	"brokeforge/packages/job"
	"brokeforge/ui/uitest"
)

var (
	_ Engine = (*job.Engine)(nil)
	_ Engine = (*uitest.Engine)(nil)
)

// updating reports whether the golden files are to be written: by -update, a
// flag that teatest brings.
func updating() bool {
	f := flag.Lookup("update")
	return f != nil && f.Value.String() == "true"
}

// driver drives the root without a program: commands are carried out at once,
// waiting is left out.
type driver struct {
	t      *testing.T
	app    *app
	engine *uitest.Engine
	at     time.Time
	quit   bool
	held   bool      // commands are kept in place of carried out
	kept   []tea.Cmd // while held
	msgs   []tea.Msg // all that commands gave
}

var begin = time.Date(2026, 11, 24, 9, 30, 0, 0, time.UTC)

// start shows the screens of an engine. Without one it is the usual scene.
func start(t *testing.T, engine *uitest.Engine, change func(*Options)) *driver {
	t.Helper()
	d := &driver{t: t, at: begin, engine: engine}
	clock := func() time.Time { return d.at }
	if engine == nil {
		d.engine = uitest.Scene(clock)
	}
	o := Options{Engine: d.engine, By: "ops", Host: "bastion", Environ: []string{"LANG=C.UTF-8", "TERM=xterm-256color"}, Theme: "dark", Clock: clock}
	if change != nil {
		change(&o)
	}
	o = o.complete()
	d.app = newApp(newEnv(context.Background(), o), o, nil)
	d.app.wait = func(time.Time) tea.Cmd { return nil }
	d.app.after = func(time.Duration, tea.Msg) tea.Cmd { return nil }
	d.do(d.app.Init())
	return d
}

func (d *driver) do(cmd tea.Cmd) {
	switch {
	case cmd == nil:
		return
	case d.held:
		d.kept = append(d.kept, cmd)
		return
	}
	d.send(cmd())
}

func (d *driver) send(msg tea.Msg) {
	if msg == nil {
		return
	}
	d.msgs = append(d.msgs, msg)
	switch m := msg.(type) {
	case tea.BatchMsg:
		for _, cmd := range m {
			d.do(cmd)
		}
	case tea.QuitMsg:
		d.quit = true
	default:
		_, cmd := d.app.Update(m)
		d.do(cmd)
	}
}

// release carries out what was held.
func (d *driver) release() {
	d.held = false
	kept := d.kept
	d.kept = nil
	for _, cmd := range kept {
		d.do(cmd)
	}
}

// changed has a snapshot taken, as the feed would.
func (d *driver) changed() { d.send(changedMsg{}) }

func keyOf(name string) tea.KeyPressMsg {
	codes := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "tab": tea.KeyTab, "up": tea.KeyUp, "down": tea.KeyDown, "left": tea.KeyLeft, "right": tea.KeyRight, "backspace": tea.KeyBackspace}
	if c, ok := codes[name]; ok {
		return tea.KeyPressMsg{Code: c}
	}
	if name == "space" {
		return tea.KeyPressMsg{Code: ' ', Text: " "}
	}
	if rest, ok := strings.CutPrefix(name, "ctrl+"); ok {
		return tea.KeyPressMsg{Code: rune(rest[0]), Mod: tea.ModCtrl}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

// press presses keys, a second apart.
func (d *driver) press(keys ...string) {
	for _, k := range keys {
		d.at = d.at.Add(time.Second)
		d.send(keyOf(k))
	}
}

// typed types text, a rune a key.
func (d *driver) typed(text string) {
	for _, r := range text {
		d.press(strings.ReplaceAll(string(r), " ", "space"))
	}
}

func (d *driver) size(w, h int) { d.send(tea.WindowSizeMsg{Width: w, Height: h}) }

// screen is what is shown, without looks.
func (d *driver) screen() string {
	return ansi.Strip(d.app.View().Content)
}

func (d *driver) shows(texts ...string) {
	d.t.Helper()
	screen := d.screen()
	for _, text := range texts {
		if !strings.Contains(screen, text) {
			d.t.Errorf("the screen does not show %q:\n%s", text, screen)
		}
	}
}

func (d *driver) hides(texts ...string) {
	d.t.Helper()
	screen := d.screen()
	for _, text := range texts {
		if strings.Contains(screen, text) {
			d.t.Errorf("the screen shows %q:\n%s", text, screen)
		}
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	lines := strings.Split(got, "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	got = strings.Join(lines, "\n") + "\n"
	if updating() {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got); if that is meant, run the tests with -update:\n%s", path, diff)
	}
}
