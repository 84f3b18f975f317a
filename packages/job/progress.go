package job

import (
	"time"

	"brokeforge/packages"
	"brokeforge/store"
)

// Progress is the state of one run, as screens and commands show it.
type Progress struct {
	Run        store.Run   // without its plan
	Milestones []Milestone // all of the plan, in order
	Waiting    string      // what a live run waits for, for people; empty where it works
	Command    string      // the command that is running, as the preview showed it
	Percent    int         // how far that command says that it is, up to 100; 0 where it doesn't say
	Position   int         // of a queued run: how many runs go before it on its server
	Version    int         // grows with each change
}

// Milestone is one milestone of a run.
type Milestone struct {
	packages.Milestone
	State MilestoneState
	Begun time.Time // zero until then
	Ended time.Time // zero until then
	Error string    // of a failed one
}

// MilestoneState is the state of a milestone.
type MilestoneState string

// The states of a milestone.
const (
	Ahead     MilestoneState = "ahead"     // not begun
	Working   MilestoneState = "working"   // begun
	Done      MilestoneState = "done"      // ended well
	Unchanged MilestoneState = "unchanged" // ended well, and everything was so already
	Broken    MilestoneState = "failed"
)

// show takes a run and some of its events into the progress.
func (p *Progress) show(run store.Run, events []store.Event) {
	p.Run = withoutPlan(run)
	for _, event := range events {
		i := event.Step - 1
		if i < 0 || i >= len(p.Milestones) {
			continue
		}
		m := &p.Milestones[i]
		m.Begun, m.Ended, m.Error = event.BegunAt, event.EndedAt, event.ErrorLog
		switch {
		case event.Status == store.EventPending:
			m.State = Working
		case event.Status == store.EventFailed:
			m.State = Broken
		case event.Unchanged:
			m.State = Unchanged
		default:
			m.State = Done
		}
	}
}

// Finished counts the milestones that ended well.
func (p Progress) Finished() int {
	n := 0
	for _, m := range p.Milestones {
		if m.State == Done || m.State == Unchanged {
			n++
		}
	}
	return n
}

// Current returns the milestone that is working or has failed, and whether
// there is one.
func (p Progress) Current() (Milestone, bool) {
	for _, m := range p.Milestones {
		if m.State == Working || m.State == Broken {
			return m, true
		}
	}
	return Milestone{}, false
}

// Elapsed is how long the run has taken until now, or took. It is zero for a
// run that has not started.
func (p Progress) Elapsed(now time.Time) time.Duration {
	switch {
	case p.Run.StartedAt.IsZero():
		return 0
	case p.Run.EndedAt.IsZero():
		return now.Sub(p.Run.StartedAt)
	}
	return p.Run.EndedAt.Sub(p.Run.StartedAt)
}

// Overview is everything that the list of servers shows.
type Overview struct {
	Servers []ServerView  // by name
	Live    []Progress    // the runs that are not ended, oldest first
	Alerts  []store.Alert // those that are open, by server and kind

	Questions []Question // that wait for an answer, oldest first
}

// ServerView is a server with what is known of it. Its Port, User and KeyFile are
// those in effect, also where the record leaves them to the configuration of ssh.
type ServerView struct {
	store.Server
	Host       string                // where it is: its Address, or what the configuration of ssh says for that
	Hops       []Hop                 // the jump hosts on the way, the first one first
	Notes      []string              // what the configuration of ssh says of it and is not followed
	RouteError string                // why the configuration of ssh is of no use for it; empty where it is
	Facts      packages.Facts        // the zero value where none were read
	Packages   []store.ServerPackage // as recorded
	Sites      int
	Last       *store.Run    // its latest run, live or ended, without its plan; nil where there is none
	Busy       bool          // facts are being read
	Watched    bool          // it is monitored
	Sample     *store.Sample // the newest; nil where there is none
	Alerts     []store.Alert // those that are open
}

// Hop is a jump host on the way to a server.
type Hop struct {
	Name     string // as the configuration of ssh names it
	Address  string // host:port
	User     string
	HostKeys []store.HostKey // that were accepted
}

// Request is what somebody chose: packages, an action, servers.
type Request struct {
	Action   store.Action
	Packages []packages.Want
	Servers  []store.ID
	// Site is the site whose packages are chosen, on the only server. It may be
	// empty where the package that makes a site is among them: that finds or
	// makes the one of its domain.
	Site store.ID
}

// Prepared is the preview for one server: what would be done there.
type Prepared struct {
	Server store.Server
	Site   store.Site // the one that packages of the plan belong to; it has no ID before it is made
	Facts  packages.Facts
	Plan   packages.Plan
	// Already holds, for each of Plan.Steps, whether the server is as the
	// step wants it, so that it will be skipped.
	Already []bool
	// Effects tells, by the index of a step that is not so already, what it
	// would change, as far as the server can tell.
	Effects map[int]Effect
	// Stays names what belongs to a site that goes, and stays on the server.
	Stays []string
	// Nothing is set where nothing is to be done: all is as it should be, on
	// the server and in the records.
	Nothing bool
	// Err is set where no plan could be made: a *HostKeyError, a *ReachError,
	// or what the resolver or a package refused.
	Err error

	// secrets are the values that were chosen or made for the plan. They are
	// stored when a run is started.
	secrets packages.Secrets
}
