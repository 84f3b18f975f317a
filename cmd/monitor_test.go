package cmd

import (
	"encoding/json"
	"testing"
	"time"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func measured(e *fakeEngine, i int) {
	e.servers[i].Watched = true
	e.servers[i].Sample = &store.Sample{
		At: noon, CPU: 42, CPUs: 2, Load: [3]float64{1, 2, 3}, Memory: 100, MemoryFree: 25, NetIn: -1, NetOut: -1,
		Disks: []store.DiskSample{{Mount: "/", Bytes: 200, Free: 20}}, Units: []store.UnitState{{Name: "nginx", State: "inactive"}},
	}
	e.servers[i].Alerts = []store.Alert{{ID: "a1", ServerID: e.servers[i].ID, ServerName: e.servers[i].Name, Kind: "disk /", Text: "the disk of / is at 90 %", RaisedAt: noon}}
}

func TestMonitorOnce(t *testing.T) {
	e := newEngine("web1", "db1")
	measured(e, 0)
	w := newWorld(t, e)
	w.run(t, StatusUnreached, "monitor", "--once")
	holds(t, "stdout", w.out.String(), "web1", "42%", "75%", "/ 90%", "1.00 2.00 3.00", "nginx inactive")
	holds(t, "stderr", w.errs.String(), "db1", "no answer")

	w = newWorld(t, e)
	w.run(t, StatusDone, "monitor", "--once", "--on", "web1", "--json")
	var views []map[string]any
	if err := json.Unmarshal(w.out.Bytes(), &views); err != nil || len(views) != 1 {
		t.Fatalf("%v in %s", err, w.out.String())
	}
	if v := views[0]; v["cpu"] != 42.0 || v["net_in"] != nil || v["failed"] == nil {
		t.Errorf("got %v", v)
	}
}

func TestMonitorNeedsSomethingToWatch(t *testing.T) {
	w := newWorld(t, newEngine("web1"))
	w.run(t, StatusRefused, "monitor")
	holds(t, "stderr", w.errs.String(), "install the package monitoring", "--once")
}

func TestAlerts(t *testing.T) {
	e := newEngine("web1")
	e.alerts = []store.Alert{
		{ID: "a2", ServerName: "web1", Kind: "cpu", Text: "the processor is at 99 %, over 90 %", RaisedAt: noon, NotifyError: "the mail server is down"},
		{ID: "a1", ServerName: "web1", Kind: "disk /", Text: "the disk of / is at 95 %, over 90 %", RaisedAt: noon, ClearedAt: noon.Add(time.Hour)},
	}
	w := newWorld(t, e)
	w.run(t, StatusDone, "alerts")
	holds(t, "stdout", w.out.String(), "open", "over", "the processor is at 99 %", "the mail server is down")
	w = newWorld(t, e)
	w.run(t, StatusDone, "alerts", "--limit", "1", "--json")
	var views []alertView
	if err := json.Unmarshal(w.out.Bytes(), &views); err != nil || len(views) != 1 || views[0].ClearedAt != nil {
		t.Errorf("%v in %s", err, w.out.String())
	}
	w = newWorld(t, newEngine())
	w.run(t, StatusDone, "alerts", "--json")
	if w.out.String() != "[]\n" {
		t.Errorf("no alerts are %q", w.out.String())
	}
	w.run(t, StatusRefused, "alerts", "--limit", "0")
}

func TestMonitorTellsOfAlertsOnce(t *testing.T) {
	w := newWorld(t, newEngine())
	a := &app{Env: w.Env}
	e := newEngine("web1")
	measured(e, 0)
	open := map[store.ID]store.Alert{}
	for range 2 {
		a.tellAlerts(e.servers[0], open)
	}
	a.tellAlerts(job.ServerView{Server: e.servers[0].Server}, open)
	holds(t, "stdout", w.out.String(), "the disk of / is at 90 %", "over: the disk")
	if len(open) != 0 {
		t.Errorf("still open: %v", open)
	}
}
