package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"brokeforge/store"
)

// secretReader returns the value of a secret from where --set says that it is.
type secretReader func(key, source string) (string, error)

// maxSecretInput bounds what is read of a secret, in bytes.
const maxSecretInput = 64 << 10

// secretReader reads secrets from standard input, where the source is "-", and from
// files, where it is "@" and a path. Of several from standard input each is a line.
// A value on the command line itself is refused.
func (e Env) secretReader(ctx context.Context, set []string) secretReader {
	return e.secretsFrom(ctx, "--set ", set)
}

// secretsFrom is secretReader where something else stands before the values.
func (e Env) secretsFrom(ctx context.Context, flag string, set []string) secretReader {
	piped := 0
	for _, s := range set {
		if strings.HasSuffix(s, "=-") {
			piped++
		}
	}
	var lines []string
	return func(key, source string) (string, error) {
		switch {
		case source == "":
			return "", nil
		case source == "-" && isTerminal(e.Stdin):
			in, _ := e.Stdin.(*os.File) // a terminal is a file
			return askHidden(ctx, in, e.Stderr, key+": ")
		case source == "-":
			if lines == nil {
				var err error
				if lines, err = readLines(e.Stdin, piped); err != nil {
					return "", fmt.Errorf("%s%s: %w", flag, key, err)
				}
			}
			value := lines[0]
			lines = lines[1:]
			return value, nil
		case strings.HasPrefix(source, "@"):
			return readSecretFile(flag+key, source[1:])
		}
		return "", fmt.Errorf("%s%s: it is a secret, and what stands on a command line is seen by others in ps and kept in the shell's history; "+
			"say %[2]s=- to type or pipe it, or %[2]s=@FILE", flag, key)
	}
}

// readLines reads so many values from standard input: all of it for one, else a
// line for each. A newline at the end belongs to none.
func readLines(r io.Reader, n int) ([]string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxSecretInput))
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	value := strings.TrimSuffix(string(text), "\n")
	if n <= 1 {
		return []string{value}, nil
	}
	lines := strings.Split(value, "\n")
	if len(lines) != n {
		return nil, fmt.Errorf("standard input has %d lines for %d secrets", len(lines), n)
	}
	return lines, nil
}

func readSecretFile(key, path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	defer f.Close() // nothing was written
	lines, err := readLines(f, 1)
	if err != nil {
		return "", fmt.Errorf("%s: read %s: %w", key, path, err)
	}
	return lines[0], nil
}

// askHidden asks for a line that is not shown while it is typed.
func askHidden(ctx context.Context, in *os.File, out io.Writer, question string) (string, error) {
	fd := int(in.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask on the terminal: %w", err)
	}
	fmt.Fprint(out, question)
	type answer struct {
		text []byte
		err  error
	}
	// As in ask, the read is left alone after a signal; the terminal is set right.
	given := make(chan answer, 1)
	go func() {
		text, err := term.ReadPassword(fd)
		given <- answer{text, err}
	}()
	select {
	case a := <-given:
		fmt.Fprintln(out)
		if a.err != nil {
			return "", fmt.Errorf("read the answer: %w", a.err)
		}
		return string(a.text), nil
	case <-ctx.Done():
		fmt.Fprintln(out)
		return "", errors.Join(ctx.Err(), term.Restore(fd, before))
	}
}

// passphrase waits until nobody else asks on the terminal, as they would take each
// other's answers.
func (a *app) passphrase(ctx context.Context, ask store.Ask) (string, error) {
	a.terminal.Lock()
	defer a.terminal.Unlock()
	return a.Env.passphrase(ctx, ask)
}

// passphrase asks for the passphrase of the key of secrets, on the terminal and
// not on standard input, which may be something else.
func (e Env) passphrase(ctx context.Context, a store.Ask) (string, error) {
	tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return "", fmt.Errorf("the passphrase of %s is needed, and there is no terminal to ask for it", a.File)
	}
	defer tty.Close()
	if a.Wrong > 0 {
		fmt.Fprintln(tty, "that is not the passphrase")
	}
	if !a.New {
		return askHidden(ctx, tty, tty, fmt.Sprintf("Passphrase of %s: ", a.File))
	}
	for {
		first, err := askHidden(ctx, tty, tty, fmt.Sprintf("New passphrase for %s: ", a.File))
		if err != nil {
			return "", err
		}
		again, err := askHidden(ctx, tty, tty, "The same again: ")
		if err != nil {
			return "", err
		}
		if first == again && first != "" {
			return first, nil
		}
		fmt.Fprintln(tty, "they are not the same, or empty")
	}
}
