package ui

import (
	"context"
	"errors"
	"time"

	tea "charm.land/bubbletea/v2"

	"brokeforge/ui/widget"
)

// stream reads lines in the background, until it is left.
type stream struct {
	try   int // counts the readings: lines of one that was given up are dropped
	stop  context.CancelFunc
	lines chan string
	going bool
	wrong error // why the last reading ended
}

// streamMsg is lines that have come.
type streamMsg struct {
	try   int
	lines []string
}

// streamEndMsg says that a reading has ended.
type streamEndMsg struct {
	try int
	err error
}

func newStream() stream { return stream{stop: func() {}} }

// start reads anew. read tells lines until its context ends.
func (s *stream) start(e env, read func(ctx context.Context, tell func(string) error) error) effect {
	s.stop()
	ctx, stop := context.WithCancel(e.ctx)
	lines := make(chan string, 1000)
	s.try++
	s.stop, s.lines, s.going, s.wrong = stop, lines, true, nil
	try := s.try
	return e.ask(func() tea.Msg {
		defer close(lines)
		err := read(ctx, func(line string) error {
			select {
			case lines <- line:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		return streamEndMsg{try, err}
	}).and(s.next(e))
}

// next waits for lines, and then a moment for more, so that many are one message.
func (s *stream) next(e env) effect {
	try, lines, interval := s.try, s.lines, e.interval()
	return e.ask(func() tea.Msg {
		line, ok := <-lines
		if !ok {
			return nil
		}
		batch := []string{line}
		timer := time.NewTimer(interval)
		defer timer.Stop()
		for {
			select {
			case line, ok := <-lines:
				if !ok {
					return streamMsg{try, batch}
				}
				batch = append(batch, line)
			case <-timer.C:
				return streamMsg{try, batch}
			}
			if len(batch) == keptLines {
				return streamMsg{try, batch}
			}
		}
	})
}

// take puts what has come into a pane.
func (s *stream) take(e env, msg tea.Msg, pane *widget.LogPane) effect {
	switch m := msg.(type) {
	case streamMsg:
		if m.try != s.try {
			return effect{}
		}
		pane.Append(m.lines)
		return s.next(e)
	case streamEndMsg:
		if m.try == s.try {
			s.going, s.wrong = false, m.err
			if errors.Is(m.err, context.Canceled) {
				s.wrong = nil
			}
		}
	}
	return effect{}
}
