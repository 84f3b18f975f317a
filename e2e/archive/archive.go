// Package archive makes small signed archives of Debian packages for tests, and serves them.
//
// The packages are real ones, made by dpkg-deb(1), of which a test says what they hold; the keys are made
// by gpg(1). Both must be on the machine.
package archive

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Deb is a Debian package for any architecture.
type Deb struct {
	Name, Version string
	Control       []string          // more lines of the control file, such as "Depends: php-common"
	Files         map[string]string // by path without the first slash; those in a bin or sbin folder, and libexec, can be run
	Scripts       map[string]string // "postinst" and so on
}

// Archive is a folder that holds an archive. Its methods are for one goroutine.
type Archive struct {
	Component string // of the suites that are published later; empty means main
	dir       string
	debs      []string // stanzas of the index
}

// New makes an archive in an empty folder.
func New(dir string) (*Archive, error) {
	if err := os.MkdirAll(filepath.Join(dir, "pool"), 0o755); err != nil {
		return nil, fmt.Errorf("make archive: %w", err)
	}
	return &Archive{dir: dir}, nil
}

// Add builds a package into the archive. It is offered by the suites that are published later.
func (a *Archive) Add(ctx context.Context, d Deb) error {
	tree, err := os.MkdirTemp(a.dir, "tree-")
	if err != nil {
		return fmt.Errorf("build %s: %w", d.Name, err)
	}
	defer os.RemoveAll(tree)
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: BrokeForge's tests <root@localhost>\n", d.Name, d.Version)
	for _, line := range d.Control {
		control += line + "\n"
	}
	control += "Description: stands for " + d.Name + " in tests\n"
	files := map[string]string{"DEBIAN/control": control}
	maps.Copy(files, d.Files)
	for name, text := range d.Scripts {
		files["DEBIAN/"+name] = text
	}
	if err := os.Chmod(tree, 0o755); err != nil {
		return err
	}
	for name, text := range files {
		if err := put(filepath.Join(tree, name), text, modeOf(name, d.Scripts)); err != nil {
			return fmt.Errorf("build %s: %w", d.Name, err)
		}
	}
	file := fmt.Sprintf("pool/%s_%s_all.deb", d.Name, d.Version)
	if err := run(ctx, "", "dpkg-deb", "--root-owner-group", "--build", tree, filepath.Join(a.dir, file)); err != nil {
		return err
	}
	data, err := os.ReadFile(filepath.Join(a.dir, file))
	if err != nil {
		return err
	}
	a.list(control, file, data)
	return nil
}

func (a *Archive) list(control, file string, data []byte) {
	a.debs = append(a.debs, fmt.Sprintf("%sFilename: %s\nSize: %d\nSHA256: %s\n", control, file, len(data), sum(data)))
}

// AddFile puts a package that somebody else has built into the archive, as it is.
func (a *Archive) AddFile(ctx context.Context, name string, data []byte) error {
	file := "pool/" + name
	if err := put(filepath.Join(a.dir, file), string(data), 0o644); err != nil {
		return fmt.Errorf("add %s: %w", name, err)
	}
	control, err := exec.CommandContext(ctx, "dpkg-deb", "--field", filepath.Join(a.dir, file)).Output()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	a.list(string(control), file, data)
	return nil
}

// Alias serves a suite under another name too, while it goes on to say its own.
func (a *Archive) Alias(suite, alias string) error {
	return os.Symlink(suite, filepath.Join(a.dir, "dists", alias))
}

func modeOf(name string, scripts map[string]string) fs.FileMode {
	folder := filepath.Base(filepath.Dir(name))
	_, script := scripts[filepath.Base(name)]
	if folder == "bin" || folder == "sbin" || folder == "libexec" || (folder == "DEBIAN" && script) {
		return 0o755
	}
	return 0o644
}

func put(file, text string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(file, mode) // past the umask
}

