package packages

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// ForAuthorizedKeys is the encoding of a private key as its public half, in the
// form of authorized_keys without options and comment: sshd(8).
const ForAuthorizedKeys Encoding = "authorized-keys"

// PublicKeyPrefix is what the name of a public key begins with in the record of
// base; the user's login name follows.
const PublicKeyPrefix = "public-key-"

// Key makes the SSH key that the command asks for, and returns the private one in
// the form of OpenSSH.
func (m Make) Key() (string, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make the SSH key %s: %w", m.Comment, err)
	}
	block, err := ssh.MarshalPrivateKey(private, m.Comment)
	if err != nil {
		return "", fmt.Errorf("make the SSH key %s: %w", m.Comment, err)
	}
	return string(pem.EncodeToMemory(block)), nil
}

// PublicKey returns the public half of a private SSH key, as type and base64. Its
// error doesn't repeat the key.
func PublicKey(private string) (string, error) {
	signer, err := ssh.ParsePrivateKey([]byte(private))
	if err != nil {
		return "", errors.New("it is no private SSH key")
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
}
