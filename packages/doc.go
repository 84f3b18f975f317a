// Package packages is the contract between what can be installed and the
// engine that installs it.
//
// A package is code that only says what is to be done: from a server, facts
// about it and chosen options it makes an ordered list of commands. It never
// opens a connection, reads the database or waits. The list, a Plan, is data:
// it is shown before anything runs, stored with the run, carried out by the
// engine, and compared with a golden file in tests.
//
// One service is one file in one of the folders below this one, and a line in
// the catalog. Its commands must be idempotent: a command that changes
// something either is a Write, or has a Check that tells that nothing is left
// to change, or runs only IfChanged.
package packages
