package ui

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// The packages of the firewall, which have a pane of their own.
const (
	firewallName packages.Name = "firewall"
	ruleName     packages.Name = "firewall-rule"
)

func hasPackage(e env, name packages.Name) bool {
	_, ok := e.engine.Catalog().Server(name)
	return ok
}

// typeTitle is a category as a heading.
func typeTitle(t packages.Type) string {
	if t == packages.WebServer {
		return "WEB SERVER"
	}
	return strings.ToUpper(string(t))
}

// byType calls fn for each category that has packages, in the order in which
// people see them.
func byType(e env, fn func(packages.Type, []packages.ServerPackage)) {
	catalog := e.engine.Catalog()
	for _, t := range packages.Types() {
		var list []packages.ServerPackage
		for _, n := range catalog.Names() {
			if p, ok := catalog.Server(n); ok && p.Type() == t {
				list = append(list, p)
			}
		}
		if len(list) > 0 {
			fn(t, list)
		}
	}
}

// packageState is how a package is on a server, and its version there.
func packageState(v job.ServerView, pkg packages.ServerPackage) (state, string) {
	name := pkg.Name()
	records := recordsOf(v, name)
	found := v.Facts.Found[name]
	switch {
	case len(records) > 1 || len(records) == 1 && records[0].Instance != "":
		if lost := lostInstance(v, records); lost != "" {
			return state{"!", lost, widget.Bad}, ""
		}
		return state{"●", fmt.Sprintf("%d installed", len(records)), widget.Good}, ""
	case len(records) > 0 && found.State == packages.Absent:
		return state{"!", "recorded, not on the server", widget.Bad}, string(records[0].Version)
	case len(records) > 0 && found.State == packages.Partial:
		return state{"!", "not working: " + found.Detail, widget.Bad}, string(records[0].Version)
	case len(records) > 0 && records[0].Status == store.Failed:
		return state{"✗", "failed", widget.Bad}, string(records[0].Version)
	case len(records) > 0:
		return state{"●", "installed", widget.Good}, string(records[0].Version)
	case found.State == packages.Present:
		return notManaged(), string(found.Version)
	case found.State == packages.Partial:
		return state{"!", "found in part: " + found.Detail, widget.Working}, string(found.Version)
	}
	for _, other := range pkg.Describe().Conflicts {
		if len(recordsOf(v, other)) > 0 {
			return state{"○", "conflicts with " + string(other), widget.Dim}, ""
		}
	}
	return state{"○", "not installed", widget.Dim}, ""
}

// lostInstance says which of several recorded ones is not on the server as it
// should be, as far as the probe tells of them.
func lostInstance(v job.ServerView, records []store.ServerPackage) string {
	for _, r := range records {
		label := packages.Label(r.Name, r.Instance)
		found, told := v.Facts.Found[packages.Name(label)]
		switch _, probed := v.Facts.Found[r.Name]; {
		case probed && !told, found.State == packages.Absent:
			return label + " recorded, not on the server"
		case found.State == packages.Partial:
			return label + " not working: " + found.Detail
		}
	}
	return ""
}

func recordsOf(v job.ServerView, name packages.Name) []store.ServerPackage {
	return slices.DeleteFunc(slices.Clone(v.Packages), func(p store.ServerPackage) bool { return p.Name != name })
}

func packageRows(e env, v job.ServerView) []widget.Row {
	var rows []widget.Row
	byType(e, func(t packages.Type, list []packages.ServerPackage) {
		rows = append(rows, widget.Row{ID: "type " + string(t), Head: true, Cells: []widget.Line{widget.Of(widget.Strong, typeTitle(t))}})
		for _, pkg := range list {
			st, version := packageState(v, pkg)
			rows = append(rows, widget.Row{ID: string(pkg.Name()), Cells: []widget.Line{
				{st.mark()},
				widget.Of(widget.Plain, string(pkg.Name())),
				widget.Of(widget.Plain, version), widget.Of(st.look, st.word),
			}})
			rows = append(rows, instanceRows(e, v, pkg.Name())...)
		}
	})
	return rows
}

// instanceRows are those of a package of which a server has several, each to be
// looked at and removed by itself, or taken over.
func instanceRows(e env, v job.ServerView, name packages.Name) []widget.Row {
	var rows []widget.Row
	for _, r := range recordsOf(v, name) {
		if r.Instance == "" {
			continue
		}
		label := packages.Label(r.Name, r.Instance)
		st := state{"●", "installed", widget.Good}
		switch found := v.Facts.Found[packages.Name(label)]; found.State {
		case packages.Absent:
			st = state{"!", "recorded, not on the server", widget.Bad}
		case packages.Partial:
			st = state{"!", "not working: " + found.Detail, widget.Bad}
		}
		rows = append(rows, instanceRow(r.Name, r.Instance, r.Version, st))
	}
	for _, instance := range packages.Unmanaged(e.engine.Catalog(), name, contextOf(v)) {
		found := v.Facts.Found[packages.Name(packages.Label(name, instance))]
		rows = append(rows, instanceRow(name, instance, found.Version, notManaged()))
	}
	return rows
}

func notManaged() state { return state{"!", "found, not managed", widget.Working} }

func instanceRow(name packages.Name, instance string, version packages.Version, st state) widget.Row {
	return widget.Row{ID: packages.Label(name, instance), Cells: []widget.Line{
		{widget.Text(widget.Dim, "")},
		{widget.Text(widget.Dim, "  @"), widget.Text(widget.Plain, instance)},
		widget.Of(widget.Plain, string(version)), st.line(),
	}}
}

