package widget

import "strings"

// Spark draws shares from 0 to 1 as a row of bars, the newest at the right, in
// width cells. One that is negative is not known and leaves its cell empty.
func Spark(shares []float64, width int) Line {
	const bars = "▁▂▃▄▅▆▇█"
	levels := []rune(bars)
	shares = shares[max(len(shares)-width, 0):]
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(shares)))
	for _, s := range shares {
		if s < 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(levels[min(int(s*float64(len(levels))), len(levels)-1)])
	}
	return Line{Text(Accent, b.String())}
}
