package job

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// mayKnow tells, for each room, which other rooms its code may import. A room
// not named here may know all. Tests may know more.
func mayKnow(room string) (rooms []string, bound bool) {
	switch {
	case room == "sshrun/files":
		return nil, true
	case room == "sshrun", room == "sshrun/clean", room == "sshrun/sshconfig", room == "store":
		return []string{"sshrun/clean", "sshrun/sshconfig"}, true
	case room == "packages":
		return []string{"packages/dotenv", "store", "sshrun/clean"}, true
	case room == "packages/dotenv":
		return nil, true
	case room == "packages/job":
		return []string{"packages", "packages/dotenv", "packages/job/inventory", "sshrun", "sshrun/files", "sshrun/clean", "sshrun/sshconfig", "store"}, true
	case room == "packages/job/inventory":
		return nil, true
	case room == "packages/catalog":
		return []string{"packages", "packages/", "store"}, true
	case strings.HasPrefix(room, "packages/"):
		return []string{"packages", "packages/apt", "store"}, true
	case room == "ui", strings.HasPrefix(room, "ui/"):
		return []string{"ui/", "packages", "packages/dotenv", "packages/job", "packages/job/inventory", "packages/catalog", "store", "sshrun/clean"}, true
	}
	return nil, false
}

// TestRooms holds down who may know whom.
func TestRooms(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != root {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		room := filepath.ToSlash(filepath.Dir(relative))
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, spec := range file.Imports {
			name, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			imported, ours := strings.CutPrefix(name, "brokeforge/")
			if !ours {
				continue
			}
			seen++
			if rooms, bound := mayKnow(room); bound && !knows(rooms, imported) {
				t.Errorf("%s imports %s, which %s may not know", relative, imported, room)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen == 0 {
		t.Error("no import was seen")
	}
}

func knows(rooms []string, imported string) bool {
	for _, room := range rooms {
		if room == imported || strings.HasSuffix(room, "/") && strings.HasPrefix(imported, room) {
			return true
		}
	}
	return false
}
