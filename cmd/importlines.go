package cmd

import "brokeforge/packages/job"

// importEvent tells what is done with one entry.
type importEvent struct {
	eventHead
	Action     string         `json:"action"` // "add", "change", "unchanged" or "leave"
	Address    string         `json:"address"`
	Port       int            `json:"port"`
	User       string         `json:"user"`
	KeyFile    string         `json:"key_file"`
	Credential string         `json:"credential"`
	Tags       []string       `json:"tags"`
	Changes    []importChange `json:"changes"`
	Notes      []string       `json:"notes"`
	Reason     string         `json:"reason"` // why it is left
	File       string         `json:"file"`
	Line       int            `json:"line"`
}

type importChange struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// imported tells of one entry.
func (l *jsonLines) imported(item job.ImportItem) {
	n := item.Server
	e := importEvent{
		eventHead: eventHead{Time: l.env.Now().UTC(), Event: "import", Server: n.Name},
		Action:    string(item.Action), Address: n.Address, Port: n.Port, User: n.User, KeyFile: n.KeyFile, Credential: n.Credential,
		Tags: append([]string{}, n.Tags...), Changes: []importChange{}, Notes: append([]string{}, item.Notes...),
		Reason: item.Reason, File: item.File, Line: item.Line,
	}
	for _, c := range item.Changes {
		e.Changes = append(e.Changes, importChange(c))
	}
	l.write(e)
}

// importEndEvent counts, in the end.
type importEndEvent struct {
	eventHead
	Recorded  bool `json:"recorded"` // it was done, not only shown
	Added     int  `json:"added"`
	Changed   int  `json:"changed"`
	Unchanged int  `json:"unchanged"`
	Left      int  `json:"left"`
}

func (l *jsonLines) importEnd(plan job.Import, done bool) {
	l.write(importEndEvent{
		eventHead{Time: l.env.Now().UTC(), Event: "end"},
		done,
		plan.Count(job.ImportAdd), plan.Count(job.ImportChange), plan.Count(job.ImportSame), plan.Count(job.ImportLeave),
	})
}
