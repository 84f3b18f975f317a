package ui

import (
	tea "charm.land/bubbletea/v2"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// siteFiles is where a site's files are, and the way to them. They have a screen of
// their own: it needs all keys, and a connection only while somebody is there.
type siteFiles struct {
	at  job.FilesAt
	err error
}

// siteFilesMsg is where they are.
type siteFilesMsg struct {
	at  job.FilesAt
	err error
}

func (*siteFiles) title(job.SiteView) string { return "Files" }
func (*siteFiles) capturing() bool           { return false }

func (*siteFiles) load(e env, site store.ID) func() tea.Msg {
	return func() tea.Msg {
		v, err := e.engine.Site(site)
		if err != nil {
			return siteFilesMsg{err: err}
		}
		at, err := e.engine.FilesOfSite(v.Domain, v.Server)
		return siteFilesMsg{at, err}
	}
}

func (p *siteFiles) update(_ env, _ job.SiteView, msg tea.Msg) effect {
	if m, ok := msg.(siteFilesMsg); ok {
		p.at, p.err = m.at, m.err
	}
	return effect{}
}

func (p *siteFiles) bindings(_ env, v job.SiteView) []binding {
	files := filesBinding(v, "")
	if p.err != nil {
		files.off = p.err.Error()
	}
	files.keys, files.show = []string{"enter", "f"}, "enter"
	return []binding{files}
}

func (p *siteFiles) view(_ env, _ job.SiteView, sz size) []widget.Line {
	if p.err != nil {
		return append([]widget.Line{{}}, indent(widget.Wrap(widget.Dim, p.err.Error(), sz.w-2))...)
	}
	out := append([]widget.Line{{}}, labelled([][2]string{
		{"folder", job.ShownName(p.at.Root)}, {"user", p.at.User},
	}, sz.w-2)...)
	out = append(out, widget.Line{})
	return indent(append(out, widget.Wrap(widget.Dim, "enter opens them: to read, edit, upload, download, rename and delete, as that user and within that folder.", sz.w-2)...))
}

// filesBinding is the key for the files of a site.
func filesBinding(v job.SiteView, off string) binding {
	return binding{keys: []string{"f"}, help: "files", more: "the files of the site", off: off, run: func() effect {
		return push(filesOfSite(v.Domain, v.Server))
	}}
}
