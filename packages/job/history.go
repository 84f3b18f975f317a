package job

import (
	"strconv"
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// keepResult records what came of a package of a site that leaves a history, with
// how long it took: of a command that has failed too, as that is a result.
func (r *recorder) keepResult(part *packages.Part, c packages.Persist, status int, at time.Time, ch *changes) {
	configured := configuration(*part, c)
	configured[packages.StatusKey] = strconv.Itoa(status)
	begun := at
	if r.event != nil {
		begun = r.event.BegunAt
		configured[packages.SecondsKey] = strconv.FormatFloat(max(0, at.Sub(begun).Seconds()), 'f', 1, 64)
	}
	record := store.SitePackage{
		SiteID: r.run.SiteID, Type: part.Type, Name: part.Package, Instance: part.Instance,
		Configuration: configured, Status: store.Active, RunID: r.run.ID, By: r.run.By, InstalledAt: begun,
	}
	if status != 0 {
		record.Status = store.Failed
	}
	ch.records = append(ch.records, func(tx *store.Tx) error {
		fresh := record // the transaction may run twice
		return tx.AddSitePackage(&fresh)
	})
}

// keepFailure is keepResult for a step that has failed, if its package leaves a
// history of failures too.
func (r *recorder) keepFailure(step packages.Step, status int, at time.Time, ch *changes) {
	if step.Part.Site == "" {
		return
	}
	for _, cmd := range step.Part.Commands {
		if persist, ok := cmd.(packages.Persist); ok && persist.History && persist.Failures {
			r.keepResult(step.Part, persist, status, at, ch)
		}
	}
}

// Result is what came of a package of a site that leaves a history.
type Result struct {
	Status int // the exit status; 0 where it succeeded
	Took   time.Duration
}

// ResultOf reads it from a record.
func ResultOf(p store.SitePackage) Result {
	var out Result
	if n, err := strconv.Atoi(p.Configuration[packages.StatusKey]); err == nil {
		out.Status = n
	}
	if s, err := strconv.ParseFloat(p.Configuration[packages.SecondsKey], 64); err == nil {
		out.Took = time.Duration(s * float64(time.Second))
	}
	return out
}
