package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/muesli/cancelreader"
	"golang.org/x/term"
)

// Attached is a terminal that is given over to a program elsewhere: it passes on
// every key as it is typed, ctrl+c too. Read reads the keys.
type Attached struct {
	in      cancelreader.CancelReader
	keys    File
	screen  File
	saved   *term.State
	signals chan os.Signal
	resized chan struct{}
	ended   chan struct{}
	guard   *Guard

	reading sync.Mutex
	closed  bool
}

// ErrNoTerminal says that one of the ends is no terminal.
var ErrNoTerminal = errors.New("there is no terminal")

// Attach gives a terminal over; in and out are its ends. It returns
// ErrNoTerminal where one of them is none. Close it: nothing else brings the
// terminal back.
func Attach(in io.Reader, out io.Writer) (*Attached, error) {
	if !isTerminal(in) || !isTerminal(out) {
		return nil, ErrNoTerminal
	}
	keys, screen := in.(File), out.(File)
	reader, err := cancelreader.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read the terminal: %w", err)
	}
	saved, err := term.MakeRaw(int(keys.Fd()))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("give the terminal over: %w", err), reader.Close())
	}
	a := &Attached{
		in: reader, keys: keys, screen: screen, saved: saved,
		signals: make(chan os.Signal, 1), resized: make(chan struct{}, 1), ended: make(chan struct{}), guard: NewGuard(),
	}
	signal.Notify(a.signals, syscall.SIGWINCH)
	a.guard.Go("watching the terminal's size", a.watch)
	return a, nil
}

// watch tells of changes of the size: of several that nobody has seen, once.
func (a *Attached) watch() {
	for {
		select {
		case <-a.signals:
		case <-a.ended:
			return
		}
		select {
		case a.resized <- struct{}{}:
		default:
		}
	}
}

// Read reads what is typed. It ends with io.EOF when the terminal is taken
// back.
func (a *Attached) Read(p []byte) (int, error) {
	a.reading.Lock()
	defer a.reading.Unlock()
	if a.closed {
		return 0, io.EOF
	}
	n, err := a.in.Read(p)
	if errors.Is(err, cancelreader.ErrCanceled) {
		err = io.EOF
	}
	return n, err
}

// Size returns how large the terminal is now, zeros where that is not known.
func (a *Attached) Size() (columns, rows int) {
	columns, rows, err := term.GetSize(int(a.screen.Fd()))
	if err != nil {
		return 0, 0
	}
	return columns, rows
}

// Resized has a value when the size has changed.
func (a *Attached) Resized() <-chan struct{} { return a.resized }

// Close takes the terminal back: it is as it was before, and a Read that is
// going on ends.
func (a *Attached) Close() error {
	signal.Stop(a.signals)
	close(a.ended)
	a.guard.Wait()
	err := term.Restore(int(a.keys.Fd()), a.saved)
	if !a.in.Cancel() {
		// This reader can't be interrupted; it ends with the next key.
		return err
	}
	a.reading.Lock()
	defer a.reading.Unlock()
	a.closed = true
	return errors.Join(err, a.in.Close())
}

// tidy ends what a program that was cut off may have left on: beside modes, a
// scroll region and the modes of the keypad and of character sets. The alternate
// screen is left as it is: leaving it where it isn't on would move the cursor.
const tidy = modes + "\x1b7\x1b[r\x1b8\x1b[?1l\x1b>\x1b[?7h\x0f"

// Tidy brings the modes of a terminal back to the usual ones after a program
// that may have been cut off.
func Tidy(out io.Writer) error {
	_, err := io.WriteString(out, tidy)
	return err
}
