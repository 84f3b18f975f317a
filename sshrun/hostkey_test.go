package sshrun

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/ssh"
)

func TestRevokedAlsoWherePinned(t *testing.T) {
	s := newServer(t, nil)
	file := filepath.Join(t.TempDir(), "known_hosts")
	target := s.target()
	target.Pinned = []string{newHostKey(s.hostKey.PublicKey()).Key}
	for text, want := range map[string]bool{
		"@revoked * " + string(ssh.MarshalAuthorizedKey(s.hostKey.PublicKey())): true,
		"web1 ssh-ed25519 AAAA": false, // a line that can't be read
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := newPool(t, func(o *Options) { o.KnownHosts = []string{file} }).Connect(t.Context(), target)
		var revoked *RevokedHostKeyError
		if errors.As(err, &revoked) != want || !want && err != nil {
			t.Errorf("%.20s: %v", text, err)
		}
	}
}
