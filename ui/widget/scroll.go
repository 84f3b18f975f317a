package widget

// Scroll is a cursor in a list and the part of the list that is shown. The
// zero value is at the start.
type Scroll struct {
	cursor int
	offset int
}

// Cursor is the index under the cursor.
func (s *Scroll) Cursor() int { return s.cursor }

// To puts the cursor on an index of a list of n.
func (s *Scroll) To(i, n int) { s.cursor = max(min(i, n-1), 0) }

// Window returns the indices [from, to) of a list of n that are shown in
// height lines, so that the cursor is among them.
func (s *Scroll) Window(n, height int) (from, to int) {
	s.To(s.cursor, n)
	height = max(height, 1)
	if s.cursor < s.offset {
		s.offset = s.cursor
	}
	if s.cursor >= s.offset+height {
		s.offset = s.cursor - height + 1
	}
	s.offset = max(min(s.offset, n-height), 0)
	return s.offset, min(s.offset+height, n)
}

// Move is a way of moving in a list.
type Move int

// The ways of moving.
const (
	Up Move = iota
	Down
	PageUp
	PageDown
	HalfUp
	HalfDown
	First
	Last
)

// Lines returns how far a move goes in a pane of the given height, and to
// which index the ends of a list of n are.
func (m Move) Lines(height, n int) int {
	switch m {
	case Up:
		return -1
	case Down:
		return 1
	case PageUp:
		return -max(height-1, 1)
	case PageDown:
		return max(height-1, 1)
	case HalfUp:
		return -max(height/2, 1)
	case HalfDown:
		return max(height/2, 1)
	case First:
		return -n
	}
	return n
}
