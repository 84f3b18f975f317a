package cmd

import (
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestMainLetsGoAtASignal(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM} {
		e := newEngine("web1")
		e.frames["web1"] = goodRun("web1")[:2]
		e.idle = func(string) {
			if err := syscall.Kill(os.Getpid(), signal); err != nil {
				t.Error(err)
			}
			e.idle = func(string) {}
		}
		w := newWorld(t, e)
		got := Main(t.Context(), []string{"install", "nginx", "--on", "web1", "--yes"}, w.Env)
		if want := 128 + int(signal); got != want {
			t.Errorf("%v: exit status %d, want %d", signal, got, want)
		}
		holds(t, "stderr", w.errs.String(), "web1: the run goes on there")
	}
}
