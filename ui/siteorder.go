package ui

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteName is the package that makes a site.
const siteName packages.Name = "site"

// removesSite reports whether a site goes, with its files.
func (o order) removesSite() bool {
	if o.action != store.Remove || o.site == nil {
		return false
	}
	for _, w := range o.names {
		if w.Name == siteName {
			return true
		}
	}
	return false
}

// siteOrder is about one package of a site.
func siteOrder(action store.Action, name packages.Name, v job.SiteView) order {
	return order{
		action: action, names: []packages.Want{{Name: name}}, servers: []store.ID{v.ServerID}, site: &v,
		values: map[packages.Name]packages.Values{},
	}
}

// siteOf is the site of a row; one without an ID where there is none.
func siteOf(sites []job.SiteView, row string) job.SiteView {
	for _, v := range sites {
		if string(v.ID) == row {
			return v
		}
	}
	return job.SiteView{}
}

// siteBindings are the keys of a list of sites, for the one under the cursor.
func siteBindings(e env, site job.SiteView, servers []store.ID) []binding {
	none := unless(site.ID != "", "there is no site here")
	_, can := e.engine.Catalog().Site(siteName)
	add := unless(can, "there is no package "+string(siteName))
	if can {
		add = unless(len(servers) > 0, "there is no server yet")
	}
	return []binding{
		{keys: []string{"enter"}, help: "open", more: "open the site", off: none, run: func() effect { return push(newSiteScreen(site.ID)) }},
		filesBinding(site, none),
		{keys: []string{"a"}, help: "add", more: "add a site", off: add, run: func() effect { return push(newSiteAddScreen(e, servers)) }},
		{keys: []string{"x"}, help: "remove", more: "remove the site under the cursor, with its files", off: none, run: func() effect {
			return push(siteOrder(store.Remove, siteName, site).next(e))
		}},
	}
}

// refreshBinding reads the facts of a site's server again, and with them when its
// certificate expires.
func refreshBinding(v job.SiteView, off string) binding {
	return binding{keys: []string{"r"}, help: "refresh", more: "read certificate and server again", off: off, run: func() effect {
		return effect{now: []tea.Msg{refreshMsg{[]store.ID{v.ServerID}}}}
	}}
}

// stays names what belongs to a site that goes and stays on the server that is shown.
func (s *previewScreen) stays(w int) widget.Line {
	if s.server >= len(s.prepared) || len(s.prepared[s.server].Stays) == 0 {
		return nil
	}
	return widget.Line{widget.Text(widget.Good, " stays "), widget.Text(widget.Plain, strings.Join(s.prepared[s.server].Stays, ", "))}.Fit(w)
}

// goes tells what is taken away with a site, and what stays.
func (s *previewScreen) goes(todo []job.Prepared) []widget.Line {
	head := "For good, with everything that is in them:"
	for _, p := range todo {
		if len(p.Stays) > 0 {
			head = "For good, with everything that is in them, but for what stays:"
		}
	}
	text := []widget.Line{widget.Of(widget.Plain, head)}
	for _, f := range s.files {
		text = append(text, widget.Line{widget.Text(widget.Strong, fmt.Sprintf("%10s  ", inBytes(f.Bytes))), widget.Text(widget.Plain, f.Path)})
	}
	row := func(head string, look widget.Look, label string) {
		text = append(text, widget.Line{widget.Text(look, fmt.Sprintf("%10s  ", head)), widget.Text(widget.Plain, label)})
	}
	stays, drops := 0, false
	for _, p := range todo {
		for _, part := range p.Plan.Parts {
			if part.Package != siteName {
				row("package", widget.Strong, part.Label())
			}
			drops = drops || part.Type == packages.Database
		}
		for _, label := range p.Stays {
			row("stays", widget.Good, label)
			stays++
		}
	}
	archive := "Nothing of its files is archived."
	if s.order.values[siteName]["archive"] == "yes" {
		archive = "Files and settings are archived on the server first."
	}
	if drops {
		archive += " Each database is dumped there first."
	}
	if stays == 0 {
		archive += " Other sites stay as they are."
	}
	return append(text, widget.Line{}, widget.Of(widget.Plain, archive))
}
