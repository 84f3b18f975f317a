package job

import (
	"fmt"
	"slices"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// tailLines is how many of a step's last lines are kept to explain a failure.
const tailLines = 20

// recorder turns what a server reports of a run into events, records and the
// run's cursor, and then into what subscribers see. Its run is as stored.
type recorder struct {
	e     *Engine
	live  *live
	log   *store.Log
	run   store.Run
	steps []packages.Step

	redact     *redactor
	milestones []packages.Milestone
	event      *store.Event   // of the milestone that is going on; nil before the first
	changed    bool           // a step of that milestone was not skipped
	values     map[int]string // by step, what the server told
	tail       []string       // the last lines of the step that is going on
	port       int            // where a proof has found the server; 0 where none moved it
}

func (e *Engine) newRecorder(run store.Run, l *live) (*recorder, error) {
	plan, err := planOf(run)
	if err != nil {
		return nil, err
	}
	redact, err := e.redactorOf(e.ctx, run.ServerID)
	if err != nil {
		return nil, err
	}
	log, err := e.cfg.Store.OpenLog(run.ID, run.Cursor.LogSize)
	if err != nil {
		return nil, err
	}
	r := &recorder{
		e: e, live: l, log: log, run: run, steps: plan.Steps(), milestones: plan.Milestones(),
		redact: redact, values: make(map[int]string),
	}
	l.rewind(run.Cursor.Offset)
	return r, r.resume()
}

// recordError says that something could not be recorded. The run goes on.
type recordError struct{ err error }

func (e *recordError) Error() string { return "what it does can't be recorded: " + e.err.Error() }
func (e *recordError) Unwrap() error { return e.err }

// resume finds the milestone that was going on when the run was last recorded.
func (r *recorder) resume() error {
	return r.e.cfg.Store.View(func(tx *store.Tx) error {
		events, err := tx.EventsOf(r.run.ID)
		if err != nil {
			return fmt.Errorf("load the events of run %s: %w", r.run.ID, err)
		}
		for _, event := range events {
			if event.Status == store.EventPending {
				r.event = &event
			}
		}
		r.live.change(func(p *Progress) { p.show(r.run, events) })
		return nil
	})
}

func (r *recorder) close() error { return r.log.Close() }

// ended reports whether the run's state is final.
func (r *recorder) ended() bool { return !r.run.State.Live() }

// changes is what one transaction writes.
type changes struct {
	events  []*store.Event
	records []func(*store.Tx) error
	lines   []line
	begun   *int // the step that is going on; nil where none began
	waiting *string
	percent *int                  // how far the step says that it is; never stored
	server  store.ProvisionStatus // empty leaves it
	port    int                   // where the server is found from now on; 0 leaves it
	site    store.ProvisionStatus // of the run's site; empty leaves it
}

// sending records that the run is about to reach its server.
func (r *recorder) sending() error {
	r.run.State = store.RunRunning
	r.run.Cursor.Sent = true
	if r.run.StartedAt.IsZero() {
		r.run.StartedAt = r.e.cfg.Now()
	}
	ch := &changes{}
	if r.preparesServer() {
		ch.server = store.Preparing
	}
	return r.commit(ch)
}

// record takes in what a server reported. On an error nothing of it was taken
// in.
func (r *recorder) record(batch []sshrun.Mark) error {
	ch := &changes{}
	r.run.State = store.RunRunning
	for _, m := range batch {
		if m.Step < 0 || m.Step >= len(r.steps) {
			if m.Kind != sshrun.MarkLine && m.Kind != sshrun.MarkWaiting && m.Kind != sshrun.MarkFinish {
				return fmt.Errorf("the server reports a step %d, which the plan does not have", m.Step)
			}
		}
		r.take(m, ch)
		r.run.Cursor.Offset = m.Offset
	}
	for _, l := range ch.lines {
		if _, err := r.log.Write([]byte(l.text + "\n")); err != nil {
			return &recordError{err}
		}
	}
	// Lines alone, and how far a step is, are not worth a transaction: after a
	// crash they are fetched again.
	if passing(batch) {
		r.live.addLines(ch.lines)
		if ch.percent != nil {
			r.live.change(func(p *Progress) { p.Percent = *ch.percent })
		}
		r.e.hub.wake()
		return nil
	}
	return r.commit(ch)
}

// passing reports whether nothing of what a server reported has to be recorded.
func passing(batch []sshrun.Mark) bool {
	return !slices.ContainsFunc(batch, func(m sshrun.Mark) bool { return m.Kind != sshrun.MarkLine && m.Kind != sshrun.MarkPercent })
}

// repeated reports whether a mark was taken in before: following again may
// tell some marks a second time.
func (r *recorder) repeated(m sshrun.Mark) bool {
	next := r.run.Cursor
	switch m.Kind {
	case sshrun.MarkBegin:
		return m.Step < next.NextStep || m.Step == next.NextStep && next.BeginStep
	case sshrun.MarkEnd, sshrun.MarkSkipped, sshrun.MarkValue, sshrun.MarkProve:
		return m.Step < next.NextStep
	}
	return false
}

func (r *recorder) take(m sshrun.Mark, ch *changes) {
	if r.repeated(m) {
		return
	}
	m.Text = r.cleared(m)
	switch m.Kind {
	case sshrun.MarkLine:
		ch.lines = append(ch.lines, line{m.Text, m.Offset})
		r.tail = append(r.tail, m.Text)
		if len(r.tail) > tailLines {
			r.tail = r.tail[len(r.tail)-tailLines:]
		}
	case sshrun.MarkPercent:
		if m.Step == r.run.Cursor.NextStep && r.run.Cursor.BeginStep && m.Status >= 0 && m.Status <= 100 {
			ch.percent = &m.Status
		}
	case sshrun.MarkWaiting:
		waiting := fmt.Sprintf("waiting for run %s, which goes on on the server", store.ID(m.Text).Short())
		ch.waiting = &waiting
	case sshrun.MarkBegin:
		r.beginStep(m, ch)
		if shipped(r.steps[m.Step]).Kind == sshrun.StepMark {
			r.endStep(m, ch) // nothing more is told of it
		}
	case sshrun.MarkSkipped:
		r.endStep(m, ch)
	case sshrun.MarkValue:
		r.values[m.Step] = m.Text
	case sshrun.MarkProve:
		waiting := "proving that a new login still works"
		ch.waiting = &waiting
	case sshrun.MarkEnd:
		if m.Status != 0 {
			r.failStep(m, ch)
			return
		}
		r.changed = r.changed || mayChange(r.steps[m.Step])
		r.endStep(m, ch)
	case sshrun.MarkFinish:
		r.finish(m, ch)
	}
}

// cleared returns the text of a mark without secrets.
func (r *recorder) cleared(m sshrun.Mark) string {
	switch {
	case m.Text == "", m.Kind == sshrun.MarkWaiting:
		return m.Text
	case r.redact != nil && r.redact.blind && m.Kind != sshrun.MarkLine:
		return ""
	}
	return r.redact.text(m.Text)
}

// mayChange reports whether a step is one that changes the server.
func mayChange(step packages.Step) bool {
	switch step.Command.(type) {
	case packages.Run, packages.Write, packages.Prove:
		return true
	}
	return false
}

func (r *recorder) beginStep(m sshrun.Mark, ch *changes) {
	r.tail = nil
	r.run.Cursor.NextStep, r.run.Cursor.BeginStep = m.Step, true
	ch.begun, ch.percent = &m.Step, nil
	none := ""
	ch.waiting = &none
	if _, ok := r.steps[m.Step].Command.(packages.Track); !ok {
		return
	}
	r.endMilestone(m, store.EventSuccess, ch)
	at := r.steps[m.Step].Milestone
	milestone := r.milestones[at]
	r.changed = false
	r.event = &store.Event{
		ID: r.e.cfg.Store.NewID(), RunID: r.run.ID, ServerID: r.run.ServerID, SiteID: r.run.SiteID,
		Type: milestone.Type, Name: milestone.Package, Action: r.run.Action,
		Milestone: milestone.Name, Label: milestone.Label, Step: at + 1, Total: len(r.milestones),
		Status: store.EventPending, BegunAt: m.At,
	}
	ch.events = append(ch.events, r.event)
}

// endMilestone ends the milestone that is going on, if one is.
func (r *recorder) endMilestone(m sshrun.Mark, status store.EventStatus, ch *changes) {
	if r.event == nil {
		return
	}
	ended := *r.event
	ended.Status, ended.EndedAt = status, m.At
	ended.Unchanged = status == store.EventSuccess && !r.changed
	if status == store.EventSuccess {
		r.run.Finished++
	}
	ch.events = append(slices.DeleteFunc(ch.events, func(e *store.Event) bool { return e.ID == ended.ID }), &ended)
	r.event = nil
}

// failStep records why a step failed. The driver ends the run after it.
func (r *recorder) failStep(m sshrun.Mark, ch *changes) {
	command := packages.Brief(r.steps[m.Step].Command)
	summary, advice := diagnose(command, m.Status, r.tail)
	r.run.Error = &store.RunError{
		Summary: summary, Advice: advice, Command: command,
		Step: m.Step, Status: m.Status, Output: slices.Clone(r.tail),
	}
	r.keepFailure(r.steps[m.Step], m.Status, m.At, ch)
	if r.event != nil {
		r.event.ErrorLog = summary
	}
	r.endMilestone(m, store.EventFailed, ch)
}

func (r *recorder) finish(m sshrun.Mark, ch *changes) {
	switch m.Status {
	case sshrun.FinishDone:
		r.endMilestone(m, store.EventSuccess, ch)
		r.run.State = store.RunDone
	case sshrun.FinishCancelled:
		r.endMilestone(m, store.EventFailed, ch)
		r.run.State = store.RunCancelled
		r.run.Error = r.cancelled()
	default:
		r.endMilestone(m, store.EventFailed, ch)
		r.run.State = store.RunFailed
		if r.run.Error == nil {
			r.run.Error = &store.RunError{Summary: "the driver on the server ended early: " + m.Text, Step: -1}
		}
	}
	r.run.EndedAt = m.At
	r.noteUnprepared(ch)
}

// cancelled says what a run was doing when it was cancelled.
func (r *recorder) cancelled() *store.RunError {
	e := r.run.Error
	if e == nil {
		e = &store.RunError{Step: -1}
	}
	e.Summary = "it was cancelled"
	if e.Command != "" {
		e.Summary += " during: " + e.Command
	}
	e.Advice = "what was done before stays; running it again goes on from there, and first repairs what dpkg was in the middle of"
	return e
}

// noteUnprepared says so of a server, and of a site, whose first run did not
// prepare it.
func (r *recorder) noteUnprepared(ch *changes) {
	if r.run.State != store.RunDone && r.preparesServer() {
		ch.server = store.PrepFailed
	}
	if r.run.State != store.RunDone && r.makesSite() {
		ch.site = store.PrepFailed
	}
}

// fail ends the run without a word from the server.
func (r *recorder) fail(e store.RunError) error {
	return r.end(store.RunFailed, e)
}

// unknown ends a run of which nothing can be learned any more.
func (r *recorder) unknown(why string) error {
	return r.end(store.RunUnknown, store.RunError{Summary: why, Step: -1, Advice: "look at the server, then run it again: what is done is skipped"})
}

func (r *recorder) end(state store.RunState, e store.RunError) error {
	ch := &changes{}
	if r.redact == nil || !r.redact.blind {
		e.Summary = r.redact.text(e.Summary)
	}
	r.run.State, r.run.Error, r.run.EndedAt = state, &e, r.e.cfg.Now()
	if r.event != nil {
		r.event.ErrorLog = e.Summary
	}
	r.endMilestone(sshrun.Mark{At: r.run.EndedAt}, store.EventFailed, ch)
	r.noteUnprepared(ch)
	return r.commit(ch)
}

// commit writes everything in one transaction, and then shows it.
func (r *recorder) commit(ch *changes) error {
	r.run.Cursor.LogSize = r.log.Size()
	err := r.e.cfg.Store.Batch(func(tx *store.Tx) error { return r.write(tx, ch) })
	if err != nil {
		return &recordError{err}
	}
	r.live.addLines(ch.lines)
	r.live.change(func(p *Progress) { r.show(p, ch) })
	r.e.hub.wake()
	return nil
}

func (r *recorder) write(tx *store.Tx, ch *changes) error {
	for _, event := range ch.events {
		if err := tx.PutEvent(event); err != nil {
			return err
		}
	}
	for _, put := range ch.records {
		if err := put(tx); err != nil {
			return err
		}
	}
	if ch.server != "" {
		if err := r.writeStatus(tx, ch.server); err != nil {
			return err
		}
	}
	if ch.site != "" {
		if err := r.e.failSite(tx, r.run.SiteID); err != nil {
			return err
		}
	}
	if ch.port != 0 {
		if err := r.writePort(tx, ch.port); err != nil {
			return err
		}
	}
	run := r.run
	return tx.PutRun(&run)
}

func (r *recorder) show(p *Progress, ch *changes) {
	events := make([]store.Event, len(ch.events))
	for i, event := range ch.events {
		events[i] = *event
	}
	p.show(r.run, events)
	if ch.waiting != nil {
		p.Waiting = *ch.waiting
	}
	if ch.begun != nil {
		p.Command, p.Percent = packages.Brief(r.steps[*ch.begun].Command), 0
	}
	if ch.percent != nil {
		p.Percent = *ch.percent
	}
	if r.ended() {
		p.Waiting, p.Command, p.Percent = "", "", 0
	}
}
