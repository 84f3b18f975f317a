package files

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestFullDisk: what is there stays as it was, nothing is left beside it, and a
// sentence says why.
func TestFullDisk(t *testing.T) {
	root, _ := tree(t)
	ctx := t.Context()
	local := filepath.Join(t.TempDir(), "local")
	write(t, local, strings.Repeat("x", block+1))
	from, err := os.Open(local)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	large := bytes.Repeat([]byte("large "), 10_000)
	d := &disk{room: 10_000}
	f := onDisk(t, d, root)
	_, v, err := f.Read(ctx, "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	isFull := func(what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "the disk of the server is full") {
			t.Errorf("%s gives %v", what, err)
		}
		holds(t, root+"/a.txt", "a\n")
		noParts(t, root)
	}
	_, err = f.Save(ctx, "a.txt", large, v, false)
	isFull("save", err)
	isFull("upload", f.Upload(ctx, from, "new", false, nil))
	isFull("upload over a file", f.Upload(ctx, from, "a.txt", true, nil))
	d.closed = true
	_, err = f.Save(ctx, "a.txt", large, v, false)
	isFull("save in place", err)
	if _, err := os.Lstat(root + "/new"); !os.IsNotExist(err) {
		t.Errorf("half an upload is there: %v", err)
	}
}
