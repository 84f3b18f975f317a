package sshrun

import (
	"errors"
	"strings"
	"testing"
)

// TestFileServerRefuses: only a user who is there, and is not root, has a file server,
// and no name is read by a shell. (Files themselves are handled on real hosts.)
func TestFileServerRefuses(t *testing.T) {
	shells(t, func(t *testing.T, r *rig) {
		for user, says := range map[string]string{
			"root": "it is root", "nobody-is-called-so": "no such user", "": "no name of a user", "-rf": "no name of a user",
			"a b": "no name of a user", "$(touch pwn)": "no name of a user", "a;id": "no name of a user", "a\nb": "no name of a user", "A": "no name of a user",
		} {
			pipe, err := r.client.FileServer(t.Context(), user)
			var refused *FileServerError
			if pipe != nil || !errors.As(err, &refused) || !strings.Contains(err.Error(), says) {
				t.Errorf("user %q: %v", user, err)
			}
		}
	})
}
