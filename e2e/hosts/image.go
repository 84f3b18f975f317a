package hosts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// recipe is the version of how an image is made. Raise it with every change of how that is done.
const recipe = 1

// imagePackages is what an image has beyond debootstrap's minimal system: what a freshly rented
// server has, and no more.
const imagePackages = "systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates,iptables,curl,procps"

// images makes images and finds those that are made.
type images struct {
	cache       string   // folder
	debs        []string // what the images have downloaded
	progress    func(string)
	mirror      mirror
	settings    aptSettings
	authorities []authority
}

// newImages finds out how this machine reaches Debian.
func newImages(ctx context.Context, options Options) (*images, error) {
	cache, err := filepath.Abs(options.Cache)
	if err != nil {
		return nil, fmt.Errorf("prepare images: %w", err)
	}
	if strings.ContainsAny(cache, `:,\`) {
		return nil, fmt.Errorf("prepare images: the cache folder %q has a colon, a comma or a backslash in its name, which an overlay mount can't take", cache)
	}
	if err := os.MkdirAll(cache, 0o700); err != nil {
		return nil, fmt.Errorf("prepare images: %w", err)
	}
	i := &images{cache: cache, progress: options.Progress, debs: options.Debs}
	if i.mirror, err = machineMirror(ctx); err != nil {
		return nil, fmt.Errorf("prepare images: %w", err)
	}
	if i.settings, err = machineAptSettings(ctx); err != nil {
		return nil, fmt.Errorf("prepare images: %w", err)
	}
	if i.authorities, err = localAuthorities(); err != nil {
		return nil, fmt.Errorf("prepare images: %w", err)
	}
	return i, nil
}

// path names everything that goes into an image, so that a cached one is used only when it is what
// would be built now.
func (i *images) path(suite Suite) string {
	sum := sha256.New()
	fmt.Fprintf(sum, "%d\n%s\n%s\n%s\n", recipe, imagePackages, suite, i.mirror.sources(suite))
	for _, a := range i.authorities {
		fmt.Fprintf(sum, "%s %d\n%s", a.name, len(a.pem), a.pem)
	}
	for _, name := range i.debs {
		fmt.Fprintf(sum, "deb %s\n", name)
	}
	return filepath.Join(i.cache, string(suite)+"-"+hex.EncodeToString(sum.Sum(nil))[:12])
}

// prepareAll prepares the images of several suites side by side.
func (i *images) prepareAll(ctx context.Context, suites []Suite) error {
	results := make(chan error)
	for _, suite := range suites {
		go func() {
			_, err := i.prepare(ctx, suite)
			results <- err
		}()
	}
	var errs []error
	for range suites {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// prepare returns the folder of the suite's image and builds it when the cache has none. Of several
// processes one builds and the others wait for it.
func (i *images) prepare(ctx context.Context, suite Suite) (string, error) {
	if suite != Bookworm && suite != Trixie {
		return "", fmt.Errorf("prepare image: there is no suite %q, only %q and %q", string(suite), string(Bookworm), string(Trixie))
	}
	image := i.path(suite)
	if isDir(image) {
		return image, nil
	}
	fill := i.plain
	if len(i.debs) > 0 {
		bare := *i
		bare.debs = nil
		from, err := bare.prepare(ctx, suite)
		if err != nil {
			return "", err
		}
		fill = func(ctx context.Context, root string, suite Suite) error { return i.stock(ctx, from, root, suite) }
	}
	err := withLock(ctx, filepath.Join(i.cache, string(suite)+".lock"), func() error {
		if isDir(image) {
			return nil
		}
		i.progress(fmt.Sprintf("building the image of %s, once (a minute or two)…", suite))
		begun := time.Now()
		if err := i.build(ctx, image, suite, fill); err != nil {
			return err
		}
		i.progress(fmt.Sprintf("built the image of %s in %.0f s", suite, time.Since(begun).Seconds()))
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("prepare the image of %s: %w", suite, err)
	}
	return image, nil
}

// build makes the image in a temporary folder beside its place and renames it, so that a
// folder of the final name is always whole. The caller holds the suite's lock.
func (i *images) build(ctx context.Context, image string, suite Suite, fill func(context.Context, string, Suite) error) error {
	unfinished, err := filepath.Glob(filepath.Join(i.cache, "."+string(suite)+"-*"))
	if err != nil {
		return err
	}
	for _, dir := range unfinished {
		if err := removeTree(dir); err != nil {
			return err
		}
	}
	root, err := os.MkdirTemp(i.cache, "."+string(suite)+"-*")
	if err != nil {
		return err
	}
	err = os.Chmod(root, 0o755)
	if err == nil {
		err = fill(ctx, root, suite)
	}
	if err == nil {
		err = os.Rename(root, image)
	}
	if err != nil {
		return errors.Join(err, removeTree(root))
	}
	return nil
}

// plain makes an image without downloads in a folder.
func (i *images) plain(ctx context.Context, root string, suite Suite) error {
	if err := i.debootstrap(ctx, root, suite); err != nil {
		return err
	}
	return i.finish(ctx, root, suite)
}

// stock makes an image of a plain one, and downloads the Debian packages that hosts
// are to have at hand with all that they need. One that the suite does not have is
// left out: suites differ.
func (i *images) stock(ctx context.Context, plain, root string, suite Suite) error {
	if _, err := run(ctx, "", "cp", "-a", "--reflink=auto", plain+"/.", root); err != nil {
		return err
	}
	resolv, err := os.ReadFile("/etc/resolv.conf")
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	settings := filepath.Join(root, "etc/apt/apt.conf.d/90machine")
	names := filepath.Join(root, "etc/resolv.conf")
	text := strings.Join(i.settings, "\n") + "\n"
	if err := errors.Join(os.WriteFile(settings, []byte(text), 0o644), os.WriteFile(names, resolv, 0o644)); err != nil {
		return err
	}
	if _, err := run(ctx, "", "chroot", root, "apt-get", "-q", "update"); err != nil {
		return err
	}
	for _, deb := range i.debs {
		if known, err := run(ctx, "", "chroot", root, "apt-cache", "policy", deb); err != nil || !strings.Contains(string(known), "Candidate: ") {
			continue
		}
		if _, err := run(ctx, "", "chroot", root, "apt-get", "-q", "-y", "--no-install-recommends", "--download-only", "install", deb); err != nil {
			return fmt.Errorf("download %s for %s: %w", deb, suite, err)
		}
	}
	return errors.Join(os.Remove(settings), os.Remove(names))
}

// debootstrap runs in a mount namespace of its own, so that what it mounts ends with it.
func (i *images) debootstrap(ctx context.Context, root string, suite Suite) error {
	logFile := filepath.Join(i.cache, string(suite)+".log")
	log, err := os.Create(logFile)
	if err != nil {
		return err
	}
	defer log.Close()
	tool, err := toolPath("unshare")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, tool, "--mount", "--propagation", "private", "debootstrap",
		"--variant=minbase", "--include="+imagePackages, string(suite), root, i.mirror.archive)
	cmd.Env = toolEnv(i.settings.proxyEnv()...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("debootstrap: %w", context.Cause(ctx))
		}
		return fmt.Errorf("debootstrap: %w; the end of %s:\n%s", err, logFile, lastLines(logFile, 5))
	}
	return nil
}

// finish makes a server of a bare system, and takes out what must differ from host to host.
func (i *images) finish(ctx context.Context, root string, suite Suite) error {
	in := func(file string) string { return filepath.Join(root, file) }
	if err := os.WriteFile(in("etc/apt/sources.list"), []byte(i.mirror.sources(suite)), 0o644); err != nil {
		return err
	}
	for _, a := range i.authorities {
		file := in(filepath.Join("usr/local/share/ca-certificates", a.name))
		if err := os.WriteFile(file, a.pem, 0o644); err != nil {
			return err
		}
	}
	if len(i.authorities) > 0 {
		if _, err := run(ctx, "", "chroot", root, "update-ca-certificates"); err != nil {
			return err
		}
	}
	if _, err := run(ctx, "", "chroot", root, "apt-get", "clean"); err != nil {
		return err
	}
	if err := os.WriteFile(in("etc/machine-id"), nil, 0o444); err != nil {
		return err
	}
	// A host shares this machine's kernel and has no modules to load; without this its systemd is
	// "degraded" for ever, which no real server is.
	mask := in("etc/systemd/system/systemd-modules-load.service")
	if err := os.Symlink("/dev/null", mask); err != nil {
		return err
	}
	keys, err := filepath.Glob(in("etc/ssh/ssh_host_*"))
	if err != nil {
		return err
	}
	for _, file := range append(keys, in("etc/hostname"), in("etc/resolv.conf")) {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
