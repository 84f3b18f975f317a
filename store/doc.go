// Package store keeps what BrokeForge knows: servers, sites, the packages
// installed on them, runs, the milestones of runs (events), and the output of
// runs. It imports nothing else of BrokeForge.
//
// # The state folder
//
// Everything lies in one folder, which only its owner may enter (mode 0700, files
// 0600):
//
//	brokeforge.db     the records, a bbolt database
//	brokeforge.lock   locked by the process that has the database open; says which
//	runs/ID.log       the output of the run ID
//
// One process at a time has a state folder open. Another one gets an
// [InUseError] that names it.
//
// # Transactions
//
// Records are read in [DB.View] and written in [DB.Update] or [DB.Batch]. What is
// written in one transaction is kept as a whole or not at all, and readers see it
// as a whole or not at all. When Update or Batch returns nil, the transaction is
// on the disk (fdatasync(2)) and survives a crash of the program and of the
// machine. Transactions are not to be nested, and a View should be short: a writer
// that has to enlarge the database waits for all readers.
//
// The log of a run is written through to the file system at once, so it survives a
// crash of the program, but is only as durable as the system makes it unless
// [Log.Sync] is called: after a power failure the end of a log may be missing, a
// record never.
//
// # Order
//
// IDs made by [DB.NewID] sort in the order in which they were made, also when the
// clock is set back between two runs of the program. Runs and events are listed by
// ID, and so in the order of their making; servers by name, sites by domain,
// packages by name and instance.
package store
