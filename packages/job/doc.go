// Package job is the engine: it makes plans, carries them out on servers in
// the background, and records what came of them.
//
// A run goes one way: facts are read, the plan is made and shown (Prepare), it
// is queued (Start), shipped to the server and followed there; what the server
// reports becomes events, records and the run's cursor in one transaction, and
// only then what subscribers see. One run at a time goes on on a server; runs
// on different servers go side by side, up to a configured number.
//
// A run belongs to its server once it is shipped. Closing the engine, losing
// the connection or killing the program ends the watching, never the run:
// Recover picks the watching up where it was.
//
// Subscribers are told that something changed, never what: they take the
// latest state when they are ready for it, so a slow screen holds nothing up.
package job
