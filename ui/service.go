package ui

import (
	"errors"
	"slices"
	"strings"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/widget"
)

// serviceOf returns the services of a package on a server, or why there are none.
func serviceOf(e env, v job.ServerView, name packages.Name) (packages.Service, string) {
	if name == "" {
		return packages.Service{}, "there is no package here"
	}
	s, err := packages.FindService(e.engine.Catalog(), packages.Want{Name: name}, contextOf(v))
	var unknown *packages.UnknownError
	switch {
	case errors.As(err, &unknown):
		return s, "there is no package here"
	case err != nil:
		return s, err.Error()
	}
	return s, ""
}

// serviceBindings are the keys for the services of a package.
func serviceBindings(e env, v job.ServerView, name packages.Name) []binding {
	service, none := serviceOf(e, v, name)
	want := packages.Want{Name: name, Instance: service.Instance}
	here := []store.ID{v.ID}
	return []binding{
		{keys: []string{"S"}, help: "service", more: "start, stop, restart, reload, enable or disable its service; shown first", off: none, run: func() effect {
			return open(serviceMenu(e, service, want, here))
		}},
		{keys: []string{"L"}, help: "log", more: "the log of its service, followed", off: none, run: func() effect {
			return push(newJournalScreen(v.ID, want))
		}},
		{keys: []string{"R"}, help: "restart", more: "restart its service; shown first", quiet: true, off: none, run: func() effect {
			return prepareOne(e, store.RestartService, want, here)
		}},
	}
}

// serviceMenu chooses what is done with a service.
func serviceMenu(e env, s packages.Service, w packages.Want, servers []store.ID) *dialog {
	choices := []choice{{"Cancel", "esc", nil}}
	keys := map[store.Action]string{
		store.StartService: "s", store.StopService: "t", store.RestartService: "r",
		store.ReloadService: "o", store.EnableService: "e", store.DisableService: "d",
	}
	for _, action := range packages.ServiceActions() {
		name := string(action)
		choices = append(choices, choice{strings.ToUpper(name[:1]) + name[1:], keys[action], func() effect {
			return prepareOne(e, action, w, servers)
		}})
	}
	text := []widget.Line{
		pair("services", strings.Join(s.Units, ", ")),
		{},
		widget.Of(widget.Dim, "What you choose is shown before it is done. Enable and disable are about the next boot."),
	}
	return ask("The service of "+s.Label()+" on "+strings.Join(e.data.names(servers), ", "), widget.Accent, text, choices...)
}

// unitsOf are the services of a package for its detail.
func unitsOf(e env, v job.ServerView, name packages.Name) [][2]string {
	i := slices.IndexFunc(v.Packages, func(p store.ServerPackage) bool { return p.Name == name })
	if i < 0 {
		return nil
	}
	s, none := serviceOf(e, v, name)
	if none != "" {
		return nil
	}
	return [][2]string{{"services", strings.Join(s.Units, ", ")}}
}
