package packages

import (
	_ "embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"brokeforge/store"
)

//go:embed sample.sh
var sampleScript string

// A Watcher is a package whose record says that a server is to be watched: asked
// again and again how busy it is, see SampleScript.
type Watcher interface {
	// Watch reads the values that the package was installed with. It returns an
	// error for values that its options don't accept.
	Watch(Values) (Watch, error)
}

// Watch says how a server is watched and what raises an alert. Limits are in
// percent; 0 means none.
type Watch struct {
	Interval time.Duration
	Keep     time.Duration // how long samples are kept
	CPU      float64       // share of the processors that is busy
	Memory   float64       // share of the memory in use
	Disk     float64       // share of a file system in use, or of its inodes
	Load     float64       // load of 5 minutes, as a share of the number of processors
	InARow   int           // samples in a row before an alert is raised
	Units    []string      // systemd units that must be active
	// Certificate is how many days before it expires a certificate of a site raises
	// an alert; 0 means none.
	Certificate int
	Mail        string // who is told by mail; empty means nobody
	Webhook     string // URL that alerts are posted to; empty means none
}

// unitForm is a unit name as systemd.unit(5) allows it, without the characters
// that a shell or a glob would read.
var unitForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9@:._-]{0,200}$`)

// ValidUnit reports whether a text can be the name of a systemd unit.
func ValidUnit(name string) bool { return unitForm.MatchString(name) }

// SampleScript returns a POSIX sh script that prints how busy a server is and how
// the named systemd units are, in the form that ParseSample reads. It changes
// nothing, needs no root, and takes a few milliseconds. Names that are none are
// left out.
func SampleScript(units []string) string {
	var b strings.Builder
	b.WriteString(sampleScript)
	for _, unit := range units {
		if ValidUnit(unit) {
			// is-active tells by its exit status too, which is of no use here.
			fmt.Fprintf(&b, "printf 'unit=%%s %%s\\n' '%s' \"$(systemctl is-active '%s' 2>/dev/null)\"\n", unit, unit)
		}
	}
	b.WriteString("echo end=sample\n")
	return b.String()
}

// ParseSample reads what the script of SampleScript printed at the given time.
// before is the sample before it on that server, nil where there is none: rates
// are made of the difference, and are unknown (negative) without one and after a
// restart of the server. It returns a *FactsError for numbers that make no sense
// and for output that has no end.
func ParseSample(out []byte, now time.Time, before *store.Sample) (store.Sample, error) {
	r := sampleReader{sample: store.Sample{At: now, CPU: -1, NetIn: -1, NetOut: -1}}
	if err := readAnswer(out, r.set); err != nil {
		return store.Sample{}, err
	}
	r.rates(before)
	return r.sample, nil
}

type sampleReader struct{ sample store.Sample }

func (r *sampleReader) set(key, value string) (err error) {
	s := &r.sample
	switch key {
	case "cpu":
		s.Counters.CPUBusy, s.Counters.CPUAll, err = cpuTimes(value)
	case "load":
		s.Load, err = loads(value)
	case "MemTotal":
		s.Memory, err = kib(value)
	case "MemAvailable":
		s.MemoryFree, err = kib(value)
	case "SwapTotal":
		s.Swap, err = kib(value)
	case "SwapFree":
		s.SwapFree, err = kib(value)
	case "net":
		err = r.network(value)
	case "uptime":
		s.Uptime, err = upFor(value)
	case "boot_id":
		s.BootID = value
	case "cpus":
		var n int64
		n, err = number(value, 1<<16)
		s.CPUs = int(n)
	case "disk", "inodes":
		err = r.disk(key, value)
	case "unit":
		name, state, _ := strings.Cut(value, " ")
		if len(s.Units) < maxFactList && ValidUnit(name) {
			s.Units = append(s.Units, store.UnitState{Name: name, State: state})
		}
	case "failed":
		if len(s.Failed) < maxFactList && value != "" && !slices.Contains(s.Failed, value) {
			s.Failed = append(s.Failed, value)
		}
	}
	return err
}

// cpuTimes reads the times of all processors, in ticks: proc_stat(5). Waiting for
// a disk is not being busy.
func cpuTimes(value string) (busy, all int64, err error) {
	fields := strings.Fields(value)
	if len(fields) < 8 {
		return 0, 0, fmt.Errorf("has %d numbers in place of 8", len(fields))
	}
	const idle, iowait = 3, 4
	for i, field := range fields[:8] { // guest times are in user and nice already
		n, err := number(field, 1<<60)
		if err != nil {
			return 0, 0, err
		}
		all += n
		if i != idle && i != iowait {
			busy += n
		}
	}
	return busy, all, nil
}

func loads(value string) (out [3]float64, err error) {
	fields := strings.Fields(value)
	if len(fields) < 3 {
		return out, fmt.Errorf("has %d numbers in place of 3", len(fields))
	}
	for i := range out {
		if out[i], err = strconv.ParseFloat(fields[i], 64); err != nil || out[i] < 0 || out[i] > 1e6 {
			return out, fmt.Errorf("is not a load")
		}
	}
	return out, nil
}

func kib(value string) (int64, error) {
	n, err := number(value, 1<<50)
	return n << 10, err
}

func upFor(value string) (time.Duration, error) {
	seconds, _, _ := strings.Cut(value, ".")
	n, err := number(seconds, maxSeconds)
	return time.Duration(n) * time.Second, err
}

// network adds the bytes of an interface, but those of loopback: proc_net(5).
func (r *sampleReader) network(value string) error {
	fields := strings.Fields(value)
	if len(fields) < 10 || fields[0] == "lo" {
		return nil // one of the two heads, or loopback
	}
	const received, sent = 1, 9
	in, err := number(fields[received], 1<<62)
	if err != nil {
		return err
	}
	out, err := number(fields[sent], 1<<62)
	if err != nil {
		return err
	}
	r.sample.Counters.NetIn += in
	r.sample.Counters.NetOut += out
	return nil
}

// disk reads a line of df -P: file system, size, used, available, share, mount.
func (r *sampleReader) disk(key, value string) error {
	fields := strings.Fields(value)
	if len(fields) < 6 {
		return nil // df could not tell of it
	}
	mount := strings.Join(fields[5:], " ")
	if !path.IsAbs(mount) || len(r.sample.Disks) >= maxFactList {
		return nil
	}
	i := slices.IndexFunc(r.sample.Disks, func(d store.DiskSample) bool { return d.Mount == mount })
	if i < 0 {
		r.sample.Disks = append(r.sample.Disks, store.DiskSample{Mount: mount})
		i = len(r.sample.Disks) - 1
	}
	d := &r.sample.Disks[i]
	if key == "inodes" {
		return pair(fields[2], fields[3], 1, &d.Inodes, &d.InodesFree)
	}
	// What is kept for root counts neither as used nor as free, as df shows it.
	return pair(fields[2], fields[3], 1<<10, &d.Bytes, &d.Free)
}

// pair sets a total and what is free of it from what is used and available. A
// hyphen stands for a number that the file system does not have.
func pair(used, available string, unit int64, total, free *int64) error {
	if used == "-" || available == "-" {
		return nil
	}
	u, err := number(used, 1<<52)
	if err != nil {
		return err
	}
	a, err := number(available, 1<<52)
	if err != nil {
		return err
	}
	*total, *free = (u+a)*unit, a*unit
	return nil
}

// rates makes shares and bytes a second of the counters.
func (r *sampleReader) rates(before *store.Sample) {
	s := &r.sample
	if before == nil || before.BootID != s.BootID {
		return
	}
	now, then := s.Counters, before.Counters
	if all := now.CPUAll - then.CPUAll; all > 0 && now.CPUBusy >= then.CPUBusy {
		s.CPU = min(100, 100*float64(now.CPUBusy-then.CPUBusy)/float64(all))
	}
	seconds := s.At.Sub(before.At).Seconds()
	if seconds > 0 && now.NetIn >= then.NetIn && now.NetOut >= then.NetOut {
		s.NetIn = float64(now.NetIn-then.NetIn) / seconds
		s.NetOut = float64(now.NetOut-then.NetOut) / seconds
	}
}
