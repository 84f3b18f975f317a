package sshrun

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"brokeforge/sshrun/clean"
)

const (
	defaultMaxOutput = 1 << 20
	maxNoise         = 2 << 10 // kept of what a login shell prints by itself
)

// A Script is run by [Client.Execute].
type Script struct {
	// Text is POSIX sh. Its standard input is empty. Nothing of a text that did
	// not arrive whole is run.
	Text string
	// Become runs it as root also when the login user is another one, by sudo. A
	// password that sudo wants is asked for by the pool's Asker.
	Become bool
	// MaxOutput is how many bytes of each of stdout and stderr are kept; 0 means
	// 1 MiB.
	MaxOutput int
}

// A Result is how a script ended. A status other than 0 is a result too.
type Result struct {
	Stdout    []byte
	Stderr    []byte
	Status    int
	Signal    string // that ended it, such as KILL; empty for none
	Truncated bool   // there was more output than is kept
}

// Execute runs a script by sh, without a terminal and with LC_ALL=C, whatever the
// login shell is and prints.
//
// Its errors are *LostError when the connection breaks off, *BecomeError,
// *ShellError, *SessionError, or that of ctx; what the script then did is not
// known.
func (c *Client) Execute(ctx context.Context, s Script) (Result, error) {
	begin := newToken()
	limit := cmp.Or(s.MaxOutput, defaultMaxOutput)
	stdout := &framed{begin: begin, out: &bounded{limit: limit}}
	stderr := &framed{begin: begin, out: &bounded{limit: limit}}
	end, err := c.perform(ctx, exchange{
		arguments: " -s",
		input:     func(w io.WriteCloser) error { return writeAndClose(w, wrap(begin, s.Text)) },
		stdout:    stdout,
		stderr:    stderr,
	}, s.Become)
	if err != nil {
		return Result{}, err
	}
	out, errOut := stdout.out.(*bounded), stderr.out.(*bounded)
	return Result{
		Stdout:    out.Bytes(),
		Stderr:    errOut.Bytes(),
		Status:    end.status,
		Signal:    end.signal,
		Truncated: out.dropped+errOut.dropped > 0,
	}, nil
}

// wrap makes one compound command of a script, which sh reads to its end before
// it runs it.
func wrap(begin, text string) string {
	return fmt.Sprintf("echo %s; echo %s >&2\n{\n:\n%s\n\n} </dev/null\n", begin, begin, text)
}

// notRun explains why the login shell did not begin an exchange.
func (c *Client) notRun(end ending, x exchange) error {
	said := clean.Line(strings.ReplaceAll(strings.TrimSpace(x.noise()), "\n", " "))
	return &ShellError{Name: c.target.Name, User: c.target.User, Status: end.status, Said: said}
}

// An exchange is one command with its streams.
type exchange struct {
	arguments string // of sh
	command   string // filled in by perform
	// input writes standard input and may close it.
	input          func(io.WriteCloser) error
	stdout, stderr *framed
	gate           *gate // between the command and stderr; nil for none
}

// noise is what was printed before the command began.
func (x exchange) noise() string {
	return string(x.stdout.noise) + string(x.stderr.noise)
}

// An ending is how a command ended.
type ending struct {
	status int
	signal string
}

// errStop is returned by a writer of an exchange that has seen enough.
var errStop = errors.New("enough was seen")

// run runs a command to its end. When a stream's writer fails, the command is
// given up and the writer's error returned.
func (c *Client) run(ctx context.Context, x exchange) (ending, error) {
	session, release, err := c.session(ctx)
	if err != nil {
		return ending{}, err
	}
	failed := make(chan error, 2)
	stdout := &reporter{w: x.stdout, failed: failed}
	stderr := &reporter{w: x.stderr, failed: failed}
	if x.gate != nil {
		stderr.w = x.gate
	}
	defer stderr.stop()
	defer stdout.stop()
	session.Stdout, session.Stderr = stdout, stderr
	stdin, err := session.StdinPipe()
	if err != nil {
		session.Close()
		release()
		return ending{}, fmt.Errorf("open standard input: %w", err)
	}
	done := make(chan error, 1)
	started := c.spawn(func() {
		defer release()
		done <- c.attend(session, x, stdin)
		session.Close()
	})
	if !started {
		session.Close()
		release()
		return ending{}, c.lost(ErrClosed)
	}
	select {
	case err = <-done:
		select {
		case err := <-failed:
			return ending{}, err
		default:
		}
		return c.ended(err)
	case err = <-failed:
	case <-ctx.Done():
		err = ctx.Err()
		_ = session.Signal(ssh.SIGTERM) // what is left ends with its streams
	}
	// Not standard input: what still writes to it may, and its end comes with the
	// channel's. To end it beside a writer is a data race in x/crypto/ssh.
	session.Close()
	return ending{}, err
}

