// Package files handles the files of one folder on a server over SFTP, and of
// nothing outside it.
//
// Two things hold that. The file server runs as the user that the folder belongs to,
// so the kernel lets it do what that user may, whatever happens between a check and
// a use. And every path is confined: it has no "..", its real path as the server sees
// it is the folder's or under it, and nothing that is deleted or given a mode is
// reached through a link.
//
// Names are bytes: they are taken from the server and given back as they are, and
// shown with [Shown].
package files
