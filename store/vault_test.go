package store

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const canary = "Canary-7f3 'x' \\ €"

// openVault opens a state folder whose key file is in a folder of its own.
func openVault(t testing.TB, dir string, change func(*Vault)) *DB {
	t.Helper()
	v := Vault{KeyFile: filepath.Join(filepath.Dir(dir), "keys", "secrets.key"), work: 4}
	if change != nil {
		change(&v)
	}
	return openTest(t, dir, Options{Vault: v})
}

func unlock(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Unlock(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func put(t testing.TB, db *DB, name, value string) {
	t.Helper()
	unlock(t, db)
	update(t, db, func(tx *Tx) error { return tx.PutSecret(name, []byte(value), "ann") })
}

func secret(t testing.TB, db *DB, name string) string {
	t.Helper()
	unlock(t, db)
	return string(view(t, db, func(tx *Tx) ([]byte, error) { return tx.Secret(name) }))
}

func closeDB(t testing.TB, db *DB) {
	t.Helper()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// wantNowhere demands that no file below the folder holds the text.
func wantNowhere(t *testing.T, dir, text string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, []byte(text)) {
			t.Errorf("%s holds the value", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSecretsAreEncrypted(t *testing.T) {
	base := t.TempDir()
	dir := base + "/state"
	db := openVault(t, dir, nil)
	if _, err := os.Stat(base + "/keys"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a key was made before a secret was needed: %v", err)
	}
	put(t, db, "srv/redis.password", canary)
	assertModes(t, map[string]os.FileMode{base + "/keys": 0o700, base + "/keys/secrets.key": 0o600})
	closeDB(t, db)
	wantNowhere(t, dir, "Canary-7f3")

	db = openVault(t, dir, nil)
	if got := secret(t, db, "srv/redis.password"); got != canary {
		t.Errorf("got %q", got)
	}
	list := view(t, db, func(tx *Tx) ([]Secret, error) { return tx.Secrets("srv/") })
	if len(list) != 1 || list[0].Name != "srv/redis.password" || list[0].By != "ann" || list[0].CreatedAt.IsZero() {
		t.Errorf("listed: %+v", list)
	}
	update(t, db, func(tx *Tx) error { return tx.DeleteSecrets("srv/") })
	err := db.View(func(tx *Tx) error { _, err := tx.Secret("srv/redis.password"); return err })
	if !errors.Is(err, ErrNotFound) {
		t.Errorf("after it was deleted: %v", err)
	}
}

func TestSecretsKeepEveryByte(t *testing.T) {
	db := openVault(t, t.TempDir()+"/state", nil)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i, value := range []string{"", " ", string(every), strings.Repeat("é", 4096), "name\x00value", "🔑\n"} {
		name := fmt.Sprint("s/", i)
		put(t, db, name, value)
		if got := secret(t, db, name); got != value {
			t.Errorf("%q came back as %q", value, got)
		}
	}
	wantErr(t, db.Update(func(tx *Tx) error { return tx.PutSecret("big", make([]byte, maxSecret+1), "") }), "big", "bytes")
	wantErr(t, db.Update(func(tx *Tx) error { return tx.PutSecret("", nil, "") }), "empty")
}

func TestSecretsNeedUnlocking(t *testing.T) {
	db := openVault(t, t.TempDir()+"/state", nil)
	if err := db.Update(func(tx *Tx) error { return tx.PutSecret("a", nil, "") }); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v", err)
	}
	none := openTest(t, t.TempDir()+"/state", Options{})
	wantErr(t, none.Unlock(t.Context()), "key_file")
}

// A secret that is moved to another name by who can write the file is refused.
func TestSecretIsBoundToItsName(t *testing.T) {
	db := openVault(t, t.TempDir()+"/state", nil)
	put(t, db, "a", canary)
	update(t, db, func(tx *Tx) error {
		s, _, err := readRecord[sealed](tx, secretsBucket, "a")
		if err != nil {
			return err
		}
		return writeRecord(tx, secretsBucket, "b", s)
	})
	err := db.View(func(tx *Tx) error { _, err := tx.Secret("b"); return err })
	var damaged *DamagedError
	if !errors.As(err, &damaged) || strings.Contains(err.Error(), canary) {
		t.Errorf("got %v", err)
	}
}

func TestKeyFileIsRefused(t *testing.T) {
	base := t.TempDir()
	key := base + "/keys/secrets.key"
	db := openVault(t, base+"/state", nil)
	put(t, db, "a", canary)
	closeDB(t, db)
	good := readFile(t, key)
	for name, test := range map[string]struct {
		spoil func() error
		want  string
	}{
		"group":   {func() error { return os.Chmod(key, 0o640) }, "chmod 600"},
		"world":   {func() error { return os.Chmod(key, 0o604) }, "chmod 600"},
		"empty":   {func() error { return os.WriteFile(key, nil, 0o600) }, "holds no key"},
		"damaged": {func() error { return os.WriteFile(key, []byte("AGE-SECRET-KEY-1QQ"), 0o600) }, "damaged"},
		"folder":  {func() error { return errors.Join(os.Remove(key), os.Mkdir(key, 0o700)) }, "not a regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.spoil(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				if err := errors.Join(os.RemoveAll(key), os.WriteFile(key, good, 0o600)); err != nil {
					t.Fatal(err)
				}
			}()
			db := openVault(t, base+"/state", nil)
			err := db.Unlock(t.Context())
			wantErr(t, err, key, test.want)
			if strings.Contains(err.Error(), "SECRET-KEY") {
				t.Errorf("the error shows the file: %v", err)
			}
			closeDB(t, db)
		})
	}
}

func TestLostKey(t *testing.T) {
	base := t.TempDir()
	db := openVault(t, base+"/state", nil)
	server := addServer(t, db, "web1")
	put(t, db, "srv/redis.password", canary)
	closeDB(t, db)
	if err := os.RemoveAll(base + "/keys"); err != nil {
		t.Fatal(err)
	}
	db = openVault(t, base+"/state", nil)
	if got := view(t, db, func(tx *Tx) (Server, error) { return tx.Server(server.ID) }); got.Name != "web1" {
		t.Errorf("the server became %+v", got)
	}
	err := db.Unlock(t.Context())
	var lost *LostKeyError
	if !errors.As(err, &lost) || len(lost.Names) != 1 || lost.Names[0] != "srv/redis.password" {
		t.Fatalf("got %v", err)
	}
	wantErr(t, err, "redis.password", "--forget-lost", "servers, packages and history can")
	if _, err := db.Rekey(t.Context(), Rekey{}); !errors.As(err, &lost) {
		t.Errorf("a rekey that was not told to forget: %v", err)
	}
	names, err := db.Rekey(t.Context(), Rekey{ForgetLost: true})
	if err != nil || len(names) != 1 {
		t.Fatalf("forgot %v, %v", names, err)
	}
	put(t, db, "srv/new", "x")
	if got := view(t, db, func(tx *Tx) ([]Secret, error) { return tx.Secrets("") }); len(got) != 1 {
		t.Errorf("kept: %+v", got)
	}
}

// Two state folders whose settings name one key file have a key each.
func TestTwoDatabasesOneKeyFile(t *testing.T) {
	base := t.TempDir()
	one, two := openVault(t, base+"/one", nil), openVault(t, base+"/two", nil)
	put(t, one, "a", "first")
	put(t, two, "a", "second")
	for _, db := range []*DB{one, two} {
		if _, err := db.Rekey(t.Context(), Rekey{}); err != nil {
			t.Fatal(err)
		}
		closeDB(t, db)
	}
	if got := secret(t, openVault(t, base+"/one", nil), "a"); got != "first" {
		t.Errorf("one: %q", got)
	}
	if got := secret(t, openVault(t, base+"/two", nil), "a"); got != "second" {
		t.Errorf("two: %q", got)
	}
}

// passphrases answers with one after the other.
func passphrases(asked *[]Ask, answers ...string) func(*Vault) {
	return func(v *Vault) {
		v.Passphrase = func(_ context.Context, a Ask) (string, error) {
			*asked = append(*asked, a)
			if len(*asked) > len(answers) {
				return "", errors.New("asked too often")
			}
			return answers[len(*asked)-1], nil
		}
	}
}

func TestPassphrase(t *testing.T) {
	base := t.TempDir()
	var asked []Ask
	answers := passphrases(&asked, "correct horse", "wrong", "correct horse")
	wrap := func(v *Vault) { v.Wrap = true; answers(v) }
	db := openVault(t, base+"/state", wrap)
	put(t, db, "a", canary)
	if len(asked) != 1 || !asked[0].New {
		t.Errorf("asked %+v", asked)
	}
	closeDB(t, db)
	text := string(readFile(t, base+"/keys/secrets.key"))
	if strings.Contains(text, identityWord) || !strings.Contains(text, "AGE ENCRYPTED FILE") {
		t.Errorf("the key file is not wrapped:\n%s", text)
	}
	db = openVault(t, base+"/state", wrap)
	if locked, err := db.Locked(); err != nil || !locked {
		t.Errorf("locked: %v, %v", locked, err)
	}
	if got := secret(t, db, "a"); got != canary || len(asked) != 3 || asked[2].Wrong != 1 {
		t.Errorf("got %q, asked %+v", got, asked)
	}
	secret(t, db, "a") // asks no more
	closeDB(t, db)

	asked = nil
	db = openVault(t, base+"/state", passphrases(&asked, "a", "b", "c", "d"))
	if err := db.Unlock(t.Context()); !errors.Is(err, errWrongPassphrase) || len(asked) != maxTries {
		t.Errorf("got %v after %d", err, len(asked))
	}
	if err := db.Unlock(t.Context()); !errors.Is(err, errWrongPassphrase) || len(asked) != maxTries {
		t.Errorf("once more: %v after %d", err, len(asked))
	}
	closeDB(t, db)
	wantErr(t, openVault(t, base+"/state", nil).Unlock(t.Context()), "nobody can be asked")
}

func TestVersion1IsMigrated(t *testing.T) {
	dir := t.TempDir() + "/state"
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	packed, err := gzip.NewReader(bytes.NewReader(readFile(t, "testdata/version1.db.gz")))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(packed)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, dbName), data, 0o600); err != nil {
		t.Fatal(err)
	}
	db := openVault(t, dir, nil)
	server := view(t, db, func(tx *Tx) (Server, error) { return tx.ServerByName("web1") })
	if got := view(t, db, func(tx *Tx) ([]ServerPackage, error) { return tx.ServerPackages(server.ID) }); len(got) != 1 || got[0].Name != "base" {
		t.Errorf("packages: %+v", got)
	}
	if got := view(t, db, func(tx *Tx) ([]Run, error) { return tx.RunsOf(server.ID, 5) }); len(got) != 1 || got[0].Title != "install base" {
		t.Errorf("runs: %+v", got)
	}
	put(t, db, "a", canary)
	if version, err := schemaVersion(db.bolt); err != nil || version != len(migrations()) {
		t.Errorf("version %d, %v", version, err)
	}
}

func TestServerTakesItsSecretsAlong(t *testing.T) {
	db := openVault(t, t.TempDir()+"/state", nil)
	one, two := addServer(t, db, "one"), addServer(t, db, "two")
	put(t, db, string(one.ID)+"/a", "1")
	put(t, db, string(two.ID)+"/a", "2")
	update(t, db, func(tx *Tx) error { return tx.DeleteServer(one.ID) })
	if got := view(t, db, func(tx *Tx) ([]Secret, error) { return tx.Secrets("") }); len(got) != 1 || got[0].Name != string(two.ID)+"/a" {
		t.Errorf("left: %+v", got)
	}
}
