package packages_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

func TestParseTaskRuns(t *testing.T) {
	output := base64.StdEncoding.EncodeToString([]byte("one\r\ntwo \x1b]0;x\x07\x1b[31mred\n\xff"))
	out := "run 1790000000-7\nstate running\nstarted 1790000000\nuser app\nprocess 7 99\nstate broken\noutput \n" +
		"run 1780000000-6\nstate failed\nstarted 1780000000\nended 1780000009\nuser app\nstatus 3\ncut 5\nsomething new\noutput " + output + "\nend\n"
	got, err := packages.ParseTaskRuns("backup", []byte(out))
	if err != nil {
		t.Fatal(err)
	}
	want := []packages.TaskRun{
		{ID: "1790000000-7", State: packages.TaskBroken, Started: time.Unix(1790000000, 0).UTC(), Status: -1, User: "app"},
		{
			ID: "1780000000-6", State: packages.TaskFailed, Started: time.Unix(1780000000, 0).UTC(), Ended: time.Unix(1780000009, 0).UTC(),
			Status: 3, User: "app", Cut: 5, Output: []string{"one", "two red", "\ufffd"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := packages.ParseTaskRuns("idle", []byte("end\n")); err != nil || got == nil || len(got) != 0 {
		t.Errorf("a task that never ran: got %v, %v", got, err)
	}
	var none *packages.NoTaskError
	if _, err := packages.ParseTaskRuns("backup", []byte("none\n")); !errors.As(err, &none) || none.Name != "backup" {
		t.Errorf("no task: got %v", err)
	}
}

func TestParseTaskRunsRefuses(t *testing.T) {
	for _, out := range []string{
		"", "run 1-1\nstate done\n", "run 1-1\nstate strange\nend\n", "run 1-1\nstarted -5\nend\n", "run 1-1\nstarted 99999999999999999999\nend\n",
		"run 1-1\nstatus 256\nend\n", "run 1-1\noutput %%%\nend\n", "run 1-1\nended x\nend\n", strings.Repeat("run 1-1\n", 51) + "end\n",
	} {
		if got, err := packages.ParseTaskRuns("x", []byte(out)); err == nil {
			t.Errorf("%.60q: got %v", out, got)
		}
	}
}

func TestTaskRunsScriptRefusesNames(t *testing.T) {
	for _, name := range []string{"", "../x", "a b", "$(id)", "'; id #", "A", "a\nb", "ä", strings.Repeat("a", 33), "-a"} {
		var none *packages.NoTaskError
		if _, err := packages.TaskRunsScript(name); !errors.As(err, &none) {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func FuzzParseTaskRuns(f *testing.F) {
	f.Add([]byte("run 1-1\nstate done\nstarted 5\nended 6\nstatus 0\noutput YQ==\nend\n"))
	f.Add([]byte("none\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		runs, err := packages.ParseTaskRuns("x", out)
		if err != nil {
			return
		}
		if len(runs) > packages.MaxTaskRuns {
			t.Errorf("%d runs", len(runs))
		}
		if text := fmt.Sprint(runs); strings.ContainsAny(text, "\x1b\x07\u009b") {
			t.Errorf("control characters came through: %q", text)
		}
	})
}