// packageDetail tells of one package on a server, or of one of several.
func packageDetail(e env, v job.ServerView, label string, width int) []widget.Line {
	one := packages.Parse(label)
	name := one.Name
	pkg, ok := e.engine.Catalog().Server(name)
	if !ok {
		return nil
	}
	st, version := packageState(v, pkg)
	d := pkg.Describe()
	out := []widget.Line{widget.Ends(widget.Of(widget.Strong, strings.TrimSpace(d.Title+" "+version)), st.line(), width)}
	out = append(out, widget.Wrap(widget.Plain, d.Summary, width)...)
	out = append(out, widget.Line{})
	var rows [][2]string
	for _, r := range recordsOf(v, name) {
		if one.Instance != "" && r.Instance != one.Instance {
			continue
		}
		if r.Instance != "" {
			rows = append(rows, [2]string{string(name), r.Instance})
		}
		rows = append(rows, [2]string{"installed", fmt.Sprintf("%s, by %s, run %s", ago(e.now(), r.CreatedAt), r.By, r.RunID.Short())})
		for _, k := range sortedKeys(r.Configuration) {
			rows = append(rows, [2]string{k, packages.Shown(r.Configuration[k])})
		}
	}
	rows = append(rows, unitsOf(e, v, name)...)
	return append(out, labelled(append(rows, needs(d)...), width)...)
}

// needs are the packages that one needs, and those that can't be beside it.
func needs(d packages.Description) [][2]string {
	var rows [][2]string
	if len(d.Requires) > 0 {
		rows = append(rows, [2]string{"needs", joined(d.Requires)})
	}
	if len(d.Conflicts) > 0 {
		rows = append(rows, [2]string{"not beside", joined(d.Conflicts)})
	}
	return rows
}

func joined(names []packages.Name) string {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return strings.Join(out, ", ")
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func ruleColumns() []widget.Column {
	return []widget.Column{{Min: 1}, {Title: "RULE", Min: 16, Max: 40}, {Title: "SETTINGS", Min: 16, Grow: 1}, {Title: "BY", Max: 12, Drop: 1}}
}

func ruleRows(v job.ServerView) []widget.Row {
	var rows []widget.Row
	for _, r := range recordsOf(v, ruleName) {
		var settings []string
		for _, k := range sortedKeys(r.Configuration) {
			if r.Configuration[k] != "" {
				settings = append(settings, k+" "+packages.Shown(r.Configuration[k]))
			}
		}
		rows = append(rows, widget.Row{ID: packages.Label(r.Name, r.Instance), Cells: []widget.Line{
			widget.Of(widget.Good, "●"), widget.Of(widget.Plain, r.Instance), widget.Of(widget.Dim, strings.Join(settings, " · ")), widget.Of(widget.Dim, r.By),
		}})
	}
	return rows
}

// firewallLines tell of the firewall itself.
func firewallLines(v job.ServerView) []widget.Line {
	records := recordsOf(v, firewallName)
	if len(records) == 0 {
		return []widget.Line{{}, widget.Of(widget.Dim, " ○ no firewall is recorded here; on the first pane, i installs one"), {}}
	}
	r := records[0]
	out := []widget.Line{{}, {widget.Text(widget.Good, " ● "), widget.Text(widget.Strong, "firewall "+string(r.Version)), widget.Text(widget.Dim, "  SSH stays open, what is not allowed is refused")}}
	for _, k := range sortedKeys(r.Configuration) {
		out = append(out, widget.Line{widget.Spaces(3)}.And(pair(k, r.Configuration[k])...))
	}
	return append(out, widget.Line{})
}

// factsPane is all that was read from a server.
func factsPane(e env, v job.ServerView, width int) []widget.Line {
	f := v.Facts
	out := []widget.Line{{}}
	if v.ConnectionError != "" {
		out = append(out, pairs("error", v.ConnectionError, widget.Bad, width-2)...)
	}
	if f.ReadAt.IsZero() {
		return append(out, widget.Of(widget.Dim, " No facts were read yet; r reads them."))
	}
	lists := "never read"
	if f.AptAge >= 0 {
		lists = lasted(f.AptAge) + " old then"
	}
	ports := make([]string, len(f.SSHPorts))
	for i, p := range f.SSHPorts {
		ports[i] = strconv.Itoa(p)
	}
	init := "not systemd"
	if f.Systemd {
		init = "systemd"
	}
	out = append(out,
		pair("read", ago(e.now(), f.ReadAt)+"  ("+exact(f.ReadAt)+")"), widget.Line{},
		pair("hostname", f.Hostname), pair("system", f.OS.Pretty), pair("kernel", f.Kernel+" · "+f.Arch), pair("init", init),
		pair("up", lasted(f.Uptime)), widget.Line{},
		pair("cpus", strconv.Itoa(f.CPUs)), pair("memory", inBytes(f.MemoryBytes)),
		pair("disk", inBytes(f.DiskFree)+" free of "+inBytes(f.DiskBytes)+" (the file system of /var)"), widget.Line{},
		pair("addresses", strings.Join(f.Addresses, ", ")), pair("ssh ports", strings.Join(ports, ", ")),
		pair("apt lists", lists))
	for i, k := range v.HostKeys {
		label := ""
		if i == 0 {
			label = "host key"
		}
		typ, _, _ := strings.Cut(k.Key, " ")
		out = append(out, pair(label, typ+" · pinned "+ago(e.now(), k.PinnedAt)+" by "+k.PinnedBy))
	}
	return indent(out)
}
