package job

import (
	"strings"
	"testing"
)

// TestDiagnose reads what programs of Debian 12 and 13 print when they fail.
func TestDiagnose(t *testing.T) {
	for _, test := range []struct{ said, summary, advice string }{
		{"Reading lists\napt: can't install x: no space is left on the server (0 MB free on /): make room, then start again", "can't install x: no space is left on the server (0 MB free on /): make room, then start again", again},
		{"port 80 is taken by apache2 (pid 812): stop and disable that first; nothing was installed", "port 80 is taken by apache2 (pid 812)", "stop and disable that first"},
		{"install: error writing '/etc/x': No space left on device", "the server's disk is full", "df -h"},
		{"fatal: sha1 file '/srv/x/.git/index.lock' write error. Out of diskspace", "the server's disk is full", "df -h"},
		{"curl: (6) Could not resolve host: packages.example.org", "the server can't resolve the name packages.example.org", "/etc/resolv.conf"},
		{"fatal: unable to access 'https://git.example.org/': Could not resolve host: git.example.org", "the server can't resolve the name git.example.org", "/etc/resolv.conf"},
		{"nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)", "port 80 is taken by another program on the server", "ss -ltnp"},
		{"nginx: [emerg] bind() to [::]:443 failed (98: Address already in use)", "port 443 is taken by another program on the server", "ss -ltnp"},
		{"(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80", "port 80 is taken by another program on the server", "ss -ltnp"},
		{"OSError: [Errno 98] Address already in use", "a port that is needed is in use by another program on the server", "ss -ltnp"},
		{"touch: cannot touch '/etc/x': Read-only file system", "a file system of the server is read-only", "dmesg"},
		{"sh: 1: Cannot fork: Cannot allocate memory", "the server ran out of memory", "swap"},
		{"W: GPG error: http://x: The following signatures were invalid: EXPKEYSIG 710B1ECC02531950 x", "the signing key of a package repository has expired", "new key"},
		{"because the public key is not available: NO_PUBKEY 710B1ECC02531950", "the signing key 710B1ECC02531950 of a package repository is not known on the server", "get the key"},
		{" trying to overwrite '/usr/bin/x', which is also in package foreign 1.2", "/usr/bin/x belongs to the package foreign, which is in the way", "remove foreign first"},
		{"E: Held packages were changed and -y was used without --allow-change-held-packages.", "a package that is held would have to change", "apt-mark"},
		{"E: dpkg was interrupted, you must manually run 'dpkg --configure -a' to correct the problem.", "dpkg was interrupted on the server before", "dpkg --configure -a"},
		{"curl: (7) Failed to connect to packages.example.org port 443 after 3 ms: Couldn't connect to server", "packages.example.org does not answer the server", "firewall"},
		{"curl: (22) The requested URL returned error: 503", "a server that was asked for a file answered 503", "later"},
		{"curl: (60) SSL certificate problem: certificate is not yet valid", "a certificate is not valid at the time of the server's clock", "date"},
		{"Job for nginx.service failed because the control process exited with error code.", "the service nginx does not start", "journalctl -u nginx"},
		{"something else", "cmd failed: something else", again},
		{"", "cmd ended with exit status 1", again},
	} {
		summary, advice := diagnose("cmd", 1, strings.Split(test.said, "\n"))
		if summary != test.summary || !strings.Contains(advice, test.advice) {
			t.Errorf("%q: got %q, %q; want %q, %q", test.said, summary, advice, test.summary, test.advice)
		}
	}
	for status, want := range map[int]string{75: "no new login", 124: "took too long", 127: "not found", 137: "was killed"} {
		if summary, _ := diagnose("cmd", status, nil); !strings.Contains(summary, want) {
			t.Errorf("status %d: %q", status, summary)
		}
	}
}
