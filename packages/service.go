package packages

import (
	"fmt"
	"slices"
	"strings"

	"al.essio.dev/pkg/shellescape"

	"brokeforge/store"
)

// A Serviced package has services, which can be started and stopped, and whose
// log can be read.
type Serviced interface {
	ServerPackage
	// Units returns its systemd units, the one that people speak of first. The
	// context's Values are those that it was installed with.
	Units(Context) []string
}

// ServiceActions returns what can be done with services, in the order in which
// people see it.
func ServiceActions() []store.Action {
	return []store.Action{
		store.StartService, store.StopService, store.RestartService, store.ReloadService, store.EnableService, store.DisableService,
	}
}

// IsServiceAction reports whether the action is one with services.
func IsServiceAction(a store.Action) bool { return slices.Contains(ServiceActions(), a) }

// Service is the services of one installed package.
type Service struct {
	Package  Serviced
	Instance string
	Units    []string // at least one
}

// Label names the service for people, as its package is.
func (s Service) Label() string { return Label(s.Package.Name(), s.Instance) }

// Services returns the services of all packages that are recorded on a server, in
// the order of the records.
func Services(c Catalog, ctx Context) []Service {
	var out []Service
	for _, record := range ctx.Installed {
		if s, ok := serviceOf(c, record, ctx); ok {
			out = append(out, s)
		}
	}
	return out
}

func serviceOf(c Catalog, record store.ServerPackage, ctx Context) (Service, bool) {
	pkg, _ := c.Server(record.Name)
	serviced, ok := pkg.(Serviced)
	if !ok {
		return Service{}, false
	}
	ctx.Values, ctx.Instance = record.Configuration, record.Instance
	units := serviced.Units(ctx)
	return Service{serviced, record.Instance, units}, len(units) > 0
}

// FindService returns the services of a package on a server. It returns an
// *UnknownError, or a *RefusedError for a package that has none, that is not
// recorded, or of which there are several.
func FindService(c Catalog, w Want, ctx Context) (Service, error) {
	pkg, ok := c.Server(w.Name)
	if !ok {
		return Service{}, &UnknownError{w.Name, c.Names()}
	}
	if _, ok := pkg.(Serviced); !ok {
		return Service{}, &RefusedError{fmt.Sprintf("%s has no service", w.Name)}
	}
	records, err := recordsToRemove(pkg, w, ctx.Installed)
	switch {
	case err != nil:
		return Service{}, err
	case len(records) == 0 && ctx.Facts.Found[w.Name].State == Present:
		return Service{}, &RefusedError{fmt.Sprintf("%s is on the server, but not managed by BrokeForge: adopt it first", w.Name)}
	case len(records) == 0:
		return Service{}, &RefusedError{Label(w.Name, w.Instance) + " is not installed"}
	}
	s, ok := serviceOf(c, records[0], ctx)
	if !ok {
		return Service{}, &RefusedError{fmt.Sprintf("the record of %s does not tell which service it has", w.Name)}
	}
	return s, nil
}

// BuildService makes the plan that does something with the services of packages
// that are installed. Its errors are those of FindService.
func BuildService(c Catalog, action store.Action, wants []Want, ctx Context) (Plan, error) {
	plan := Plan{Action: action}
	if !ctx.Facts.Systemd {
		return plan, &RefusedError{"this server does not run systemd, which starts and watches services"}
	}
	for _, w := range wants {
		s, err := FindService(c, w, ctx)
		if err != nil {
			return Plan{}, err
		}
		commands := []Command{Track{Name: string(action) + "_service", Label: doing(action) + " " + s.Label()}}
		for _, unit := range s.Units {
			commands = append(commands, serviceRun(action, unit))
		}
		plan.Parts = append(plan.Parts, Part{
			Package: s.Package.Name(), Type: s.Package.Type(), Instance: s.Instance,
			Credential: Root(), Commands: commands,
		})
	}
	return plan, nil
}

func doing(action store.Action) string {
	return map[store.Action]string{
		store.StartService: "Starting", store.StopService: "Stopping", store.RestartService: "Restarting",
		store.ReloadService: "Reloading", store.EnableService: "Enabling", store.DisableService: "Disabling",
	}[action]
}

// serviceRun does something with one unit. Where a service does not come up, the
// end of its log says why.
func serviceRun(action store.Action, unit string) Run {
	quoted := shellescape.Quote(unit)
	line := fmt.Sprintf("systemctl %s %s", action, quoted)
	run := Run{Title: line, Script: line}
	comesUp := fmt.Sprintf(" &&\nsystemctl is-active --quiet %[1]s ||\n{ journalctl --no-pager -o cat -n 20 -u %[1]s; exit 1; }", quoted)
	active := "systemctl is-active --quiet " + quoted
	enabled := "systemctl is-enabled --quiet " + quoted
	switch action {
	case store.StartService:
		run.Script += comesUp
		run.Check, run.Touch.Starts = active, []string{unit}
	case store.StopService:
		run.Check, run.Touch.Stops = "! "+active, []string{unit}
	case store.RestartService:
		run.Script += comesUp
		run.Touch.Restarts = []string{unit}
	case store.ReloadService:
		run.Touch.Reloads = []string{unit}
	case store.EnableService:
		run.Check = enabled
	case store.DisableService:
		run.Check = "! " + enabled
	}
	return run
}

// ServiceState is how a unit is.
type ServiceState struct {
	Active  string // as systemd names it: "active", "inactive", "failed", "activating" …
	Sub     string // more of it, such as "running" or "exited"
	Enabled string // "enabled", "disabled", "static" …; empty where the unit is not there
	Memory  int64  // bytes; 0 where it is not known
	Restart int    // how often systemd has restarted it by itself
}

// ServicesScript returns POSIX sh that prints how units are, in the form that
// ParseServices reads. It changes nothing.
func ServicesScript(units []string) string {
	return "systemctl show --property=Id,Names,ActiveState,SubState,UnitFileState,MemoryCurrent,NRestarts -- " + shellescape.QuoteCommand(units)
}

// ParseServices reads what the script of ServicesScript printed, by unit as it
// was named there.
func ParseServices(out string, units []string) map[string]ServiceState {
	list := map[string]ServiceState{}
	for i, block := range strings.Split(strings.TrimSpace(out), "\n\n") {
		if i >= len(units) {
			break
		}
		values := map[string]string{}
		for line := range strings.Lines(block) {
			key, value, _ := strings.Cut(printable([]byte(line)), "=")
			values[key] = value
		}
		s := ServiceState{Active: values["ActiveState"], Sub: values["SubState"], Enabled: values["UnitFileState"]}
		// A unit that does not run has the greatest number there is, or a word.
		if n, err := number(values["MemoryCurrent"], 1<<50); err == nil {
			s.Memory = n
		}
		if n, err := number(values["NRestarts"], 1<<30); err == nil {
			s.Restart = int(n)
		}
		list[units[i]] = s
	}
	return list
}