// Publish makes a suite of all packages there are, signed by the key, in place of one of that name.
// Label and origin are what apt tells its user of the archive.
func (a *Archive) Publish(ctx context.Context, suite, label, origin string, key Key) error {
	arch, err := exec.CommandContext(ctx, "dpkg", "--print-architecture").Output()
	if err != nil {
		return fmt.Errorf("ask for the architecture: %w", err)
	}
	component := cmp.Or(a.Component, "main")
	binary := component + "/binary-" + strings.TrimSpace(string(arch)) + "/Packages"
	index := strings.Join(a.debs, "\n")
	dists := filepath.Join(a.dir, "dists", suite)
	if err := put(filepath.Join(dists, binary), index, 0o644); err != nil {
		return fmt.Errorf("publish %s: %w", suite, err)
	}
	release := fmt.Sprintf("Origin: %s\nLabel: %s\nSuite: %s\nCodename: %s\nArchitectures: %sComponents: %s\nDate: %s\nSHA256:\n %s %d %s\n",
		origin, label, suite, suite, arch, component, time.Now().UTC().Format(time.RFC1123), sum([]byte(index)), len(index), binary)
	signed, err := key.sign(ctx, release)
	if err != nil {
		return err
	}
	if err := put(filepath.Join(a.dir, "key.asc"), key.public, 0o644); err != nil {
		return err
	}
	return put(filepath.Join(dists, "InRelease"), signed, 0o644)
}

// Serve serves the archive on an address until the returned func is called. The key of the last
// suite is at /key.asc.
func (a *Archive) Serve(address string) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", net.JoinHostPort(address, "0"))
	if err != nil {
		return "", nil, fmt.Errorf("serve archive: %w", err)
	}
	server := &http.Server{Handler: http.FileServer(http.Dir(a.dir)), ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() error {
		err := server.Close()
		if served := <-done; !errors.Is(served, http.ErrServerClosed) {
			err = errors.Join(err, served)
		}
		return err
	}, nil
}

// Key is a key that signs archives.
type Key struct {
	Fingerprint string
	home        string
	public      string
	at          string // the time that gpg is told; empty means now
}

// NewKey makes a key in an empty folder. One that is expired was good on a day that is past, as far as its
// public half tells, and goes on signing.
func NewKey(ctx context.Context, dir string, expired bool) (Key, error) {
	k := Key{home: dir}
	valid := "never"
	if expired {
		k.at, valid = "20200101T000000", "1d"
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Key{}, fmt.Errorf("make key: %w", err)
	}
	err := k.gpg(ctx, "", nil, "--passphrase", "", "--quick-generate-key", "BrokeForge's tests <root@localhost>", "ed25519", "sign", valid)
	if err != nil {
		return Key{}, err
	}
	var listing, public bytes.Buffer
	if err := k.gpg(ctx, "", &listing, "--with-colons", "--list-keys"); err != nil {
		return Key{}, err
	}
	for line := range strings.Lines(listing.String()) {
		if fields := strings.Split(line, ":"); fields[0] == "fpr" {
			k.Fingerprint = fields[9]
		}
	}
	if err := k.gpg(ctx, "", &public, "--armor", "--export"); err != nil {
		return Key{}, err
	}
	k.public = public.String()
	if expired {
		k.at = ""
		return k, k.gpg(ctx, "", nil, "--quick-set-expire", k.Fingerprint, "0")
	}
	return k, nil
}

// Close ends the agent that gpg has started for the key.
func (k Key) Close() error {
	return run(context.Background(), "", "gpgconf", "--homedir", k.home, "--kill", "all")
}

func (k Key) sign(ctx context.Context, text string) (string, error) {
	var signed bytes.Buffer
	err := k.gpg(ctx, text, &signed, "--clearsign")
	return signed.String(), err
}

func (k Key) gpg(ctx context.Context, stdin string, stdout *bytes.Buffer, args ...string) error {
	options := []string{"--batch", "--yes", "--quiet", "--homedir", k.home, "--pinentry-mode", "loopback"}
	if k.at != "" {
		options = append(options, "--faked-system-time", k.at)
	}
	cmd := exec.CommandContext(ctx, "gpg", slices.Concat(options, args)...)
	cmd.Stdin = strings.NewReader(stdin)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if stdout != nil {
		cmd.Stdout = stdout
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("gpg %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return nil
}

func run(ctx context.Context, stdin, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func sum(data []byte) string {
	s := sha256.Sum256(data)
	return hex.EncodeToString(s[:])
}
