package job

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"brokeforge/sshrun"
	"brokeforge/store"
)

func TestShell(t *testing.T) {
	host := newFakeHost()
	host.exit = sshrun.Exit{Status: 7}
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	shell, err := b.OpenShell(b.Context(), server.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	raw := "\x1b[31mred\x00\xff"
	status, err := shell(b.Context(), Terminal{In: strings.NewReader(raw), Out: &out, Err: &out})
	if status != 7 || err != nil || out.String() != raw {
		t.Errorf("status %d, %v, output %q", status, err, &out)
	}
	host.shellError = &sshrun.LostError{Name: "web1", Err: errors.New("cut")}
	if _, err := shell(b.Context(), Terminal{In: strings.NewReader(""), Out: &out}); !NotReached(err) {
		t.Errorf("a lost connection gives %v", err)
	}
}

func TestShellOnAServerThatIsNotReached(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("base")}, map[string]*fakeHost{"10.0.0.1": host})
	server := b.add("web1", "10.0.0.1")
	host.key = "SHA256:other"
	var key *HostKeyError
	if _, err := b.OpenShell(b.Context(), server.ID); !errors.As(err, &key) || !key.Changed() {
		t.Errorf("another key gives %v", err)
	}
	if s := b.servers()["web1"]; s.Connection != store.Refused {
		t.Errorf("recorded as %q", s.Connection)
	}
	host.key = "SHA256:first"
	if _, err := b.OpenShell(b.Context(), server.ID); err != nil || b.servers()["web1"].Connection != store.Connected {
		t.Errorf("with the right key: %v, recorded as %q", err, b.servers()["web1"].Connection)
	}
	host.down = errors.New("no answer")
	if _, err := b.OpenShell(b.Context(), server.ID); !NotReached(err) {
		t.Errorf("an unreachable server gives %v", err)
	}
	if _, err := b.OpenShell(b.Context(), "none"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("no server gives %v", err)
	}
}
