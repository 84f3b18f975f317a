package sshrun

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

const (
	// maxOffers is below the six tries of sshd's MaxAuthTries (sshd_config(5)),
	// past which it hangs up, and servers that count failures ban the address.
	maxOffers = 5
	// maxKeyFile bounds what is read of a key file.
	maxKeyFile = 64 << 10
	// authTimeout bounds the login; an agent may ask the operator meanwhile.
	authTimeout = 30 * time.Second
)

// An offer is the keys for one login.
type offer struct {
	signers []ssh.Signer
	tried   []string
	skipped []string
	agent   net.Conn // nil without an agent
}

func (o *offer) close() {
	if o.agent != nil {
		o.agent.Close()
	}
}

func (o *offer) add(s ssh.Signer, from string) {
	blob := s.PublicKey().Marshal()
	for _, have := range o.signers {
		if bytes.Equal(have.PublicKey().Marshal(), blob) {
			return
		}
	}
	what := from + " " + ssh.FingerprintSHA256(s.PublicKey())
	if len(o.signers) == maxOffers {
		o.skipped = append(o.skipped, what+" (too many)")
		return
	}
	o.signers = append(o.signers, s)
	o.tried = append(o.tried, what)
}

// newOffer collects the keys to offer: the target's key file alone when it names
// one, else those of the agent and then the default files of ssh(1).
func (p *Pool) newOffer(t Target) (*offer, error) {
	o := &offer{}
	held, agentErr := p.askAgent(o)
	if t.KeyFile != "" {
		if err := o.addFile(p.expand(t.KeyFile), held); err != nil {
			o.close()
			return nil, err
		}
		return o, nil
	}
	if agentErr != nil {
		o.skipped = append(o.skipped, cleanError(agentErr).Error())
	}
	for _, k := range held {
		o.add(k.signer, "agent key "+k.comment)
	}
	for _, name := range []string{"id_ed25519", "id_ecdsa", "id_rsa"} {
		err := o.addFile(filepath.Join(p.opts.Home, ".ssh", name), held)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			o.skipped = append(o.skipped, err.Error())
		}
	}
	return o, nil
}

// An agentKey is a key that an agent holds.
type agentKey struct {
	signer  ssh.Signer
	comment string
}

func (p *Pool) askAgent(o *offer) ([]agentKey, error) {
	if p.opts.AgentSocket == "" {
		return nil, nil
	}
	conn, err := net.DialTimeout("unix", p.opts.AgentSocket, p.opts.DialTimeout)
	if err != nil {
		return nil, fmt.Errorf("reach the agent: %w", err)
	}
	o.agent = conn
	if err := conn.SetDeadline(time.Now().Add(authTimeout)); err != nil {
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

// addFile adds the key of a file. One that is encrypted, or only the public half,
// is of use when the agent holds it.
func (o *offer) addFile(file string, held []agentKey) error {
	data, err := readKeyFile(file)
	if err != nil {
		return err
	}
	signer, err := ssh.ParsePrivateKey(data)
	if err == nil {
		o.add(signer, file)
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
	case strings.HasPrefix(string(data), "ssh-") || strings.HasPrefix(string(data), "ecdsa-"):
		problem = "is a public key: name the private key beside it, or add that to the agent with ssh-add"
		public, _, _, _, _ = ssh.ParseAuthorizedKey(data)
	}
	if public != nil {
		for _, k := range held {
			if bytes.Equal(k.signer.PublicKey().Marshal(), public.Marshal()) {
				o.add(k.signer, file+" (from the agent)")
				return nil
			}
		}
	}
	return &KeyFileError{File: file, Problem: problem, Err: err}
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
