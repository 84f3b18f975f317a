package term

import (
	"cmp"
	"context"
	"os/exec"
)

// Editor returns the command of the editor that a person has chosen: VISUAL, EDITOR,
// or vi as POSIX has it.
func Editor(getenv func(string) string) string {
	return cmp.Or(getenv("VISUAL"), getenv("EDITOR"), "vi")
}

// EditCommand returns the command that edits a file. The editor may have arguments
// and is read by sh, as git(1) does; the file is passed on as it is.
func EditCommand(ctx context.Context, editor, file string) *exec.Cmd {
	return exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, editor, file)
}
