package cmd

import (
	"encoding/json"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// jsonLines tells of runs in lines of JSON. The first error of writing is kept,
// and nothing is written after it.
type jsonLines struct {
	env        Env
	withOutput bool
	err        error
}

// eventHead begins every line.
type eventHead struct {
	Time   time.Time `json:"time"`
	Event  string    `json:"event"`
	Server string    `json:"server"`
	Run    store.ID  `json:"run,omitempty"`
}

func (l *jsonLines) head(event string, p job.Progress) eventHead {
	return eventHead{l.env.Now().UTC(), event, p.Run.ServerName, p.Run.ID}
}

func (l *jsonLines) write(v any) {
	if l.err != nil {
		return
	}
	enc := json.NewEncoder(l.env.Stdout)
	enc.SetEscapeHTML(false)
	l.err = enc.Encode(v)
}

type stateEvent struct {
	eventHead
	State    string `json:"state"`
	Title    string `json:"title"`
	Waiting  string `json:"waiting"`
	Position int    `json:"position"`
}

func (l *jsonLines) state(p job.Progress) {
	l.write(stateEvent{l.head("state", p), string(p.Run.State), p.Run.Title, p.Waiting, p.Position})
}

type milestoneEvent struct {
	eventHead
	milestoneView
	Finished int `json:"finished"`
	Total    int `json:"total"`
}

func (l *jsonLines) milestone(p job.Progress, m job.Milestone) {
	l.write(milestoneEvent{l.head("milestone", p), viewMilestone(m), p.Finished(), len(p.Milestones)})
}

type percentEvent struct {
	eventHead
	milestoneView
	Percent int `json:"percent"`
}

func (l *jsonLines) percent(p job.Progress, m job.Milestone) {
	l.write(percentEvent{l.head("percent", p), viewMilestone(m), p.Percent})
}

type outputEvent struct {
	eventHead
	Line string `json:"line"`
}

func (l *jsonLines) output(p job.Progress, lines []string) {
	if !l.withOutput {
		return
	}
	for _, line := range lines {
		l.write(outputEvent{l.head("output", p), line})
	}
}

type endEvent struct {
	eventHead
	State    string        `json:"state"`
	Finished int           `json:"finished"`
	Total    int           `json:"total"`
	Seconds  float64       `json:"seconds"`
	Error    *runErrorView `json:"error"`
}

func (l *jsonLines) end(p job.Progress) {
	l.write(endEvent{
		l.head("end", p), string(p.Run.State), p.Finished(), len(p.Milestones),
		p.Elapsed(l.env.Now()).Seconds(), viewRunError(p.Run.Error),
	})
}

type refusedEvent struct {
	eventHead
	Error      string `json:"error"`
	ExitStatus int    `json:"exit_status"`
}

// refused tells why nothing can be done on a server.
func (l *jsonLines) refused(p job.Prepared) {
	head := eventHead{Time: l.env.Now().UTC(), Event: "refused", Server: p.Server.Name}
	l.write(refusedEvent{head, p.Err.Error(), Status(p.Err)})
}

type planEvent struct {
	eventHead
	Action   string     `json:"action"`
	Nothing  bool       `json:"nothing"` // all is as it should be
	Commands int        `json:"commands"`
	Files    int        `json:"files"`
	Sum      []string   `json:"sum"` // what comes of it for who uses the server: "reloads nginx", "opens 80"
	Parts    []planPart `json:"parts"`
	Stays    []string   `json:"stays,omitempty"` // what belongs to a site that goes, and stays
}

type planPart struct {
	Package  string            `json:"package"`
	Instance string            `json:"instance"`
	Because  string            `json:"because"` // why it is there although not asked for
	Options  map[string]string `json:"options"`
	Removal  map[string]string `json:"removal,omitempty"` // the options of removing
	Steps    []planStep        `json:"steps"`
}

// planStep is one command. Which of the last fields it has depends on its kind.
type planStep struct {
	Kind      string `json:"kind"` // "milestone", "run", "prove", "write", "make", "record" or "forget"
	Text      string `json:"text"` // in a line
	Already   bool   `json:"already"`
	As        string `json:"as,omitempty"`
	IfChanged bool   `json:"if_changed,omitempty"`
	Script    string `json:"script,omitempty"`
	Undo      string `json:"undo,omitempty"`
	Port      int    `json:"port,omitempty"`
	Path      string `json:"path,omitempty"`
	Content   string `json:"content,omitempty"`
	Owner     string `json:"owner,omitempty"` // and group
	Mode      uint32 `json:"mode,omitempty"`
	// Secrets are files that a script gets, with references in the place of values.
	Secrets map[string]string `json:"secrets,omitempty"`

	Effect *planEffect `json:"effect,omitempty"` // what comes of it, where that is known
}

// plan tells what would be done on a server.
func (l *jsonLines) plan(action store.Action, p job.Prepared) {
	e := planEvent{
		eventHead: eventHead{Time: l.env.Now().UTC(), Event: "plan", Server: p.Server.Name},
		Action:    string(action), Nothing: p.Nothing, Parts: []planPart{}, Sum: []string{},
	}
	for _, f := range p.Sum() {
		e.Sum = append(e.Sum, f.Text)
	}
	e.Commands, e.Files = p.Plan.Count()
	e.Stays = p.Stays
	steps := p.Plan.Steps()
	for i := range p.Plan.Parts {
		part := &p.Plan.Parts[i]
		view := planPart{
			Package: string(part.Package), Instance: part.Instance, Because: part.Because,
			Options: map[string]string{}, Removal: part.Removal, Steps: []planStep{},
		}
		for name, value := range part.Values {
			view.Options[name] = packages.Shown(value)
		}
		for _, s := range steps {
			if s.Part == part {
				already := s.Index < len(p.Already) && p.Already[s.Index]
				step := viewStep(s, already)
				step.Effect = viewEffect(p.Effects[s.Index])
				view.Steps = append(view.Steps, step)
			}
		}
		e.Parts = append(e.Parts, view)
	}
	l.write(e)
}

func viewStep(s packages.Step, already bool) planStep {
	out := planStep{Text: packages.Brief(s.Command), Already: already}
	switch c := s.Command.(type) {
	case packages.Track:
		out.Kind = "milestone"
	case packages.Run:
		out.Kind, out.Script, out.IfChanged = "run", c.Script, c.IfChanged
		out.Secrets = c.Secrets
		if out.As = c.As.User; out.As == "" {
			out.As = s.Part.Credential.User
		}
	case packages.Prove:
		out.Kind, out.Script, out.Undo, out.As = "prove", c.Script, c.Undo, s.Part.Credential.User
		out.Port = c.Port
	case packages.Write:
		out.Kind, out.Path, out.Content, out.Owner, out.Mode = "write", c.Path, c.Content, ownerOf(c), modeOf(c)
	case packages.Make:
		out.Kind = "make"
	case packages.Note:
		out.Kind, out.Script, out.As = "record", c.Script, c.As.User
	case packages.Persist:
		out.Kind = "record"
	case packages.Forget:
		out.Kind = "forget"
	}
	return out
}
