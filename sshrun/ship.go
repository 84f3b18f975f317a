package sshrun

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"io"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/sshrun/clean"
)

//go:embed remote/driver.sh
var driverScript string

//go:embed remote/output.sh
var outputScript string

//go:embed remote/after.sh
var afterScript string

//go:embed remote/start.sh
var startScript string

//go:embed remote/follow.sh
var followScript string

//go:embed remote/look.sh
var lookScript string

//go:embed remote/inspect.sh
var inspectScript string

//go:embed remote/cancel.sh
var cancelScript string

//go:embed remote/prove.sh
var proveScript string

// Ship starts a run and follows it from its beginning, in one execution. A run
// whose id the server knows already is not started again, only followed; so after
// a *LostError it may be called again. Beginning a run needs root, as the login
// user or by sudo.
//
// Each mark is passed to handle in order; an error of handle ends the following,
// not the run, and is returned. Ship returns nil after a MarkFinish, whatever its
// status. Its errors are those of [Client.Execute], *StartError when nothing was
// done, and *DiedError.
func (c *Client) Ship(ctx context.Context, s Shipment, handle func(Mark) error) error {
	if err := s.validate(); err != nil {
		return fmt.Errorf("ship to %s: %w", c.target.Name, err)
	}
	begin, end := newToken(), newToken()
	data, err := s.archive("end=" + end + "\n" + lookScript + startScript + followScript)
	if err != nil {
		return err
	}
	f := c.newFollower(s.RunID, s.Nonce, end, 0, handle)
	return c.follow(ctx, f, begin, exchange{
		arguments: c.shipArguments(s.RunID, begin, len(data)),
		// Standard input stays open: its end tells the server that nobody follows.
		input: func(w io.WriteCloser) error {
			_, err := io.Copy(w, bytes.NewReader(data))
			return err
		},
	})
}

// shipArguments returns the arguments of sh that take a run's archive and start it.
// For the sake of csh and fish it is one line without quotes, '!' or backslashes in
// the quoted part.
func (c *Client) shipArguments(id, begin string, size int) string {
	at := c.pool.opts.places
	script := fmt.Sprintf(`umask 077; echo %[1]s; echo %[1]s >&2; d=%[2]s/.%[3]s.$$; `+
		`mkdir -p %[4]s/runs $d && head -c %[5]d | tar -xpf - -C $d && test -e $d/complete && `+
		`exec sh $d/start.sh %[4]s %[2]s %[3]s $d; rm -rf $d; exit 74`,
		begin, at.volatile, id, at.base, size)
	return " -c " + shellescape.Quote(script)
}

// sayings puts what a command printed on stderr into a line.
func sayings(b []byte) string {
	return clean.Line(strings.Join(strings.Split(strings.TrimSpace(string(b)), "\n"), "; "))
}
