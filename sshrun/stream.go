package sshrun

import (
	"context"
	"fmt"
	"io"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/sshrun/clean"
)

// streamScript runs a script in a session of its own, and ends that session when
// standard input ends, as the connection then has, or when it is told to end itself:
// sshd passes the signal on to its whole group, of which the script is none. So
// nothing is left running on the server when nobody reads it any more.
const streamScript = `exec 5<&0
setsid sh -c "$script" </dev/null 5<&- &
job=$!
finish() { kill -TERM -"$job" || kill -TERM "$job"; } 2>/dev/null
trap finish HUP INT TERM
( trap '' HUP INT TERM; while read -r _; do :; done; finish ) <&5 >/dev/null 2>&1 &
watch=$!
exec 5<&-
wait "$job"
status=$?
kill -KILL "$watch" 2>/dev/null
exit "$status"
`

// Stream runs a script as [Client.Execute] does and passes on each line that it
// prints on stdout, cleaned, as it comes. An error of handle ends the script and
// is returned. A slow handle holds up the script, and nothing else. When ctx ends
// the script is ended on the server and the error is that of ctx.
//
// The result has no Stdout.
func (c *Client) Stream(ctx context.Context, s Script, handle func(line string) error) (Result, error) {
	begin := newToken()
	lines := &clean.Splitter{Line: func(raw []byte, _ int64) error { return handle(clean.Line(string(raw))) }}
	said := &bounded{limit: maxNoise}
	stdout, stderr := &framed{begin: begin, out: lines}, &framed{begin: begin, out: said}
	end, err := c.perform(ctx, exchange{
		arguments: " -s",
		// Standard input stays open: its end tells the server that nobody reads.
		input: func(w io.WriteCloser) error {
			_, err := fmt.Fprintf(w, "echo %s; echo %s >&2\n{\nscript=%s\n%sexit\n}\n", begin, begin, shellescape.Quote(s.Text), streamScript)
			return err
		},
		stdout: stdout, stderr: stderr,
	}, s.Become)
	if err != nil {
		return Result{}, err
	}
	if rest := lines.Rest(); len(rest) > 0 {
		if err := handle(clean.Line(string(rest))); err != nil {
			return Result{}, err
		}
	}
	return Result{Stderr: said.Bytes(), Status: end.status, Signal: end.signal}, nil
}
