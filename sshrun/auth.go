package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// maxKeyFile bounds what is read of a key file.
const maxKeyFile = 64 << 10

// An agentKey is a key that an agent holds.
type agentKey struct {
	signer  ssh.Signer
	comment string
}

// askAgent lists the keys of the agent, whose connection the offer keeps.
func (p *Pool) askAgent(at *place, o *offer) ([]agentKey, error) {
	if at.agent == "" {
		return nil, nil
	}
	conn, err := net.DialTimeout("unix", at.agent, p.opts.DialTimeout)
	if err != nil {
		return nil, fmt.Errorf("reach the agent: %w", err)
	}
	o.agent = conn
	// A person may answer other questions before the agent is wanted.
	if err := conn.SetDeadline(time.Now().Add(authTimeout + patience)); err != nil {
		return nil, fmt.Errorf("reach the agent: %w", err)
	}
	client := agent.NewClient(conn)
	signers, err := client.Signers()
	if err != nil {
		return nil, fmt.Errorf("list the keys of the agent: %w", err)
	}
	held := make([]agentKey, len(signers))
	for i, s := range signers {
		held[i] = agentKey{signer: s}
		if k, ok := s.PublicKey().(*agent.Key); ok {
			held[i].comment = cleanLine(k.Comment)
		}
	}
	return held, nil
}

// A certificate is one that an authority has made of a user's key.
type certificate struct {
	file string
	cert *ssh.Certificate
}

// readCertificates reads the certificates that are named, and those that ssh-keygen
// has put beside the keys.
func (p *Pool) readCertificates(at *place, o *offer) []certificate {
	files := at.keys
	if len(files) == 0 {
		for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
			files = append(files, filepath.Join(p.opts.Home, ".ssh", name))
		}
	}
	var certs []certificate
	read := func(file string, must bool) {
		cert, err := readCertificate(file)
		switch {
		case err == nil:
			certs = append(certs, certificate{file, cert})
		case must || !errors.Is(err, fs.ErrNotExist):
			o.skipped = append(o.skipped, err.Error())
		}
	}
	for _, file := range at.certs {
		read(file, true)
	}
	for _, file := range files {
		read(strings.TrimSuffix(file, ".pub")+"-cert.pub", false)
	}
	return certs
}

func readCertificate(file string) (*ssh.Certificate, error) {
	data, err := readKeyFile(file)
	if err != nil {
		return nil, err
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	cert, ok := key.(*ssh.Certificate)
	now := uint64(time.Now().Unix())
	switch {
	case err != nil || !ok || cert.CertType != ssh.UserCert:
		return nil, &KeyFileError{File: file, Problem: "is not a certificate of a user's key", Err: err}
	case cert.ValidBefore != ssh.CertTimeInfinity && now >= cert.ValidBefore:
		return nil, &KeyFileError{File: file, Problem: "is a certificate that was valid until " + time.Unix(int64(cert.ValidBefore), 0).Format(time.DateTime)}
	case now < cert.ValidAfter:
		return nil, &KeyFileError{File: file, Problem: "is a certificate that is valid from " + time.Unix(int64(cert.ValidAfter), 0).Format(time.DateTime)}
	}
	return cert, nil
}

// A lockedKey is the public half of a key that is encrypted.
type lockedKey struct{ key ssh.PublicKey }

func (k lockedKey) PublicKey() ssh.PublicKey { return k.key }

func (k lockedKey) Algorithms() []string { return algorithmsOf(k.key) }

func (k lockedKey) Sign(io.Reader, []byte) (*ssh.Signature, error) { return nil, errAgain }

func (k lockedKey) SignWithAlgorithm(io.Reader, []byte, string) (*ssh.Signature, error) {
	return nil, errAgain
}

// offerFile adds the key of a file. One that is encrypted, or only the public half,
// is of use when the agent holds it. The passphrase of one that is encrypted is
// asked for when the server would take the key; before, where even the public half
// is not known.
func (p *Pool) offerFile(ctx context.Context, at *place, o *offer, file string, held []agentKey, certs []certificate) error {
	data, err := readKeyFile(file)
	if err != nil {
		// The agent may hold the key whose public half alone is here.
		if public := readPublicKey(file + ".pub"); public != nil && errors.Is(err, fs.ErrNotExist) && o.fromAgent(public, file, held, certs) {
			return nil
		}
		return err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err == nil {
		o.addCertified(signer, file, "", certs)
		return nil
	}
	var public ssh.PublicKey
	problem := "is not a private key in a form that ssh-keygen writes"
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		problem = "is encrypted: add it to the agent with ssh-add " + file
		public = locked.PublicKey
		if public == nil {
			public = readPublicKey(file + ".pub")
		}
	case strings.HasPrefix(string(data), "ssh-") || strings.HasPrefix(string(data), "ecdsa-") || strings.HasPrefix(string(data), "sk-"):
		problem = "is a public key: name the private key beside it, or add that to the agent with ssh-add"
		public, _, _, _, _ = ssh.ParseAuthorizedKey(data)
	default:
		// One of a kind that can't be read here, as those on security keys.
		public = readPublicKey(file + ".pub")
	}
	if public != nil && o.fromAgent(public, file, held, certs) {
		return nil
	}
	if locked == nil || p.opts.Asker == nil || o.history.refused[file] {
		return &KeyFileError{File: file, Problem: problem, Err: err}
	}
	if signer := p.unlocked(file); signer != nil {
		o.addCertified(signer, file, "", certs)
		return nil
	}
	if public != nil {
		o.addCertified(lockedKey{public}, file, file, certs)
		return nil
	}
	if !at.named {
		return &KeyFileError{File: file, Problem: problem, Err: err}
	}
	if err := p.unlock(ctx, at, file); err != nil {
		return err
	}
	o.addCertified(p.unlocked(file), file, "", certs)
	return nil
}

// fromAgent adds a key that the agent holds, and reports whether it does.
func (o *offer) fromAgent(public ssh.PublicKey, file string, held []agentKey, certs []certificate) bool {
	if cert, ok := public.(*ssh.Certificate); ok {
		public = cert.Key
	}
	for _, k := range held {
		if bytes.Equal(k.signer.PublicKey().Marshal(), public.Marshal()) {
			o.addCertified(k.signer, file+" (from the agent)", "", certs)
			return true
		}
	}
	return false
}

func readKeyFile(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		problem := "cannot be read: " + errors.Unwrap(err).Error()
		if errors.Is(err, fs.ErrNotExist) {
			problem = "is not there"
		}
		return nil, &KeyFileError{File: file, Problem: problem, Err: err}
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, &KeyFileError{File: file, Problem: "is not a key but something else"}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, &KeyFileError{File: file, Problem: "cannot be read: " + errors.Unwrap(err).Error(), Err: err}
	}
	return data, nil
}

// readPublicKey returns nil where there is none: it only helps to find an
// encrypted key in the agent.
func readPublicKey(file string) ssh.PublicKey {
	data, err := readKeyFile(file)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// expand resolves ~/ as a shell does.
func (p *Pool) expand(file string) string {
	if rest, ok := strings.CutPrefix(file, "~/"); ok {
		return filepath.Join(p.opts.Home, rest)
	}
	return file
}
