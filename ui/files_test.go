package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"brokeforge/packages/job"
	"brokeforge/ui/uitest"
)

// explore opens the files of a site, with the cursor on a name.
func explore(t *testing.T, name string) (*driver, *uitest.Files) {
	t.Helper()
	d := start(t, nil, nil)
	files := uitest.NewFiles(d.engine)
	d.engine.Explored = files
	d.press("2", "f")
	for range 20 {
		if f, ok := d.app.top().screen.(*filesScreen).selected(); ok && f.Name == name {
			return d, files
		}
		d.press("j")
	}
	t.Fatalf("there is no %q", name)
	return nil, nil
}

func did(t *testing.T, f *uitest.Files, want ...string) {
	t.Helper()
	if !slices.Equal(f.Done, want) {
		t.Errorf("done was %q, wanted %q", f.Done, want)
	}
}

func TestFilesWalk(t *testing.T) {
	d, _ := explore(t, "public")
	d.press("enter")
	d.shows("/srv/blog.example.org/public", "index.php", "1 entry")
	d.press("h")
	d.shows("8 entries", "1 of 8")  // the cursor is on what was left
	d.press("G", "k", "k", "enter") // a link
	d.shows("/srv/blog.example.org/public")
	d.press("esc")
	d.shows("4 sites", "blog.example.org")
}

func TestFilesChange(t *testing.T) {
	d, f := explore(t, "artisan")
	d.press("n")
	d.typed("a/b")
	d.press("enter")
	d.shows("without a slash")
	d.press("backspace", "backspace", "enter")
	d.press("N")
	d.typed("dir")
	d.press("enter", "m", "ctrl+u")
	d.typed("600")
	d.press("enter", "r", "ctrl+u")
	d.typed("new name")
	d.press("enter", "D")
	d.shows("Delete artisan?", "can't be had back")
	d.press("enter") // the focus is on Cancel
	d.press("D", "d")
	did(t, f, "create a", "mkdir dir", "chmod 0600 artisan", `rename "artisan" "new name"`, "delete artisan")
}

// TestFilesNames: a name that can't be typed is handled as it is.
func TestFilesNames(t *testing.T) {
	name := "line\nbreak\x1b[2J\xff.txt"
	d, f := explore(t, name)
	d.shows(`line\nbreak\e[2J\xff.txt`)
	d.press("r")
	d.typed("good.txt")
	d.press("enter", "d", "enter")
	d.shows("say what it is to be called here")
	d.press("esc", "D", "d")
	did(t, f, fmt.Sprintf("rename %q %q", name, "good.txt"), "delete "+name)
}

func TestFilesTransfer(t *testing.T) {
	d, f := explore(t, "backup.tar.gz")
	wait := make(chan struct{})
	f.Wait = wait
	d.press("d", "ctrl+u")
	d.typed(filepath.Join(t.TempDir(), "x"))
	d.held = true
	d.press("enter")
	s := d.app.top().screen.(*filesScreen)
	s.work.tell(350<<20, 700<<20)
	d.shows("downloading", "50% 350 MB of 700 MB", "c stop")
	// How often the spinner has turned by then is not what this is about.
	golden(t, "files-transfer-80x24", strings.NewReplacer("◓", "◐", "◑", "◐", "◒", "◐").Replace(d.screen()))
	d.press("D")
	d.shows("downloading goes on; c stops it")
	close(wait)
	d.release()
	d.shows("downloaded to")
	did(t, f, "download backup.tar.gz x false")

	local := filepath.Join(t.TempDir(), "up.txt")
	if err := os.WriteFile(local, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	f.Error = &job.FileExists{Path: "up.txt"}
	d.press("u")
	d.typed(local)
	d.press("enter")
	d.shows("Replace it?", "is there already on the server")
	f.Error = nil
	d.press("r")
	did(t, f, "download backup.tar.gz x false", "upload up.txt false", "upload up.txt true")
}

// TestFilesEdit saves what an editor has left, and keeps what can't be saved.
func TestFilesEdit(t *testing.T) {
	d, f := explore(t, ".env")
	d.held = true
	d.press("e")
	read := d.kept[0]().(toScreen).msg.(fileReadMsg)
	d.held, d.kept = false, nil
	info, err := os.Stat(read.copied)
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the copy is %v, %v", info, err)
	}
	s := d.app.top().screen.(*filesScreen)
	s.work = nil
	edited := func(text string) {
		if err := os.WriteFile(read.copied, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		d.send(toScreen{d.app.top().id, fileEditedMsg{read, nil}})
	}
	f.Error = &job.FileChanged{Path: ".env", How: "its content is another one"}
	edited("A=1")
	d.shows("Replace it?", "has changed on the server", "kept in")
	f.Error = nil
	d.press("r")
	did(t, f, `save .env "A=1" false`, `save .env "A=1" true`)
	if _, err := os.Stat(filepath.Dir(read.copied)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the copy is left: %v", err)
	}
}

func TestFilesView(t *testing.T) {
	d, f := explore(t, ".env")
	f.Content[".env"] = hostile
	d.press("enter")
	if err := onlyLooks(strings.ReplaceAll(d.screen(), "\x1b", "ESC")); err != nil {
		t.Error(err)
	}
	d.press("h")
	d.shows("8 entries")
}

func TestFilesWrong(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.FilesError = errors.New("there is no sftp-server there")
	d.press("2", "f")
	d.shows("✗ there is no sftp-server there", "R tries it again")
	d.engine.FilesError = nil
	d.press("R")
	d.shows("8 entries")
}

// TestFilesMany: a folder of 100,000 is as quick to move in as a small one, as only
// what is shown is drawn.
func TestFilesMany(t *testing.T) {
	d, _ := explore(t, "public")
	s := d.app.top().screen.(*filesScreen)
	entries := make([]job.FileEntry, 100_000)
	for i := range entries {
		entries[i] = job.FileEntry{Name: fmt.Sprintf("f%06d", i)}
	}
	s.try++
	d.send(toScreen{d.app.top().id, filesListedMsg{try: s.try, entries: entries}})
	d.press("G")
	d.shows("f099999", "100000 of 100000")
	if rows := len(s.table(d.app.env).Rows()); rows > 40 {
		t.Errorf("%d rows are made", rows)
	}
	d.press("g")
	d.shows("f000000")
	d.press("/")
	d.typed("4711")
	d.shows("/ 4711", "/100000)", "f004711")
	d.press("enter", "j")
	d.shows("2 of ", "f014711")
	d.press("esc")
	d.shows("100000 entries", "14712 of 100000") // the cursor stays on what was found
}

// TestFilesFilter: the keys act on what the filter leaves, and a filter never hides
// what was made, nor follows into another folder.
func TestFilesFilter(t *testing.T) {
	d, f := explore(t, "artisan")
	d.press("/")
	d.typed("art")
	d.shows("/ art", "(1/8)", "artisan")
	d.hides("backup.tar.gz")
	d.press("enter", "D", "d")
	d.shows("/ art")
	d.press("n")
	d.typed("new")
	d.press("enter")
	d.shows("backup.tar.gz")
	d.press("/")
	d.typed("pub")
	d.press("enter", "enter")
	d.shows("/srv/blog.example.org/public", "index.php", "1 entry")
	d.press("h", "/")
	d.typed("none of these")
	d.shows("nothing here matches none of these")
	d.press("esc")
	d.shows("8 entries")
	did(t, f, "delete artisan", "create new")
}
