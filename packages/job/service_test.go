package job

import (
	"slices"
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/store"
)

// servicedCatalog is a catalog whose packages have a service of their name.
type servicedCatalog struct{ fakeCatalog }

type servicedPackage struct{ fakePackage }

func (p servicedPackage) Units(packages.Context) []string { return []string{string(p.name)} }

func (c servicedCatalog) Server(name packages.Name) (packages.ServerPackage, bool) {
	pkg, ok := c.fakeCatalog.Server(name)
	if !ok {
		return nil, false
	}
	return servicedPackage{pkg.(fakePackage)}, true
}

func TestServices(t *testing.T) {
	host := newFakeHost()
	host.facts = "hostname=fake\nsystemd=yes\nend=facts\n"
	b := newBench(t, fakeCatalog{simple("base"), simple("nginx", "base")}, map[string]*fakeHost{"10.0.0.1": host})
	b.cfg.Catalog = servicedCatalog{fakeCatalog{simple("base"), simple("nginx", "base")}}
	b.restart()
	server := b.add("web1", "10.0.0.1")
	b.end(b.start(store.Install, []store.Server{server}, "nginx")[0])

	before := b.records(server)
	p := b.end(b.start(store.RestartService, []store.Server{server}, "nginx")[0])
	if p.Run.State != store.RunDone || p.Run.Title != "restart nginx" || p.Run.Action != store.RestartService {
		t.Errorf("the restart is %+v", p.Run)
	}
	if now := b.records(server); !slices.Equal(now, before) {
		t.Errorf("a restart changed the records from %q to %q", before, now)
	}
	host.mu.Lock()
	host.ok["systemctl is-active"] = true
	host.mu.Unlock()
	request := Request{Action: store.StartService, Packages: []packages.Want{{Name: "nginx"}}, Servers: []store.ID{server.ID}}
	if p := b.Prepare(t.Context(), request)[0]; p.Err != nil || !p.Nothing {
		t.Errorf("to start what runs is not nothing: %v", p.Err)
	}
	var lines []string
	err := b.Journal(t.Context(), server.ID, packages.Want{Name: "nginx"}, 1<<30, true, func(line string) error {
		lines = append(lines, line)
		return nil
	})
	if err != nil || len(lines) != 3 || !strings.Contains(lines[0], "-n 10000 -f -u nginx") {
		t.Errorf("the log is %q, %v", lines, err)
	}
	host.mu.Lock()
	host.facts = "ActiveState=active\n\nActiveState=failed\n"
	host.mu.Unlock()
	services, err := b.Services(t.Context(), server.ID)
	if err != nil || len(services) != 2 || services[1].Unit != "nginx" || services[1].Active != "failed" {
		t.Errorf("the services are %+v, %v", services, err)
	}
}
