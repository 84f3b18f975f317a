package sshrun

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"brokeforge/sshrun/clean"
)

// A MarkKind says what a [Mark] tells.
type MarkKind int

// The kinds of marks.
const (
	MarkLine    MarkKind = iota + 1 // Text is a line of output
	MarkBegin                       // a step began; for a StepMark this is all
	MarkEnd                         // a step ended with Status
	MarkSkipped                     // a step had nothing to do
	MarkValue                       // Text is what a StepValue printed; its MarkEnd follows
	MarkProve                       // a StepProve waits for [Client.Prove]
	MarkWaiting                     // the run waits for another one; Text is its id
	MarkFinish                      // the run is over; Status is one of the Finish constants
	MarkPercent                     // a step says that it is Status percent done, 0 to 100; may come again
)

var markWords = map[string]MarkKind{
	"begin":   MarkBegin,
	"end":     MarkEnd,
	"skipped": MarkSkipped,
	"value":   MarkValue,
	"prove":   MarkProve,
	"waiting": MarkWaiting,
	"finish":  MarkFinish,
	"percent": MarkPercent,
}

func (k MarkKind) String() string {
	for word, kind := range markWords {
		if kind == k {
			return word
		}
	}
	if k == MarkLine {
		return "line"
	}
	return "mark " + strconv.Itoa(int(k))
}

// How a run ends: the Status of a MarkFinish.
const (
	FinishDone      = 0
	FinishFailed    = 1 // with the step whose MarkEnd was the last
	FinishCancelled = 2
)

// Exit statuses of a step that the driver gives.
const (
	StatusUnproved = 75  // of a StepProve: no proof in time, undone
	StatusTimeout  = 124 // of a step with a Timeout: it took longer; 137 if it had to be killed
)

// maxValue is how many runes of a value are kept.
const maxValue = 256

// A Mark is one thing that a run tells: a line of output or a change of state.
type Mark struct {
	Kind   MarkKind
	Step   int // index in Shipment.Steps; of a line, the step that began last; -1 before the first
	Status int
	Text   string // cleaned
	At     time.Time
	Offset int64 // how many bytes of the server's log are consumed with it
}

// A parser makes marks of a log. Markers are told from output by the nonce.
type parser struct {
	nonce string
	end   string // the line behind which the log is over
	emit  func(Mark) error

	start    int64 // the offset in the log that the stream starts at
	clock    clock
	step     int
	seen     int   // the highest sequence of a marker
	offset   int64 // of the last mark
	held     bool  // an empty line that may belong to a marker behind it
	heldAt   int64
	over     bool // the end line was read
	finished bool
}

// line takes the next line of the log; end is its offset in the stream.
func (p *parser) line(raw []byte, end int64) error {
	if !p.over {
		p.offset = p.start + end
	}
	if m, sequence, ok := p.marker(raw); ok {
		p.held = false
		// How far a step is stands out of the order of the other markers, as they
		// are written by a process of its own.
		if m.Kind == MarkPercent {
			m.Offset = p.offset
			return p.emit(m)
		}
		if sequence <= p.seen {
			return nil
		}
		p.seen = sequence
		if m.Step >= 0 {
			p.step = m.Step
		}
		p.finished = m.Kind == MarkFinish
		m.Offset = p.offset
		return p.emit(m)
	}
	if string(raw) == p.end {
		p.held, p.over = false, true
		return nil
	}
	if p.held {
		p.held = false
		if err := p.emit(p.output("", p.heldAt)); err != nil {
			return err
		}
	}
	switch {
	case p.over:
	case len(raw) == 0:
		p.held, p.heldAt = true, p.offset
	default:
		return p.emit(p.output(clean.Line(string(raw)), p.offset))
	}
	return nil
}

func (p *parser) output(text string, offset int64) Mark {
	return Mark{Kind: MarkLine, Step: p.step, Text: text, At: p.clock.now(), Offset: offset}
}

// marker parses "NONCE SEQUENCE KIND STEP FIELD UPTIME TEXT".
func (p *parser) marker(raw []byte) (m Mark, sequence int, ok bool) {
	rest, found := bytes.CutPrefix(raw, []byte(p.nonce+" "))
	if !found {
		return m, 0, false
	}
	fields := strings.SplitN(string(rest), " ", 6)
	if len(fields) < 5 {
		return m, 0, false
	}
	sequence, err := strconv.Atoi(fields[0])
	m.Kind = markWords[fields[1]]
	if err != nil || m.Kind == 0 {
		return m, 0, false
	}
	m.Step = -1
	if fields[2] != "-" {
		if m.Step, err = strconv.Atoi(fields[2]); err != nil {
			return m, 0, false
		}
	}
	if fields[3] != "-" {
		if m.Status, err = strconv.Atoi(fields[3]); err != nil {
			return m, 0, false
		}
	}
	m.At = p.clock.at(fields[4])
	if len(fields) == 6 {
		m.Text = shorten(clean.Line(fields[5]), maxValue)
	}
	if m.Kind == MarkWaiting {
		m.Text, _, _ = strings.Cut(m.Text, " ")
	}
	return m, sequence, true
}

func shorten(s string, runes int) string {
	for i := range s {
		if runes == 0 {
			return s[:i]
		}
		runes--
	}
	return s
}

// A clock translates a server's uptime to the time here, so that a server's wrong
// clock does no harm.
type clock struct {
	here time.Time     // when the server's uptime was there
	up   time.Duration // 0 for a run of an earlier boot, whose times are not known
}

func (c clock) now() time.Time { return time.Now() }

func (c clock) at(uptime string) time.Time {
	up, err := parseUptime(uptime)
	if err != nil || up > c.up {
		return time.Now()
	}
	return c.here.Add(up - c.up)
}

func parseUptime(s string) (time.Duration, error) {
	seconds, err := strconv.ParseFloat(s, 64)
	return time.Duration(seconds * float64(time.Second)), err
}
