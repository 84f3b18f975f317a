package job

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

func planSteps(commands ...packages.Command) []packages.Step {
	plan := packages.Plan{Parts: []packages.Part{{Package: "x", Commands: commands}}}
	return plan.Steps()
}

// TestEffectsOfApt reads lines as apt-get of Debian 12 and 13 writes them.
func TestEffectsOfApt(t *testing.T) {
	steps := planSteps(
		packages.Run{Debs: packages.Debs{Install: []string{"nginx"}}},
		packages.Run{Debs: packages.Debs{Install: []string{"php"}}},
		packages.Run{Debs: packages.Debs{Install: []string{"redis"}}},
		packages.Run{Debs: packages.Debs{Purge: []string{"gone"}}},
		packages.Run{Debs: packages.Debs{Purge: []string{"vim"}}},
	)
	out := strings.Join([]string{
		"deb 0 Inst nginx-common (1.22.1-9+deb12u2 Debian:12.9/oldstable [all])",
		"deb 0 Inst libc6 [2.36-9+deb12u8] (2.36-9+deb12u9 Debian-Security:12/stable-security [amd64]) [libc-bin:amd64 ]",
		"deb 0 Remv apache2 [2.4.62-1~deb12u2]",
		"deb 0 Inst nginx (1.22.1-9+deb12u2 Debian:12.9/oldstable [amd64])",
		"deb 1 Inst nginx (1.22.1-9+deb12u2 Debian:12.9/oldstable [amd64])",
		"deb 1 Inst php-common (2:93 Debian:12.9/oldstable [all])\x1b[2J",
		"unread 2",
		"failed 3 E: Unable to locate package gone",
		"deb 4 Purg vim [2:9.0.1378-2]",
		"deb 99 Inst x (1)", "deb x Inst y (1)", "nonsense", "",
	}, "\n")
	want := map[int]Effect{
		0: {Debs: &DebsEffect{
			Adds:     []Deb{{Name: "nginx-common", To: "1.22.1-9+deb12u2"}, {Name: "nginx", To: "1.22.1-9+deb12u2"}},
			Upgrades: []Deb{{Name: "libc6", From: "2.36-9+deb12u8", To: "2.36-9+deb12u9"}},
			Removes:  []Deb{{Name: "apache2", From: "2.4.62-1~deb12u2"}},
		}},
		1: {Debs: &DebsEffect{Adds: []Deb{{Name: "php-common", To: "2:93"}}}},
		2: {Debs: &DebsEffect{Unknown: unreadLists}},
		3: {Debs: &DebsEffect{Unknown: "not known: Unable to locate package gone"}},
		4: {Debs: &DebsEffect{Removes: []Deb{{Name: "vim", From: "2:9.0.1378-2"}}}},
	}
	got := effects(out, steps)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	said := got[0].Foresights()
	if len(said) != 3 || said[0].Text != "REMOVES 1" || !said[0].Bad || said[1].List[0] != "libc6 (2.36-9+deb12u8 → 2.36-9+deb12u9)" {
		t.Errorf("it is told as %+v", said)
	}
}

