package hosts

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"golang.org/x/crypto/ssh"
)

// Host is one Debian server of a lab. Its methods can be called from several goroutines.
type Host struct {
	Name  string // its hostname
	Suite Suite

	lab   *Lab
	disk  int64 // bytes, 0 without limit
	dir   string
	cable cable
	key   ssh.PublicKey

	cut     atomic.Bool // the cable; what the next boot plugs in
	mu      sync.Mutex
	session *session // nil before the first boot
}

// Address returns the host's IPv4 address, without a port; sshd listens on 22.
func (h *Host) Address() string { return h.cable.address.String() }

// Addr is [Host.Address] as a value.
func (h *Host) Addr() netip.Addr { return h.cable.address }

// HostKey returns the public ed25519 key by which the host's sshd shows who it is. The host has
// ECDSA and RSA keys too, as every Debian server.
func (h *Host) HostKey() ssh.PublicKey { return h.key }

// Log returns the path of what the host wrote to its console. It goes away with the lab.
func (h *Host) Log() string { return filepath.Join(h.dir, "console.log") }

func (h *Host) root() string { return filepath.Join(h.dir, "root") }

// install makes the root file system of a fresh host: an empty layer over the image, and what
// makes this host different from its like. The layer is volatile (Linux 5.10): nothing waits for
// this machine's disk, as no host outlives this machine's kernel.
func (h *Host) install(ctx context.Context, image string) error {
	disk := filepath.Join(h.dir, "disk")
	upper, work := filepath.Join(disk, "upper"), filepath.Join(disk, "work")
	if err := errors.Join(os.MkdirAll(disk, 0o700), os.MkdirAll(h.root(), 0o755)); err != nil {
		return err
	}
	if err := h.mountDisk(ctx, disk); err != nil {
		return err
	}
	if err := errors.Join(os.Mkdir(upper, 0o755), os.Mkdir(work, 0o755)); err != nil {
		return err
	}
	_, err := run(ctx, "", "mount", "-t", "overlay", "-o",
		fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s,volatile", image, upper, work), "brokeforge", h.root())
	if err != nil {
		return err
	}
	if err := h.personalise(ctx); err != nil {
		return err
	}
	public, err := os.ReadFile(filepath.Join(h.root(), "etc/ssh/ssh_host_ed25519_key.pub"))
	if err != nil {
		return err
	}
	h.key, _, _, _, err = ssh.ParseAuthorizedKey(public)
	return err
}

// mountDisk puts the host's layer on a file system of its own where that is asked for, or needed: an
// overlay can't be written on an overlay, which is what a container's root is.
func (h *Host) mountDisk(ctx context.Context, disk string) error {
	kind, err := fileSystem(disk)
	if err != nil {
		return err
	}
	options := "mode=0700"
	switch {
	case h.disk > 0:
		options += fmt.Sprintf(",size=%d", h.disk)
	case kind != "overlay":
		return nil
	}
	_, err = run(ctx, "", "mount", "-t", "tmpfs", "-o", options, "brokeforge", disk)
	return err
}

// personalise writes the files by which a host differs from the image.
func (h *Host) personalise(ctx context.Context) error {
	resolv, err := resolvConf()
	if err != nil {
		return err
	}
	id := make([]byte, 16)
	rand.Read(id) // never fails, see its documentation
	files := []struct {
		name string
		text []byte
		mode fs.FileMode
	}{
		{"etc/hostname", []byte(h.Name + "\n"), 0o644},
		{"etc/hosts", []byte("127.0.0.1 localhost\n127.0.1.1 " + h.Name + "\n::1 localhost ip6-localhost ip6-loopback\n"), 0o644},
		{"etc/machine-id", []byte(hex.EncodeToString(id) + "\n"), 0o444},
		{"etc/resolv.conf", resolv, 0o644},
		{"root/.ssh/authorized_keys", ssh.MarshalAuthorizedKey(h.lab.public), 0o600},
		{"etc/apt/apt.conf.d/90machine", []byte(h.lab.images.settings.file(h.cable.net.gateway())), 0o644},
	}
	if err := os.MkdirAll(filepath.Join(h.root(), "root/.ssh"), 0o700); err != nil {
		return err
	}
	for _, f := range files {
		if len(f.text) == 0 {
			continue
		}
		file := filepath.Join(h.root(), f.name)
		if err := os.WriteFile(file, f.text, f.mode); err != nil {
			return err
		}
		// The umask of this process is none of the host's business.
		if err := os.Chmod(file, f.mode); err != nil {
			return err
		}
	}
	return h.makeHostKeys(ctx)
}

// makeHostKeys makes a key of each kind a Debian server has. The RSA key is of 2048 bits, because
// one of the usual 3072 takes as long as booting.
func (h *Host) makeHostKeys(ctx context.Context) error {
	_, err := run(ctx, "", "ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-C", "root@"+h.Name,
		"-f", filepath.Join(h.root(), "etc/ssh/ssh_host_rsa_key"))
	if err != nil {
		return err
	}
	_, err = run(ctx, "", "ssh-keygen", "-q", "-A", "-f", h.root()) // those that are missing
	return err
}

// Cut pulls the host's network cable: packets are lost silently, connections stay open. It lasts
// over reboots, until [Host.Join].
func (h *Host) Cut() error { return h.setCable(true) }

// Join puts the host's network cable in again, and returns when sshd answers, if the host is on:
// this machine's kernel goes on saying for a while that there is no way to it.
func (h *Host) Join() error {
	if err := h.setCable(false); err != nil {
		return err
	}
	s := h.current()
	if s == nil {
		return nil
	}
	if err := h.awaitGreeting(context.Background(), s); err != nil {
		return fmt.Errorf("join %s: %w", h.Name, err)
	}
	return nil
}

func (h *Host) setCable(cut bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.cut.Store(cut)
	if h.session == nil || !h.session.running() {
		return nil
	}
	h.session.mu.Lock() // waits for a reboot that is plugging the cable in
	defer h.session.mu.Unlock()
	state := "up"
	if cut {
		state = "down"
	}
	if err := h.cable.set(context.Background(), state); err != nil {
		return fmt.Errorf("set the cable of %s %s: %w", h.Name, state, err)
	}
	return nil
}
