package files

import (
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
)

var octalMode = regexp.MustCompile(`^[0-7]{3,4}$`)

// ParseMode reads a mode of three or four octal digits, as chmod(1) takes it.
func ParseMode(s string) (fs.FileMode, error) {
	if !octalMode.MatchString(s) {
		return 0, fmt.Errorf("mode %s: it is three or four octal digits, such as 640", Shown(s))
	}
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil {
		return 0, err
	}
	m := fs.FileMode(n) & fs.ModePerm
	for _, b := range specialBits {
		if n&b.bit != 0 {
			m |= b.mode
		}
	}
	return m, nil
}

// ShownMode returns a mode in four octal digits.
func ShownMode(m fs.FileMode) string {
	n := uint64(m & fs.ModePerm)
	for _, b := range specialBits {
		if m&b.mode != 0 {
			n |= b.bit
		}
	}
	return fmt.Sprintf("%04o", n)
}

// specialBits are those of chmod(2) beside the permissions.
var specialBits = [...]struct {
	bit  uint64
	mode fs.FileMode
}{{0o4000, fs.ModeSetuid}, {0o2000, fs.ModeSetgid}, {0o1000, fs.ModeSticky}}
