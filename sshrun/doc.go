// Package sshrun reaches servers over SSH and runs things there.
//
// A [Pool] keeps one connection for a server and credential. A [Client] runs in
// two ways: [Client.Execute] runs a script, waits, and returns what it printed;
// it is for reading facts. [Client.Ship] sends a whole list of steps in one
// archive, which a driver on the server then works through on its own, and
// follows the driver's log. Such a run does not need the connection:
// [Client.Follow] takes it up again at any [Mark.Offset].
//
// Host keys are always verified, before any credential is sent. All text that
// reaches the caller from a server, but for the raw output in [Result], has
// passed package clean.
//
// On the server a run lives in /var/lib/brokeforge/runs/ID, and its scripts and
// files, which may hold secrets, in /run/brokeforge/ID until it ends. Both belong
// to root alone.
package sshrun
