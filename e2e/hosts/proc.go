package hosts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// process names a process so that no later one of the same number is taken for it.
type process struct {
	pid   int
	start string // since boot, in clock ticks
	boot  string // id of this machine's boot
}

func (p process) String() string { return fmt.Sprintf("%d %s %s", p.pid, p.start, p.boot) }

func thisProcess() (process, error) { return identify(os.Getpid()) }

func identify(pid int) (process, error) {
	s, err := readStat(pid)
	if err != nil {
		return process{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return process{}, fmt.Errorf("identify process %d: %w", pid, err)
	}
	return process{pid, s.start, strings.TrimSpace(string(boot))}, nil
}

// processAlive reports whether the process written down as its String runs. An empty text is a lab
// whose making was interrupted, and no process.
func processAlive(written string) (bool, error) {
	number, _, _ := strings.Cut(written, " ")
	pid, err := strconv.Atoi(number)
	if err != nil {
		return false, nil
	}
	p, err := identify(pid)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return p.String() == written, nil
}

// stat is the part of /proc/PID/stat, proc_pid_stat(5), that is read here.
type stat struct {
	parent int
	start  string
}

func readStat(pid int) (stat, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return stat{}, err
	}
	// The second field is a name in parentheses that may hold anything; the third follows the last ")".
	rest := string(text)[strings.LastIndexByte(string(text), ')')+1:]
	f := strings.Fields(rest)
	if len(f) < 20 {
		return stat{}, fmt.Errorf("read /proc/%d/stat: %d fields after the name", pid, len(f))
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return stat{}, fmt.Errorf("read /proc/%d/stat: %w", pid, err)
	}
	return stat{parent: parent, start: f[19]}, nil
}

// childOf returns a child of a process.
func childOf(pid int) (int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, entry := range entries {
		child, err := strconv.Atoi(filepath.Base(entry))
		if err != nil {
			continue
		}
		// An error is a process that ended meanwhile.
		if s, err := readStat(child); err == nil && s.parent == pid {
			return child, nil
		}
	}
	return 0, fmt.Errorf("process %d has no child", pid)
}

// mount is a line of /proc/self/mountinfo, proc_pid_mountinfo(5).
type mount struct {
	point, kind, superOptions string
}

func readMounts() ([]mount, error) {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil, fmt.Errorf("list mounts: %w", err)
	}
	return parseMounts(string(text)), nil
}

func parseMounts(text string) []mount {
	unescape := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
	var mounts []mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		f, g := strings.Fields(before), strings.Fields(after)
		if ok && len(f) >= 5 && len(g) >= 3 {
			mounts = append(mounts, mount{unescape.Replace(f[4]), g[0], g[2]})
		}
	}
	return mounts
}

// fileSystem returns the kind of file system a path lies on.
func fileSystem(path string) (string, error) {
	mounts, err := readMounts()
	if err != nil {
		return "", err
	}
	var best mount
	for _, m := range mounts {
		within := m.point == path || strings.HasPrefix(path, strings.TrimSuffix(m.point, "/")+"/")
		if within && len(m.point) >= len(best.point) {
			best = m
		}
	}
	return best.kind, nil
}
