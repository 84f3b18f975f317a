package job

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A cause is something that makes commands fail, seen in their last output.
type cause struct {
	seen    *regexp.Regexp
	summary string // may use $1 … of seen
	advice  string
}

// causes returns the known ones; the first that is seen is the answer.
func causes() []cause {
	see := func(pattern, summary, advice string) cause {
		return cause{regexp.MustCompile(pattern), summary, advice}
	}
	return []cause{
		// The script that drives apt ends with one line that says it all.
		see(`(?m)^apt: (.*)$`, "$1", again),
		see(`(port \d+ is taken by .+): (stop and disable .+); nothing was installed`, "$1", "$2, then run it again"),
		see(`No space left on device|Out of diskspace|not have enough free space|ENOSPC|Disk quota exceeded`,
			"the server's disk is full", "make space there (df -h shows where), then run it again: what is done is skipped"),
		see(`Temporary failure resolving '([^']+)'|Could not resolve (?:host: ?)?'?([^'\s]+)'?|Name or service not known`,
			"the server can't resolve the name $1$2", "check its /etc/resolv.conf and network, then run it again"),
		see(`bind\(\) to \S*:(\d+) failed \(98: |could not bind to address \S*:(\d+)`,
			"port $1$2 is taken by another program on the server", "ss -ltnp there names it; stop it, then run it again"),
		see(`[Aa]ddress already in use|port (\d+) is (?:already )?in use`,
			"a port that is needed is in use by another program on the server", "find it with ss -ltnp, then run it again"),
		see(`Read-only file system`,
			"a file system of the server is read-only", "look at dmesg there: a disk may be failing"),
		see(`Cannot allocate memory|Out of memory|oom-kill|OOM killer`,
			"the server ran out of memory", "free some, or add swap, then run it again"),
		see(`EXPKEYSIG|KEYEXPIRED`,
			"the signing key of a package repository has expired", "get its new key, or take the repository out, then run it again"),
		see(`NO_PUBKEY ([0-9A-F]+)`,
			"the signing key $1 of a package repository is not known on the server", "get the key, or take the repository out, then run it again"),
		see(`trying to overwrite '([^']+)', which is also in package (\S+)`,
			"$1 belongs to the package $2, which is in the way", "remove $2 first, then run it again"),
		see(`Held packages were changed`,
			"a package that is held would have to change", "apt-mark showhold lists them; apt-mark unhold lets one go"),
		see(`dpkg was interrupted`,
			"dpkg was interrupted on the server before", "run dpkg --configure -a there, then run it again"),
		see(`(?:Could not connect to|Failed to connect to) ([^\s,]+)[^\n]*(?:refused|timed out|after \d+ ms)`,
			"$1 does not answer the server", "check that it is up, and whether a firewall is between, then run it again"),
		see(`The requested URL returned error: (\d+)`,
			"a server that was asked for a file answered $1", "try again later: what is done is skipped"),
		see(`certificate (?:has expired|is not yet valid)`,
			"a certificate is not valid at the time of the server's clock", "see that date tells the right time there, then run it again"),
		see(`Job for (\S+?)(?:\.service)? failed`,
			"the service $1 does not start", "journalctl -u $1 there says why; mend it, then run it again"),
	}
}

// again is the advice where nothing better is known.
const again = "mend the cause, then run it again: what is done is skipped"

// The exit statuses with a meaning of their own.
const (
	statusNotProven = 75  // the driver: no new login came in time, and the change was undone
	statusTimeout   = 124 // timeout(1)
	statusNotFound  = 127 // sh: no such command
	statusKilled    = 137 // SIGKILL
)

// diagnose says in a sentence why a command failed, and what can be done.
func diagnose(command string, status int, output []string) (summary, advice string) {
	text := strings.Join(output, "\n")
	for _, c := range causes() {
		if m := c.seen.FindStringSubmatchIndex(text); m != nil {
			return strings.TrimSpace(string(c.seen.ExpandString(nil, c.summary, text, m))), string(c.seen.ExpandString(nil, c.advice, text, m))
		}
	}
	switch status {
	case statusNotProven:
		return "no new login succeeded after the change, so the server took it back", "the server is as it was before; check its SSH port and firewall"
	case statusTimeout:
		return fmt.Sprintf("%s took too long and was ended", command), again
	case statusNotFound:
		return fmt.Sprintf("%s: a command was not found on the server", command), again
	case statusKilled:
		return fmt.Sprintf("%s was killed; the server may have run out of memory", command), "look at dmesg on the server, then run it again"
	}
	if last := lastWords(output); last != "" {
		return fmt.Sprintf("%s failed: %s", command, last), again
	}
	return fmt.Sprintf("%s ended with exit status %d", command, status), again
}

// lastWords returns the last line that is not empty.
func lastWords(output []string) string {
	for _, line := range slices.Backward(output) {
		if line = strings.TrimSpace(line); line != "" {
			return line
		}
	}
	return ""
}
