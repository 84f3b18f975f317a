package packages

import (
	"fmt"

	"al.essio.dev/pkg/shellescape"
)

// ReadLog returns POSIX sh, to be run by root, that prints the last lines of a log,
// and with follow each that comes, also after the log was rotated. With a text only
// lines that have it count. A log that is not there yet is empty.
func ReadLog(file string, lines int, text string, follow bool) string {
	// The size splits what is there from what comes, so that no line is missed.
	script := fmt.Sprintf(`log=%s
size=$(stat -L -c %%s -- "$log" 2>/dev/null) || size=0
`, shellescape.Quote(file))
	filter, live := "cat", ""
	if text != "" {
		filter = "grep -aF -e " + shellescape.Quote(text)
		live = " | grep --line-buffered -aF -e " + shellescape.Quote(text)
	}
	script += fmt.Sprintf("[ \"$size\" = 0 ] || head -c \"$size\" -- \"$log\" | %s | tail -n %d\n", filter, max(lines, 0))
	if !follow {
		return script + "true"
	}
	return script + "tail -q -s 0.2 -c +$((size + 1)) -F -- \"$log\" 2>/dev/null" + live
}
