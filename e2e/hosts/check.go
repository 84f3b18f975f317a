package hosts

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Check reports why hosts can't run on this machine, in one line, or nil when they can.
func Check() error {
	id, err := osRelease("ID")
	if err != nil || id != "debian" {
		return errors.New("practice hosts need a Debian machine, this is none")
	}
	if os.Geteuid() != 0 {
		return errors.New("practice hosts need root, and this is not root: run it as root")
	}
	if err := checkTools(); err != nil {
		return err
	}
	if err := checkCapabilities(); err != nil {
		return err
	}
	trees, err := cgroupTrees()
	if err != nil {
		return err
	}
	if len(trees) == 0 {
		return errors.New("practice hosts need cgroups, and no cgroup file system is mounted here")
	}
	return nil
}

// toolPackages says which Debian package brings a tool we run.
var toolPackages = map[string]string{
	"apt-config":     "apt",
	"apt-get":        "apt",
	"debootstrap":    "debootstrap",
	"systemd-nspawn": "systemd-container",
	"ip":             "iproute2",
	"nft":            "nftables",
	"ssh-keygen":     "openssh-client",
	"mount":          "mount",
	"umount":         "mount",
	"nsenter":        "util-linux",
	"unshare":        "util-linux",
	"chroot":         "coreutils",
}

func checkTools() error {
	var tools, packages []string
	for name, pkg := range toolPackages {
		if _, err := toolPath(name); err != nil {
			tools = append(tools, name)
			packages = append(packages, pkg)
		}
	}
	const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
	if _, err := os.Stat(keyring); err != nil {
		tools = append(tools, filepath.Base(keyring))
		packages = append(packages, "debian-archive-keyring")
	}
	if len(tools) == 0 {
		return nil
	}
	slices.Sort(tools)
	slices.Sort(packages)
	return fmt.Errorf("practice hosts need %s, which is not here: apt-get install %s",
		strings.Join(tools, ", "), strings.Join(slices.Compact(packages), " "))
}

// checkCapabilities finds a root that may not do what root does, as in an ordinary container.
// Numbers of capabilities: linux/capability.h.
func checkCapabilities() error {
	const netAdmin, sysAdmin = 12, 21
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return fmt.Errorf("read own capabilities: %w", err)
	}
	for line := range strings.Lines(string(status)) {
		value, ok := strings.CutPrefix(line, "CapEff:")
		if !ok {
			continue
		}
		set, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return fmt.Errorf("read own capabilities: %w", err)
		}
		if set&(1<<netAdmin) == 0 || set&(1<<sysAdmin) == 0 {
			return errors.New("practice hosts need a root who may mount and make networks, and this root may not (a container without --privileged?)")
		}
	}
	return nil
}

// osRelease returns a field of os-release(5), "" when it is not set.
func osRelease(field string) (string, error) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, field+"="); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`), nil
		}
	}
	return "", nil
}
