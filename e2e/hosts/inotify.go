package hosts

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The limit of inotify instances is one for all of root's processes (inotify(7)), and with it for all
// hosts. One that runs has seven, a service or two more; past the kernel's default of 128 a host
// boots and then its systemd is silent.
const (
	inotifyLimit = "/proc/sys/fs/inotify/max_user_instances"
	wantInotify  = 8192
)

// inotifyBefore is the file that holds the limit as it was before a lab raised it.
func inotifyBefore() string { return filepath.Join(stateDir, "inotify") }

// raiseInotify raises the limit where it is too low. The caller holds the registry's lock.
func raiseInotify() error {
	now, err := readInotify()
	if err != nil || now >= wantInotify {
		return err
	}
	if err := os.WriteFile(inotifyBefore(), []byte(strconv.Itoa(now)), 0o600); err != nil {
		return fmt.Errorf("remember the limit of inotify: %w", err)
	}
	return writeInotify(wantInotify)
}

// restoreInotify puts the limit back after the last lab, unless somebody set another one since. The
// caller holds the registry's lock.
func restoreInotify() error {
	labs, err := labNumbers()
	if err != nil || len(labs) > 0 {
		return err
	}
	text, err := os.ReadFile(inotifyBefore())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("restore the limit of inotify: %w", err)
	}
	before, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		var now int
		if now, err = readInotify(); err == nil && now == wantInotify {
			err = writeInotify(before)
		}
	}
	if err != nil {
		return fmt.Errorf("restore the limit of inotify: %w", err)
	}
	return os.Remove(inotifyBefore())
}

func readInotify() (int, error) {
	text, err := os.ReadFile(inotifyLimit)
	if err != nil {
		return 0, fmt.Errorf("read the limit of inotify: %w", err)
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

func writeInotify(limit int) error {
	if err := os.WriteFile(inotifyLimit, []byte(strconv.Itoa(limit)), 0); err != nil {
		return fmt.Errorf("set the limit of inotify: %w", err)
	}
	return nil
}

// restoreMachine puts back what labs changed of this machine itself, after the last one. The caller
// holds the registry's lock.
func restoreMachine() error { return errors.Join(restoreForwarding(), restoreInotify()) }
