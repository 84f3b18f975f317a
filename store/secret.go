package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
)

// maxSecret bounds a secret, in bytes.
const maxSecret = 1 << 20

// Secret tells of a secret that is kept, without its value.
type Secret struct {
	Name      string    `json:"-"`
	By        string    `json:"by,omitempty"` // login of who set it
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// sealed is how a secret is stored.
type sealed struct {
	Secret
	Value []byte `json:"value"` // encrypted with age: the name, a zero byte, the value
}

// PutSecret keeps a value under a name, encrypted by itself to the database's own
// recipient. It returns [ErrLocked] before [DB.Unlock].
func (tx *Tx) PutSecret(name string, value []byte, by string) error {
	if err := checkText("the secret's name", name); err != nil {
		return err
	}
	if len(value) > maxSecret {
		return fmt.Errorf("the secret %s has %d bytes, %d are allowed", name, len(value), maxSecret)
	}
	id := tx.db.vault.identity.Load()
	if id == nil {
		return ErrLocked
	}
	old, _, err := readRecord[sealed](tx, secretsBucket, name)
	if err != nil {
		return err
	}
	s := sealed{Secret: Secret{By: by}}
	if s.Value, err = seal(id.Recipient(), name, value); err != nil {
		return err
	}
	tx.stamp(&s.CreatedAt, &s.UpdatedAt, old.CreatedAt)
	return writeRecord(tx, secretsBucket, name, s)
}

// Secret returns the value that is kept under a name. The error wraps
// [ErrNotFound] where there is none, and is [ErrLocked] before [DB.Unlock].
func (tx *Tx) Secret(name string) ([]byte, error) {
	s, found, err := readRecord[sealed](tx, secretsBucket, name)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, notFound("secret", name)
	}
	id := tx.db.vault.identity.Load()
	if id == nil {
		return nil, ErrLocked
	}
	return tx.unseal(id, name, s.Value)
}

// Secrets tells of the secrets whose names begin with prefix, sorted by name. It
// needs no key.
func (tx *Tx) Secrets(prefix string) ([]Secret, error) {
	var all []Secret
	for name, value := range tx.forward(secretsBucket, prefix) {
		s, err := decodeRecord[sealed](tx, secretsBucket, name, value)
		if err != nil {
			return nil, err
		}
		s.Name = name
		all = append(all, s.Secret)
	}
	return all, nil
}

// DeleteSecret forgets a secret. It is no error when there is none, so that a
// removal that is done again succeeds.
func (tx *Tx) DeleteSecret(name string) error { return tx.remove(secretsBucket, name) }

// DeleteSecrets forgets the secrets whose names begin with prefix.
func (tx *Tx) DeleteSecrets(prefix string) error {
	all, err := tx.Secrets(prefix)
	if err != nil {
		return err
	}
	for _, s := range all {
		if err := tx.DeleteSecret(s.Name); err != nil {
			return err
		}
	}
	return nil
}

// reencrypt encrypts every secret to another recipient, or forgets them all.
func (tx *Tx) reencrypt(from *age.X25519Identity, to age.Recipient, forget bool) error {
	all, err := records[sealed](tx, secretsBucket, "")
	if err != nil {
		return err
	}
	var names []string
	for name := range tx.forward(secretsBucket, "") {
		names = append(names, name)
	}
	for i, name := range names {
		if forget {
			if err := tx.DeleteSecret(name); err != nil {
				return err
			}
			continue
		}
		value, err := tx.unseal(from, name, all[i].Value)
		if err != nil {
			return err
		}
		if all[i].Value, err = seal(to, name, value); err != nil {
			return err
		}
		if err := writeRecord(tx, secretsBucket, name, all[i]); err != nil {
			return err
		}
	}
	return nil
}

// seal encrypts a value together with its name, so that one can't be put in the
// place of another.
func seal(to age.Recipient, name string, value []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := age.Encrypt(&b, to)
	if err == nil {
		_, err = w.Write(append([]byte(name+"\x00"), value...))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("encrypt the secret %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func (tx *Tx) unseal(id age.Identity, name string, value []byte) ([]byte, error) {
	damaged := func(why string) error {
		return &DamagedError{tx.db.path(), fmt.Sprintf("the secret %s cannot be read: %s", name, why)}
	}
	r, err := age.Decrypt(bytes.NewReader(value), id)
	if err != nil {
		var no *age.NoIdentityMatchError
		if errors.As(err, &no) {
			return nil, damaged("it is encrypted to another key")
		}
		return nil, damaged(err.Error())
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxSecret+int64(len(name))+2))
	if err != nil {
		return nil, damaged(err.Error())
	}
	text, ok := strings.CutPrefix(string(plain), name+"\x00")
	if !ok {
		return nil, damaged("it belongs to another name")
	}
	return []byte(text), nil
}
