package job

import (
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/store"
)

// A finding is something that is wrong in a sample.
type finding struct {
	kind string // what an alert is told by, such as "disk /var"
	text string
	now  bool // it is alarming at once, not only several times in a row
}

// findings returns what is wrong in a sample.
func findings(w packages.Watch, s store.Sample) []finding {
	var out []finding
	over := func(kind, what string, value, limit float64, now bool) {
		if limit > 0 && value >= limit {
			out = append(out, finding{kind, fmt.Sprintf("%s is at %.0f %%, over %.0f %%", what, value, limit), now})
		}
	}
	over("cpu", "the processor", s.CPU, w.CPU, false)
	over("memory", "the memory in use", share(s.Memory, s.MemoryFree), w.Memory, false)
	if s.CPUs > 0 {
		over("load", "the load of 5 minutes", 100*s.Load[1]/float64(s.CPUs), w.Load, false)
	}
	for _, d := range s.Disks {
		over("disk "+d.Mount, "the disk of "+d.Mount, share(d.Bytes, d.Free), w.Disk, true)
		over("inodes "+d.Mount, "the number of files on "+d.Mount, share(d.Inodes, d.InodesFree), w.Disk, true)
	}
	for _, u := range s.Units {
		if u.State != "active" && u.State != "reloading" {
			state := u.State
			if state == "" {
				state = "not known"
			}
			out = append(out, finding{"unit " + u.Name, fmt.Sprintf("the service %s is %s", u.Name, state), false})
		}
	}
	for _, name := range s.Failed {
		if !slices.ContainsFunc(s.Units, func(u store.UnitState) bool { return u.Name == name || u.Name+".service" == name }) {
			out = append(out, finding{"unit " + name, fmt.Sprintf("the unit %s has failed", name), false})
		}
	}
	return out
}

// share is how much of a total is not free, in percent, rounded up as df(1) does.
func share(total, free int64) float64 {
	if total <= 0 {
		return 0
	}
	used := total - free
	percent := float64(used) * 100 / float64(total)
	if whole := float64(int64(percent)); percent > whole {
		return whole + 1
	}
	return percent
}

// alarming returns the findings of the newest of some samples that are to be an
// alert: those that are open already, those that are alarming at once, and those
// that were there in each of the last samples in a row.
func alarming(w packages.Watch, samples []store.Sample, open []store.Alert) []finding {
	if len(samples) == 0 {
		return nil
	}
	var out []finding
	for _, f := range findings(w, samples[len(samples)-1]) {
		isOpen := slices.ContainsFunc(open, func(a store.Alert) bool { return a.Kind == f.kind })
		if f.now || isOpen || lasting(w, samples, f.kind) {
			out = append(out, f)
		}
	}
	return out
}

// lasting reports whether each of the last samples in a row has a finding.
func lasting(w packages.Watch, samples []store.Sample, kind string) bool {
	n := max(w.InARow, 1)
	if len(samples) < n {
		return false
	}
	for _, s := range samples[len(samples)-n:] {
		if !slices.ContainsFunc(findings(w, s), func(f finding) bool { return f.kind == kind }) {
			return false
		}
	}
	return true
}
