package widget

import "strings"

// Meter is a bar of width cells, filled by the share of done in total.
func Meter(done, total, width int, look Look) Line {
	filled := 0
	if total > 0 {
		filled = max(min(done*width/total, width), 0)
	}
	return Line{
		{strings.Repeat("█", filled), look, true},
		{strings.Repeat("░", max(width-filled, 0)), Dim, true},
	}
}
