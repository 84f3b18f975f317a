package cmd

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

func TestServiceActions(t *testing.T) {
	for _, action := range packages.ServiceActions() {
		e := newEngine("web1")
		e.frames["web1"] = goodRun("web1")
		w := newWorld(t, e)
		args := []string{"service", string(action), "nginx", "--on", "web1"}
		if interrupts(action) {
			w.run(t, StatusRefused, args...)
			if len(e.started) != 0 {
				t.Fatalf("%s was started without being asked for", action)
			}
			args = append(args, "--yes")
		}
		w.run(t, StatusDone, args...)
		want := []job.Request{{Action: action, Packages: []packages.Want{{Name: "nginx"}}, Servers: []store.ID{"server0"}}}
		if diff := cmp.Diff(want, e.requests); diff != "" {
			t.Errorf("%s (-want +got):\n%s", action, diff)
		}
	}
	e := newEngine("web1")
	e.prepared["web1"] = job.Prepared{Nothing: true}
	w := newWorld(t, e)
	w.run(t, StatusDone, "service", "start", "nginx", "--on", "web1")
	holds(t, "stdout", w.out.String(), "nothing to do: nginx is running on web1")
}

func TestServiceList(t *testing.T) {
	w := newWorld(t, newEngine("web1", "db"))
	w.run(t, StatusUnreached, "service", "list")
	holds(t, "stdout", w.out.String(), "web1", "active (running)", "enabled", "5.0 MB")
	holds(t, "stderr", w.errs.String(), "no answer")
	w.out.Reset()
	w.run(t, StatusDone, "service", "list", "--on", "web1", "--json")
	holds(t, "the JSON", w.out.String(), `"unit": "nginx"`, `"restarts": 2`)
}

func TestServiceLog(t *testing.T) {
	w := newWorld(t, newEngine("web1"))
	w.run(t, StatusDone, "service", "log", "nginx", "--on", "web1", "-n", "7", "--follow")
	if got := w.out.String(); got != `nginx 7 true\x1b[2J`+"\n" {
		t.Errorf("got %q", got)
	}
	w.run(t, StatusRefused, "service", "log", "nginx")
	w.run(t, StatusRefused, "service", "log", "nginx", "--on", "web1", "--lines", "-1")
	w.run(t, StatusRefused, "service", "log", "nothing", "--on", "web1")
}
