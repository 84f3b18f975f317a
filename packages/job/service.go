package job

import (
	"context"
	"fmt"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// ServiceView is one service of a package on a server, as it is now.
type ServiceView struct {
	Package  packages.Name
	Instance string
	Unit     string
	packages.ServiceState
}

// Services asks a server how the services of its packages are. Its errors are
// those of Refresh.
func (e *Engine) Services(ctx context.Context, id store.ID) ([]ServiceView, error) {
	server, pkgs, err := e.contextOf(id)
	if err != nil {
		return nil, err
	}
	var views []ServiceView
	var units []string
	for _, s := range packages.Services(e.cfg.Catalog, pkgs) {
		for _, unit := range s.Units {
			views = append(views, ServiceView{Package: s.Package.Name(), Instance: s.Instance, Unit: unit})
			units = append(units, unit)
		}
	}
	if len(units) == 0 {
		return nil, nil
	}
	remote, err := e.reach(ctx, server)
	if err != nil {
		return nil, err
	}
	result, err := remote.Execute(ctx, sshrun.Script{Text: packages.ServicesScript(units), Become: true})
	if err != nil {
		return nil, &ReachError{server.Name, fmt.Errorf("ask %s for its services: %w", server.Name, err)}
	}
	states := packages.ParseServices(string(result.Stdout), units)
	for i := range views {
		views[i].ServiceState = states[views[i].Unit]
	}
	return views, nil
}

// contextOf returns a server and what the packages on it are asked with.
func (e *Engine) contextOf(id store.ID) (store.Server, packages.Context, error) {
	view, err := e.Server(id)
	if err != nil {
		return store.Server{}, packages.Context{}, err
	}
	return view.Server, packages.Context{Server: view.Server, Facts: view.Facts, Installed: view.Packages}, nil
}

// MaxJournal is how many lines of a log are asked for at most.
const MaxJournal = 10000

// Journal tells the last lines of the log of a package's services, oldest first,
// and with follow each that comes, until ctx ends or tell returns an error, which
// is returned. The lines are cleaned. Nothing is left running on the server.
func (e *Engine) Journal(ctx context.Context, id store.ID, w packages.Want, lines int, follow bool, tell func(line string) error) error {
	server, pkgs, err := e.contextOf(id)
	if err != nil {
		return err
	}
	s, err := packages.FindService(e.cfg.Catalog, w, pkgs)
	if err != nil {
		return err
	}
	remote, err := e.reach(ctx, server)
	if err != nil {
		return err
	}
	script := fmt.Sprintf("exec journalctl --no-pager --quiet -o short-iso -n %d", min(max(lines, 0), MaxJournal))
	if follow {
		script += " -f"
	}
	for _, unit := range s.Units {
		script += " -u " + shellescape.Quote(unit)
	}
	result, err := remote.Stream(ctx, sshrun.Script{Text: script, Become: true}, tell)
	if err != nil {
		return fmt.Errorf("read the log of %s on %s: %w", s.Label(), server.Name, err)
	}
	if result.Status != 0 {
		return fmt.Errorf("read the log of %s on %s: journalctl ended with status %d: %s", s.Label(), server.Name, result.Status, cleanIndented(string(result.Stderr)))
	}
	return nil
}
