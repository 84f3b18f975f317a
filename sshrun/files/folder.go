package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pkg/sftp"
)

// patience is how long an answer to one question is waited for, where it is not the
// data of a file.
const patience = time.Minute

// Dial connects to a file server, which speaks SFTP.
type Dial func(context.Context) (io.ReadWriteCloser, error)

// A Folder is a folder on a server with all that is in it. Its methods may be called
// from several goroutines. Paths are within it, with slashes between names, and the
// empty one is the folder itself.
//
// Where the connection was lost, the next call connects anew. The errors of its
// methods are *Error with what is wrong with a path, those that a method names, that
// of the context, or why the connection was lost.
type Folder struct {
	dial Dial
	root string // as it was given
	id   string // tells what is transferred apart

	real string // the root's real path; set by the first connection, before Open returns

	connecting chan struct{} // held while a connection is made

	mu     sync.Mutex // held for a moment only
	on     *session
	owners *owners
}

// session is a connection to a file server.
type session struct {
	sftp *sftp.Client
	link *link
}

// link is the stream under a session.
type link struct {
	io.ReadWriteCloser
	read atomic.Int64
	mu   sync.Mutex
	err  error // the first
}

func (l *link) Read(b []byte) (int, error) {
	n, err := l.ReadWriteCloser.Read(b)
	l.read.Add(int64(n))
	if err != nil {
		l.mu.Lock()
		if l.err == nil {
			l.err = err
		}
		l.mu.Unlock()
	}
	return n, err
}

// why returns why the stream ended, or err where it does not say.
func (l *link) why(err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err == nil || errors.Is(l.err, io.EOF) || errors.Is(l.err, io.ErrClosedPipe) {
		return fmt.Errorf("the connection to the file server is lost: %w", err)
	}
	return l.err
}

