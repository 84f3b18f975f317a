package term

import (
	"fmt"
	"runtime/debug"
	"sync"
)

// PanicError is a panic in a goroutine of Guard.
type PanicError struct {
	Where string
	Value any
	Stack []byte
}

// Error says where and what it was, without the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("internal error in %s: %v", e.Where, e.Value) }

// Guard starts goroutines whose panics don't end the process, which would
// leave the terminal as it is. The zero value is not usable; see NewGuard.
type Guard struct {
	once   sync.Once
	failed chan *PanicError
	group  sync.WaitGroup
}

// NewGuard returns a guard without goroutines.
func NewGuard() *Guard { return &Guard{failed: make(chan *PanicError, 1)} }

// Go runs fn in a goroutine. where names it in errors.
func (g *Guard) Go(where string, fn func()) {
	g.group.Go(func() {
		defer func() {
			if v := recover(); v != nil {
				err := &PanicError{where, v, debug.Stack()}
				g.once.Do(func() { g.failed <- err })
			}
		}()
		fn()
	})
}

// Failed has a value once a goroutine has panicked: the first one that did.
func (g *Guard) Failed() <-chan *PanicError { return g.failed }

// Wait waits until all goroutines have ended.
func (g *Guard) Wait() { g.group.Wait() }
