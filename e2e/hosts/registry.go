package hosts

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stateDir holds a folder for each lab of this machine, named for its number. It is one place for
// all processes, because the numbers are.
const stateDir = "/var/lib/brokeforge-hosts"

func labsDir() string          { return filepath.Join(stateDir, "labs") }
func labDir(number int) string { return filepath.Join(labsDir(), strconv.Itoa(number)) }

// withRegistry calls do while no other process claims or takes down a lab.
func withRegistry(ctx context.Context, do func() error) error {
	if err := os.MkdirAll(labsDir(), 0o700); err != nil {
		return fmt.Errorf("open the registry of labs: %w", err)
	}
	return withLock(ctx, filepath.Join(stateDir, "lock"), do)
}

// withLock calls do holding an exclusive flock(2) on the file, which ends with the process.
func withLock(ctx context.Context, file string, do func() error) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	defer f.Close()
	err = poll(ctx, 50*time.Millisecond, func() (bool, error) {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return false, nil
		}
		return err == nil, err
	})
	if err != nil {
		return fmt.Errorf("lock %s: %w", file, err)
	}
	return do()
}

// claim takes the first free number, and makes its folder and network. The caller holds the
// registry's lock.
func claim(ctx context.Context) (network, string, error) {
	uplink, mtu, err := defaultLink()
	if err != nil {
		return network{}, "", err
	}
	owner, err := thisProcess()
	if err != nil {
		return network{}, "", err
	}
	for number := 1; number <= 254; number++ {
		n, dir := network{number: number, mtu: mtu}, labDir(number)
		if isDir(dir) {
			continue
		}
		free, err := n.free()
		if err != nil {
			return network{}, "", err
		}
		if !free {
			continue
		}
		err = os.Mkdir(dir, 0o700)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "owner"), []byte(owner.String()+"\n"), 0o600)
		}
		if err == nil {
			err = n.up(ctx, uplink)
		}
		if err == nil {
			err = raiseInotify()
		}
		if err != nil {
			return network{}, "", errors.Join(err, tearDown(number), restoreMachine())
		}
		return n, dir, nil
	}
	return network{}, "", errors.New("no number is free: 10.77.1.0/24 to 10.77.254.0/24 are all in use")
}

func labNumbers() ([]int, error) {
	entries, err := os.ReadDir(labsDir())
	if err != nil {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		if number, err := strconv.Atoi(e.Name()); err == nil {
			numbers = append(numbers, number)
		}
	}
	return numbers, nil
}

// Sweep takes away what labs left behind whose process is dead. Labs of living processes, and
// whatever is not of a lab, stay untouched. [Open] sweeps by itself.
func Sweep() error {
	if err := Check(); err != nil {
		return err
	}
	return withRegistry(context.Background(), sweep)
}

// sweep is Sweep for a caller who holds the registry's lock.
func sweep() error {
	numbers, err := labNumbers()
	if err != nil {
		return err
	}
	var errs []error
	for _, number := range numbers {
		text, err := os.ReadFile(filepath.Join(labDir(number), "owner"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
			continue
		}
		alive, err := processAlive(strings.TrimSpace(string(text)))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if !alive {
			errs = append(errs, tearDown(number))
		}
	}
	return errors.Join(append(errs, restoreMachine())...)
}

// tearDown takes away all of a lab, at whatever point its making or its taking down stopped. The
// caller holds the registry's lock.
func tearDown(number int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	n := network{number: number}
	var errs []error
	trees, err := cgroupTrees()
	errs = append(errs, err)
	for _, tree := range trees {
		groups, err := filepath.Glob(filepath.Join(tree, groupName(n, "*")))
		errs = append(errs, err)
		for _, dir := range groups {
			errs = append(errs, killGroup(ctx, dir))
		}
	}
	errs = append(errs, n.down(ctx))
	left, err := filepath.Glob(filepath.Join(nspawnDir, n.name()+"-*"))
	errs = append(errs, err)
	for _, dir := range left {
		errs = append(errs, os.Remove(dir))
	}
	roots, err := filepath.Glob(filepath.Join(labDir(number), "hosts", "*", "root"))
	errs = append(errs, err)
	for _, root := range roots {
		errs = append(errs, unlock(root))
	}
	if err := errors.Join(append(errs, removeTree(labDir(number)))...); err != nil {
		return fmt.Errorf("take down lab %d: %w", number, err)
	}
	return nil
}

// removeTree deletes a folder and what is mounted in it. It refuses to delete through a mount.
func removeTree(dir string) error {
	mounts, err := mountsIn(dir)
	if err != nil {
		return err
	}
	for _, point := range slices.Backward(mounts) {
		if _, err := run(context.Background(), "", "umount", point); err == nil {
			continue
		}
		if _, err := run(context.Background(), "", "umount", "--lazy", point); err != nil {
			return err
		}
	}
	if mounts, err = mountsIn(dir); err != nil {
		return err
	}
	if len(mounts) > 0 {
		return fmt.Errorf("remove %s: %s is still mounted", dir, mounts[0])
	}
	return os.RemoveAll(dir)
}

// mountsIn returns the mount points at and below dir, in the order they were mounted.
func mountsIn(dir string) ([]string, error) {
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, m := range mounts {
		if m.point == dir || strings.HasPrefix(m.point, dir+"/") {
			found = append(found, m.point)
		}
	}
	return found, nil
}
