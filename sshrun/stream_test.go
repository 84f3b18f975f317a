package sshrun

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestStream(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		var lines []string
		take := func(line string) error { lines = append(lines, line); return nil }
		result, err := r.client.Stream(t.Context(), Script{Text: "echo \"it's\"\nprintf 'a\\033[2Jb\\nlast'; echo no >&2; exit 3"}, take)
		if err != nil || result.Status != 3 || string(result.Stderr) != "no\n" {
			t.Errorf("it ended with %+v, %v", result, err)
		}
		if got := strings.Join(lines, "|"); got != "it's|ab|last" {
			t.Errorf("it printed %q", got)
		}
	})
}

// TestStreamLeavesNothing: what is not read any more is ended on the server.
func TestStreamLeavesNothing(t *testing.T) {
	endless := Script{Text: "echo $$\nwhile :; do sleep 1; done"}
	gone := func(t *testing.T, pid string) {
		t.Helper()
		deadline := time.Now().Add(20 * time.Second)
		for {
			if _, err := os.Stat("/proc/" + pid); errors.Is(err, os.ErrNotExist) {
				return
			}
			if time.Now().After(deadline) {
				t.Fatalf("process %s is still there", pid)
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	shells(t, func(t *testing.T, r *rig) {
		ctx, stop := context.WithCancel(t.Context())
		var pid string
		_, err := r.client.Stream(ctx, endless, func(line string) error { pid = line; stop(); return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("with its context it ends with %v", err)
		}
		gone(t, pid)
		enough := fmt.Errorf("enough")
		_, err = r.client.Stream(t.Context(), endless, func(line string) error { pid = line; return enough })
		if !errors.Is(err, enough) {
			t.Errorf("with an error it ends with %v", err)
		}
		gone(t, pid)
	})
}