// TestEffectsOfFiles asks this machine about files, by the script that servers
// are asked with.
func TestEffectsOfFiles(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	notes := at("notes")
	put := func(name, text string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(at(name), []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(at(name), mode); err != nil {
			t.Fatal(err)
		}
	}
	put("changed", "a\nb\n\x1b[2Jc\n", 0o644)
	put("shut", "secret\n", 0o600)
	put("binary", "\x00\x01", 0o644)
	put("long", strings.Repeat("x\n", 40000), 0o644)
	put("so", "so\n", 0o644)
	if err := os.Symlink("changed", at("link")); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("a\nb\n"))
	if err := os.WriteFile(notes, []byte(hex.EncodeToString(sum[:])+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var commands []packages.Command
	names := []string{"new", "changed", "shut", "binary", "long", "link", "", "so"}
	for _, name := range names {
		commands = append(commands, packages.Write{Path: filepath.Clean(at(name)), Content: "a\nB\nc\n"})
	}
	commands = append(commands, packages.Write{Path: at("changed"), Content: "a\nB\nc\n", Mode: 0o640})
	steps := planSteps(commands...)
	script := "so=7\n" + foreseeFunctions + foreseeScript(steps)
	for _, line := range strings.Split(strings.TrimSpace(foreseeScript(steps)), "\n") {
		note := strings.Fields(line)[3]
		script = strings.ReplaceAll(script, note, notes)
	}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "c2VjcmV0") {
		t.Error("a file that not everybody may read was fetched")
	}
	got := effects(string(out), steps)
	if _, told := got[7]; told {
		t.Error("something is told of a step that is so already")
	}
	changed := got[1].File
	if changed == nil || changed.Added != 2 || changed.Removed != 2 || !changed.ByHand {
		t.Fatalf("a changed file is %+v", changed)
	}
	if diff := cmp.Diff([]string{"@@ -1,3 +1,3 @@", " a", "-b", "-c", "+B", "+c"}, changed.Diff); diff != "" {
		t.Errorf("its diff (-want +got):\n%s", diff)
	}
	for i, want := range map[int]string{
		0: "new, +3",
		2: "not everybody",
		3: "no text",
		4: "too long",
		5: "symbolic link",
		6: "no file",
		8: "not everybody",
	} {
		var text []string
		for _, f := range got[i].Foresights() {
			text = append(text, f.Text)
		}
		if !strings.Contains(strings.Join(text, "; "), want) {
			t.Errorf("%s is told as %q, want %q", names[i%len(names)], text, want)
		}
	}
	if e := got[8].File; e.From == e.To {
		t.Errorf("another mode is not told: %+v", e)
	}
}

// TestEffectsOfFilesThatAreTaken: of a file that a later step takes into place it is told
// how the one there changes, also where the file itself is so already.
func TestEffectsOfFilesThatAreTaken(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, text := range map[string]string{"edited": "a\nmine\n", "edited.placed": "a\n", "same": "a\nb\n", "same.placed": "a\nb\n", "older": "a\n", "older.placed": "a\n"} {
		if err := os.WriteFile(at(name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var commands []packages.Command
	for _, name := range []string{"edited", "same", "older", "none"} {
		commands = append(commands, packages.Write{Path: at("staged"), Content: "a\nb\n", Over: at(name), Placed: at(name + ".placed")})
	}
	steps := planSteps(commands...)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "so='0\n1\n2'\n"+foreseeFunctions+foreseeScript(steps)).Output()
	if err != nil {
		t.Fatal(err)
	}
	got := effects(string(out), steps)
	edited := got[0].File
	if edited == nil || !edited.ByHand || edited.Path != at("edited") || !slices.Contains(edited.Diff, "-mine") {
		t.Errorf("of what somebody has changed: %+v", edited)
	} else if said := got[0].Foresights()[0]; !said.Bad || said.Text != at("edited")+" was changed by hand since BrokeForge wrote it" {
		t.Errorf("it is told as %+v", said)
	}
	if _, told := got[1]; told {
		t.Errorf("of what stays as it is: %+v", got[1].File)
	}
	if older := got[2].File; older == nil || older.ByHand || older.Added != 1 || older.Removed != 0 {
		t.Errorf("of what is only older: %+v", older)
	}
	if none := got[3].File; none == nil || none.State != NoFile {
		t.Errorf("of what is not there: %+v", none)
	}
}

func TestSum(t *testing.T) {
	plan := packages.Plan{Parts: []packages.Part{{Package: "x", Commands: packages.Commands{
		packages.Run{Script: "a", Touch: packages.Touch{Starts: []string{"nginx"}, Opens: []string{"80"}}},
		packages.Run{Script: "b", Touch: packages.Touch{Reloads: []string{"nginx"}, Opens: []string{"443", "80"}}},
		packages.Run{Script: "c", Touch: packages.Touch{Stops: []string{"apache2"}}},
		packages.Prove{Script: "d", Touch: packages.Touch{Closes: []string{"8080"}}},
	}}}}
	p := Prepared{Plan: plan, Already: []bool{true, false, false, false}, Effects: map[int]Effect{2: {Debs: &DebsEffect{Removes: []Deb{{}, {}}}}}}
	var got []string
	for _, f := range p.Sum() {
		got = append(got, f.Text)
	}
	if diff := cmp.Diff([]string{"REMOVES 2", "stops apache2", "closes 8080", "reloads nginx", "opens 443, 80"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
