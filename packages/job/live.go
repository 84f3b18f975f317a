package job

import (
	"slices"
	"sync"

	"brokeforge/packages"
	"brokeforge/store"
)

// maxLines is how many lines of a run's output are held in memory. All of them
// are in its log.
const maxLines = 2000

// live is the latest state of one run, for subscribers.
type live struct {
	mu       sync.Mutex
	progress Progress
	lines    []line // the last ones
	dropped  int    // how many lines went before them
}

// line is a line of output, with the place in the server's log where it ends.
// That is 0 for lines that an earlier engine took in.
type line struct {
	text   string
	offset int64
}

func newLive(run store.Run, plan packages.Plan) *live {
	l := &live{progress: Progress{Run: withoutPlan(run)}}
	for _, m := range plan.Milestones() {
		l.progress.Milestones = append(l.progress.Milestones, Milestone{Milestone: m, State: Ahead})
	}
	return l
}

func withoutPlan(run store.Run) store.Run {
	run.Plan = nil
	return run
}

// change changes the progress under the lock.
func (l *live) change(fn func(*Progress)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	fn(&l.progress)
	l.progress.Version++
}

func (l *live) snapshot() Progress {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.progress
	p.Milestones = slices.Clone(p.Milestones)
	return p
}

func (l *live) addLines(lines []line) {
	if len(lines) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, lines...)
	// Halving at twice the bound keeps the cost of dropping constant a line.
	if over := len(l.lines) - maxLines; over > maxLines {
		l.lines = slices.Clone(l.lines[over:])
		l.dropped += over
	}
	l.progress.Version++
}

// rewind takes back the lines that ended behind an offset: they come again,
// under the same numbers.
func (l *live) rewind(offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.lines) > 0 && l.lines[len(l.lines)-1].offset > offset {
		l.lines = l.lines[:len(l.lines)-1]
	}
}

// since returns the lines from number n on, and the number of the next one.
func (l *live) since(n int) (lines []string, next int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	next = l.dropped + len(l.lines)
	from := max(0, n-l.dropped, len(l.lines)-maxLines)
	for i := from; i < len(l.lines); i++ {
		lines = append(lines, l.lines[i].text)
	}
	return lines, max(n, next)
}