// Open connects to a file server and looks for the folder, which is an absolute
// path and not that of all files. id tells one server and user from others, for
// what is left of transfers.
func Open(ctx context.Context, dial Dial, root, id string) (*Folder, error) {
	if !strings.HasPrefix(root, "/") || strings.ContainsRune(root, 0) {
		return nil, &Error{Path: root, Problem: "a folder is named from the top, with a slash"}
	}
	f := &Folder{dial: dial, root: root, id: id + "\x00" + root, connecting: make(chan struct{}, 1)}
	err := f.do(ctx, "open", "", func(_ context.Context, _ *session) error { return nil })
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// Root returns the folder's real path, as the server names it.
func (f *Folder) Root() string { return f.real }

// Close ends the connection.
func (f *Folder) Close() error {
	f.mu.Lock()
	on := f.on
	f.on = nil
	f.mu.Unlock()
	if on == nil {
		return nil
	}
	return on.link.Close()
}

// current returns the connection, nil where there is none.
func (f *Folder) current() *session {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.on
}

// session returns the connection, making it where there is none.
func (f *Folder) session(ctx context.Context) (*session, error) {
	if on := f.current(); on != nil {
		return on, nil
	}
	select {
	case f.connecting <- struct{}{}:
		defer func() { <-f.connecting }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if on := f.current(); on != nil { // another one has made it
		return on, nil
	}
	stream, err := f.dial(ctx)
	if err != nil {
		return nil, err
	}
	l := &link{ReadWriteCloser: stream}
	cut := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer cut()
	client, err := sftp.NewClientPipe(l, l, sftp.UseConcurrentWrites(true))
	if err != nil {
		_ = l.Close()
		return nil, l.why(err)
	}
	on := &session{client, l}
	if err := f.settle(on); err != nil {
		_ = l.Close()
		return nil, err
	}
	f.mu.Lock()
	f.on = on
	f.mu.Unlock()
	return on, nil
}

// settle finds the folder's real path. It has to be the same for good: whoever owns
// the folder above could have it lead elsewhere.
func (f *Folder) settle(on *session) error {
	real, err := on.sftp.RealPath(f.root)
	if err == nil {
		var info fs.FileInfo
		if info, err = on.sftp.Lstat(real); err == nil && !info.IsDir() {
			return &Error{Path: f.root, Problem: "it is no folder"}
		}
	}
	switch {
	case err != nil:
		return explain("open", f.root, err)
	case real == "/" || !strings.HasPrefix(real, "/"):
		return &Error{Path: f.root, Problem: "it leads to the folder of all files"}
	case f.real != "" && f.real != real:
		return &Error{Path: f.root, Problem: "it leads to " + Shown(real) + " now, no longer to " + Shown(f.real) + ": open it anew if that is meant"}
	}
	if f.real == "" {
		f.real = real
	}
	return nil
}

// do does something with a connection, and ends the connection when ctx ends: SFTP
// has no other way to give up. It explains the error.
func (f *Folder) do(ctx context.Context, doing, name string, fn func(context.Context, *session) error) error {
	on, err := f.session(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	}
	cut := context.AfterFunc(ctx, func() { f.drop(on) })
	defer cut()
	err = fn(ctx, on)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case isLost(err):
		why := on.link.why(err)
		f.drop(on)
		var broke *BrokenOffError
		if errors.As(err, &broke) {
			return &BrokenOffError{broke.Path, broke.Done, broke.Size, why}
		}
		return why
	}
	dir, _ := split(f.at(name))
	return explain(doing, name, full(on, doing, name, dir, err))
}

// brief is do for what has an answer soon.
func (f *Folder) brief(ctx context.Context, doing, name string, fn func(context.Context, *session) error) error {
	short, stop := context.WithTimeoutCause(ctx, patience, errors.New("no answer"))
	defer stop()
	err := f.do(short, doing, name, fn)
	if err != nil && ctx.Err() == nil && short.Err() != nil {
		return &Error{Doing: doing, Path: name, Problem: fmt.Sprintf("no answer for %v", patience)}
	}
	return err
}

func (f *Folder) drop(on *session) {
	f.mu.Lock()
	if f.on == on {
		f.on = nil
	}
	f.mu.Unlock()
	_ = on.link.Close()
}

// dir returns the real path of a folder, which is within the root.
func (f *Folder) dir(on *session, name string) (string, error) {
	real, err := on.sftp.RealPath(f.at(name))
	if err != nil {
		return "", err
	}
	if err := f.confined(name, real); err != nil {
		return "", err
	}
	info, err := on.sftp.Lstat(real)
	if err != nil {
		return "", err
	}
	if !info.IsDir() {
		return "", &Error{Path: name, Problem: "it is no folder"}
	}
	return real, nil
}

func (f *Folder) at(name string) string {
	if name == "" {
		return f.real
	}
	return f.real + "/" + name
}

func (f *Folder) confined(name, real string) error {
	if !within(f.real, real) {
		return &Error{Path: name, Problem: "it leads out of the folder, to " + Shown(real)}
	}
	return nil
}

// place returns where a name is: in a folder that is within the root. The name itself
// is not followed.
func (f *Folder) place(on *session, name string) (string, error) {
	dir, leaf := split(name)
	if leaf == "" {
		return "", &Error{Path: name, Problem: "that can't be done with it"}
	}
	real, err := f.dir(on, dir)
	if err != nil {
		return "", err
	}
	return real + "/" + leaf, nil
}

// file returns where the regular file is that a name leads to, through links within
// the root.
func (f *Folder) file(on *session, name string) (string, fs.FileInfo, error) {
	at, err := f.place(on, name)
	if err != nil {
		return "", nil, err
	}
	info, err := on.sftp.Lstat(at)
	if err != nil {
		return "", nil, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		if at, err = f.followed(on, name, at); err != nil {
			return "", nil, err
		}
		if info, err = on.sftp.Lstat(at); err != nil {
			return "", nil, err
		}
	}
	if info.IsDir() {
		return "", nil, &Error{Path: name, Problem: "it is a folder"}
	}
	if !info.Mode().IsRegular() {
		return "", nil, &Error{Path: name, Problem: "it is " + kindOf(info.Mode()) + ", which is not read or written here"}
	}
	return at, info, nil
}

// followed returns where a link leads to, which is within the root.
func (f *Folder) followed(on *session, name, at string) (string, error) {
	real, err := on.sftp.RealPath(at)
	if err != nil {
		return "", &Error{Path: name, Problem: "it is a link that leads nowhere", Err: err}
	}
	if err := f.confined(name, real); err != nil {
		return "", err
	}
	if _, err := on.sftp.Lstat(real); err != nil {
		return "", &Error{Path: name, Problem: "it is a link that leads nowhere", Err: err}
	}
	return real, nil
}

// still reports, after a file was opened, whether its path is a real one yet. What
// was opened meanwhile is at most what the user of the folder may read and write.
func (f *Folder) still(on *session, name, at string) error {
	dir, leaf := split(at)
	real, err := on.sftp.RealPath(dir)
	if err != nil {
		return err
	}
	info, err := on.sftp.Lstat(at)
	if err != nil {
		return err
	}
	if real+"/"+leaf != at || !info.Mode().IsRegular() {
		return &Error{Path: name, Problem: "it was replaced by something else while it was opened"}
	}
	return nil
}

// kindOf says what something is that is no regular file.
func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeSymlink != 0:
		return "a link"
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "no file"
}

// owners are the names of users and groups on a server.
type owners struct{ users, groups map[uint32]string }

// names reads /etc/passwd and /etc/group, as far as that can be done.
func (f *Folder) names(on *session) *owners {
	f.mu.Lock()
	known := f.owners
	f.mu.Unlock()
	if known != nil {
		return known
	}
	o := &owners{namesIn(on, "/etc/passwd"), namesIn(on, "/etc/group")}
	f.mu.Lock()
	f.owners = o
	f.mu.Unlock()
	return o
}

// namesIn reads a file of the form of passwd(5). Without it, numbers are shown.
func namesIn(on *session, file string) map[uint32]string {
	out := map[uint32]string{}
	r, err := on.sftp.Open(file)
	if err != nil {
		return out
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return out
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(line, ":", 4)
		if len(fields) < 3 {
			continue
		}
		if id, err := strconv.ParseUint(fields[2], 10, 32); err == nil && out[uint32(id)] == "" {
			out[uint32(id)] = Shown(fields[0])
		}
	}
	return out
}
