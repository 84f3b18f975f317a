package job

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
)

func TestTaskRuns(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	ask := func(answer, name string) ([]packages.TaskRun, error) {
		host.mu.Lock()
		host.facts = answer
		host.mu.Unlock()
		return b.TaskRuns(t.Context(), server.ID, name)
	}
	runs, err := ask("run 1790000000-7\nstate done\nstarted 1790000000\nended 1790000002\nstatus 0\nuser app\noutput b25lG1szMW0=\nend\n", "backup")
	if err != nil || len(runs) != 1 || runs[0].State != packages.TaskDone || runs[0].Output[0] != "one" {
		t.Errorf("got %v, %v", runs, err)
	}
	var refused *InputError
	if _, err := ask("none\n", "other"); !errors.As(err, &refused) || refused.Field != "task" {
		t.Errorf("a task that is not there: got %v", err)
	}
	executed := host.executed
	if _, err := ask("end\n", "../x"); !errors.As(err, &refused) || host.executed != executed {
		t.Errorf("a name that is none: got %v after %d executions", err, host.executed-executed)
	}
	if _, err := ask("run 1-1\n", "backup"); err == nil || errors.As(err, &refused) {
		t.Errorf("an answer without an end: got %v", err)
	}
	if _, err := b.TaskRuns(t.Context(), store.ID("nothing"), "backup"); err == nil {
		t.Error("a server that is not there has runs")
	}
	host.mu.Lock()
	host.down = errors.New("no route")
	host.mu.Unlock()
	b.restart()
	if _, err := b.TaskRuns(t.Context(), server.ID, "backup"); !NotReached(err) {
		t.Errorf("a server that can't be reached: got %v", err)
	}
}

// What a task prints is shown without the secrets of its server.
func TestTaskRunsHideSecrets(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{vaulted()}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	b.install(server, canary)
	host.mu.Lock()
	host.facts = "run 1790000000-7\nstate done\nstarted 1790000000\nuser app\noutput " +
		base64.StdEncoding.EncodeToString([]byte("it is "+canary+" indeed\nplain")) + "\nend\n"
	host.mu.Unlock()
	got, err := b.TaskRuns(t.Context(), server.ID, "backup")
	if err != nil {
		t.Fatal(err)
	}
	if text := strings.Join(got[0].Output, "\n"); strings.Contains(text, canary) || !strings.Contains(text, "indeed\nplain") {
		t.Errorf("got %q", text)
	}
}
