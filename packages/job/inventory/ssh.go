package inventory

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strings"
)

// forges are hosts of git services that give no shell.
var forges = []string{
	"github.com", "ssh.github.com", "gist.github.com", "gitlab.com", "altssh.gitlab.com", "bitbucket.org", "altssh.bitbucket.org",
	"codeberg.org", "git.sr.ht", "ssh.dev.azure.com", "vs-ssh.visualstudio.com", "salsa.debian.org", "git.launchpad.net",
}

// maxIncludes is how deep Include may go, as in ssh(1).
const maxIncludes = 16

// SSHConfig reads the hosts of an ssh_config(5) file and of those it includes:
// each alias that names one host becomes an entry with the alias as its
// address, so that the file keeps saying how it is reached. home is the home
// folder, for "~" and for relative names of included files.
//
// A file that is not there is an error that is fs.ErrNotExist.
func SSHConfig(file, home string) (List, error) {
	l := &sshLister{home: home, at: map[string]int{}}
	if err := l.read(file, 0); err != nil {
		return List{}, err
	}
	return l.list(), nil
}

func (l *sshLister) list() (out List) {
	for _, a := range l.aliases {
		e := Entry{Name: a.name, Address: a.name, File: a.file, Line: a.line}
		host := e.Address
		if a.hostName != "" {
			host = a.hostName
		}
		reason := ""
		switch {
		case strings.ContainsAny(a.name, "*?"):
			reason = "it is a pattern for several hosts"
		case a.user == "git" || slices.Contains(forges, strings.ToLower(host)):
			reason = "it is for git, and gives no shell"
		case isLoopback(host) && (a.port == "" || a.port == "22"):
			reason = "it is this machine"
		}
		if reason != "" {
			out.Skipped = append(out.Skipped, Skip{a.name, a.file, a.line, reason})
			continue
		}
		out.Entries = append(out.Entries, e)
	}
	return out
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// alias is one pattern of a Host line, with the first words on it in the
// blocks that name it.
type alias struct {
	name                 string
	file                 string
	line                 int
	hostName, user, port string
}

// sshLister reads the Host lines. It knows nothing of Match, whose blocks name
// no host, so that a file that uses it can be listed too.
type sshLister struct {
	home    string
	aliases []*alias
	at      map[string]int // by name, the place in aliases
	block   []*alias       // those that the block being read is for
}

func (l *sshLister) read(file string, depth int) error {
	if depth > maxIncludes {
		return &Error{File: file, Reason: fmt.Sprintf("Include goes deeper than %d files: does one include itself?", maxIncludes)}
	}
	text, err := read(file)
	if err != nil {
		return err
	}
	return l.parse(file, text, depth)
}

func (l *sshLister) parse(file, text string, depth int) error {
	number := 0
	for line := range strings.Lines(text) {
		number++
		keyword, args, err := sshLine(line)
		if err != nil {
			return lineError(file, number, err)
		}
		if err := l.line(file, number, keyword, args, depth); err != nil {
			return err
		}
	}
	return nil
}

func (l *sshLister) line(file string, number int, keyword string, args []string, depth int) error {
	switch keyword {
	case "host":
		if len(args) == 0 {
			return &Error{file, number, "Host names no host"}
		}
		l.block = nil
		for _, name := range args {
			l.mention(name, file, number)
		}
	case "match":
		l.block = nil
	case "include":
		// What is included may begin blocks of its own; the one here goes on after it.
		block := l.block
		for _, pattern := range args {
			if err := l.include(pattern, depth); err != nil {
				return err
			}
		}
		l.block = block
	case "hostname", "user", "port":
		if len(args) == 0 {
			return &Error{file, number, keyword + " has no value"}
		}
		for _, a := range l.block {
			if field := map[string]*string{"hostname": &a.hostName, "user": &a.user, "port": &a.port}[keyword]; *field == "" {
				*field = args[0]
			}
		}
	}
	return nil
}

// mention notes a pattern of a Host line.
func (l *sshLister) mention(name, file string, number int) {
	if name == "" || name == "*" || strings.HasPrefix(name, "!") {
		return // nothing, what holds for all, or an exception
	}
	i, known := l.at[name]
	if !known {
		i = len(l.aliases)
		l.at[name] = i
		l.aliases = append(l.aliases, &alias{name: name, file: file, line: number})
	}
	l.block = append(l.block, l.aliases[i])
}

// include reads the files of an Include. As for ssh(1), none need be there.
func (l *sshLister) include(pattern string, depth int) error {
	switch rest, ok := strings.CutPrefix(pattern, "~/"); {
	case ok:
		pattern = filepath.Join(l.home, rest)
	case !filepath.IsAbs(pattern):
		pattern = filepath.Join(l.home, ".ssh", pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return fmt.Errorf("find the included files %s: %w", pattern, err)
	}
	for _, file := range files {
		err := l.read(file, depth+1)
		var bad *Error
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) || errors.As(err, &bad) && strings.Contains(bad.Reason, "folder") {
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sshLine splits a line into its keyword, in lower case, and its arguments.
// The keyword ends with blanks or with "=" (ssh_config(5)).
func sshLine(line string) (keyword string, args []string, err error) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", nil, nil
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), nil, nil
	}
	keyword = strings.ToLower(line[:end])
	rest := strings.TrimLeft(line[end:], " \t")
	if after, ok := strings.CutPrefix(rest, "="); ok {
		rest = after
	}
	switch keyword {
	case "host", "include", "hostname", "user", "port":
		args, err = words(rest)
	}
	return keyword, args, err
}
