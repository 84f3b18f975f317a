package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	dbName   = "brokeforge.db"
	lockName = "brokeforge.lock"
	runsName = "runs"

	folderMode fs.FileMode = 0o700
	fileMode   fs.FileMode = 0o600
)

// prepareFolder makes the state folder where there is none, and sees to it that
// nobody else can look into it. It returns its absolute path.
func prepareFolder(dir string) (string, error) {
	if dir == "" {
		return "", errors.New("no state folder was named")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find the state folder: %w", err)
	}
	if err := makeFolder(dir); err != nil {
		return "", err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", explain("look at the state folder", dir, err)
	}
	if err := checkOwner(dir, info); err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		if err := tightenFolder(dir, info.Mode()); err != nil {
			return "", err
		}
	}
	return dir, makeFolder(filepath.Join(dir, runsName))
}

// makeFolder makes a folder and its parents. One that exists is left alone.
func makeFolder(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err == nil && info.IsDir():
		return nil
	case err == nil:
		return fmt.Errorf("the state folder %s is a file, not a folder; use another one", dir)
	case !errors.Is(err, fs.ErrNotExist):
		return explain("look at the state folder", dir, err)
	}
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return explain("make the state folder", dir, err)
	}
	// An umask may have taken rights away that we need.
	return explain("make the state folder", dir, os.Chmod(dir, folderMode))
}

func checkOwner(path string, info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if uid := os.Geteuid(); ok && uid != 0 && int(stat.Uid) != uid {
		return fmt.Errorf("%s belongs to another user (uid %d, you are %d); use a state folder of your own", path, stat.Uid, uid)
	}
	return nil
}

// tightenFolder closes a folder for others if it is ours alone. A folder that
// holds other things, such as /tmp or a home, is not ours to close.
func tightenFolder(dir string, mode fs.FileMode) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return explain("look into the state folder", dir, err)
	}
	ours := len(entries) == 0
	for _, e := range entries {
		ours = ours || e.Name() == dbName || e.Name() == lockName
	}
	if !ours || mode&fs.ModeSticky != 0 {
		return fmt.Errorf("the state folder %s can be entered by others (mode %04o) and holds other things; "+
			"use a folder of its own, or run: chmod 700 %[1]s", dir, mode.Perm())
	}
	return explain("close the state folder for others:", dir, os.Chmod(dir, folderMode))
}

// tightenFile takes a file's rights away from others.
func tightenFile(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return explain("look at", f.Name(), err)
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return explain("close for others", f.Name(), f.Chmod(fileMode))
}

// syncFolder makes a file's new name durable.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return explain("open", dir, err)
	}
	err = d.Sync()
	return explain("write", dir, errors.Join(err, d.Close()))
}
