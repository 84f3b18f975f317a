// Package hosts brings up real Debian hosts on this machine and takes them down again, for
// end-to-end tests, benchmarks and the demonstration.
//
// A host is a Debian root file system with its own systemd as process 1, its own sshd, network
// address and firewall. It is started with systemd-nspawn(1) in a network namespace of its own; its
// files are an overlay over an image made once by debootstrap(8), so a fresh host costs an empty
// folder and about a second. Hosts are grouped in a [Lab], which has one bridge, one range of addresses
// (10.77.N.0/24) and one key that may log in as root. Several labs run side by side.
//
// Hosts need root on a Debian machine and some tools; [Check] says in one line what is missing.
// Whatever a lab starts it takes away in [Lab.Close]; what a killed process left behind is taken away
// by the next [Open], or by [Sweep].
package hosts

import (
	"context"
	"crypto/ed25519"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sync"

	"golang.org/x/crypto/ssh"
)

// Suite is a Debian release, by its code name.
type Suite string

// The releases a host can run.
const (
	Bookworm Suite = "bookworm" // Debian 12
	Trixie   Suite = "trixie"   // Debian 13
)

// String returns the suite as people say it, such as "Debian 12".
func (s Suite) String() string {
	switch s {
	case Bookworm:
		return "Debian 12"
	case Trixie:
		return "Debian 13"
	}
	return string(s)
}

// DefaultCache is the folder of the images when [Options.Cache] is empty.
const DefaultCache = "/var/cache/brokeforge/images"

// Options tells how a lab is opened. The zero value prepares both suites in [DefaultCache], silently.
type Options struct {
	// Cache is the folder where images are kept between runs. It is made when it is missing.
	Cache string
	// Suites are the images [Open] prepares; empty means all. A suite that is not among them is
	// prepared by the first [Lab.Start] that asks for it.
	Suites []Suite
	// Debs are Debian packages whose files hosts have at hand, with those that they need, so that
	// installing them needs no network. They are in an image of their own.
	Debs []string
	// Progress, if set, is called with a short line for each thing that takes a while. It may be
	// called from several goroutines at once.
	Progress func(line string)
}

// Spec describes a host to start.
type Spec struct {
	// Name is the hostname: a to z, digits and hyphens, beginning with a letter, at most 32 bytes,
	// one of its kind in the lab.
	Name string
	// Suite is the Debian release; empty means [Bookworm].
	Suite Suite
	// DiskBytes limits what the host can write to its root file system over its life, in bytes. Zero
	// is no limit but the machine's. A limited disk is kept in memory. A booted host needs about 2 MB.
	DiskBytes int64
}

// Lab is a group of hosts on one bridge. Its methods can be called from several goroutines.
type Lab struct {
	images *images
	net    network
	dir    string
	public ssh.PublicKey

	ctx    context.Context
	cancel context.CancelFunc
	// starting is read-locked by each Start, so that Close waits for it.
	starting sync.RWMutex

	mu     sync.Mutex
	hosts  map[string]*Host
	next   int // index of the next host
	closed bool
}

// Open prepares the images that are missing (a minute or so each, once), takes away what dead
// processes left behind, and opens a lab with no hosts. The error is that of [Check] where hosts
// can't run. The caller closes the lab.
func Open(ctx context.Context, options Options) (*Lab, error) {
	if err := Check(); err != nil {
		return nil, err
	}
	if options.Cache == "" {
		options.Cache = DefaultCache
	}
	if options.Progress == nil {
		options.Progress = func(string) {}
	}
	if options.Suites == nil {
		options.Suites = []Suite{Bookworm, Trixie}
	}
	images, err := newImages(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := images.prepareAll(ctx, options.Suites); err != nil {
		return nil, err
	}
	lab := &Lab{images: images, hosts: map[string]*Host{}}
	lab.ctx, lab.cancel = context.WithCancel(context.Background())
	err = withRegistry(ctx, func() error {
		if err := sweep(); err != nil {
			return err
		}
		var err error
		lab.net, lab.dir, err = claim(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open lab: %w", err)
	}
	if lab.public, err = writeKey(lab.Key()); err != nil {
		return nil, errors.Join(fmt.Errorf("open lab: %w", err), lab.Close())
	}
	return lab, nil
}

// Key returns the path of a private ed25519 key in OpenSSH's format, mode 0600, that may log in as
// root on every host of this lab. It is made for the lab and goes away with it.
func (l *Lab) Key() string { return filepath.Join(l.dir, "id_ed25519") }

var validName = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Start makes a fresh host and boots it. It returns when the host's sshd greets, so a login can
// follow at once. Hosts can be started side by side.
func (l *Lab) Start(ctx context.Context, spec Spec) (*Host, error) {
	l.starting.RLock()
	defer l.starting.RUnlock()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.ctx, cancel)()

	if spec.Suite == "" {
		spec.Suite = Bookworm
	}
	image, err := l.images.prepare(ctx, spec.Suite)
	if err != nil {
		return nil, err
	}
	h, err := l.add(spec)
	if err != nil {
		return nil, err
	}
	if err := h.install(ctx, image); err != nil {
		return nil, fmt.Errorf("make host %s: %w", h.Name, err)
	}
	if err := h.Boot(ctx); err != nil {
		return nil, err
	}
	return h, nil
}

// maxHosts is bounded by the addresses of the lab's range.
const maxHosts = 240

func (l *Lab) add(spec Spec) (*Host, error) {
	if !validName.MatchString(spec.Name) {
		return nil, fmt.Errorf("start host %q: a name is made of a to z, 0 to 9 and hyphens, and begins with a letter", spec.Name)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, fmt.Errorf("start host %s: the lab is closed", spec.Name)
	case l.hosts[spec.Name] != nil:
		return nil, fmt.Errorf("start host %s: the lab has a host of this name", spec.Name)
	case l.next == maxHosts:
		return nil, fmt.Errorf("start host %s: the lab is full, it had %d hosts", spec.Name, maxHosts)
	}
	h := &Host{
		Name:  spec.Name,
		Suite: spec.Suite,
		lab:   l,
		disk:  spec.DiskBytes,
		dir:   filepath.Join(l.dir, "hosts", spec.Name),
		cable: l.net.cable(spec.Name, l.next),
	}
	l.next++
	l.hosts[h.Name] = h
	return h, nil
}

// Close takes down everything the lab started: hosts, network and files. It waits for a running
// Start to give up. It can be called again, and returns nil then.
func (l *Lab) Close() error {
	l.cancel()
	l.starting.Lock()
	defer l.starting.Unlock()
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil
	}
	l.closed = true
	hosts := l.hosts
	l.mu.Unlock()

	var errs []error
	for _, h := range hosts {
		errs = append(errs, h.Crash())
	}
	errs = append(errs, withRegistry(context.Background(), func() error {
		return errors.Join(tearDown(l.net.number), restoreMachine())
	}))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("close lab: %w", err)
	}
	return nil
}

// writeKey makes an ed25519 key, writes its private half to the file and returns the public one.
func writeKey(file string) (ssh.PublicKey, error) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return nil, fmt.Errorf("make a login key: %w", err)
	}
	block, err := ssh.MarshalPrivateKey(private, "brokeforge practice hosts")
	if err != nil {
		return nil, fmt.Errorf("encode a login key: %w", err)
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, fmt.Errorf("write a login key: %w", err)
	}
	return ssh.NewPublicKey(public)
}
