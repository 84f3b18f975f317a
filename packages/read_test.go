package packages_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
)

var readAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const printed = `noise without a sign
hostname=web1
os_id=debian
os_version=12
os_codename=bookworm
os_pretty=Debian GNU/Linux 12 (bookworm)
arch=amd64
kernel=6.1.0-40-amd64
boot_id=ecfd428e
cpus=2
memory_kib=4000
disk=4096 100 25
uptime=3600
address=10.0.4.11
address=2001:db8::1
systemd=yes
login_uid=1000
ssh_port=2222
ssh_port=22
ssh_port=2222
login_from=::ffff:192.0.2.7
login_from=not an address
ssh_port_before=22
apt_age=90
unheard_of=1
probe=base 0
probe=nginx 0 1.22.1-9
probe=php 1
probe=php@8.3 0 8.3.1-1
probe=firewall 2 ufw is installed, but not active
probe=odd 124
end=facts
hostname=after-the-end
`

func TestParseFacts(t *testing.T) {
	got, err := packages.ParseFacts([]byte(printed), readAt)
	if err != nil {
		t.Fatal(err)
	}
	want := packages.Facts{
		ReadAt: readAt, Hostname: "web1",
		OS:   packages.OS{ID: "debian", Version: "12", Codename: "bookworm", Pretty: "Debian GNU/Linux 12 (bookworm)"},
		Arch: "amd64", Kernel: "6.1.0-40-amd64", BootID: "ecfd428e",
		CPUs: 2, MemoryBytes: 4000 << 10, DiskBytes: 409600, DiskFree: 102400, Uptime: time.Hour,
		Addresses: []string{"10.0.4.11", "2001:db8::1"},
		Systemd:   true, LoginUID: 1000, SSHPorts: []int{2222, 22}, AptAge: 90 * time.Second,
		LoginFrom: "192.0.2.7", SSHPortBefore: 22,
		Found: map[packages.Name]packages.Presence{
			"base":     {State: packages.Present},
			"nginx":    {State: packages.Present, Version: "1.22.1-9"},
			"php":      {State: packages.Absent},
			"php@8.3":  {State: packages.Present, Version: "8.3.1-1"},
			"firewall": {State: packages.Partial, Detail: "ufw is installed, but not active"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestParseFactsOfLittle(t *testing.T) {
	got, err := packages.ParseFacts([]byte("end=facts\n"), readAt)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(packages.Facts{ReadAt: readAt, AptAge: -1}, got); diff != "" {
		t.Errorf("facts (-want +got):\n%s", diff)
	}
}

func TestParseFactsErrors(t *testing.T) {
	tests := []struct{ out, key string }{
		{"", ""},
		{"hostname=x\n", ""},
		{"cpus=many\nend=\n", "cpus"},
		{"cpus=-1\nend=\n", "cpus"},
		{"cpus=99999999\nend=\n", "cpus"},
		{"memory_kib=9223372036854775807\nend=\n", "memory_kib"},
		{"disk=4096 1\nend=\n", "disk"},
		{"disk=9999999999 9999999999 9999999999\nend=\n", "disk"},
		{"uptime=99999999999999\nend=\n", "uptime"},
		{"ssh_port=65536\nend=\n", "ssh_port"},
		{"ssh_port=22;id\nend=\n", "ssh_port"},
		{"login_uid=\nend=\n", "login_uid"},
		{"apt_age=1 2\nend=\n", "apt_age"},
	}
	for _, test := range tests {
		_, err := packages.ParseFacts([]byte(test.out), readAt)
		var refused *packages.FactsError
		if !errors.As(err, &refused) || refused.Key != test.key {
			t.Errorf("%q: got %v, want an error of %q", test.out, err, test.key)
		}
	}
}

func FuzzParseFacts(f *testing.F) {
	f.Add([]byte(printed))
	f.Add([]byte("os_pretty=\x1b]0;x\x07\u202e\nprobe=a 2 \x9b31m\nend=\n"))
	f.Add([]byte("apt_age=-5\ndisk=1 2 3\nend=\n"))
	f.Fuzz(func(t *testing.T, out []byte) {
		facts, err := packages.ParseFacts(out, readAt)
		if err != nil {
			return
		}
		if facts.DiskBytes < 0 || facts.DiskFree < 0 || facts.MemoryBytes < 0 || facts.Uptime < 0 || facts.CPUs < 0 || facts.LoginUID < 0 {
			t.Errorf("negative: %+v", facts)
		}
		texts := append([]string{facts.Hostname, facts.OS.Pretty, facts.Arch, facts.Kernel, facts.BootID}, facts.Addresses...)
		for name, p := range facts.Found {
			texts = append(texts, string(name), string(p.Version), p.Detail)
		}
		for _, s := range texts {
			if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || r == '\u202e' }) || len(s) > 4096 {
				t.Errorf("not clean: %q", s)
			}
		}
		for _, p := range facts.SSHPorts {
			if p < 1 || p > 65535 {
				t.Errorf("port %d", p)
			}
		}
	})
}

// TestCertificatesInFacts: when certificates expire is told with the facts, and why
// that can't be. It needs openssl, as servers do.
func TestCertificatesInFacts(t *testing.T) {
	dir := t.TempDir()
	good, junk := filepath.Join(dir, "it's good.pem"), filepath.Join(dir, "junk.pem")
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	until := time.Date(2031, 7, 8, 9, 10, 11, 0, time.UTC)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string][]byte{good: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), junk: []byte("junk\n")} {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := filepath.Join(dir, "$(touch x)\nnone.pem")
	out, err := exec.Command("sh", "-c", packages.FactsScript(shelf{}, good, junk, none)).Output()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := packages.ParseFacts(out, readAt)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if len(facts.Expiries) != 3 || !facts.Expiries[0].At.Equal(until) || facts.Expiries[0].Unreadable != "" {
		t.Fatalf("got %+v in\n%s", facts.Expiries, out)
	}
	for i, says := range map[int]string{1: "is no certificate", 2: "there is no file"} {
		if x := facts.Expiries[i]; !x.At.IsZero() || !strings.Contains(x.Unreadable, says) {
			t.Errorf("of number %d it says %+v, want %q", i, x, says)
		}
	}
	for _, line := range []string{"certificate=x 2031-01-01T00:00:00Z", "certificate=99999 2031-01-01T00:00:00Z", "certificate=0 soon"} {
		var wrong *packages.FactsError
		if _, err := packages.ParseFacts([]byte(line+"\nend=facts\n"), readAt); !errors.As(err, &wrong) {
			t.Errorf("%s is taken: %v", line, err)
		}
	}
	if facts, err := packages.ParseFacts([]byte("certificate=1 2031-01-01T00:00:00Z\nend=facts\n"), readAt); err != nil || len(facts.Expiries) != 2 || facts.Expiries[0].Unreadable == "" {
		t.Errorf("one of two: %+v, %v", facts.Expiries, err)
	}
}

// The script runs on this machine too: it changes nothing.
func TestFactsScript(t *testing.T) {
	c := shelf{
		fake{name: "there", probe: "echo 1.2-3\necho more"},
		fake{name: "away", probe: "exit 1"},
		fake{name: "half", probe: "echo \"it's half 'done'\"\nexit 2"},
		fake{name: "wrong", probe: "if then"},
		fake{name: "reader", probe: "cat >/dev/null; exit 1"},
		fake{name: "several", probe: "echo 8.2\necho '@8.3 0 8.3.1'\necho '@7 2 it is not running'\necho other\n"},
		fake{name: "silent"},
	}
	cmd := exec.Command("sh", "-c", packages.FactsScript(c))
	cmd.Env = []string{"SSH_CONNECTION=192.0.2.1 50000 192.0.2.2 2022"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	facts, err := packages.ParseFacts(out, readAt)
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := map[packages.Name]packages.Presence{
		"there":       {State: packages.Present, Version: "1.2-3"},
		"away":        {State: packages.Absent},
		"half":        {State: packages.Partial, Detail: "it's half 'done'"},
		"wrong":       {State: packages.Partial},
		"reader":      {State: packages.Absent},
		"several":     {State: packages.Present, Version: "8.2"},
		"several@8.3": {State: packages.Present, Version: "8.3.1"},
		"several@7":   {State: packages.Partial, Detail: "it is not running"},
	}
	if diff := cmp.Diff(want, facts.Found); diff != "" {
		t.Errorf("found (-want +got):\n%s", diff)
	}
	if len(facts.SSHPorts) == 0 || facts.SSHPorts[0] != 2022 {
		t.Errorf("got the ports %v, want 2022 first", facts.SSHPorts)
	}
	if facts.Hostname == "" {
		t.Errorf("no host name in\n%s", out)
	}
}
