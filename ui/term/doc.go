// Package term keeps a terminal in order around a full-screen program: whether
// it can be used at all, how it is left behind after a signal or a panic, and
// how text gets to its clipboard.
package term
