package packages

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"brokeforge/packages/dotenv"
)

// sh runs a script and returns what it printed and its exit status.
func sh(t *testing.T, script string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// asMyself has scripts of a site's user run without becoming one, which only root
// can.
func asMyself(script string) string {
	return "runuser() { shift 3; \"$@\"; }\n" + script
}

func TestEnvironmentScripts(t *testing.T) {
	file := filepath.Join(t.TempDir(), "it's $(a)", ".env")
	write := func(text, hash string) int {
		_, status := sh(t, asMyself(WriteEnvironment("site", file, text, hash)))
		return status
	}
	read := func() (string, int) { return sh(t, asMyself(ReadEnvironment("site", file))) }
	if status := write("A=1\n", NoFile); status != EnvironmentNoPlace {
		t.Errorf("without a folder: %d", status)
	}
	if err := os.Mkdir(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, status := read(); status != EnvironmentAbsent {
		t.Errorf("without a file: %d", status)
	}
	first := "A='x'; touch /tmp/pwn\n%s\\n\"$HOME\"\n\n"
	if status := write(first, NoFile); status != 0 {
		t.Fatalf("the first: %d", status)
	}
	if got, status := read(); got != first || status != 0 {
		t.Errorf("%q and %d, wanted %q", got, status, first)
	}
	if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if status := write("B=2\n", NoFile); status != EnvironmentChanged {
		t.Errorf("over one that came meanwhile: %d", status)
	}
	if status := write("B=2\n", HashOf("B=1\n")); status != EnvironmentChanged {
		t.Errorf("over one that has changed: %d", status)
	}
	if got, _ := read(); got != first {
		t.Errorf("a refused one was written: %q", got)
	}
	if status := write("B=2\n", HashOf(first)); status != 0 {
		t.Errorf("over the one that is expected: %d", status)
	}
	if status := write("C=3\n", ""); status != 0 {
		t.Errorf("over whatever there is: %d", status)
	}
	if left, err := filepath.Glob(filepath.Dir(file) + "/.env.*"); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	environmentLinks(t, file, write, read)
}

// environmentLinks puts something else in the place of the file.
func environmentLinks(t *testing.T, file string, write func(string, string) int, read func() (string, int)) {
	t.Helper()
	other := filepath.Join(t.TempDir(), "other")
	if err := errors.Join(os.WriteFile(other, []byte("theirs"), 0o600), os.Remove(file), os.Symlink(other, file)); err != nil {
		t.Fatal(err)
	}
	if got, status := read(); status != EnvironmentRefused || got != "" {
		t.Errorf("reads a link: %q, %d", got, status)
	}
	if status := write("A=1\n", ""); status != EnvironmentRefused {
		t.Errorf("writes over a link: %d", status)
	}
	if data, err := os.ReadFile(other); err != nil || string(data) != "theirs" {
		t.Errorf("what a link leads to is %q, %v", data, err)
	}
	if err := errors.Join(os.Remove(file), os.WriteFile(file, make([]byte, dotenv.MaxSize+1), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, status := read(); status != EnvironmentTooBig || got != "" {
		t.Errorf("reads what is too big: %d", status)
	}
}

func TestReadLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a log's.log")
	if got, status := sh(t, ReadLog(file, 10, "", false)); got != "" || status != 0 {
		t.Errorf("one that is not there: %q, %d", got, status)
	}
	if err := os.WriteFile(file, []byte("a 1\nb 2\na -e 3\na 4"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		lines int
		text  string
		want  string
	}{
		{2, "", "a -e 3\na 4"},
		{2, "a", "a -e 3\na 4\n"},
		{9, "-e", "a -e 3\n"},
		{9, "'; touch /tmp/pwn; '", ""},
		{0, "", ""},
	} {
		if got, status := sh(t, ReadLog(file, test.lines, test.text, false)); got != test.want || status != 0 {
			t.Errorf("%d lines with %q: %q and %d, wanted %q", test.lines, test.text, got, status, test.want)
		}
	}
}

func TestReadLogFollows(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(file, []byte("x 1\ny 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "setsid", "sh", "-c", ReadLog(file, 5, "x", true))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = exec.Command("kill", "--", "-"+strconv.Itoa(cmd.Process.Pid)).Run() // the wait tells whether it has ended
		_ = cmd.Wait()
	}()
	var got strings.Builder
	buffer := make([]byte, 100)
	next := func(want string) {
		for !strings.HasSuffix(got.String(), want) {
			n, err := out.Read(buffer)
			if err != nil {
				t.Fatalf("%v after %q", err, got.String())
			}
			got.Write(buffer[:n])
		}
	}
	next("x 1\n")
	more(t, file, "y 3\nx 4\n")
	next("x 4\n")
	if err := os.Rename(file, file+".1"); err != nil {
		t.Fatal(err)
	}
	more(t, file, "x 5\n")
	next("x 5\n")
	if got.String() != "x 1\nx 4\nx 5\n" {
		t.Errorf("%q", got.String())
	}
}

func more(t *testing.T, file, text string) {
	t.Helper()
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}
