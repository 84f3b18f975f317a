// Package ui shows the screens: what is there, what can be done, which key
// does it.
//
// The root, app, only routes. It keeps the last snapshot of what the engine
// knows, a stack of screens for each tab, and a stack of dialogs; it draws the
// header and the footer. A screen draws its body and offers bindings: keys as
// data, from which the footer and the help are made, and which say why they
// can't act. What a screen wants of the root or of another screen it returns as
// an effect: messages that the root obeys at once, so that the next key finds
// them done, and commands that run in the background and whose answer comes
// back to the screen that sent them.
//
// Nothing is drawn while it happens. The engine marks a subscription as
// changed; the root waits for that, at most a few times a second, and takes
// one snapshot of what is on the screen. So the engine never waits for a
// terminal, and a slow link gets few bytes.
//
// Everything on the screen is made of widget.Line, which holds clean text
// only. Only the root paints lines.
//
// To add a screen: a type with the methods of screen, in a file of its own; a
// binding somewhere that pushes it; a golden of it in the tests.
package ui
