package sites

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// sharedPath is a file or folder that all releases of a site have in common.
type sharedPath struct {
	path   string // below the release, without a slash at its end
	folder bool
}

// parseShared takes a list of paths apart, which are separated by commas or spaces.
// A folder has a slash at its end.
func parseShared(value string) ([]sharedPath, error) {
	var list []sharedPath
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }) {
		p := sharedPath{path: strings.TrimSuffix(word, "/"), folder: strings.HasSuffix(word, "/")}
		if err := checkInside(p.path); err != nil {
			return nil, fmt.Errorf("has %q, which %w", word, err)
		}
		for _, other := range list {
			if other.path == p.path || strings.HasPrefix(p.path, other.path+"/") || strings.HasPrefix(other.path, p.path+"/") {
				return nil, fmt.Errorf("has %q and %q, of which one holds the other", other.path, p.path)
			}
		}
		list = append(list, p)
	}
	return list, nil
}

// checkInside refuses a path that may lead out of the folder that it is below of.
func checkInside(path string) error {
	if path == "" || len(path) > 200 {
		return errors.New("is no path, or a very long one")
	}
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == "" || part == "." || part == "..":
			return errors.New("is not a plain path below the release: no / at its beginning, no . or .. in it")
		case strings.HasPrefix(part, "-"):
			return errors.New("has a part that begins with a dash, as options do")
		case part == ".git":
			return errors.New("has .git in it, which no release has")
		}
	}
	if strings.ContainsFunc(path, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-/+@", r))
	}) {
		return errors.New("has other characters than letters, digits and . _ - + @ /")
	}
	return nil
}

func acceptShared(value string) error {
	_, err := parseShared(value)
	return err
}
