// Package cmd is the command line of BrokeForge: a file for each command, each
// of which reads what it was given, asks the engine, and prints.
//
// What it prints:
//
//   - What was asked for goes to standard output, everything else to standard
//     error: errors, questions, notes on how it goes on.
//   - An error is one line, "brokeforge: " and the error in lower case, with a
//     line of advice below it where there is one.
//   - With --json standard output holds JSON alone: one document from commands
//     that show something, an object a line from those that follow runs.
//   - Nothing moves and nothing is coloured, so the output is the same on a
//     terminal, in a file and for a screen reader.
//   - A question is asked only where standard input and standard error are
//     terminals. Everywhere else it is a refusal that names the flag to give.
//
// How a command ends is its exit status; see Status.
package cmd
