package clean

import "bytes"

// maxRaw is how many bytes of a line a Splitter keeps, enough for MaxLine runes
// and what is cleaned away between them.
const maxRaw = 64 << 10

// A Splitter cuts a stream into lines within bounded memory. Of a line that is
// longer than 64 KiB it keeps the beginning, and of one that is written over by
// carriage returns the last state.
type Splitter struct {
	// Line is called for every whole line, without its newline and not yet
	// cleaned; raw is valid during the call. End is the count of bytes of the
	// stream up to and including the newline. An error ends Write.
	Line func(raw []byte, end int64) error

	buf      []byte
	consumed int64
	returned bool // the last byte was a carriage return
}

// Write takes the next bytes of the stream.
func (s *Splitter) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0; {
		i := bytes.IndexByte(rest, '\n')
		part := rest
		if i >= 0 {
			part = rest[:i]
		}
		s.collect(part)
		s.consumed += int64(len(part))
		rest = rest[len(part):]
		if i < 0 {
			break
		}
		rest = rest[1:]
		s.consumed++
		line := s.buf
		s.buf, s.returned = s.buf[:0], false
		if err := s.Line(line, s.consumed); err != nil {
			return len(p) - len(rest), err
		}
	}
	return len(p), nil
}

// Rest returns what came after the last newline.
func (s *Splitter) Rest() []byte { return s.buf }

// collect adds bytes of the current line, starting over behind a carriage return
// that is followed by something else.
func (s *Splitter) collect(part []byte) {
	for len(part) > 0 {
		text := bytes.TrimLeft(part, "\r")
		if len(text) < len(part) {
			s.returned = true
		}
		if len(text) == 0 {
			return
		}
		if s.returned {
			s.buf, s.returned = s.buf[:0], false
		}
		end := bytes.IndexByte(text, '\r')
		if end < 0 {
			end = len(text)
		}
		if room := maxRaw - len(s.buf); room > 0 {
			s.buf = append(s.buf, text[:min(end, room)]...)
		}
		part = text[end:]
	}
}
