package store

import (
	"bytes"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
)

func TestRekeyWrapsAndUnwraps(t *testing.T) {
	base := t.TempDir()
	var asked []Ask
	db := openVault(t, base+"/state", passphrases(&asked, "pass", "other"))
	put(t, db, "a", canary)
	yes, no := true, false
	for i, test := range []struct {
		wrap    *bool
		wrapped bool
	}{{&yes, true}, {nil, true}, {&no, false}, {nil, false}} {
		before := readFile(t, base+"/keys/secrets.key")
		if _, err := db.Rekey(t.Context(), Rekey{Wrap: test.wrap}); err != nil {
			t.Fatal(err)
		}
		after := readFile(t, base+"/keys/secrets.key")
		if bytes.Equal(before, after) || strings.Contains(string(after), "AGE ENCRYPTED") != test.wrapped {
			t.Errorf("%d: wrapped is not %v, or the key is the old one", i, test.wrapped)
		}
		if got := secret(t, db, "a"); got != canary {
			t.Errorf("%d: got %q", i, got)
		}
	}
	left, err := filepath.Glob(base + "/keys/*")
	if err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestRekeyOfAnEmptyDatabaseAsksOnce(t *testing.T) {
	base := t.TempDir()
	var asked []Ask
	db := openVault(t, base+"/state", passphrases(&asked, "pass", "pass"))
	yes := true
	if _, err := db.Rekey(t.Context(), Rekey{Wrap: &yes}); err != nil || len(asked) != 1 {
		t.Fatalf("asked %d times, %v", len(asked), err)
	}
	put(t, db, "a", canary)
	closeDB(t, db)
	if got := secret(t, openVault(t, base+"/state", passphrases(&asked, "", "pass")), "a"); got != canary {
		t.Errorf("got %q", got)
	}
}

// A rekey that is cut off before any of its steps leaves a readable database.
func TestRekeyIsCrashSafe(t *testing.T) {
	for _, step := range []string{"write", "encrypt", "rename"} {
		t.Run(step, func(t *testing.T) {
			base := t.TempDir()
			db := openVault(t, base+"/state", nil)
			put(t, db, "a", canary)
			old, err := db.recipient()
			if err != nil {
				t.Fatal(err)
			}
			id, err := age.GenerateX25519Identity()
			if err != nil {
				t.Fatal(err)
			}
			text, err := keyFileText(id, "", 4)
			if err != nil {
				t.Fatal(err)
			}
			cut := errors.New("cut")
			err = db.rekey(id, text, old, false, func(at string) error {
				if at == step {
					return cut
				}
				return nil
			})
			if !errors.Is(err, cut) {
				t.Fatalf("got %v", err)
			}
			closeDB(t, db)
			for range 2 {
				db = openVault(t, base+"/state", nil)
				if got := secret(t, db, "a"); got != canary {
					t.Errorf("got %q", got)
				}
				closeDB(t, db)
			}
			db = openVault(t, base+"/state", nil)
			if _, err := db.Rekey(t.Context(), Rekey{}); err != nil {
				t.Fatal(err)
			}
			if got := secret(t, db, "a"); got != canary {
				t.Errorf("after another rekey: %q", got)
			}
			if k, err := readKeyFile(base + "/keys/secrets.key"); err != nil {
				t.Error(err)
			} else if now, err := db.recipient(); err != nil || k.recipient != now {
				t.Errorf("the key file is not the database's: %v", err)
			}
		})
	}
}
