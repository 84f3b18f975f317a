package packages

import (
	"bytes"
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/sshrun/clean"
)

//go:embed facts.sh
var factsScript string

// FactsScript returns a POSIX sh script that prints the facts of the server
// that it runs on, with what the probes of the catalog's packages find, in the
// form that ParseFacts reads, and when the certificates in some files expire. It is
// to be run by root and changes nothing. A tool that the server lacks costs only the
// facts it would have told.
func FactsScript(catalog Catalog, certificates ...string) string {
	var b strings.Builder
	b.WriteString(factsScript)
	b.WriteString("{\n")
	for _, name := range catalog.Names() {
		pkg, ok := catalog.Server(name)
		if !ok || pkg.Probe() == "" {
			continue
		}
		fmt.Fprintf(&b, "probe %s %s &\n", shellescape.Quote(string(name)), shellescape.Quote(pkg.Probe()))
	}
	for i, file := range certificates {
		quoted := shellescape.Quote(file)
		fmt.Fprintf(&b, "certificate %d %s \"$(%s)\"\n", i, quoted, ExpiryScript(quoted))
	}
	b.WriteString("wait\n} 2>/dev/null </dev/null\necho end=facts\n")
	return b.String()
}

// The most that is taken in of a server's answer. What is longer is cut.
const (
	maxFactRunes = 200
	maxFactList  = 64
	maxExpiries  = 10000
)

// FactsError says which of the facts that a server printed makes no sense.
type FactsError struct{ Key, Value, Reason string }

// Error names the fact, what the server said and what is wrong with it.
func (e *FactsError) Error() string {
	if e.Key == "" {
		return "read facts: " + e.Reason
	}
	return fmt.Sprintf("read facts: %s: %q %s", e.Key, e.Value, e.Reason)
}

// ParseFacts reads what the script of FactsScript printed at the given time.
// It trusts none of it: lines it does not know are passed over, texts are cut
// and rid of what can't be printed, lists are bounded. It returns a
// *FactsError for a number that makes no sense and for output that has no end.
func ParseFacts(out []byte, now time.Time) (Facts, error) {
	f := Facts{ReadAt: now, AptAge: -1}
	if err := readAnswer(out, f.set); err != nil {
		return Facts{}, err
	}
	return f, nil
}

// readAnswer reads what a script printed, a line of key=value each, to the line
// that says that it is the end. It returns a *FactsError for a value that is
// refused and for an answer that has no end.
func readAnswer(out []byte, set func(key, value string) error) error {
	for line := range bytes.Lines(out) {
		key, value, ok := strings.Cut(printable(line), "=")
		if !ok {
			continue
		}
		if key == "end" {
			return nil
		}
		if err := set(key, value); err != nil {
			return &FactsError{key, value, err.Error()}
		}
	}
	return &FactsError{Reason: "the server's answer ends in the middle"}
}

func printable(line []byte) string {
	text := []rune(clean.Line(string(line)))
	return strings.TrimSpace(string(text[:min(len(text), maxFactRunes)]))
}

func (f *Facts) set(key, value string) (err error) {
	switch key {
	case "hostname":
		f.Hostname = value
	case "os_id":
		f.OS.ID = value
	case "os_version":
		f.OS.Version = value
	case "os_codename":
		f.OS.Codename = value
	case "os_pretty":
		f.OS.Pretty = value
	case "arch":
		f.Arch = value
	case "kernel":
		f.Kernel = value
	case "boot_id":
		f.BootID = value
	case "systemd":
		f.Systemd = value == "yes"
	case "address":
		if len(f.Addresses) < maxFactList {
			f.Addresses = append(f.Addresses, value)
		}
	case "login_from":
		// An address of a link bears the name of an interface of the server's.
		if addr, err := netip.ParseAddr(value); err == nil {
			f.LoginFrom = addr.WithZone("").Unmap().String()
		}
	case "probe":
		f.setPresence(value)
	case "certificate":
		return f.setExpiry(value)
	default:
		return f.setNumber(key, value)
	}
	return nil
}

func (f *Facts) setNumber(key, value string) error {
	var n int64
	var err error
	switch key {
	case "cpus":
		n, err = number(value, 1<<16)
		f.CPUs = int(n)
	case "memory_kib":
		n, err = number(value, 1<<50)
		f.MemoryBytes = n << 10
	case "disk":
		f.DiskBytes, f.DiskFree, err = disk(value)
	case "uptime":
		n, err = number(value, maxSeconds)
		f.Uptime = time.Duration(n) * time.Second
	case "login_uid":
		n, err = number(value, 1<<32)
		f.LoginUID = int(n)
	case "ssh_port":
		n, err = number(value, 65535)
		if err == nil && n > 0 && len(f.SSHPorts) < maxFactList && !slices.Contains(f.SSHPorts, int(n)) {
			f.SSHPorts = append(f.SSHPorts, int(n))
		}
	case "ssh_port_before":
		n, err = number(value, 65535)
		f.SSHPortBefore = int(n)
	case "apt_age":
		// A clock that was set back makes lists of the future: they are fresh.
		n, err = number(strings.TrimPrefix(value, "-"), maxSeconds)
		if strings.HasPrefix(value, "-") {
			n = 0
		}
		f.AptAge = time.Duration(n) * time.Second
	}
	return err
}

// maxSeconds is a hundred years, less than a time.Duration holds.
const maxSeconds = 100 * 366 * 24 * 60 * 60

func number(value string, most int64) (int64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("is not a number")
	}
	if int64(n) > most {
		return 0, fmt.Errorf("is more than can be")
	}
	return int64(n), nil
}

// disk reads a block size and the numbers of blocks and of free blocks.
func disk(value string) (size, free int64, err error) {
	fields := strings.Fields(value)
	if len(fields) != 3 {
		return 0, 0, fmt.Errorf("has %d numbers in place of 3", len(fields))
	}
	var n [3]int64
	for i, limit := range [...]int64{1 << 24, 1 << 38, 1 << 38} {
		if n[i], err = number(fields[i], limit); err != nil {
			return 0, 0, err
		}
	}
	return n[0] * n[1], n[0] * n[2], nil
}

// setExpiry reads the place of a certificate in the list that was asked for, and when
// it expires, or "!" and why that is not known.
func (f *Facts) setExpiry(value string) error {
	place, said, _ := strings.Cut(value, " ")
	i, err := number(place, maxExpiries)
	if err != nil {
		return err
	}
	for int64(len(f.Expiries)) <= i {
		f.Expiries = append(f.Expiries, Expiry{Unreadable: "the server does not tell"})
	}
	if why, ok := strings.CutPrefix(said, "!"); ok {
		f.Expiries[i].Unreadable = why
		return nil
	}
	at, err := time.Parse(time.RFC3339, said)
	if err != nil {
		return fmt.Errorf("is not a time")
	}
	f.Expiries[i] = Expiry{At: at}
	return nil
}

func (f *Facts) setPresence(value string) {
	name, rest, _ := strings.Cut(value, " ")
	status, said, _ := strings.Cut(rest, " ")
	if name == "" || len(f.Found) >= maxFactList {
		return
	}
	var p Presence
	switch status {
	case "0":
		p = Presence{State: Present, Version: Version(said)}
	case "1":
		p = Presence{State: Absent}
	case "2":
		p = Presence{State: Partial, Detail: said}
	default:
		// The probe itself did not work, so nothing is known.
		return
	}
	if f.Found == nil {
		f.Found = map[Name]Presence{}
	}
	f.Found[Name(name)] = p
}
