package sites

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestWordPressSettings writes wp-config.php, and then has one that somebody has changed
// use another database.
func TestWordPressSettings(t *testing.T) {
	root, secrets := t.TempDir(), t.TempDir()
	write := func(database string) error {
		if err := os.WriteFile(filepath.Join(secrets, "database"), []byte(database), 0o600); err != nil {
			t.Fatal(err)
		}
		script, err := compose([]variable{{"site", root}}, "wpconfig")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Env = append(os.Environ(), "SECRETS="+secrets)
		out, err := cmd.CombinedOutput()
		t.Logf("%s", out)
		return err
	}
	file := filepath.Join(root, "shared", "wp-config.php")
	read := func() string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("its mode is %v, %v", info.Mode(), err)
		}
		return string(text)
	}
	if err := write("define( 'DB_NAME', 'one' );\n$table_prefix = 'wp_';\n"); err != nil {
		t.Fatal(err)
	}
	first := read()
	if strings.Count(first, "_KEY', '") != 4 || strings.Count(first, "_SALT', '") != 4 {
		t.Errorf("the keys are not eight:\n%s", first)
	}
	mine := strings.Replace(first, "// Settings", "define('MINE', 1);\n// Settings", 1)
	if err := os.WriteFile(file, []byte(mine), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := write("define( 'DB_NAME', 'two' );\n$table_prefix = 'x_';\n"); err != nil {
		t.Fatal(err)
	}
	if got, want := read(), strings.NewReplacer("'one'", "'two'", "'wp_'", "'x_'").Replace(mine); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := os.WriteFile(file, []byte("<?php /*\n*/ define('MINE', 1);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := write("define( 'DB_NAME', 'three' );\n"); err == nil || !strings.Contains(read(), "MINE") {
		t.Errorf("one that is written otherwise: %v\n%s", err, read())
	}
}

// TestForPHP holds passwords to what a string literal of PHP may hold.
func TestForPHP(t *testing.T) {
	if got, err := (WordPress{}).EncodeSecret(forPHP, `a'b\`); err != nil || got != `'a\'b\\'` {
		t.Errorf("it is %s, %v", got, err)
	}
	if _, err := (WordPress{}).EncodeSecret("x", "a"); err == nil {
		t.Error("an unknown encoding is taken")
	}
}
