package packages_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/store"
)

const sampled = `cpu=100 0 50 800 50 0 0 0 0 0
load=0.50 1.25 2.00 1/100 4321
MemTotal=1000
MemAvailable=250
SwapTotal=0
SwapFree=0
net=Inter-| Receive
net=lo 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0
net=eth0 3000 1 0 0 0 0 0 0 5000 1 0 0 0 0 0 0
uptime=3600.12 7000.00
boot_id=b1
cpus=2
disk=/dev/vda1 1000 300 600 34% /
disk=/dev/vdb 1000 1000 0 100% /srv/a b
disk=- - - - - /odd
inodes=/dev/vda1 100 10 90 10% /
inodes=/dev/vdb 0 - - - /srv/a b
unit=nginx active
unit=php8.2-fpm inactive
failed=cron.service
end=sample
`

func TestParseSample(t *testing.T) {
	before := store.Sample{At: readAt.Add(-10 * time.Second), BootID: "b1", Counters: store.Counters{CPUBusy: 100, CPUAll: 900, NetIn: 1000, NetOut: 5000}}
	got, err := packages.ParseSample([]byte(sampled), readAt, &before)
	if err != nil {
		t.Fatal(err)
	}
	want := store.Sample{
		At: readAt, CPU: 50, CPUs: 2, Load: [3]float64{0.5, 1.25, 2}, Memory: 1000 << 10, MemoryFree: 250 << 10,
		NetIn: 200, NetOut: 0, Uptime: time.Hour, BootID: "b1",
		Disks: []store.DiskSample{
			{Mount: "/", Bytes: 900 << 10, Free: 600 << 10, Inodes: 100, InodesFree: 90},
			{Mount: "/srv/a b", Bytes: 1000 << 10},
			{Mount: "/odd"},
		},
		Units:  []store.UnitState{{Name: "nginx", State: "active"}, {Name: "php8.2-fpm", State: "inactive"}},
		Failed: []string{"cron.service"}, Counters: store.Counters{CPUBusy: 150, CPUAll: 1000, NetIn: 3000, NetOut: 5000},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sample (-want +got):\n%s", diff)
	}
}

func TestRatesAreUnknownWithoutAnotherSample(t *testing.T) {
	for name, before := range map[string]*store.Sample{
		"first":             nil,
		"after a restart":   {At: readAt.Add(-time.Minute), BootID: "b0"},
		"counters set back": {At: readAt.Add(-time.Minute), BootID: "b1", Counters: store.Counters{CPUBusy: 1 << 40, CPUAll: 1 << 41, NetIn: 1 << 40}},
	} {
		got, err := packages.ParseSample([]byte(sampled), readAt, before)
		if err != nil {
			t.Fatal(err)
		}
		if got.CPU != -1 || got.NetIn != -1 || got.NetOut != -1 {
			t.Errorf("%s: rates are %v, %v, %v", name, got.CPU, got.NetIn, got.NetOut)
		}
	}
}

func TestParseSampleRefuses(t *testing.T) {
	for _, text := range []string{"", "cpu=1 2 3\nend=sample\n", "load=x y z\nend=sample\n", "MemTotal=-1\nend=sample\n", "cpus=many\nend=sample\n", sampled[:len(sampled)-len("end=sample\n")]} {
		var refused *packages.FactsError
		if _, err := packages.ParseSample([]byte(text), readAt, nil); !errors.As(err, &refused) {
			t.Errorf("%q: got %v, want a FactsError", text, err)
		}
	}
}

func TestSampleScript(t *testing.T) {
	script := packages.SampleScript([]string{"nginx", "php8.2-fpm", "getty@tty1.service", "a'; reboot; '", "$(id)", "-x", "a b"})
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "sample")
	if err != nil || file == nil {
		t.Fatal(err)
	}
	if strings.Contains(script, "reboot;") || strings.Contains(script, "$(id)") || strings.Contains(script, "'-x'") {
		t.Error("what is no name of a unit got into the script")
	}
	if n := strings.Count(script, "unit=%s"); n != 3 {
		t.Errorf("%d units are asked for", n)
	}
	if path, err := exec.LookPath("shellcheck"); err == nil {
		cmd := exec.Command(path, "-s", "sh", "-")
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

func FuzzParseSample(f *testing.F) {
	f.Add(sampled)
	f.Add("disk=a b c d e /x\nend=sample\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := packages.ParseSample([]byte(text), readAt, &store.Sample{At: readAt.Add(-time.Second)})
		if err != nil {
			return
		}
		if s.CPU > 100 || s.Memory < 0 || len(s.Disks) > 64 || len(s.Failed) > 64 {
			t.Errorf("%q gives %+v", text, s)
		}
	})
}
