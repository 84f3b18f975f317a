package sites

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// gitURL is the address of a git repository, taken apart.
type gitURL struct {
	scheme string // "ssh" or "https"
	user   string // of ssh; empty where the address names none
	host   string
	port   int // 0 means the scheme's own
	path   string
}

// What the parts of an address may be made of. Neither a host nor a user may begin
// with "-", which ssh would take for an option: see CVE-2017-1000117.
var (
	gitHostPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)
	gitUserPattern = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	gitPathPattern = regexp.MustCompile(`^[A-Za-z0-9._~+@/-]+$`)
)

// maxGitURL is the longest address, in bytes.
const maxGitURL = 500

// parseGitURL takes the address of a repository apart: ssh://[user@]host[:port]/path,
// [user@]host:path, or https://host[:port]/path; see git-clone(1). Others that git
// knows are refused: they run commands, read files of the server or can't be
// verified. So is an address with a password, which would be seen in many places.
func parseGitURL(text string) (gitURL, error) {
	var none gitURL
	if len(text) > maxGitURL {
		return none, fmt.Errorf("is longer than %d characters", maxGitURL)
	}
	if strings.HasPrefix(text, "-") {
		return none, errors.New("begins with a dash, as options do")
	}
	scheme, rest, hasScheme := strings.Cut(text, "://")
	switch {
	case hasScheme && (scheme == "ssh" || scheme == "https"):
		return parseRealURL(scheme, text, rest)
	case hasScheme, strings.Contains(text, "::"):
		return none, errors.New("is neither ssh://, https:// nor host:path: no other way to a repository is taken")
	}
	at, path, found := strings.Cut(text, ":")
	if !found || strings.Contains(at, "/") {
		return none, errors.New("is no address of a repository, such as git@git.example.org:team/site.git or https://git.example.org/team/site.git")
	}
	u := gitURL{scheme: "ssh", host: at, path: path}
	if user, host, found := strings.Cut(at, "@"); found {
		if !gitUserPattern.MatchString(user) {
			return none, errors.New("has a user name that is none")
		}
		u.user, u.host = user, host
	}
	return u, u.check()
}

func parseRealURL(scheme, text, rest string) (gitURL, error) {
	var none gitURL
	parsed, err := url.Parse(text)
	if err != nil || strings.ContainsAny(rest, "%?#\\") {
		return none, errors.New("is no address: it has characters that a repository's has not")
	}
	u := gitURL{scheme: scheme, host: parsed.Hostname(), path: parsed.Path}
	if parsed.User != nil {
		if _, has := parsed.User.Password(); has {
			return none, errors.New("has a password in it, which would be seen in lists of processes and in logs: use a deploy key, with an address of ssh")
		}
		if scheme == "https" {
			return none, errors.New("has a user or a token in it, which would be seen in lists of processes and in logs: use a deploy key, with an address of ssh")
		}
		u.user = parsed.User.Username()
		if !gitUserPattern.MatchString(u.user) {
			return none, errors.New("has a user name that is none")
		}
	}
	if port := parsed.Port(); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return none, errors.New("has a port that is none: it is from 1 to 65535")
		}
		u.port = n
	}
	return u, u.check()
}

func (u gitURL) check() error {
	switch {
	case len(u.host) > 253 || !gitHostPattern.MatchString(u.host) || strings.Contains(u.host, ".."):
		return errors.New("has a host name that is none")
	case strings.Trim(u.path, "/") == "" || !gitPathPattern.MatchString(u.path):
		return errors.New("has a path that is none: letters, digits, and . _ ~ + @ / -")
	case strings.HasPrefix(strings.TrimLeft(u.path, "/"), "-"):
		return errors.New("has a path that begins with a dash, as options do")
	}
	for part := range strings.SplitSeq(u.path, "/") {
		if part == ".." || part == "." {
			return errors.New("has a path with . or .. in it")
		}
	}
	return nil
}

// sshPort returns the port that ssh connects to.
func (u gitURL) sshPort() int {
	if u.port == 0 {
		return 22
	}
	return u.port
}

func acceptGitURL(value string) error {
	_, err := parseGitURL(value)
	return err
}

// maxRef is the longest name of a branch or tag, in bytes: a name of a file.
const maxRef = 200

// acceptRef refuses what is no name of a branch or tag, by the rules of
// git-check-ref-format(1), and what git's revisions would read as something else.
func acceptRef(name string) error {
	switch {
	case len(name) > maxRef:
		return fmt.Errorf("is longer than %d characters", maxRef)
	case strings.HasPrefix(name, "-"):
		return errors.New("begins with a dash, as options do")
	case name == "@" || name == "HEAD":
		return errors.New("is no name of a branch or tag")
	case strings.HasPrefix(name, "refs/"):
		return errors.New("is more than a name: leave refs/heads/ or refs/tags/ away")
	case strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r) }):
		return errors.New(`has a space or one of ~ ^ : ? * [ \ in it, which no name of a branch or tag has`)
	case strings.Contains(name, "..") || strings.Contains(name, "@{") || strings.Contains(name, "//"):
		return errors.New("has .., @{ or // in it, which no name of a branch or tag has")
	case strings.HasPrefix(name, "/") || strings.HasSuffix(name, "/") || strings.HasSuffix(name, "."):
		return errors.New("begins or ends with a slash, or ends with a dot")
	}
	for part := range strings.SplitSeq(name, "/") {
		if strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return errors.New("has a part that begins with a dot or ends with .lock")
		}
	}
	return nil
}
