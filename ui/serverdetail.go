package ui

import (
	"fmt"
	"slices"
	"strings"

	"brokeforge/packages"
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
	return labelled([][2]string{
		{"system", f.OS.Pretty + " · " + f.Arch},
		{"machine", fmt.Sprintf("%d cpu · %s", f.CPUs, inBytes(f.MemoryBytes))},
		{"disk", inBytes(f.DiskFree) + " free of " + inBytes(f.DiskBytes)},
		{"up", lasted(f.Uptime)},
		{"facts", ago(e.now(), f.ReadAt)},
	}, width)
}

func packageLines(v job.ServerView) []widget.Line {
	var out []widget.Line
	var several []store.PackageName // packages of which a server may have several
	for _, p := range v.Packages {
		if p.Instance != "" && p.Type != packages.Runtime {
			several = append(several, p.Name)
			continue
		}
		look, symbol := widget.Good, "●"
		if p.Status == store.Failed {
			look, symbol = widget.Bad, "✗"
		}
		out = append(out, widget.Line{widget.Text(look, symbol), widget.Text(widget.Plain, fmt.Sprintf(" %-16s ", packages.Label(p.Name, p.Instance))), widget.Text(widget.Dim, string(p.Version))})
	}
	for i, name := range several {
		if i == 0 || several[i-1] != name {
			n := len(slices.DeleteFunc(slices.Clone(several), func(other store.PackageName) bool { return other != name }))
			out = append(out, widget.Of(widget.Dim, "  and "+count(n, strings.ReplaceAll(string(name), "-", " "))))
		}
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
	several := slices.ContainsFunc(p.Milestones, func(m job.Milestone) bool { return m.Package != p.Milestones[0].Package })
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
		line := widget.Line{st.mark(), widget.Text(look, " "+m.Label)}
		if several {
			line = line.And(widget.Text(widget.Dim, " · "+packages.Label(m.Package, m.Instance)))
		}
		out = append(out, widget.Ends(line, took, width))
	}
	return out
}
