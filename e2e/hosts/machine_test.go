package hosts

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func TestParseTargets(t *testing.T) {
	tests := []struct {
		name, targets string
		want          mirror
	}{
		{"nothing configured", "", mirror{"http://deb.debian.org/debian", "http://deb.debian.org/debian-security"}},
		{"own mirrors among others", `Packages nodistro https://deb.nodesource.com/node_20.x/
DEP-11 bookworm http://wrong.example/debian/
Packages bookworm-updates http://updates.example/debian/
Packages bookworm https://mirror.example/debian/
Packages bookworm-security https://mirror.example/debian-security/
Packages bookworm http://second.example/debian/
`, mirror{"https://mirror.example/debian", "https://mirror.example/debian-security"}},
		{
			"named by class", "Packages stable http://m.example/debian\nPackages stable-security http://s.example/sec\n",
			mirror{"http://m.example/debian", "http://s.example/sec"},
		},
		{
			"a way debootstrap and hosts can't go", "Packages bookworm cdrom:[Debian]/\n",
			mirror{"http://deb.debian.org/debian", "http://deb.debian.org/debian-security"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := parseTargets(tt.targets, "bookworm"); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSources(t *testing.T) {
	got := mirror{"http://m/debian", "http://s/sec"}.sources(Trixie)
	want := "deb http://m/debian trixie main\ndeb http://m/debian trixie-updates main\ndeb http://s/sec trixie-security main\n"
	if got != want {
		t.Errorf("got %q", got)
	}
}

func TestAptSettings(t *testing.T) {
	dump := `APT::Architecture "amd64";
Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://127.0.0.1:3142";
Acquire::http::Proxy::deb.example.org "DIRECT";
Acquire::http::Proxy-Auto-Detect "/usr/bin/auto-apt-proxy";
Acquire::Languages:: "none";
`
	env := map[string]string{"http_proxy": "http://ignored:1", "https_proxy": "http://proxy.example:8080"}
	settings := parseAptSettings(dump, func(name string) string { return env[name] })
	want := `Acquire::Check-Valid-Until "false";
Acquire::http::Proxy "http://10.77.3.1:3142";
Acquire::http::Proxy::deb.example.org "DIRECT";
Acquire::https::Proxy "http://proxy.example:8080";
`
	if got := settings.file(netip.MustParseAddr("10.77.3.1")); got != want {
		t.Errorf("a host gets\n%s\nwant\n%s", got, want)
	}
	wantEnv := []string{"http_proxy=http://127.0.0.1:3142", "https_proxy=http://proxy.example:8080"}
	if got := settings.proxyEnv(); !slices.Equal(got, wantEnv) {
		t.Errorf("debootstrap gets %q", got)
	}
	if got := parseAptSettings("", func(string) string { return "" }).file(netip.MustParseAddr("10.77.3.1")); got != "" {
		t.Errorf("no settings make the file %q", got)
	}
}

func TestOnlyLoopback(t *testing.T) {
	for text, want := range map[string]bool{
		"nameserver 127.0.0.53\noptions edns0\n":     true,
		"nameserver ::1\n":                           true,
		"nameserver 127.0.0.1\nnameserver 9.9.9.9\n": false,
		"search example.org\n":                       false,
		"":                                           false,
	} {
		if got := onlyLoopback(text); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestClosedFilters(t *testing.T) {
	var rules ruleset
	err := json.Unmarshal([]byte(`{"nftables": [{"metainfo": {"version": "1.0.6"}},
		{"table": {"family": "ip", "name": "filter", "handle": 1}},
		{"chain": {"family": "ip", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
		{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 2, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}},
		{"chain": {"family": "inet", "table": "own", "name": "fwd", "handle": 3, "type": "filter", "hook": "forward", "prio": 0, "policy": "accept"}},
		{"chain": {"family": "ip6", "table": "filter", "name": "FORWARD", "handle": 1, "type": "filter", "hook": "forward", "prio": 0, "policy": "drop"}},
		{"rule": {"family": "ip", "table": "filter", "chain": "FORWARD", "handle": 7, "comment": "brokeforge_3", "expr": [{"accept": null}]}}]}`), &rules)
	if err != nil {
		t.Fatal(err)
	}
	closed := rules.closedFilters()
	if len(closed) != 1 || closed[0].Table != "filter" || closed[0].Name != "FORWARD" || closed[0].Family != "ip" {
		t.Errorf("closed filters: %v", closed)
	}
	if r := rules.Nftables[6].Rule; r == nil || r.Chain != "FORWARD" || r.Handle != 7 || r.Table != "filter" {
		t.Errorf("rule: %+v", r)
	}
}

func TestProcessAlive(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Log("no /proc here")
		return
	}
	me, err := thisProcess()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sleep", "1000")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	dead, err := identify(cmd.Process.Pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Error("a killed process ended well")
	}
	later := me
	later.start = "1"
	for written, want := range map[string]bool{me.String(): true, dead.String(): false, later.String(): false, "": false} {
		if got, err := processAlive(written); err != nil || got != want {
			t.Errorf("%q alive: %v, %v", written, got, err)
		}
	}
}

func TestParseMounts(t *testing.T) {
	got := parseMounts("36 35 98:0 /mnt1 /mnt/a\\040b rw,noatime master:1 - ext4 /dev/root rw,errors=continue\n" +
		"30 25 0:26 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n")
	if len(got) != 2 || got[0].point != "/mnt/a b" || got[0].kind != "ext4" || !strings.Contains(got[1].superOptions, "name=systemd") {
		t.Errorf("got %+v", got)
	}
}

func TestMachineNames(t *testing.T) {
	c := network{number: 254}.cable("a-very-long-name-that-is-allowed", maxHosts-1)
	if len(c.port) > 15 { // IFNAMSIZ without its zero
		t.Errorf("the name of interface %s is too long", c.port)
	}
	if c.address.String() != "10.77.254.249" || c.mac != "02:bf:00:00:fe:f9" {
		t.Errorf("address %s, mac %s", c.address, c.mac)
	}
	for name, want := range map[string]bool{
		"demo1": true, "a": true, "web-1": true, "": false, "-a": false, "a-": false, "1a": false,
		"A": false, "a.b": false, "a/b": false, "a;b": false, "a\n": false, strings.Repeat("a", 33): false,
	} {
		if validName.MatchString(name) != want {
			t.Errorf("name %q: valid is %v", name, !want)
		}
	}
}
