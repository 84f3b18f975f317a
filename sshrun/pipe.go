package sshrun

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"

	"al.essio.dev/pkg/shellescape"
)

// loginName is what useradd(8) of Debian takes as the name of a user.
var loginName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// fileServer becomes a user and starts OpenSSH's sftp-server(8) as that user. It
// waits for a line first, so that it has its standard input for sure. For the sake
// of csh and fish it is one line without quotes, '!' or backslashes.
//
// The user's rights are the kernel's to hold: nothing of root is left in the process,
// and nothing can be gained again. What is made is the user's alone until its mode
// is set.
const fileServer = `echo %[1]s; echo %[1]s >&2; read -r go || exit 70; ` +
	`i=$(id -u %[2]s) && g=$(id -g %[2]s) || exit 71; test $i -gt 0 || exit 72; ` +
	`for s in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server /usr/lib/sftp-server; do test -x $s && break; s=; done; ` +
	`test x$s = x && exit 73; umask 077; cd / || exit 70; ` +
	`test $(id -u) = $i && echo ready && exec $s; ` +
	`command -v setpriv >/dev/null || exit 74; echo ready; ` +
	`exec setpriv --reuid $i --regid $g --init-groups --no-new-privs env -i PATH=/usr/bin:/bin LC_ALL=C.UTF-8 $s`

// A Pipe is a program on a server, with its standard input and output.
type Pipe struct {
	out  *io.PipeReader
	in   io.WriteCloser
	stop context.CancelFunc
	over chan struct{} // closed when the program has ended

	once sync.Once
	err  error // why it ended; valid when over is closed
}

// FileServer starts an SFTP server as a user, who need not be who is logged in: it
// takes root, by sudo where that is needed, to become another one. Root itself is
// refused, as what its own rights would let through is not kept back by the kernel.
//
// Its errors are *FileServerError and those of [Client.Execute].
func (c *Client) FileServer(ctx context.Context, user string) (*Pipe, error) {
	if !loginName.MatchString(user) {
		return nil, &FileServerError{Name: c.target.Name, User: cleanLine(user), Problem: "it is no name of a user"}
	}
	begin := newToken()
	live, stop := context.WithCancel(context.WithoutCancel(ctx))
	reader, writer := io.Pipe()
	p := &Pipe{out: reader, stop: stop, over: make(chan struct{})}
	ready := make(chan struct{})
	inputs := make(chan io.WriteCloser, 1)
	said := &bounded{limit: maxNoise}
	x := exchange{
		arguments: " -c " + shellescape.Quote(fmt.Sprintf(fileServer, begin, user)),
		// Standard input stays open: what is written there is the client's.
		input: func(w io.WriteCloser) error {
			select {
			case <-inputs: // of a try that has not become root
			default:
			}
			inputs <- w
			_, err := io.WriteString(w, "go\n")
			return err
		},
		stdout: &framed{begin: begin, out: &afterReady{ready: ready, out: writer}},
		stderr: &framed{begin: begin, out: said},
	}
	go func() {
		end, err := c.perform(live, x, user != c.target.User)
		if err == nil {
			err = c.fileServerEnd(user, end, said)
		}
		p.err = err
		close(p.over)
		_ = writer.CloseWithError(err) // it never fails
	}()
	select {
	case <-ready:
		p.in = <-inputs
		return p, nil
	case <-p.over:
		stop()
		return nil, p.err
	case <-ctx.Done():
		_ = reader.Close()
		stop()
		<-p.over
		return nil, ctx.Err()
	}
}

// Read reads what the program prints. After its end the error says why it ended.
func (p *Pipe) Read(b []byte) (int, error) { return p.out.Read(b) }

// Write writes to the program's standard input.
func (p *Pipe) Write(b []byte) (int, error) { return p.in.Write(b) }

// Close ends the program and waits for it.
func (p *Pipe) Close() error {
	p.once.Do(func() {
		_ = p.out.Close() // whoever writes to it is let go of
		p.stop()
		<-p.over
	})
	return nil
}

// fileServerEnd says why a file server ended by itself.
func (c *Client) fileServerEnd(user string, end ending, said *bounded) error {
	e := &FileServerError{Name: c.target.Name, User: user, Status: end.status, Said: sayings(said.Bytes())}
	switch end.status {
	case 0:
		return io.EOF
	case 71:
		e.Problem = "there is no such user there"
	case 72:
		e.Problem = "it is root there: files are only handled as the user they belong to"
	case 73:
		e.Problem = "there is no sftp-server there: install the Debian package openssh-sftp-server"
	case 74:
		e.Problem = "there is no setpriv there, of the Debian package util-linux"
	default:
		e.Problem = fmt.Sprintf("it ended with status %d", end.status)
	}
	return e
}

// A FileServerError says why there is no file server on a server, or why it ended.
type FileServerError struct {
	Name    string
	User    string
	Problem string
	Status  int
	Said    string // cleaned
}

func (e *FileServerError) Error() string {
	text := fmt.Sprintf("handle files on %s as user %q: %s", e.Name, e.User, e.Problem)
	if e.Said != "" {
		text += fmt.Sprintf(" (%q)", e.Said)
	}
	return text
}

// afterReady passes on what follows the line "ready".
type afterReady struct {
	ready chan struct{}
	out   io.Writer
	head  []byte
	begun bool
}

func (a *afterReady) Write(b []byte) (int, error) {
	if a.begun {
		return a.out.Write(b)
	}
	a.head = append(a.head, b...)
	line, rest, whole := bytes.Cut(a.head, []byte("\n"))
	if !whole && len(a.head) < maxNoise {
		return len(b), nil
	}
	if strings.TrimSpace(string(line)) != "ready" {
		return 0, errors.New("the server answered with something else than files")
	}
	a.begun = true
	close(a.ready)
	if len(rest) > 0 {
		if _, err := a.out.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
