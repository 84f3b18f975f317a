package editor

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

func TestDraft(t *testing.T) {
	dir := t.TempDir()
	values := map[string]string{"XDG_RUNTIME_DIR": dir, "EDITOR": "sed -i -e 's/old/new words/'"}
	d, err := New(".env", "A=old\n", func(name string) string { return values[name] })
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]os.FileMode{d.file: 0o600, d.dir: 0o700 | os.ModeDir} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s has mode %v, wanted %v (%v)", path, info.Mode(), want, err)
		}
	}
	var out bytes.Buffer
	if err := d.Command(t.Context(), nil, &out, &out).Run(); err != nil {
		t.Fatalf("%v: %s", err, out.String())
	}
	if text, err := d.Text(); err != nil || text != "A=new words\n" {
		t.Errorf("%q, %v", text, err)
	}
	// Beside it an editor may keep a copy.
	if err := os.WriteFile(filepath.Join(d.dir, ".env.swp"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestDraftTooLarge(t *testing.T) {
	dir := t.TempDir()
	d, err := New(".env", "", func(string) string { return dir })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.file, make([]byte, maxText+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if text, err := d.Text(); err == nil {
		t.Errorf("%d bytes are taken", len(text))
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}
