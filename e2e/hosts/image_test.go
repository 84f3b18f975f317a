package hosts

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestInterruptedBuildLeavesNothing(t *testing.T) {
	if !Require(t) {
		return
	}
	cache := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		lab, err := Open(ctx, Options{Cache: cache, Suites: []Suite{Bookworm}})
		if err == nil {
			err = errors.Join(errors.New("the lab was opened"), lab.Close())
		}
		ended <- err
	}()
	unfinished := func() []string {
		found, err := filepath.Glob(filepath.Join(cache, "*bookworm-*"))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	// The first package's files are a good moment: there are folders, children and a log.
	err := poll(t.Context(), 20*time.Millisecond, func() (bool, error) {
		select {
		case err := <-ended:
			return false, err
		default:
		}
		archives, err := filepath.Glob(filepath.Join(cache, ".bookworm-*", "var/cache/apt/archives/*.deb"))
		return len(archives) > 0, err
	})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted Open returned %v", err)
	}
	if found := unfinished(); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		// An error is a process that ended meanwhile.
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(cache)) {
			t.Errorf("still running: %s", bytes.ReplaceAll(text, []byte{0}, []byte{' '}))
		}
	}
}

func TestBadOptions(t *testing.T) {
	if !Require(t) {
		return
	}
	for name, options := range map[string]Options{
		"a suite that is none":      {Suites: []Suite{"../etc"}},
		"a cache overlay can't use": {Cache: t.TempDir() + "/a:b"},
	} {
		if lab, err := Open(t.Context(), options); err == nil {
			t.Errorf("%s: a lab was opened: %v", name, lab.Close())
		}
	}
}
