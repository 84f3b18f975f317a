package ui

import (
	"fmt"
	"strings"
	"time"

	"brokeforge/ui/widget"
)

// ago is how long something is past, in one unit.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return "just now"
	case d < time.Hour:
		return fmt.Sprintf("%dm ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh ago", int(d.Hours()))
	}
	return fmt.Sprintf("%dd ago", int(d.Hours()/24))
}

// exact is a point in time for a detail.
func exact(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format("2 Jan 2006 15:04:05 MST")
}

// lasted is a duration in two units at most.
func lasted(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", max(s, 0))
	case s < 3600:
		return fmt.Sprintf("%dm %02ds", s/60, s%60)
	case s < 48*3600:
		return fmt.Sprintf("%dh %02dm", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d d", s/86400)
}

// inBytes is a number of bytes in its largest unit.
func inBytes(n int64) string {
	units := []string{"B", "KB", "MB", "GB", "TB"}
	v, i := float64(n), 0
	for v >= 1024 && i < len(units)-1 {
		v, i = v/1024, i+1
	}
	if v >= 100 || i == 0 {
		return fmt.Sprintf("%.0f %s", v, units[i])
	}
	return fmt.Sprintf("%.1f %s", v, units[i])
}

// count is a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// someOf names at most n and says how many more there are.
func someOf(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s +%d", strings.Join(names[:n], ", "), len(names)-n)
}

// spin is the symbol of something that goes on. It turns with the clock, so
// nothing is redrawn for it alone.
func spin(now time.Time) string {
	return []string{"◐", "◓", "◑", "◒"}[now.Unix()%4]
}

// labelWidth is the least width of the labels of a detail.
const labelWidth = 10

// pair is a line of a detail: a label and a value.
func pair(label, value string) widget.Line {
	return labelled([][2]string{{label, value}}, 1<<10)[0]
}

// pairs is pair with a value that may take several lines.
func pairs(label, value string, look widget.Look, width int) []widget.Line {
	return labelledAs(look, [][2]string{{label, value}}, width)
}

// labelled are labels with their values, which line up and may take several
// lines each.
func labelled(rows [][2]string, width int) []widget.Line {
	return labelledAs(widget.Plain, rows, width)
}

func labelledAs(look widget.Look, rows [][2]string, width int) []widget.Line {
	room := labelWidth
	for _, row := range rows {
		room = max(room, widget.Width(row[0]))
	}
	var out []widget.Line
	for _, row := range rows {
		head := row[0]
		for _, value := range widget.Wrap(look, row[1], max(width-room-1, 10)) {
			out = append(out, widget.Line{widget.Text(widget.Dim, head), widget.Spaces(room + 1 - widget.Width(head))}.And(value...))
			head = ""
		}
	}
	return out
}

// section is a heading within a body.
func section(text string) widget.Line {
	return widget.Of(widget.Strong, strings.ToUpper(text))
}
