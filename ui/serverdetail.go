package ui

import (
	"fmt"
	"strings"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// serverDetail is what is known of a server, in a few lines.
func serverDetail(e env, v job.ServerView, width int) []widget.Line {
	st := serverState(v, e.now())
	out := []widget.Line{widget.Ends(widget.Of(widget.Strong, v.Name), st.line(), width)}
	if st.line().Width() > width/2 {
		out = append([]widget.Line{widget.Of(widget.Strong, v.Name)}, widget.Wrap(st.look, st.symbol+" "+st.word, width)...)
	}
	out = append(out, widget.Line{}, pair("login", v.User+"@"+where(v.Server)))
	if len(v.Tags) > 0 {
		out = append(out, pair("tags", strings.Join(v.Tags, ", ")))
	}
	if v.ConnectionError != "" {
		out = append(out, pairs("error", v.ConnectionError, widget.Bad, width)...)
	}
	out = append(out, factLines(e, v, width)...)
	out = append(out, widget.Line{}, section("Packages"))
	out = append(out, packageLines(v)...)
	if p, ok := e.data.live(v.ID); ok {
		out = append(out, widget.Line{}, widget.Ends(section("Going on"), meter(p, 10), width), widget.Of(widget.Plain, p.Run.Title))
		out = append(out, milestoneLines(e, p, width, 8)...)
	} else if v.Last != nil {
		out = append(out, widget.Line{}, section("Last run"))
		out = append(out, runState(v.Last.State).line().And(widget.Text(widget.Plain, "  "+v.Last.Title), widget.Text(widget.Dim, "  "+ago(e.now(), v.Last.EndedAt))))
		if v.Last.Error != nil {
			out = append(out, widget.Wrap(widget.Bad, v.Last.Error.Summary, width)...)
		}
	}
	return out
}

func factLines(e env, v job.ServerView, width int) []widget.Line {
	f := v.Facts
	if f.ReadAt.IsZero() {
		return []widget.Line{pair("facts", "not read yet; r reads them")}
	}
	var out []widget.Line
	for _, p := range [][2]string{
		{"system", f.OS.Pretty + " · " + f.Arch},
		{"machine", fmt.Sprintf("%d cpu · %s", f.CPUs, inBytes(f.MemoryBytes))},
		{"disk", inBytes(f.DiskFree) + " free of " + inBytes(f.DiskBytes)},
		{"up", lasted(f.Uptime)},
		{"facts", ago(e.now(), f.ReadAt)},
	} {
		out = append(out, pairs(p[0], p[1], widget.Plain, width)...)
	}
	return out
}

func packageLines(v job.ServerView) []widget.Line {
	var out []widget.Line
	rules := 0
	for _, p := range v.Packages {
		if p.Instance != "" {
			rules++
			continue
		}
		look, symbol := widget.Good, "●"
		if p.Status == store.Failed {
			look, symbol = widget.Bad, "✗"
		}
		out = append(out, widget.Line{widget.Text(look, symbol), widget.Text(widget.Plain, fmt.Sprintf(" %-16s ", p.Name)), widget.Text(widget.Dim, string(p.Version))})
	}
	if rules > 0 {
		out = append(out, widget.Of(widget.Dim, "  and "+count(rules, "firewall rule")))
	}
	if len(out) == 0 {
		return []widget.Line{widget.Of(widget.Dim, "none yet; i installs")}
	}
	return out
}

// milestoneLines are the milestones of a run with what they took, at most n:
// those around the one that works.
func milestoneLines(e env, p job.Progress, width, n int) []widget.Line {
	from := 0
	for i, m := range p.Milestones {
		if m.State == job.Working || m.State == job.Broken {
			from = i - n/2
		}
		if m.State == job.Done || m.State == job.Unchanged {
			from = i - n/2 + 1
		}
	}
	from = max(min(from, len(p.Milestones)-n), 0)
	var out []widget.Line
	for _, m := range p.Milestones[from:min(from+n, len(p.Milestones))] {
		st := milestoneState(m.State)
		look := widget.Plain
		switch m.State {
		case job.Ahead:
			look = widget.Dim
		case job.Working, job.Broken:
			look = st.look
		}
		took := widget.Line{}
		switch {
		case m.State == job.Unchanged:
			took = widget.Of(widget.Dim, "already so ")
		case !m.Ended.IsZero():
			took = widget.Of(widget.Dim, lasted(m.Ended.Sub(m.Begun))+" ")
		case m.State == job.Working && !m.Begun.IsZero():
			took = widget.Of(st.look, lasted(e.now().Sub(m.Begun))+" ")
		}
		out = append(out, widget.Ends(widget.Line{st.mark(), widget.Text(look, " "+m.Label)}, took, width))
	}
	return out
}
