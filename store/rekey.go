package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"filippo.io/age"
)

// Rekey says how the secrets are to be encrypted anew.
type Rekey struct {
	Wrap       *bool // wrap the new key with a passphrase or don't; nil means as the present one
	ForgetLost bool  // where the key is lost, delete the secrets that went with it
}

// Rekey makes a new identity and encrypts every secret to it, in one transaction.
// When it is cut off at any point, the database can be read with what is on the
// disk. It returns the names of the secrets that it deleted, which is only done on
// purpose.
func (db *DB) Rekey(ctx context.Context, r Rekey) (forgotten []string, err error) {
	wrap := db.vault.Wrap
	first, err := db.recipient()
	if err != nil {
		return nil, err
	}
	if first == "" {
		return nil, db.beginWith(ctx, r)
	}
	err = db.Unlock(ctx)
	var lost *LostKeyError
	switch {
	case errors.As(err, &lost) && r.ForgetLost:
		forgotten = lost.Names
	case err != nil:
		return nil, err
	}
	v := &db.vault
	v.mu.Lock()
	defer v.mu.Unlock()
	old, err := db.recipient()
	if err != nil {
		return nil, err
	}
	if lost == nil {
		k, err := db.findKey(old)
		if err != nil {
			return nil, err
		}
		wrap = k.wrapped()
	}
	if r.Wrap != nil {
		wrap = *r.Wrap
	}
	id, text, err := v.newIdentity(ctx, wrap)
	if err != nil {
		return nil, err
	}
	return forgotten, db.rekey(id, text, old, lost != nil, func(string) error { return nil })
}

// beginWith makes the first key, of a database that has none.
func (db *DB) beginWith(ctx context.Context, r Rekey) error {
	v := &db.vault
	v.mu.Lock()
	if r.Wrap != nil {
		v.Wrap = *r.Wrap
	}
	v.mu.Unlock()
	return db.Unlock(ctx)
}

// rekey puts an identity in the place of the old one. It calls at before each
// step, and gives up where that fails.
func (db *DB) rekey(id *age.X25519Identity, text []byte, old string, forget bool, at func(step string) error) error {
	v := &db.vault
	recipient := id.Recipient().String()
	beside := v.keyBeside(recipient)
	if err := at("write"); err != nil {
		return err
	}
	if err := writeKeyFile(beside, text); err != nil {
		return err
	}
	if err := at("encrypt"); err != nil {
		return err
	}
	err := db.Update(func(tx *Tx) error {
		if err := tx.reencrypt(v.identity.Load(), id.Recipient(), forget); err != nil {
			return err
		}
		if err := tx.write(metaBucket, retiredKey, []byte(old)); err != nil {
			return err
		}
		return tx.write(metaBucket, recipientKey, []byte(recipient))
	})
	if err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(beside)))
	}
	v.identity.Store(id)
	if err := at("rename"); err != nil {
		return err
	}
	return db.finishRekey(keyFile{path: beside, recipient: recipient})
}

// finishRekey puts a key that stands beside the key file in its place, if the key
// there is the one that was retired for it.
func (db *DB) finishRekey(k keyFile) error {
	v := &db.vault
	var retired string
	err := db.View(func(tx *Tx) error {
		retired = string(tx.bucket(metaBucket).Get([]byte(retiredKey)))
		return nil
	})
	if err != nil || retired == "" || k.path == v.KeyFile {
		return err
	}
	old, err := readKeyFile(v.KeyFile)
	free := errors.Is(err, fs.ErrNotExist)
	if free || err == nil && old.recipient == retired {
		if err := os.Rename(k.path, v.KeyFile); err != nil {
			return explain("put the new key file in place:", v.KeyFile, err)
		}
	}
	if err := ignoreMissing(os.Remove(v.keyBeside(retired))); err != nil {
		return explain("remove the old key file", v.keyBeside(retired), err)
	}
	if err := syncFolder(filepath.Dir(v.KeyFile)); err != nil {
		return err
	}
	return db.Update(func(tx *Tx) error { return tx.remove(metaBucket, retiredKey) })
}
