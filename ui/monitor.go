package ui

import (
	"fmt"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// shownSamples is how many samples a server's screen asks for: as many as a line
// has room for.
const shownSamples = 120

// monitorPane is how busy a server is and was, and what is wrong.
func monitorPane(e env, v job.ServerView, samples []store.Sample, width int) []widget.Line {
	switch {
	case !v.Watched:
		return append(append([]widget.Line{{}}, alertLines(e, v.Alerts, width)...), widget.Of(widget.Dim, " ○ this server is not watched; on the first pane, i installs monitoring"))
	case len(samples) == 0:
		return append(append([]widget.Line{{}}, alertLines(e, v.Alerts, width)...), widget.Of(widget.Dim, " ◐ nothing was measured yet; the first answer comes within the interval"))
	}
	last := samples[len(samples)-1]
	out := []widget.Line{{}, widget.Of(widget.Dim, " measured "+ago(e.now(), last.At)+" · "+count(len(samples), "sample")+" shown"), {}}
	out = append(out, alertLines(e, v.Alerts, width)...)
	graph := func(label string, of func(store.Sample) float64, text string) widget.Line {
		room := min(max(width-40, 10), 60)
		return widget.Line{widget.Text(widget.Dim, fmt.Sprintf(" %-10s ", label))}.
			And(widget.Spark(series(samples, room, of), room)...).
			And(widget.Text(widget.Plain, "  "+text))
	}
	out = append(out,
		graph("processor", func(s store.Sample) float64 { return s.CPU / 100 }, share(last.CPU)+" of "+count(last.CPUs, "processor")),
		graph("memory", func(s store.Sample) float64 { return taken(s.Memory, s.MemoryFree) }, share(100*taken(last.Memory, last.MemoryFree))+" of "+inBytes(last.Memory)),
		graph("load", func(s store.Sample) float64 { return s.Load[0] / float64(max(s.CPUs, 1)) / 2 }, fmt.Sprintf("%.2f  %.2f  %.2f", last.Load[0], last.Load[1], last.Load[2])))
	if last.Swap > 0 {
		out = append(out, graph("swap", func(s store.Sample) float64 { return taken(s.Swap, s.SwapFree) }, share(100*taken(last.Swap, last.SwapFree))+" of "+inBytes(last.Swap)))
	}
	if last.NetIn >= 0 {
		out = append(out, widget.Line{widget.Text(widget.Dim, fmt.Sprintf(" %-10s ", "network")), widget.Text(widget.Plain, inBytes(int64(last.NetIn))+"/s in, "+inBytes(int64(last.NetOut))+"/s out")})
	}
	out = append(out, widget.Line{})
	for _, d := range last.Disks {
		out = append(out, diskLine(d))
	}
	if len(last.Units)+len(last.Failed) > 0 {
		out = append(out, widget.Line{})
	}
	for _, u := range last.Units {
		out = append(out, unitLine(u.Name, u.State, u.State == "active"))
	}
	for _, name := range last.Failed {
		out = append(out, unitLine(name, "failed", false))
	}
	return out
}

func alertLines(e env, alerts []store.Alert, width int) []widget.Line {
	var out []widget.Line
	for _, a := range alerts {
		out = append(out, widget.Line{widget.Text(widget.Bad, " ! "), widget.Text(widget.Bad, widget.Cut(a.Text, width-20)), widget.Text(widget.Dim, "  "+ago(e.now(), a.RaisedAt))})
		if a.NotifyError != "" {
			for _, l := range widget.Wrap(widget.Working, "nobody could be told: "+a.NotifyError, width-4) {
				out = append(out, widget.Line{widget.Spaces(3)}.And(l...))
			}
		}
	}
	if len(out) > 0 {
		out = append(out, widget.Line{})
	}
	return out
}

// series takes a value of the newest samples. One that is not known is negative.
func series(samples []store.Sample, n int, of func(store.Sample) float64) []float64 {
	samples = samples[max(len(samples)-n, 0):]
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = of(s)
	}
	return out
}

// taken is the share of a total that is not free, from 0 to 1.
func taken(total, free int64) float64 {
	if total <= 0 {
		return 0
	}
	return float64(total-free) / float64(total)
}

// share is a share in percent, a dash where it is not known.
func share(percent float64) string {
	if percent < 0 {
		return "  –"
	}
	return fmt.Sprintf("%3.0f %%", percent)
}

func diskLine(d store.DiskSample) widget.Line {
	look := widget.Good
	used := taken(d.Bytes, d.Free)
	if used >= 0.9 {
		look = widget.Bad
	}
	line := widget.Line{widget.Text(widget.Dim, fmt.Sprintf(" %-10s ", widget.CutMiddle(d.Mount, 10)))}
	line = line.And(widget.Meter(int(used*1000), 1000, 20, look)...)
	return line.And(widget.Text(widget.Plain, "  "+share(100*used)+"  "+inBytes(d.Free)+" free of "+inBytes(d.Bytes)))
}

func unitLine(name, word string, good bool) widget.Line {
	st := state{"●", word, widget.Good}
	if !good {
		st = state{"✗", word, widget.Bad}
	}
	return widget.Line{widget.Spaces(1)}.And(st.mark(), widget.Text(widget.Plain, fmt.Sprintf(" %-24s ", name)), widget.Text(st.look, word))
}
