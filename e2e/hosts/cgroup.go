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

// Each host's systemd-nspawn runs in a cgroup of its own. Without that, hosts started from one
// cgroup share one "payload" below it, and stopping a service on one host kills its like on another.

// cgroupTrees returns where processes are grouped: the cgroup2 tree, and systemd's named tree
// where this machine has the older hierarchies.
func cgroupTrees() ([]string, error) {
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	var trees []string
	for _, m := range mounts {
		named := m.kind == "cgroup" && slices.Contains(strings.Split(m.superOptions, ","), "name=systemd")
		if (m.kind == "cgroup2" || named) && strings.HasPrefix(m.point, "/sys/fs/cgroup") {
			trees = append(trees, m.point)
		}
	}
	return trees, nil
}

// groupName returns the name of a host's cgroup in each tree.
func groupName(n network, host string) string {
	return "brokeforge-" + strconv.Itoa(n.number) + "-" + host
}

// groupDirs returns the folders of a host's cgroup, one in each tree.
func groupDirs(n network, host string) ([]string, error) {
	trees, err := cgroupTrees()
	for i, tree := range trees {
		trees[i] = filepath.Join(tree, groupName(n, host))
	}
	return trees, err
}

// makeGroups makes the cgroup of a host in each tree and returns their folders.
func makeGroups(n network, host string) ([]string, error) {
	groups, err := groupDirs(n, host)
	if err != nil {
		return nil, err
	}
	for _, dir := range groups {
		if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make cgroup: %w", err)
		}
	}
	return groups, nil
}

// killGroup kills every process of a cgroup and of those below, and removes them all.
func killGroup(ctx context.Context, dir string) error {
	var busy error
	err := poll(ctx, 10*time.Millisecond, func() (bool, error) {
		if err := killMembers(dir); err != nil {
			return false, err
		}
		busy = removeGroups(dir)
		// A cgroup stays busy until its last process is reaped.
		if errors.Is(busy, syscall.EBUSY) || errors.Is(busy, syscall.ENOTEMPTY) {
			return false, nil
		}
		return busy == nil, busy
	})
	if err != nil {
		return fmt.Errorf("empty cgroup %s: %w", dir, errors.Join(err, busy))
	}
	return nil
}

func killMembers(dir string) error {
	// cgroup.kill is there in the cgroup2 tree since Linux 5.14.
	err := os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
	if !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
		return err
	}
	return eachGroup(dir, func(group string) error {
		text, err := os.ReadFile(filepath.Join(group, "cgroup.procs"))
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENODEV) {
			return nil
		}
		if err != nil {
			return err
		}
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil || pid == 0 {
				continue // 0 is a process of another namespace
			}
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return err
			}
		}
		return nil
	})
}

// removeGroups removes empty cgroups, the deepest first.
func removeGroups(dir string) error {
	return eachGroup(dir, func(group string) error {
		if err := syscall.Rmdir(group); err != nil && !errors.Is(err, syscall.ENOENT) {
			return &fs.PathError{Op: "rmdir", Path: group, Err: err}
		}
		return nil
	})
}

// eachGroup visits a cgroup and those below it, the deepest first. One that is gone is no error.
func eachGroup(dir string, visit func(string) error) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := eachGroup(filepath.Join(dir, e.Name()), visit); err != nil {
				return err
			}
		}
	}
	return visit(dir)
}
