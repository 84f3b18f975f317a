package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"brokeforge/e2e/hosts"
)

// TestMonitoring compares what is measured with what the host itself says, fills
// its disk, and is told of it and of its end.
func TestMonitoring(t *testing.T) {
	t.Parallel()
	if !hosts.Require(t) {
		return
	}
	for name, suite := range suites {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t, hosts.Spec{Name: "monitor-" + name, Suite: suite, DiskBytes: 200 << 20})
			hook, told := webhook(t)
			p := newProgram(t)
			p.add(h)
			p.must(2, "monitor")
			p.must(0, "install", "monitoring", "--on", h.Name, "--yes", "--set", "monitoring.interval=10",
				"--set", "monitoring.in-a-row=1", "--set", "monitoring.cpu=0", "--set", "monitoring.memory=0", "--set", "monitoring.disk=60",
				"--set", "monitoring.services=cron-that-is-not-there", "--set", "monitoring.webhook="+hook)
			agrees(p, h)
			watchAndFill(p, h, told)
			contains(t, p.must(0, "alerts").stdout, "the disk of /", "over", "cron-that-is-not-there")
			p.must(0, "remove", "monitoring", "--on", h.Name, "--yes")
			p.must(2, "monitor")
		})
	}
}

// webhook takes what is posted of alerts.
func webhook(t testing.TB) (url string, told <-chan map[string]any) {
	c := make(chan map[string]any, 16)
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var m map[string]any
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
			t.Errorf("the webhook got no JSON: %v", err)
		}
		c <- m
	}))
	t.Cleanup(hook.Close)
	return hook.URL, c
}

// awaitTold waits until people are told of an alert.
func awaitTold(ctx context.Context, t testing.TB, told <-chan map[string]any, event, kind string) {
	t.Helper()
	for {
		select {
		case m := <-told:
			if m["event"] == event && m["kind"] == kind {
				return
			}
		case <-ctx.Done():
			t.Fatalf("nobody was told that %s is %s", kind, event)
		}
	}
}

// agrees compares a sample with the host's own words.
func agrees(p program, h *hosts.Host) {
	p.Helper()
	var samples []struct {
		CPUs   int `json:"cpus"`
		Memory struct{ Bytes, Free int64 }
		Disks  []struct {
			Mount       string
			Bytes, Free int64
		}
	}
	if err := json.Unmarshal([]byte(p.must(0, "monitor", "--once", "--on", h.Name, "--json").stdout), &samples); err != nil || len(samples) != 1 {
		p.Fatalf("samples: %v, %v", samples, err)
	}
	s := samples[0]
	if got, want := strconv.Itoa(s.CPUs), on(p, h, "nproc"); got != want {
		p.Errorf("%s processors, the host has %s", got, want)
	}
	if got, want := strconv.FormatInt(s.Memory.Bytes>>10, 10), on(p, h, "sed", "-n", `s/^MemTotal: *\([0-9]*\) kB/\1/p`, "/proc/meminfo"); got != want {
		p.Errorf("%s kB of memory, the host has %s", got, want)
	}
	df := strings.Fields(on(p, h, "sh", "-c", "df -P -k / | sed 1d"))
	used, _ := strconv.ParseInt(df[2], 10, 64)
	free, _ := strconv.ParseInt(df[3], 10, 64)
	if len(s.Disks) == 0 || s.Disks[0].Mount != "/" || s.Disks[0].Bytes != (used+free)<<10 {
		p.Errorf("disks %+v, the host says %v", s.Disks, df)
	}
}

// watchAndFill lets the program watch while the disk is filled and emptied again.
func watchAndFill(p program, h *hosts.Host, told <-chan map[string]any) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "monitor", "--json")
	cmd.Env = p.env()
	out, err := cmd.StdoutPipe()
	if err != nil {
		p.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		p.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.Contains(lines.Text(), `"event":"sample"`) {
		p.Fatalf("no sample came, but %q", lines.Text())
	}
	go func() { // what comes later is told by the webhook
		for lines.Scan() {
			continue
		}
	}()
	await := func(event, kind string) {
		p.Helper()
		awaitTold(ctx, p, told, event, kind)
	}
	await("raised", "unit cron-that-is-not-there")
	on(p, h, "fallocate", "-l", "150M", "/fill")
	await("raised", "disk /")
	on(p, h, "rm", "/fill")
	await("cleared", "disk /")
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.Fatal(err)
	}
	_ = cmd.Wait() // 143, as of every command that a signal ends
	if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) {
		p.Errorf("ended by SIGTERM it gives %d", code)
	}
}
