package firewall

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"
)

// ufw keeps its rules in two files, one for each family of addresses, where
// each has a line such as
//
//	### tuple ### allow tcp 80 0.0.0.0/0 any 10.0.0.0/8 in comment=776562
//
// with action, protocol, port, destination, port of the source, source,
// direction and the comment in hexadecimal. A check that reads them takes a
// millisecond, ufw itself a tenth of a second.
const (
	rulesFile4 = "/etc/ufw/user.rules"
	rulesFile6 = "/etc/ufw/user6.rules"
)

// noIPv6 passes where ufw leaves IPv6 alone, or the kernel has none.
const noIPv6 = `{ grep -qs '^IPV6=no' /etc/default/ufw || [ ! -e /proc/net/if_inet6 ]; }`

// everybody is the source of a rule for all addresses of both families.
const everybody = ""

// inFiles returns a check that ufw has a rule whose action, protocol and port
// match a basic regular expression, for a source. With a comment only the rule
// with that comment counts; without, also one made for an application's profile.
func inFiles(head, source, comment string) string {
	if source == everybody {
		return inFile(rulesFile4, head, "0.0.0.0/0", "0.0.0.0/0", comment) + " &&\n{ " +
			noIPv6 + " || " + inFile(rulesFile6, head, "::/0", "::/0", comment) + "; }"
	}
	if strings.Contains(source, ":") {
		return inFile(rulesFile6, head, "::/0", source, comment)
	}
	return inFile(rulesFile4, head, "0.0.0.0/0", source, comment)
}

func inFile(file, head, anywhere, source, comment string) string {
	end := `\([^ ]* - \)\?in\( comment=[0-9a-f]*\)\?`
	if comment != "" {
		end = "in comment=" + hex.EncodeToString([]byte(comment))
	}
	return fmt.Sprintf("grep -qsx '### tuple ### %s %s any %s %s' %s",
		head, regexp.QuoteMeta(anywhere), regexp.QuoteMeta(source), end, file)
}

// inNoFile returns a check that ufw has no rule of that action, protocol and
// port for the source, in either family.
func inNoFile(head, source string) string {
	if source == everybody {
		return fmt.Sprintf(`! grep -qs '^### tuple ### %s \(0\.0\.0\.0\|::\)/0 any \(0\.0\.0\.0\|::\)/0 in\( comment=\|$\)' %s %s`,
			head, rulesFile4, rulesFile6)
	}
	return fmt.Sprintf(`! grep -qs '^### tuple ### %s [^ ]* any %s in\( comment=\|$\)' %s %s`,
		head, regexp.QuoteMeta(source), rulesFile4, rulesFile6)
}

// notOurs returns a check that ufw has no rule with the package's own mark that
// opens a port.
func notOurs(port int) string {
	return fmt.Sprintf("! grep -qsx '### tuple ### allow tcp %d .* comment=%s' %s %s",
		port, hex.EncodeToString([]byte(mark)), rulesFile4, rulesFile6)
}

// anyOf returns a basic regular expression for one of some words.
func anyOf(words ...string) string { return `\(` + strings.Join(words, `\|`) + `\)` }
