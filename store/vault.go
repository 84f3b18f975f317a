package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"

	"filippo.io/age"
)

// Vault says how the secrets of a database are kept.
type Vault struct {
	// KeyFile is where the identity is that the secrets are encrypted to. It is
	// made when the first secret is kept. Empty means that no secret can be kept.
	KeyFile string
	// Wrap has a new identity wrapped with a passphrase.
	Wrap bool
	// Passphrase asks for the passphrase of the key file. Nil means that nobody
	// can be asked.
	Passphrase func(context.Context, Ask) (string, error)

	work int // of scrypt; 0 means scryptWork
}

// Ask is what a person is asked for.
type Ask struct {
	New   bool   // a new passphrase, which is to be typed twice
	Wrong int    // how often a wrong one was given before
	File  string // the key file
}

// vault is the state of the secrets of an open database.
type vault struct {
	Vault
	mu       sync.Mutex // held while a person is asked
	identity atomic.Pointer[age.X25519Identity]
	refused  error // why no passphrase was got; nobody is asked again
}

const (
	recipientKey = "secrets_recipient" // in meta: who the secrets are encrypted to
	retiredKey   = "secrets_retired"   // in meta: who they were encrypted to before the last rekey

	maxTries = 3 // of a passphrase
)

// ErrLocked says that secrets are needed and [DB.Unlock] was not called.
var ErrLocked = errors.New("the secrets are locked")

// LostKeyError says that the key of the secrets is not on this machine, and what
// is lost with it. Everything else in the database can be used.
type LostKeyError struct {
	KeyFile string
	Names   []string // of the secrets
}

// Error says what is lost, what is not, and what can be done.
func (e *LostKeyError) Error() string {
	return fmt.Sprintf("the key of %d secrets is not here, so they can't be read (servers, packages and history can): %s; "+
		"put a backup of the key file at %s, or run brokeforge rekey --forget-lost to begin anew without them",
		len(e.Names), strings.Join(e.Names, ", "), e.KeyFile)
}

// Unlock makes the secrets of the database usable for the transactions after it.
// At the first use it makes the key file. It asks for a passphrase where the key
// file is wrapped with one, once for as long as the database is open; who could not
// tell it is not asked again.
//
// Its errors are [*LostKeyError], [*KeyFileError], those of Vault.Passphrase, and
// those of writing the file and the database.
func (db *DB) Unlock(ctx context.Context) error {
	v := &db.vault
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.identity.Load() != nil {
		return nil
	}
	recipient, err := db.recipient()
	if err != nil {
		return err
	}
	if recipient == "" {
		return db.firstKey(ctx)
	}
	k, err := db.findKey(recipient)
	if err != nil {
		return err
	}
	if v.refused != nil {
		return v.refused
	}
	id, err := v.open(ctx, k)
	if err != nil && ctx.Err() == nil && k.wrapped() {
		v.refused = err
	}
	if err != nil {
		return err
	}
	if id.Recipient().String() != recipient {
		return &KeyFileError{k.path, "is not the key of this database, though it says so"}
	}
	v.identity.Store(id)
	return db.finishRekey(k)
}

// Locked reports whether a person will be asked for a passphrase when the secrets
// are unlocked: because the key is wrapped, or because a new one will be.
func (db *DB) Locked() (bool, error) {
	db.vault.mu.Lock()
	defer db.vault.mu.Unlock()
	if db.vault.identity.Load() != nil {
		return false, nil
	}
	recipient, err := db.recipient()
	if err != nil || recipient == "" {
		return db.vault.Wrap && err == nil, err
	}
	k, err := db.findKey(recipient)
	return err == nil && k.wrapped(), err
}

// Lost returns what is lost where the key of the secrets is not on this machine,
// and nil where it is or nothing is.
func (db *DB) Lost() (*LostKeyError, error) {
	recipient, err := db.recipient()
	if err != nil || recipient == "" || db.vault.KeyFile == "" {
		return nil, err
	}
	_, err = db.findKey(recipient)
	var lost *LostKeyError
	if errors.As(err, &lost) && len(lost.Names) > 0 {
		return lost, nil
	}
	return nil, nil // what else is wrong with the file is told when it is needed
}

