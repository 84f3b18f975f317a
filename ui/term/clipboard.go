package term

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// InTmux reports whether the terminal is a pane of tmux, which drops what
// programs send to the clipboard unless its set-clipboard option is "on".
func InTmux(environ []string) bool { return Env(environ, "TMUX") != "" }

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
