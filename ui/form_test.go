package ui

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
)

// certificateForm opens the form of a certificate, with the focus on the chain of an
// own one.
func certificateForm(t *testing.T) *driver {
	t.Helper()
	d := start(t, nil, nil)
	d.press("2", "enter", "c", "c", "right", "tab")
	return d
}

// pem is what somebody pastes, with line ends as terminals paste them.
var pem = "-----BEGIN CERTIFICATE-----\r" + strings.Repeat(strings.Repeat("MIID", 16)+"\r", 25) + "-----END CERTIFICATE-----\r"

func TestALongTextIsPasted(t *testing.T) {
	d := certificateForm(t)
	d.send(tea.PasteMsg{Content: pem})
	d.shows("27 lines, 1679 characters, not shown", "tab next", "ctrl+x editor")
	d.hides("MIID", "BEGIN")
	d.press("tab")
	d.send(tea.PasteMsg{Content: strings.ReplaceAll(pem, "\r", "\r\n")})
	golden(t, "form-secret-lines-80x24", d.screen())
	d.size(120, 40)
	golden(t, "form-secret-lines-120x40", d.screen())
	d.press("ctrl+o")
	asked := d.engine.Asked[len(d.engine.Asked)-1]
	values := asked.Packages[0].Values
	want := strings.ReplaceAll(pem, "\r", "\n")
	if values["chain"] != want || values["key"] != want || values["source"] != "own" {
		t.Errorf("it was asked for with %q", values)
	}
}

func TestATooLongPasteIsRefusedWhole(t *testing.T) {
	d := certificateForm(t)
	d.send(tea.PasteMsg{Content: strings.Repeat("x\n", 40_000)})
	d.shows("no room for more than 65536 characters")
	d.press("ctrl+o")
	if v := d.engine.Asked[len(d.engine.Asked)-1].Packages[0].Values["chain"]; v != "" {
		t.Errorf("%d bytes of it were taken", len(v))
	}
}

func TestAScriptIsTyped(t *testing.T) {
	d := start(t, nil, nil)
	d.press("2", "enter", "tab", "D", "tab")
	d.typed("set -e")
	d.press("enter")
	d.typed("npm ci")
	d.press("up", "down", "enter", "backspace", "enter")
	d.send(tea.PasteMsg{Content: "\tif true; then\n\t\t./build\n\tfi\ntouch 1\ntouch 2\ntouch 3\ntouch 4"})
	golden(t, "form-lines-80x24", d.screen())
	d.size(120, 40)
	golden(t, "form-lines-120x40", d.screen())
	d.press("down") // from the last line
	d.shows("▸ Releases kept", "set -e", "9 lines")
	d.press("up", "up", "up", "up", "up", "up", "up", "up", "up", "up") // through all lines, and out
	d.shows("▸ Branch, tag or commit")
	d.press("ctrl+o")
	want := "set -e\nnpm ci\n\tif true; then\n\t\t./build\n\tfi\ntouch 1\ntouch 2\ntouch 3\ntouch 4"
	asked := d.engine.Asked[len(d.engine.Asked)-1].Packages
	if got := asked[len(asked)-1].Values["script"]; asked[len(asked)-1].Name != packages.DeploymentName || got != want {
		t.Errorf("the script of %s is %q", asked[len(asked)-1].Name, got)
	}
}

// TestAFieldIsEdited goes to an editor with a field and comes back.
func TestAFieldIsEdited(t *testing.T) {
	dir := t.TempDir()
	d := start(t, nil, func(o *Options) { o.Environ = append(o.Environ, "TMPDIR="+dir) })
	d.press("2", "enter", "tab", "D", "tab")
	d.typed("initial")
	d.held = true
	d.press("ctrl+x")
	if n := len(d.kept); n != 1 {
		t.Fatalf("there are %d commands", n)
	}
	d.held, d.kept = false, nil
	files, err := filepath.Glob(filepath.Join(dir, "brokeforge-*", "deployment.script"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the files are %q, %v", files, err)
	}
	if text, err := os.ReadFile(files[0]); err != nil || string(text) != "initial" {
		t.Errorf("the editor gets %q, %v", text, err)
	}
	self := d.app.top().id
	d.send(toScreen{self, fieldEditedMsg{"deployment.script", "", errors.New("the editor failed")}})
	d.shows("the editor failed", "initial")
	d.send(toScreen{self, fieldEditedMsg{"deployment.script", "\xff", nil}})
	d.shows("not UTF-8", "initial")
	d.send(toScreen{self, fieldEditedMsg{"deployment.script", "one\n\ttwo\n", nil}})
	d.shows("one", "    two")
	d.hides("initial")
}
