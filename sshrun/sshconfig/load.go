package sshconfig

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
)

const (
	maxFile  = 1 << 20 // bytes of one file
	maxFiles = 512     // read for one configuration
	maxDepth = 16      // of files that include others, as with ssh
)

// A Config is what the configuration files say. Its zero value says nothing.
type Config struct {
	env   Env
	items []item
}

// An Env is what the values of a configuration may refer to.
type Env struct {
	Home   string // "~" and %d
	User   string // who works here: %u, and what "Match localuser" looks at
	Host   string // the name of this machine: %l and %L
	UID    string // %i
	Getenv func(string) string
}

// Here returns the Env of this process. What can't be found out is empty.
func Here(home string) Env {
	e := Env{Home: home, Getenv: os.Getenv}
	e.Host, _ = os.Hostname()
	if u, err := user.Current(); err == nil {
		e.User, e.UID = u.Username, u.Uid
	}
	return e
}

// An item is a line, with the conditions that hold for it: those of its own block,
// and those under which its file is included.
type item struct {
	line
	conditions []line // "Host" and "Match" lines, all of which must match
}

// Load reads the files in order; of what several say the first counts. One that is
// not there is passed over. Its errors are *Error, or that of reading.
func Load(env Env, files ...string) (*Config, error) {
	r := &reader{config: &Config{env: env}}
	for _, file := range files {
		if err := r.file(file, nil, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return r.config, nil
}

type reader struct {
	config *Config
	count  int
}

func (r *reader) file(file string, conditions []line, depth int) error {
	if r.count++; r.count > maxFiles {
		return &Error{File: file, Reason: fmt.Sprintf("more than %d files are included", maxFiles)}
	}
	text, err := readFile(file)
	if err != nil {
		return err
	}
	return r.text(file, text, conditions, depth)
}

func readFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, fmt.Errorf("read the ssh configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, &Error{File: file, Reason: "it is not a file"}
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the ssh configuration: %w", err)
	}
	defer f.Close() // nothing was written
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the ssh configuration: %w", err)
	}
	if len(text) > maxFile {
		return nil, &Error{File: file, Reason: fmt.Sprintf("it is larger than %d KiB", maxFile>>10)}
	}
	return text, nil
}

func (r *reader) text(file string, text []byte, outer []line, depth int) error {
	lines, err := readLines(file, text)
	if err != nil {
		return err
	}
	conditions := outer
	for _, l := range lines {
		switch {
		case l.is("Host"), l.is("Match"):
			if err := checkCondition(l); err != nil {
				return err
			}
			conditions = append(outer[:len(outer):len(outer)], l)
			// The block is kept also where nothing stands in it, for its names.
			r.config.items = append(r.config.items, item{l, conditions})
		case l.is("Include"):
			if err := r.include(l, conditions, depth); err != nil {
				return err
			}
		default:
			if err := checkValue(l); err != nil {
				return err
			}
			r.config.items = append(r.config.items, item{l, conditions})
		}
	}
	return nil
}

// include reads the files that an Include names. As with ssh, one that is not there
// is passed over, and relative names are in ~/.ssh or, in the files of the system,
// in /etc/ssh.
func (r *reader) include(l line, conditions []line, depth int) error {
	if depth == maxDepth {
		return l.wrong("files are included over more than %d levels: does one include itself?", maxDepth)
	}
	for _, name := range l.args {
		path, err := r.config.env.path(name, nil)
		if err != nil {
			return l.wrong("Include %s: %v", name, err)
		}
		if !filepath.IsAbs(path) {
			base := filepath.Join(r.config.env.Home, ".ssh")
			if strings.HasPrefix(l.file, "/etc/ssh/") {
				base = "/etc/ssh"
			}
			path = filepath.Join(base, path)
		}
		files, err := filepath.Glob(path)
		if err != nil {
			return l.wrong("Include %s: %v", name, err)
		}
		for _, file := range files {
			if err := r.file(file, conditions, depth+1); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
	}
	return nil
}
