package e2e

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"brokeforge/e2e/hosts"
)

// A Snapshot is what is on a host at one time: its files, Debian packages,
// systemd units and what listens. What changes by itself, or is only a trace of
// runs, is left out, and so are the files of Debian packages below /usr, as the
// packages stand for them.
type Snapshot struct {
	things map[string]thing
}

// A thing is one file, package, unit or listener.
type thing struct {
	is   string // its content and rights, version, state
	when string // when a file was written, the process of a unit
}

// snapshotScript prints a thing a line: its kind and name, what it is, and when
// it became so, separated by tabs. The name of a file has no newline on a host
// of these tests.
const snapshotScript = `set -eu
export LC_ALL=C
tab=$(printf '\t')
find / -xdev \( -path /tmp -o -path /var/tmp -o -path /run -o -path /dev -o -path /proc -o -path /sys -o -path /boot \
	-o -path /usr/bin -o -path /usr/sbin -o -path /usr/lib -o -path /usr/share -o -path /usr/include -o -path /usr/libexec -o -path /usr/games -o -path /usr/src \
	-o -path /var/log -o -path /var/cache -o -path /var/backups -o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/lib/systemd \
	-o -path /var/lib/ucf -o -path /var/lib/logrotate -o -path /var/lib/private -o -path /var/lib/pam \
	-o -path /var/lib/brokeforge/runs -o -path /var/lib/brokeforge/added -o -path /var/lib/brokeforge/written -o -name __pycache__ \) -prune -o \
	! -path /etc/ld.so.cache ! -path '/etc/*-' ! -path /etc/.pwd.lock ! -path '/var/lib/ucf*' \
	! -path /var/lib/brokeforge ! -path /var/lib/brokeforge/lock ! -path /var/lib/brokeforge/holder ! -path /var/lib/brokeforge/apt-updated \
	-printf '%y\t%m %u:%g %l\t%T@\t%p\n' >/tmp/snapshot-files
: >/tmp/snapshot-sums
awk -F "$tab" '$1 == "f" { printf "%s%c", $4, 0 }' /tmp/snapshot-files | xargs -0r sha256sum >/tmp/snapshot-sums
awk -F "$tab" -v OFS="$tab" '
	NR == FNR { sum[substr($0, 67)] = substr($0, 1, 16); next }
	{ print "file " $4, $1 " " $2 sum[$4], ($1 == "d" ? "" : $3) }' /tmp/snapshot-sums /tmp/snapshot-files
rm /tmp/snapshot-files /tmp/snapshot-sums
dpkg-query -W -f 'package ${Package}\t${db:Status-Abbrev} ${Version}\t\n' | grep -v "${tab}un "
systemctl list-unit-files --no-legend --no-pager | awk -v OFS="$tab" '$2 != "transient" && $2 != "generated" { print "unit file " $1, $2, "" }'
systemctl list-units --all --no-legend --no-pager --plain --type=service,timer,socket,path |
	awk '$2 != "not-found" && ($3 == "active" || $3 == "failed") { print $1, $3 }' |
	grep -Ev '^(run-|brokeforge-|user|session-|apt-|dpkg-|logrotate|man-db|fstrim|e2scrub|systemd-|phpsessionclean|ldconfig|ssh@|sshd@)' |
	while read -r unit state; do
		printf 'unit %s\t%s\t%s\n' "$unit" "$state" "$(systemctl show -P MainPID "$unit")"
	done
ss -Hltunp | awk -v OFS="$tab" '{ name = $7; sub(/^users:\(\("/, "", name); sub(/".*/, "", name); print "listener " $1 " " $5, name, "" }' | sort -u
`

// TakeSnapshot looks at a host.
func TakeSnapshot(ctx context.Context, h *hosts.Host) (Snapshot, error) {
	out, err := h.Exec(ctx, "sh", "-c", snapshotScript)
	if err != nil {
		return Snapshot{}, fmt.Errorf("take a snapshot of %s: %w", h.Name, err)
	}
	s := Snapshot{things: map[string]thing{}}
	for line := range strings.Lines(string(out)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(fields) != 3 {
			return Snapshot{}, fmt.Errorf("take a snapshot of %s: the line %q has %d fields", h.Name, line, len(fields))
		}
		s.things[fields[0]] = thing{is: fields[1], when: fields[2]}
	}
	return s, nil
}

// Diff lists what is another now, in a line each: "+" for what came, "-" for
// what went, "~" for what changed. What was only written again, or runs as
// another process, is no difference. Things whose kind and name begin with one
// of the texts in but, such as "file /etc/ssl/" or "package libapr", are left
// out.
func (s Snapshot) Diff(now Snapshot, but ...string) []string {
	return s.diff(now, but, func(a, b thing) bool { return a.is == b.is })
}

// Touched is Diff, and also lists files that were written again with the same
// content, and units that were started again.
func (s Snapshot) Touched(now Snapshot, but ...string) []string {
	return s.diff(now, but, func(a, b thing) bool { return a == b })
}

func (s Snapshot) diff(now Snapshot, but []string, same func(a, b thing) bool) []string {
	names := slices.Collect(maps.Keys(s.things))
	names = slices.AppendSeq(names, maps.Keys(now.things))
	slices.Sort(names)
	var out []string
	for _, name := range slices.Compact(names) {
		if slices.ContainsFunc(but, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			continue
		}
		before, was := s.things[name]
		after, is := now.things[name]
		switch {
		case !was:
			out = append(out, fmt.Sprintf("+ %s: %s", name, after.is))
		case !is:
			out = append(out, fmt.Sprintf("- %s: %s", name, before.is))
		case !same(before, after):
			out = append(out, fmt.Sprintf("~ %s: %s → %s", name, before.is, after.is))
		}
	}
	return out
}
