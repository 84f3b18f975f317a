package term

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/charmbracelet/x/ansi"
)

// InTmux reports whether the terminal is a pane of tmux, which drops what
// programs send to the clipboard unless its set-clipboard option is "on".
func InTmux(environ []string) bool { return Env(environ, "TMUX") != "" }

// Copy puts text into the clipboard of the terminal that the process was started
// on: by tmux where it runs in it, else by the sequence OSC 52.
func Copy(ctx context.Context, environ []string, text string) error {
	if InTmux(environ) {
		return CopyInTmux(ctx, text)
	}
	tty, err := os.OpenFile("/dev/tty", os.O_WRONLY, 0)
	if err != nil {
		return errors.New("there is no terminal to copy by")
	}
	_, err = io.WriteString(tty, ansi.SetSystemClipboard(text))
	return errors.Join(err, tty.Close())
}

// CopyInTmux gives text to tmux, which passes it on to the clipboard of the
// terminal that it runs in (load-buffer -w, tmux(1)).
func CopyInTmux(ctx context.Context, text string) error {
	cmd := exec.CommandContext(ctx, "tmux", "load-buffer", "-w", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("copy by tmux: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
