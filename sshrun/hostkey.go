package sshrun

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"
)

// Where the trust in a host key comes from.
const (
	FromPinned     = "pinned"
	FromKnownHosts = "known_hosts"
	FromAccepted   = "accepted" // unknown before, and accepted as the target says
)

// A HostKey is the public key of a server.
type HostKey struct {
	Key         string // "type base64", as it is pinned
	Type        string // such as ssh-ed25519
	Fingerprint string // SHA256:…, as ssh-keygen -l shows it
	From        string // why it is trusted, one of the From constants; empty for a key that is not
	Place       string // "file:line" of a key of known_hosts
}

func newHostKey(key ssh.PublicKey) HostKey {
	if cert, ok := key.(*ssh.Certificate); ok {
		key = cert.Key
	}
	return HostKey{
		Key:         key.Type() + " " + base64.StdEncoding.EncodeToString(key.Marshal()),
		Type:        key.Type(),
		Fingerprint: ssh.FingerprintSHA256(key),
	}
}

// An UnknownHostKeyError says that the server's key is not known. Whoever can
// compare the fingerprint may accept it with [Target.Accept] or by pinning it.
type UnknownHostKeyError struct {
	Target  Target
	Hop     string // the jump host whose key it is; empty for the target's own
	HostKey HostKey
}

func (e *UnknownHostKeyError) Error() string {
	return fmt.Sprintf("the host key of %s is not known: it shows %s %s; compare it with ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub on the server before accepting it",
		whose(e.Target.Name, e.Hop), e.HostKey.Type, e.HostKey.Fingerprint, fileWord(e.HostKey.Type))
}

func fileWord(keyType string) string {
	switch {
	case strings.Contains(keyType, "ed25519"):
		return "ed25519"
	case strings.Contains(keyType, "ecdsa"):
		return "ecdsa"
	}
	return "rsa"
}

// A ChangedHostKeyError says that the server shows another key than it should.
// Nothing was sent to it.
type ChangedHostKeyError struct {
	Name  string
	Hop   string // the jump host whose key it is; empty for the target's own
	Place string // host:port that showed it
	Known []HostKey
	Shown HostKey
}

func (e *ChangedHostKeyError) Error() string {
	known := make([]string, len(e.Known))
	for i, k := range e.Known {
		place := k.Place
		if place == "" {
			place = k.From
		}
		known[i] = fmt.Sprintf("%s %s (%s)", k.Type, k.Fingerprint, place)
	}
	return fmt.Sprintf("the host key of %s has changed: known is %s, shown is %s %s; the server was set up anew, or somebody is between it and you: ask before you replace the known key",
		whose(e.Name, e.Hop), strings.Join(known, " and "), e.Shown.Type, e.Shown.Fingerprint)
}

// A RevokedHostKeyError says that the server shows a key that known_hosts marks as
// @revoked. Nothing was sent to it.
type RevokedHostKeyError struct {
	Name  string
	Hop   string  // the jump host whose key it is; empty for the target's own
	Shown HostKey // its Place is where it is revoked
}

func (e *RevokedHostKeyError) Error() string {
	return fmt.Sprintf("the host key of %s, %s %s, is revoked in %s: the server needs a new one",
		whose(e.Name, e.Hop), e.Shown.Type, e.Shown.Fingerprint, e.Shown.Place)
}

func whose(name, hop string) string {
	if hop != "" {
		return "jump host " + hop
	}
	return name
}

// A verifier decides on the host key of one place.
type verifier struct {
	at     *place
	pinned []HostKey
	db     *knownhosts.HostKeyDB // nil where keys are pinned and the files can't be read
}

// newVerifier reads the known hosts, also where keys are pinned: what is revoked
// there is revoked, as long as the files can be read.
func newVerifier(at *place) (*verifier, error) {
	v := &verifier{at: at}
	for _, line := range at.Pinned {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, fmt.Errorf("read the pinned host key of %s: %w", at.Name, err)
		}
		k := newHostKey(key)
		k.From = FromPinned
		v.pinned = append(v.pinned, k)
	}
	var present []string
	for _, file := range at.knownHosts {
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read known hosts: %w", err)
		}
		if info.Mode().IsRegular() {
			present = append(present, file)
		}
	}
	db, err := knownhosts.NewDB(present...)
	if err != nil && len(v.pinned) > 0 {
		// A line that can't be read must not keep one from a server whose key is
		// pinned: the other lines are only asked whether it is revoked.
		return v, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read known hosts: %w: correct or delete that line", err)
	}
	v.db = db
	return v, nil
}

// algorithms returns the host key algorithms to ask for. Those of known keys come
// first, so that a server with several keys shows the one that is known; the
// others follow, so that a server that has lost it can show what it has now.
func (v *verifier) algorithms() []string {
	var first []string
	if len(v.pinned) == 0 {
		first = v.db.HostKeyAlgorithms(v.at.knownAs())
	}
	for _, k := range v.pinned {
		if k.Type == ssh.KeyAlgoRSA {
			first = append(first, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256)
		} else {
			first = append(first, k.Type)
		}
	}
	for _, a := range []string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521,
		ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256,
	} {
		if !slices.Contains(first, a) {
			first = append(first, a)
		}
	}
	// SHA-1 signatures are not to be had any more.
	return slices.DeleteFunc(first, func(a string) bool { return a == ssh.KeyAlgoRSA || a == ssh.CertAlgoRSAv01 })
}

// verify returns the key with the reason of the trust in it, or one of the
// errors of this file.
func (v *verifier) verify(remote net.Addr, key ssh.PublicKey) (HostKey, error) {
	shown := newHostKey(key)
	var err error
	if v.db != nil {
		err = v.db.HostKeyCallback()(v.at.knownAs(), remote, key)
	}
	var revoked *xknownhosts.RevokedError
	if errors.As(err, &revoked) {
		shown.Place = placeOf(revoked.Revoked)
		return shown, &RevokedHostKeyError{Name: v.at.Name, Hop: v.at.hopName(), Shown: shown}
	}
	changed := &ChangedHostKeyError{Name: v.at.Name, Hop: v.at.hopName(), Place: v.at.hostPort(), Shown: shown}
	if len(v.pinned) > 0 {
		for _, k := range v.pinned {
			if k.Key == shown.Key {
				return k, nil
			}
		}
		changed.Known = v.pinned
		return shown, changed
	}
	if err == nil {
		shown.From = FromKnownHosts
		return shown, nil
	}
	var mismatch *xknownhosts.KeyError
	if !errors.As(err, &mismatch) {
		return shown, fmt.Errorf("verify the host key of %s: %w", v.at.Name, err)
	}
	if len(mismatch.Want) > 0 {
		for _, want := range mismatch.Want {
			k := newHostKey(want.Key)
			k.From, k.Place = FromKnownHosts, placeOf(want)
			changed.Known = append(changed.Known, k)
		}
		return shown, changed
	}
	if v.at.accepts(shown.Fingerprint) {
		shown.From = FromAccepted
		return shown, nil
	}
	return shown, &UnknownHostKeyError{Target: v.at.Target, Hop: v.at.hopName(), HostKey: shown}
}

func placeOf(k xknownhosts.KnownKey) string {
	return fmt.Sprintf("%s:%d", filepath.Clean(k.Filename), k.Line)
}
