// Package widget holds what screens are drawn of: lines of text with looks,
// tables, forms, panes of output.
//
// Text becomes a Span by way of Text alone, which cleans it, and a Line
// becomes bytes for the terminal by way of a Painter alone. Between the two
// everything is data of a known width, so no screen handles an escape
// sequence, and nothing that a server wrote can bring one in.
package widget
