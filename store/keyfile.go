package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"filippo.io/age"
	"filippo.io/age/armor"
)

const (
	recipientLine = "# recipient: "
	identityWord  = "AGE-SECRET-KEY-"

	maxKeyFile = 64 << 10 // bytes of a key file that are read

	// scryptWork is the work factor of a passphrase: 2^18, about a second.
	scryptWork = 18
)

// A keyFile is a file with the identity of one database, plain or wrapped with a
// passphrase. Its first line names the recipient, which is no secret.
type keyFile struct {
	path      string
	recipient string // as the file says it
	body      string // what follows the comments
}

func (k keyFile) wrapped() bool { return strings.HasPrefix(k.body, armor.Header) }

// KeyFileError refuses a key file that others could have read or changed, or that
// holds no key.
type KeyFileError struct {
	Path   string
	Reason string
}

// Error names the file and what is wrong with it.
func (e *KeyFileError) Error() string { return fmt.Sprintf("the key file %s %s", e.Path, e.Reason) }

// readKeyFile reads a key file. The error wraps [fs.ErrNotExist] where there is
// none, and is a [*KeyFileError] for one that is not fit to be used.
func readKeyFile(path string) (keyFile, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return keyFile{}, explain("open the key file", path, err)
	}
	defer f.Close() // nothing was written
	info, err := f.Stat()
	if err != nil {
		return keyFile{}, explain("look at the key file", path, err)
	}
	if err := checkKeyMode(path, info); err != nil {
		return keyFile{}, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return keyFile{}, explain("read the key file", path, err)
	}
	return parseKeyFile(path, string(text))
}

func checkKeyMode(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return &KeyFileError{path, "is not a regular file"}
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return &KeyFileError{path, fmt.Sprintf("can be read or changed by others (mode %04o): somebody may know the key; "+
			"if nobody does, run: chmod 600 %s", mode, path)}
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && int(stat.Uid) != os.Geteuid() && stat.Uid != 0 {
		return &KeyFileError{path, fmt.Sprintf("belongs to another user (uid %d)", stat.Uid)}
	}
	return nil
}

func parseKeyFile(path, text string) (keyFile, error) {
	k := keyFile{path: path}
	for strings.HasPrefix(text, "#") {
		line, rest, _ := strings.Cut(text, "\n")
		if recipient, ok := strings.CutPrefix(line, recipientLine); ok {
			k.recipient = strings.TrimSpace(recipient)
		}
		text = rest
	}
	k.body = strings.TrimSpace(text)
	if !k.wrapped() && !strings.HasPrefix(k.body, identityWord) {
		return keyFile{}, &KeyFileError{path, "holds no key of brokeforge; put a backup in its place"}
	}
	if !k.wrapped() {
		id, err := parseIdentity(path, k.body)
		if err != nil {
			return keyFile{}, err
		}
		k.recipient = id.Recipient().String()
	}
	return k, nil
}

// parseIdentity reads an identity. Its error doesn't repeat what was read.
func parseIdentity(path, text string) (*age.X25519Identity, error) {
	id, err := age.ParseX25519Identity(strings.TrimSpace(text))
	if err != nil {
		return nil, &KeyFileError{path, "is damaged; put a backup in its place"}
	}
	return id, nil
}

// errWrongPassphrase says that a key file is wrapped with another passphrase.
var errWrongPassphrase = errors.New("the passphrase is wrong")

// open returns the identity. The passphrase counts where the file is wrapped.
func (k keyFile) open(passphrase string) (*age.X25519Identity, error) {
	if !k.wrapped() {
		return parseIdentity(k.path, k.body)
	}
	scrypt, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, errWrongPassphrase // an empty one
	}
	plain, err := age.Decrypt(armor.NewReader(strings.NewReader(k.body)), scrypt)
	var no *age.NoIdentityMatchError
	if errors.As(err, &no) {
		return nil, errWrongPassphrase
	}
	var text []byte
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(plain, maxKeyFile))
	}
	if err != nil {
		return nil, &KeyFileError{k.path, "is damaged: " + err.Error()}
	}
	return parseIdentity(k.path, string(text))
}

// keyFileText is what a key file for the identity holds. An empty passphrase
// leaves it plain.
func keyFileText(id *age.X25519Identity, passphrase string, work int) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString("# The key of brokeforge's secrets. Keep a backup of it, apart from the database.\n")
	b.WriteString(recipientLine + id.Recipient().String() + "\n")
	if passphrase == "" {
		b.WriteString(id.String() + "\n")
		return b.Bytes(), nil
	}
	scrypt, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, fmt.Errorf("wrap the key: %w", err)
	}
	scrypt.SetWorkFactor(work)
	armored := armor.NewWriter(&b)
	sealed, err := age.Encrypt(armored, scrypt)
	if err == nil {
		_, err = io.WriteString(sealed, id.String()+"\n")
	}
	if err == nil {
		err = errors.Join(sealed.Close(), armored.Close())
	}
	if err != nil {
		return nil, fmt.Errorf("wrap the key: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// writeKeyFile makes a key file that is not there yet, and has it on the disk
// when it returns. It never writes over one.
func writeKeyFile(path string, text []byte) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, folderMode); err != nil {
		return explain("make the folder of the key file", dir, err)
	}
	f, err := os.CreateTemp(dir, ".brokeforge-key-")
	if err != nil {
		return explain("make the key file", path, err)
	}
	defer func() { err = errors.Join(err, ignoreMissing(os.Remove(f.Name()))) }()
	_, err = f.Write(text)
	if err == nil {
		err = f.Chmod(fileMode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return explain("write the key file", path, err)
	}
	// Unlike a rename, a link fails where there is a file already.
	if err := os.Link(f.Name(), path); err != nil {
		return explain("make the key file", path, err)
	}
	return syncFolder(dir)
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
