package hosts

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// openLab opens a lab for a test. It returns nil where hosts can't run.
func openLab(t *testing.T) *Lab {
	t.Helper()
	if !Require(t) {
		return nil
	}
	lab, err := Open(t.Context(), Options{Progress: func(line string) { t.Log(line) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := lab.Close(); err != nil {
			t.Error(err)
		}
	})
	return lab
}

func start(t *testing.T, lab *Lab, spec Spec) *Host {
	t.Helper()
	begun := time.Now()
	h, err := lab.Start(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s (%s) at %s after %v", h.Name, h.Suite, h.Address(), time.Since(begun).Round(time.Millisecond))
	return h
}

// login connects as root with the lab's key, and only to the host that has the host's key.
func login(t *testing.T, lab *Lab, h *Host) *ssh.Client {
	t.Helper()
	text, err := os.ReadFile(lab.Key())
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.ParsePrivateKey(text)
	if err != nil {
		t.Fatal(err)
	}
	client, err := ssh.Dial("tcp", net.JoinHostPort(h.Address(), "22"), &ssh.ClientConfig{
		User:              "root",
		Auth:              []ssh.AuthMethod{ssh.PublicKeys(signer)},
		HostKeyCallback:   ssh.FixedHostKey(h.HostKey()),
		HostKeyAlgorithms: []string{ssh.KeyAlgoED25519},
		Timeout:           10 * time.Second,
	})
	if err != nil {
		t.Fatalf("log in to %s: %v", h.Name, err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// remote runs a command over SSH and returns its output, trimmed, and its error.
func remote(client *ssh.Client, command string) (string, error) {
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close()
	out, err := session.CombinedOutput(command)
	return strings.TrimSpace(string(out)), err
}

func mustRemote(t *testing.T, client *ssh.Client, command string) string {
	t.Helper()
	out, err := remote(client, command)
	if err != nil {
		t.Fatalf("%s: %v: %s", command, err, out)
	}
	return out
}

func TestTwoReleasesSideBySide(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	var wg sync.WaitGroup
	for suite, version := range map[Suite]string{Bookworm: "12", Trixie: "13"} {
		wg.Go(func() {
			h, err := lab.Start(t.Context(), Spec{Name: "server" + version, Suite: suite})
			if err != nil {
				t.Error(err)
			} else if out, err := h.Exec(t.Context(), "sh", "-c", `. /etc/os-release; echo "$ID $VERSION_ID"`); err != nil || string(out) != "debian "+version+"\n" {
				t.Errorf("%s is %q, %v", h.Name, out, err)
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, h := range lab.hosts {
		client := login(t, lab, h)
		if state := mustRemote(t, client, "systemctl is-system-running --wait"); state != "running" {
			t.Errorf("%s is %s: %s", h.Name, state, mustRemote(t, client, "systemctl --failed"))
		}
		if name := mustRemote(t, client, "hostname"); name != h.Name {
			t.Errorf("%s says its name is %q", h.Name, name)
		}
		mustRemote(t, client, "systemd-run --wait --collect --quiet true")
		mustRemote(t, client, "DEBIAN_FRONTEND=noninteractive apt-get update && "+
			"DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends nginx-light ufw && "+
			"ufw default deny incoming && ufw allow 22/tcp && ufw allow 80/tcp && ufw --force enable")
		if status := mustRemote(t, client, "ufw status"); !strings.Contains(status, "Status: active") {
			t.Errorf("%s: %s", h.Name, status)
		}
		mustRemote(t, client, "systemctl is-active nginx")
		page, err := fetch(t.Context(), "http://"+h.Address()+"/")
		if err != nil || !strings.Contains(page, "nginx") {
			t.Errorf("%s answers %q, %v", h.Name, page, err)
		}
		// A second sshd on a port the firewall doesn't let in shows that it is one.
		mustRemote(t, client, "systemd-run --quiet /usr/sbin/sshd -D -p 8081 && "+
			"until ss -ltn | grep -q :8081; do sleep 0.05; done")
		if conn, err := net.DialTimeout("tcp", net.JoinHostPort(h.Address(), "8081"), 500*time.Millisecond); err == nil {
			conn.Close()
			t.Errorf("%s: the firewall lets in what it shouldn't", h.Name)
		}
		login(t, lab, h)
	}
}

func fetch(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultTransport.(*http.Transport).Clone().RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return string(body), err
}

// A service stopped on one host must not be touched on another: each has its own cgroup.
func TestHostsAreApart(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	a, b := start(t, lab, Spec{Name: "a"}), start(t, lab, Spec{Name: "b"})
	sleeping := "systemd-run --quiet --unit=sleeper sleep 1000"
	mustRemote(t, login(t, lab, a), sleeping)
	mustRemote(t, login(t, lab, b), sleeping)
	if _, err := a.Exec(t.Context(), "systemctl", "stop", "sleeper"); err != nil {
		t.Error(err)
	}
	if out, err := b.Exec(t.Context(), "pgrep", "-x", "sleep"); err != nil {
		t.Errorf("the other host's service was stopped too: %v %s", err, out)
	}
	if bytes.Equal(a.HostKey().Marshal(), b.HostKey().Marshal()) {
		t.Error("two hosts have the same host key")
	}
	if _, err := lab.Start(t.Context(), Spec{Name: "a"}); err == nil {
		t.Error("a second host of the same name was started")
	}
	// They reach each other by the bridge.
	mustRemote(t, login(t, lab, a), "exec 3<>/dev/tcp/"+b.Address()+"/22 && head -c 4 <&3")
}

func TestRebootKeepsFiles(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	h := start(t, lab, Spec{Name: "phoenix", Suite: Trixie})
	if err := h.WriteFile(t.Context(), "/srv/deep/er/note", []byte("kept\n")); err != nil {
		t.Fatal(err)
	}
	id := func() string {
		out, err := h.Exec(t.Context(), "cat", "/proc/1/stat")
		if err != nil {
			t.Fatal(err)
		}
		return strings.Fields(string(out))[21]
	}
	check := func(how string, before string) {
		t.Helper()
		if id() == before {
			t.Errorf("%s: process 1 is the same as before", how)
		}
		if text, err := h.ReadFile(t.Context(), "/srv/deep/er/note"); err != nil || string(text) != "kept\n" {
			t.Errorf("%s: the file holds %q, %v", how, text, err)
		}
		mustRemote(t, login(t, lab, h), "true")
	}

	before := id()
	if err := h.Reboot(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("reboot", before)

	before = id()
	if err := h.Crash(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Exec(t.Context(), "true"); err == nil {
		t.Error("a crashed host runs programs")
	}
	if conn, err := net.DialTimeout("tcp", net.JoinHostPort(h.Address(), "22"), 500*time.Millisecond); err == nil {
		conn.Close()
		t.Error("a crashed host answers")
	}
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("crash", before)

	before = id()
	// The connection may end before the command's status comes.
	_, err := remote(login(t, lab, h), "systemctl reboot")
	t.Logf("reboot from inside: %v", err)
	awaitNewInit(t, h, before)
	if err := h.Boot(t.Context()); err != nil {
		t.Fatal(err)
	}
	check("reboot from inside", before)
}

func awaitNewInit(t *testing.T, h *Host, before string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := poll(ctx, 50*time.Millisecond, func() (bool, error) {
		out, err := h.Exec(ctx, "cat", "/proc/1/stat")
		f := strings.Fields(string(out))
		return err == nil && len(f) > 21 && f[21] != before, nil
	})
	if err != nil {
		t.Fatalf("the host did not come back: %v", err)
	}
}

func TestCutAndJoin(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	h := start(t, lab, Spec{Name: "island"})
	client := login(t, lab, h)
	if err := h.Cut(); err != nil {
		t.Fatal(err)
	}
	if conn, err := net.DialTimeout("tcp", net.JoinHostPort(h.Address(), "22"), 500*time.Millisecond); err == nil {
		conn.Close()
		t.Error("a host without cable answers")
	}
	if err := h.Join(); err != nil {
		t.Fatal(err)
	}
	mustRemote(t, client, "true") // the old connection lives on
	login(t, lab, h)
}

func TestDiskLimit(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	h := start(t, lab, Spec{Name: "full", DiskBytes: 16 << 20})
	client := login(t, lab, h)
	out, err := remote(client, "LC_ALL=C dd if=/dev/zero of=/srv/fill bs=1M count=32")
	var exit *ssh.ExitError
	if !errors.As(err, &exit) || !strings.Contains(out, "No space left on device") {
		t.Errorf("writing 32 MiB on a disk of 16: %v: %s", err, out)
	}
	mustRemote(t, client, "rm /srv/fill; dd if=/dev/zero of=/srv/fill bs=1M count=8")
}

func TestTenTogether(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range 10 {
		suite := []Suite{Bookworm, Trixie}[i%2]
		wg.Go(func() {
			if _, err := lab.Start(t.Context(), Spec{Name: "h" + string(rune('0'+i)), Suite: suite}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	t.Logf("ten hosts were up after %v", time.Since(begun).Round(time.Millisecond))
	begun = time.Now()
	if err := lab.Close(); err != nil {
		t.Error(err)
	}
	t.Logf("and gone after %v", time.Since(begun).Round(time.Millisecond))
}

// leftOvers lists what is there of a lab on this machine.
func leftOvers(t *testing.T, n network) []string {
	t.Helper()
	var found []string
	for _, pattern := range []string{
		labDir(n.number), "/run/netns/" + n.name() + "-*", "/sys/class/net/" + n.name(),
		"/sys/class/net/" + n.name() + "-*", nspawnDir + "/" + n.name() + "-*",
		"/sys/fs/cgroup/" + groupName(n, "*"), "/sys/fs/cgroup/*/" + groupName(n, "*"),
	} {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, matches...)
	}
	mounts, err := mountsIn(labDir(n.number))
	if err != nil {
		t.Fatal(err)
	}
	found = append(found, mounts...)
	if out, err := run(t.Context(), "", "nft", "list", "ruleset"); err != nil || strings.Contains(string(out), n.table()+" ") {
		found = append(found, "nft table "+n.table())
	}
	commands, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range commands {
		// An error is a process that ended meanwhile.
		if text, err := os.ReadFile(file); err == nil && bytes.Contains(text, []byte(labDir(n.number)+"/")) {
			found = append(found, file)
		}
	}
	return found
}

func TestCloseLeavesNothing(t *testing.T) {
	lab := openLab(t)
	if lab == nil {
		return
	}
	running := start(t, lab, Spec{Name: "running", DiskBytes: 64 << 20})
	lock, err := lockFile(running.root())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); err != nil {
		t.Errorf("systemd-nspawn's lock of a running host: %v", err)
	}
	if found := leftOvers(t, lab.net); len(found) < 11 {
		t.Fatalf("an open lab shows only %q: this test looks in the wrong places", found)
	}
	stopped := start(t, lab, Spec{Name: "stopped", Suite: Trixie})
	if err := stopped.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := lab.Start(ctx, Spec{Name: "given-up"}); err == nil {
		t.Log("the host to give up was faster")
	}
	if err := lab.Close(); err != nil {
		t.Fatal(err)
	}
	if found := leftOvers(t, lab.net); len(found) > 0 {
		t.Errorf("left behind: %q", found)
	}
	if _, err := os.Stat(lock); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %s (%v)", lock, err)
	}
	if _, err := lab.Start(t.Context(), Spec{Name: "late"}); err == nil {
		t.Error("a closed lab starts hosts")
	}
	if err := lab.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}
