package apt

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCause reads what apt-get of Debian 12, and where it says another thing that of Debian 13, printed when
// it failed.
func TestCause(t *testing.T) {
	functions, _, ok := strings.Cut(script, "\naction=${1:-}")
	if !ok {
		t.Fatal("the script has no main part")
	}
	for _, test := range []struct{ name, said, want string }{
		{"disk full", "E: You don't have enough free space in /var/cache/apt/archives/.", "no space is left on the server ("},
		{"memory", "dpkg: error: cannot fork: Cannot allocate memory", "the server ran out of memory"},
		{"read-only", "E: Could not open lock file - open (30: Read-only file system)", "a file system of the server is read-only"},
		{"held", `The following held packages will be changed:
  bfx-a
The following packages will be upgraded:
  bfx-a
E: Held packages were changed and -y was used without --allow-change-held-packages.`, "it would change packages that are held: bfx-a; apt-mark unhold"},
		{"removal", `The following packages will be REMOVED:
  apache2
0 upgraded, 1 newly installed, 1 to remove and 0 not upgraded.
E: Packages need to be removed but remove is disabled.`, "it would have to remove other packages: apache2"},
		{"same file", `Unpacking bfx-b (1) ...
dpkg: error processing archive b.deb (--install):
 trying to overwrite '/usr/share/bfx/f', which is also in package bfx-a 1`, "two packages have the same file, /usr/share/bfx/f, which belongs to bfx-a 1: remove that package first"},
		{"unmet", `The following packages have unmet dependencies:
 bfx-z : Conflicts: bfx-a but 1 is to be installed
E: Unable to correct problems, you have held broken packages.`, "packages do not fit together: bfx-z : Conflicts: bfx-a but 1 is to be installed"},
		{"expired key", `Err:1 file:/repo ./ InRelease
  The following signatures were invalid: EXPKEYSIG 710B1ECC02531950 x <x@x>
W: GPG error: http://example.org/debian bookworm InRelease: The following signatures were invalid: EXPKEYSIG 710B1ECC02531950 x <x@x>
E: The repository 'http://example.org/debian bookworm InRelease' is not signed.`, "the signing key of a package repository has expired, http://example.org/debian: get"},
		{"expired key, Debian 13", `Err:1 http://10.77.2.1:43875 bf InRelease
  Sub-process /usr/bin/sqv returned an error code (1), error message is: Signing key on 33F5831D47DF0D1DD628D268BBF83D14CC20AC0E is bad:            The primary key is not live   because: Expired on 2020-01-02T00:00:00Z
W: OpenPGP signature verification failed: http://10.77.2.1:43875 bf InRelease: Sub-process /usr/bin/sqv returned an error code (1), error message is: Signing key on 33F5831D47DF0D1DD628D268BBF83D14CC20AC0E is bad:            The primary key is not live   because: Expired on 2020-01-02T00:00:00Z
E: The repository 'http://10.77.2.1:43875 bf InRelease' is not signed.`, "the signing key of a package repository has expired, http://10.77.2.1:43875: get"},
		{"unknown key", `W: GPG error: http://example.org/debian bookworm InRelease: The following signatures couldn't be verified because the public key is not available: NO_PUBKEY 710B1ECC02531950
E: The repository 'http://example.org/debian bookworm InRelease' is not signed.`, "the signing key of a package repository is not known here, http://example.org/debian: get"},
		{"clock", "E: Release file for http://deb.debian.org/debian/dists/bookworm/InRelease is not valid yet (invalid for another 3d 2h 1min 2s). Updates for this repository will not be applied.", "the server's clock is behind"},
		{"name", `Err:1 http://no-such-name.invalid/debian bookworm InRelease
  Could not resolve 'no-such-name.invalid'
E: Failed to fetch http://no-such-name.invalid/debian/dists/bookworm/InRelease  Could not resolve 'no-such-name.invalid'`, "the name of the package mirror no-such-name.invalid is not resolved"},
		{"mirror down", `  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)
E: Failed to fetch http://127.0.0.1:9/debian/dists/bookworm/InRelease  Could not connect to 127.0.0.1:9 (127.0.0.1). - connect (111: Connection refused)`, "the package mirror does not answer: http://127.0.0.1:9/debian/dists/bookworm/InRelease"},
		{"no repository", `  404  File not found [IP: 127.0.0.1 8971]
E: The repository 'http://127.0.0.1:8971/debian bookworm Release' does not have a Release file.`, "the package repository http://127.0.0.1:8971/debian bookworm Release is not there"},
		{"gone", "E: Failed to fetch http://deb.debian.org/debian/pool/n/nginx.deb  404  Not Found [IP: 1.2.3.4 80]", "the package mirror does not have what it lists: http://deb.debian.org/debian/pool/n/nginx.deb;"},
		{"interrupted", "E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.", "dpkg was interrupted before"},
		{"else", "E: Something new", "E: Something new"},
		{"nothing", "", "apt-get ended with status 100"},
	} {
		log := filepath.Join(t.TempDir(), "log")
		if err := os.WriteFile(log, []byte(test.said+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "sh", "-c", functions+"\nlog=$1 status=100 limit=900\ncause\n", "sh", log).CombinedOutput()
		if got := string(out); err != nil || !strings.HasPrefix(got, test.want) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s: %v, it says %q, want %q", test.name, err, got, test.want)
		}
	}
}
