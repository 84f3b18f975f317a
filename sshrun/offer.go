package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

const (
	// maxOffers is below the six tries of sshd's MaxAuthTries (sshd_config(5)),
	// past which it hangs up, and servers that count failures ban the address.
	maxOffers = 5
	// authTimeout bounds the login; an agent may ask the operator meanwhile.
	authTimeout = 30 * time.Second
)

// An offer is the keys for one login.
type offer struct {
	keys    []*offered
	before  []string // keys that earlier logins of the same dial tried
	skipped []string
	agent   net.Conn // nil without an agent
	locked  string   // the file of an encrypted key that the server would take
	unasked error    // what could not be asked for
	history *history
}

// An offered key takes note of what becomes of it.
type offered struct {
	ssh.Signer
	offer  *offer
	what   string // where it is from, and its fingerprint
	locked string // its file, where that is encrypted; it can't sign then

	queried bool // the server was asked about it
	taken   bool // and would take it
	signed  bool
}

// PublicKey is called when it is the turn of the key.
func (k *offered) PublicKey() ssh.PublicKey {
	k.queried = true
	return k.Signer.PublicKey()
}

// Algorithms returns the signatures that the key can make.
func (k *offered) Algorithms() []string {
	if s, ok := k.Signer.(ssh.MultiAlgorithmSigner); ok {
		return s.Algorithms()
	}
	return algorithmsOf(k.Signer.PublicKey())
}

// SignWithAlgorithm is called when the server takes the key.
func (k *offered) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	k.taken = true
	if k.locked != "" {
		k.offer.locked = k.locked
		return nil, errAgain
	}
	var signature *ssh.Signature
	var err error
	if s, ok := k.Signer.(ssh.AlgorithmSigner); ok {
		signature, err = s.SignWithAlgorithm(rand, data, algorithm)
	} else {
		signature, err = k.Sign(rand, data)
	}
	if err != nil {
		k.offer.skipped = append(k.offer.skipped, fmt.Sprintf("%s (it could not sign: %v)", k.what, cleanError(err)))
		return nil, err
	}
	k.signed = true
	return signature, nil
}

// kindOf returns the kind of a key, for a certificate that of its key.
func kindOf(key ssh.PublicKey) string {
	kind, certified := strings.CutSuffix(key.Type(), "-cert-v01@openssh.com")
	if certified && strings.HasPrefix(kind, "sk-") {
		kind += "@openssh.com"
	}
	return kind
}

func algorithmsOf(key ssh.PublicKey) []string {
	kind := kindOf(key)
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSA}
	}
	return []string{kind}
}

func supported(key ssh.PublicKey) bool {
	return slices.Contains([]string{
		ssh.KeyAlgoED25519, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA384, ssh.KeyAlgoECDSA521, ssh.KeyAlgoRSA,
		ssh.KeyAlgoSKED25519, ssh.KeyAlgoSKECDSA256,
	}, kindOf(key))
}

func (o *offer) close() {
	if o.agent != nil {
		o.agent.Close()
	}
}

// more reports whether there are keys that the server was not asked about.
func (o *offer) more() bool {
	return slices.ContainsFunc(o.keys, func(k *offered) bool { return !k.queried })
}

// take returns the keys that the server was not asked about.
func (o *offer) take() ([]ssh.Signer, error) {
	var signers []ssh.Signer
	for _, k := range o.keys {
		if !k.queried {
			signers = append(signers, k)
		}
	}
	return signers, nil
}

// failed counts the keys that the server refused, each of which is a failure to it.
func (o *offer) failed() int {
	n := 0
	for _, k := range o.keys {
		if k.queried && !k.taken {
			n++
		}
	}
	return n
}

func (o *offer) triedKeys() []string {
	tried := slices.Clone(o.before)
	for _, k := range o.keys {
		if k.queried && !slices.Contains(tried, k.what) {
			tried = append(tried, k.what)
		}
	}
	return tried
}

// add adds a key that is not there already. The file is that of a key that is
// encrypted.
func (o *offer) add(s ssh.Signer, from, locked string) {
	key := s.PublicKey()
	blob := key.Marshal()
	for _, have := range o.keys {
		if bytes.Equal(have.Signer.PublicKey().Marshal(), blob) {
			return
		}
	}
	what := from + " " + fingerprintOf(key)
	switch {
	case o.history.over && !o.history.good[what]:
	case !supported(key):
		o.skipped = append(o.skipped, fmt.Sprintf("%s (keys of the kind %s are not supported)", what, cleanLine(key.Type())))
	case len(o.keys) == maxOffers:
		o.skipped = append(o.skipped, what+" (too many)")
	default:
		o.keys = append(o.keys, &offered{Signer: s, offer: o, what: what, locked: locked})
	}
}

func fingerprintOf(key ssh.PublicKey) string {
	if cert, ok := key.(*ssh.Certificate); ok {
		return ssh.FingerprintSHA256(cert.Key) + fmt.Sprintf(" with certificate %q", cleanLine(cert.KeyId))
	}
	return ssh.FingerprintSHA256(key)
}

// newOffer collects the keys to offer: those that are named, of which the agent may
// hold some, else those of the agent and then the default files of ssh(1).
func (p *Pool) newOffer(ctx context.Context, at *place, h *history) (*offer, error) {
	o := &offer{history: h, before: h.tried, skipped: slices.Clone(h.problems)}
	held, agentErr := p.askAgent(at, o)
	if agentErr != nil {
		o.skipped = append(o.skipped, cleanError(agentErr).Error())
	}
	certs := p.readCertificates(at, o)
	for _, file := range at.keys {
		err := p.offerFile(ctx, at, o, file, held, certs)
		if err != nil && at.named {
			o.close()
			return nil, err
		}
		if err != nil {
			o.skipped = append(o.skipped, err.Error())
		}
	}
	if !at.only {
		for _, k := range held {
			o.addCertified(k.signer, "agent key "+k.comment, "", certs)
		}
	}
	if len(at.keys) > 0 {
		return o, nil
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		err := p.offerFile(ctx, at, o, filepath.Join(p.opts.Home, ".ssh", name), held, certs)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.skipped = append(o.skipped, err.Error())
		}
	}
	return o, nil
}

// addCertified adds a key, behind the certificates for it.
func (o *offer) addCertified(s ssh.Signer, from, locked string, certs []certificate) {
	blob := s.PublicKey().Marshal()
	for _, c := range certs {
		if !bytes.Equal(c.cert.Key.Marshal(), blob) {
			continue
		}
		if signer, err := ssh.NewCertSigner(c.cert, s); err == nil {
			o.add(signer, c.file, locked)
		}
	}
	o.add(s, from, locked)
}