// recipient returns who the secrets are encrypted to; empty where there is none
// yet.
func (db *DB) recipient() (recipient string, err error) {
	err = db.View(func(tx *Tx) error {
		recipient = string(tx.bucket(metaBucket).Get([]byte(recipientKey)))
		return nil
	})
	return recipient, err
}

// keyBeside returns the path for the key of a recipient beside the key file, for
// one that is about to take its place, and for a second database.
func (v *vault) keyBeside(recipient string) string {
	ext := filepath.Ext(v.KeyFile)
	return strings.TrimSuffix(v.KeyFile, ext) + "-" + recipient[len(recipient)-8:] + ext
}

// findKey returns the key file of a recipient.
func (db *DB) findKey(recipient string) (keyFile, error) {
	v := &db.vault
	if v.KeyFile == "" {
		return keyFile{}, errNoKeyFile
	}
	var refused error
	for _, path := range []string{v.keyBeside(recipient), v.KeyFile} {
		k, err := readKeyFile(path)
		switch {
		case err == nil && k.recipient == recipient:
			return k, nil
		case err != nil && !errors.Is(err, fs.ErrNotExist):
			refused = err
		}
	}
	if refused != nil {
		return keyFile{}, refused
	}
	names, err := db.secretNames()
	if err != nil {
		return keyFile{}, err
	}
	return keyFile{}, &LostKeyError{v.KeyFile, names}
}

// errNoKeyFile says that there is no place for a key.
var errNoKeyFile = errors.New("no place is known for the key of secrets: HOME is not set; name one with key_file of [secrets] in the settings")

func (db *DB) secretNames() (names []string, err error) {
	err = db.View(func(tx *Tx) error {
		for name := range tx.forward(secretsBucket, "") {
			names = append(names, name)
		}
		return nil
	})
	return names, err
}

// open returns the identity of a key file, asking for its passphrase.
func (v *vault) open(ctx context.Context, k keyFile) (*age.X25519Identity, error) {
	if !k.wrapped() {
		return k.open("")
	}
	for wrong := 0; ; wrong++ {
		passphrase, err := v.ask(ctx, Ask{Wrong: wrong, File: k.path})
		if err != nil {
			return nil, err
		}
		id, err := k.open(passphrase)
		if err == nil || !errors.Is(err, errWrongPassphrase) {
			return id, err
		}
		if wrong+1 == maxTries {
			return nil, fmt.Errorf("open the key file %s: %w", k.path, err)
		}
	}
}

func (v *vault) ask(ctx context.Context, a Ask) (string, error) {
	if v.Passphrase == nil {
		return "", fmt.Errorf("the key file %s needs a passphrase, and nobody can be asked for it", a.File)
	}
	return v.Passphrase(ctx, a)
}

// firstKey makes the identity of a database that has none.
func (db *DB) firstKey(ctx context.Context) error {
	v := &db.vault
	if v.KeyFile == "" {
		return errNoKeyFile
	}
	id, text, err := v.newIdentity(ctx, v.Wrap)
	if err != nil {
		return err
	}
	recipient := id.Recipient().String()
	err = writeKeyFile(v.KeyFile, text)
	if errors.Is(err, fs.ErrExist) {
		// That one is the key of another database.
		err = writeKeyFile(v.keyBeside(recipient), text)
	}
	if err != nil {
		return err
	}
	err = db.Update(func(tx *Tx) error { return tx.write(metaBucket, recipientKey, []byte(recipient)) })
	if err == nil {
		v.identity.Store(id)
	}
	return err
}

// newIdentity makes an identity and what its key file is to hold.
func (v *vault) newIdentity(ctx context.Context, wrap bool) (*age.X25519Identity, []byte, error) {
	passphrase := ""
	if wrap {
		var err error
		if passphrase, err = v.ask(ctx, Ask{New: true, File: v.KeyFile}); err != nil {
			return nil, nil, err
		}
		if passphrase == "" {
			return nil, nil, errors.New("the passphrase of the key file may not be empty")
		}
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, nil, fmt.Errorf("make the key of secrets: %w", err)
	}
	work := v.work
	if work == 0 {
		work = scryptWork
	}
	text, err := keyFileText(id, passphrase, work)
	return id, text, err
}