// attend starts the command of a session and waits for its end.
func (c *Client) attend(session *ssh.Session, x exchange, stdin io.WriteCloser) error {
	if err := session.Start(x.command); err != nil {
		if c.alive() && !errors.Is(err, io.EOF) {
			return &SessionError{Name: c.target.Name, Err: err}
		}
		return err
	}
	c.spawn(func() {
		// A command that does not read to the end shows by how it ends.
		_ = x.input(stdin)
	})
	return session.Wait()
}

func (c *Client) ended(err error) (ending, error) {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return ending{}, nil
	case errors.As(err, &exit):
		return ending{status: exit.ExitStatus(), signal: cleanLine(exit.Signal())}, nil
	}
	var refused *SessionError
	if errors.As(err, &refused) {
		return ending{}, err
	}
	var missing *ssh.ExitMissingError
	if errors.As(err, &missing) {
		err = errors.New("the server did not say how the command ended")
	}
	// A command that breaks off is most often the first to know that the
	// connection has. Whoever asks for it next should get a new one.
	c.awaitEnd()
	return ending{}, c.lost(err)
}

// A reporter reports the first error of a writer and reads on, so that the
// connection that is shared with others does not stall.
type reporter struct {
	mu     sync.Mutex
	w      io.Writer
	failed chan<- error
	over   bool
}

func (r *reporter) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.over {
		if _, err := r.w.Write(p); err != nil {
			r.over = true
			r.failed <- err
		}
	}
	return len(p), nil
}

// stop keeps what still arrives from the writer.
func (r *reporter) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.over = true
}

// A framed writer passes on what follows the line begin. What precedes it is of
// the login shell's own.
type framed struct {
	begin string
	out   io.Writer
	begun bool
	noise []byte
	tail  []byte
}

func (f *framed) Write(p []byte) (int, error) {
	if f.begun {
		return f.out.Write(p)
	}
	// The last of it tells why nothing began.
	if f.noise = append(f.noise, p...); len(f.noise) > 2*maxNoise {
		f.noise = append(f.noise[:0], f.noise[len(f.noise)-maxNoise:]...)
	}
	f.tail = append(f.tail, p...)
	mark := []byte(f.begin + "\n")
	if i := bytes.Index(f.tail, mark); i >= 0 {
		f.begun = true
		rest := f.tail[i+len(mark):]
		f.tail, f.noise = nil, nil
		if len(rest) > 0 {
			if _, err := f.out.Write(rest); err != nil {
				return 0, err
			}
		}
		return len(p), nil
	}
	if keep := len(mark) - 1; len(f.tail) > keep {
		f.tail = append(f.tail[:0], f.tail[len(f.tail)-keep:]...)
	}
	return len(p), nil
}

// reset makes it ready for another try of a command that did not begin.
func (f *framed) reset() { f.noise, f.tail = nil, nil }

// A bounded buffer keeps the beginning and counts the rest.
type bounded struct {
	bytes.Buffer
	limit   int
	dropped int
}

func (b *bounded) Write(p []byte) (int, error) {
	n := min(len(p), b.limit-b.Len())
	b.Buffer.Write(p[:n])
	b.dropped += len(p) - n
	return len(p), nil
}

func writeAndClose(w io.WriteCloser, text string) error {
	_, err := io.WriteString(w, text)
	return errors.Join(err, w.Close())
}

// newToken returns a word that no output has by chance.
func newToken() string {
	return "bf-" + rand.Text()
}
