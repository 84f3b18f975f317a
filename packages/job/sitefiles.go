package job

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/sshrun/clean"
	"brokeforge/store"
)

// SiteFile is a file or folder of a site on its server.
type SiteFile struct {
	Path  string
	Bytes int64 // on the disk, with all that is in it
}

// SiteFiles asks a server which files and folders of a site are there and how large
// they are: what goes when it is removed. The error is store.ErrNotFound for the site,
// a *HostKeyError or a *ReachError.
func (e *Engine) SiteFiles(ctx context.Context, id store.ID) ([]SiteFile, error) {
	server, paths, err := e.filesOf(id)
	if err != nil {
		return nil, err
	}
	remote, err := e.reach(ctx, server)
	if err != nil {
		return nil, err
	}
	script := "for file in " + shellescape.QuoteCommand(paths) + "; do\n\t[ ! -e \"$file\" ] || du -sk -- \"$file\"\ndone"
	result, err := remote.Execute(ctx, sshrun.Script{Text: script, Become: true})
	if err != nil {
		return nil, &ReachError{Server: server.Name, Err: err}
	}
	if result.Status != 0 {
		return nil, fmt.Errorf("measure the files of the site on %s: status %d: %s", server.Name, result.Status, clean.Line(string(result.Stderr)))
	}
	var files []SiteFile
	for line := range strings.Lines(string(result.Stdout)) {
		size, path, ok := strings.Cut(clean.Line(strings.ReplaceAll(strings.TrimSpace(line), "\t", " ")), " ")
		kib, err := strconv.ParseInt(size, 10, 53)
		if ok && err == nil && kib >= 0 {
			files = append(files, SiteFile{Path: path, Bytes: kib << 10})
		}
	}
	return files, nil
}

func (e *Engine) filesOf(id store.ID) (server store.Server, paths []string, err error) {
	var now packages.SiteContext
	err = e.cfg.Store.View(func(tx *store.Tx) error {
		if now.Site, err = tx.Site(id); err != nil {
			return err
		}
		if server, err = tx.Server(now.Site.ServerID); err != nil {
			return err
		}
		if now.Installed, err = tx.ServerPackages(server.ID); err != nil {
			return err
		}
		now.SiteInstalled, err = tx.SitePackages(id)
		return err
	})
	for _, name := range e.cfg.Catalog.SiteNames() {
		pkg, _ := e.cfg.Catalog.Site(name)
		if maker, ok := pkg.(packages.SiteMaker); ok {
			paths = append(paths, maker.Files(now)...)
		}
	}
	return server, paths, err
}
