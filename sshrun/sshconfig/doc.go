// Package sshconfig reads the configuration files of the ssh client,
// ssh_config(5), and tells how a host is reached by them.
//
// It reads them by itself, and not by a library, so that every problem has its file
// and line, and so that nothing which changes whom or how one reaches is passed over
// in silence: what stands in a part that is for the host and is not followed here is
// among the [Host]'s notes. Nothing of a file is ever executed: "Match exec" never
// matches, and is noted.
package sshconfig
