package database

import (
	"fmt"
	"unicode/utf8"
)

// acceptPassword takes what every engine keeps whole. Whatever can be printed
// may be in it. The reason never repeats it.
func acceptPassword(value string) error {
	switch {
	case utf8.RuneCountInString(value) < 8:
		return fmt.Errorf("is shorter than 8 characters")
	case len(value) > 256:
		// PostgreSQL's libpq and MySQL's caching_sha2_password have limits
		// not far above.
		return fmt.Errorf("is longer than 256 bytes")
	}
	return nil
}
