package cmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"brokeforge/packages/job"
	"brokeforge/store"
)

func (a *app) monitorCmd() *cobra.Command {
	var on []string
	var once bool
	c := &cobra.Command{
		Use:   "monitor",
		Short: "Show how busy servers are, and watch those that have the package monitoring",
		Long: `With --once every server is asked now, and what it says is shown. Without, the
servers that have the package monitoring are asked again and again, each at its
interval, and what they say is shown as it comes, until a signal ends it. Alerts
are raised and people are told of them as long as this or the screens run.`,
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if once {
				return a.askServers(c, on, a.sampleOnce)
			}
			return a.askServers(c, on, a.watch)
		},
	}
	onFlag(c, &on)
	c.Flags().BoolVar(&once, "once", false, "ask every server once, now")
	return c
}

// sampleView is a sample, as JSON shows it. A rate that is not known is null.
type sampleView struct {
	Event  string      `json:"event"` // "sample"
	Server string      `json:"server"`
	At     time.Time   `json:"at"`
	CPU    *float64    `json:"cpu"`
	CPUs   int         `json:"cpus"`
	Load   [3]float64  `json:"load"`
	Memory sizeView    `json:"memory"`
	Swap   sizeView    `json:"swap"`
	NetIn  *float64    `json:"net_in"`
	NetOut *float64    `json:"net_out"`
	Disks  []diskView  `json:"disks"`
	Units  []unitView  `json:"units"`
	Failed []string    `json:"failed"`
	Alerts []alertView `json:"alerts"`
}

type sizeView struct {
	Bytes int64 `json:"bytes"`
	Free  int64 `json:"free"`
}

type diskView struct {
	Mount string `json:"mount"`
	sizeView
}

type unitView struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// alertView is an alert, as JSON shows it.
type alertView struct {
	ID          store.ID   `json:"id"`
	Server      string     `json:"server"`
	Kind        string     `json:"kind"`
	Text        string     `json:"text"`
	RaisedAt    time.Time  `json:"raised_at"`
	ClearedAt   *time.Time `json:"cleared_at"`
	NotifyError string     `json:"notify_error"`
}

func viewAlerts(list []store.Alert) []alertView {
	out := []alertView{}
	for _, a := range list {
		v := alertView{a.ID, a.ServerName, a.Kind, a.Text, a.RaisedAt, nil, a.NotifyError}
		if !a.Open() {
			v.ClearedAt = &a.ClearedAt
		}
		out = append(out, v)
	}
	return out
}

func known(rate float64) *float64 {
	if rate < 0 {
		return nil
	}
	return &rate
}

func viewSample(server string, s store.Sample, alerts []store.Alert) sampleView {
	v := sampleView{
		Event: "sample", Server: server, At: s.At, CPU: known(s.CPU), CPUs: s.CPUs, Load: s.Load,
		Memory: sizeView{s.Memory, s.MemoryFree}, Swap: sizeView{s.Swap, s.SwapFree},
		NetIn: known(s.NetIn), NetOut: known(s.NetOut),
		Disks: []diskView{}, Units: []unitView{}, Failed: append([]string{}, s.Failed...), Alerts: viewAlerts(alerts),
	}
	for _, d := range s.Disks {
		v.Disks = append(v.Disks, diskView{d.Mount, sizeView{d.Bytes, d.Free}})
	}
	for _, u := range s.Units {
		v.Units = append(v.Units, unitView(u))
	}
	return v
}

// sampleOnce asks the servers side by side. One that gives no answer doesn't keep
// the others from being shown.
func (a *app) sampleOnce(ctx context.Context, engine Engine, servers []job.ServerView) error {
	samples, errs := make([]store.Sample, len(servers)), make([]error, len(servers))
	var group sync.WaitGroup
	for i, s := range servers {
		group.Go(func() { samples[i], errs[i] = engine.Sample(ctx, s.ID) })
	}
	group.Wait()
	status := StatusDone
	views := []sampleView{}
	t := a.table("SERVER", "CPU", "MEMORY", "DISKS", "LOAD", "NETWORK", "UP", "WRONG")
	for i, s := range servers {
		if errs[i] != nil {
			status = worst(status, Status(errs[i]))
			a.report(fmt.Errorf("%s: %w", s.Name, errs[i]))
			continue
		}
		views = append(views, viewSample(s.Name, samples[i], nil))
		t.row(append([]string{s.Name}, sampleCells(samples[i])...)...)
	}
	if a.json {
		return errors.Join(a.printJSON(views), endWith(status))
	}
	if len(servers) == 0 {
		return a.printServers(nil)
	}
	return errors.Join(t.flush(), endWith(status))
}

func percent(v float64) string {
	if v < 0 {
		return "" // shown as a dash
	}
	return fmt.Sprintf("%.0f%%", v)
}

func used(total, free int64) float64 {
	if total <= 0 {
		return -1
	}
	return 100 * float64(total-free) / float64(total)
}

func sampleCells(s store.Sample) []string {
	var disks, wrong []string
	for _, d := range s.Disks {
		disks = append(disks, d.Mount+" "+percent(used(d.Bytes, d.Free)))
	}
	for _, u := range s.Units {
		if u.State != "active" {
			wrong = append(wrong, u.Name+" "+u.State)
		}
	}
	for _, name := range s.Failed {
		if !slices.Contains(wrong, name+" failed") {
			wrong = append(wrong, name+" failed")
		}
	}
	network := ""
	if s.NetIn >= 0 {
		network = bytesOf(int64(s.NetIn)) + "/s in, " + bytesOf(int64(s.NetOut)) + "/s out"
	}
	return []string{
		percent(s.CPU), percent(used(s.Memory, s.MemoryFree)), strings.Join(disks, ", "),
		fmt.Sprintf("%.2f %.2f %.2f", s.Load[0], s.Load[1], s.Load[2]), network, took(s.Uptime), strings.Join(wrong, ", "),
	}
}

// watch starts the watching and tells of what comes of it.
func (a *app) watch(ctx context.Context, engine Engine, servers []job.ServerView) error {
	watched := slices.DeleteFunc(slices.Clone(servers), func(s job.ServerView) bool { return !s.Watched })
	if len(watched) == 0 {
		return errors.New("none of the servers is watched: install the package monitoring there, or ask once with --once")
	}
	sub := engine.Subscribe()
	defer sub.Close()
	engine.StartMonitor()
	told := map[store.ID]time.Time{} // the sample that was told last
	open := map[store.ID]store.Alert{}
	for {
		for _, s := range watched {
			view, err := engine.Server(s.ID)
			if err != nil {
				return err
			}
			if view.Sample != nil && view.Sample.At.After(told[s.ID]) {
				told[s.ID] = view.Sample.At
				if err := a.tellSample(view); err != nil {
					return err
				}
			}
			a.tellAlerts(view, open)
		}
		select {
		case <-sub.Changed():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (a *app) tellSample(v job.ServerView) error {
	if a.json {
		lines := &jsonLines{env: a.Env}
		lines.write(viewSample(v.Name, *v.Sample, v.Alerts))
		return lines.err
	}
	cells := sampleCells(*v.Sample)
	_, err := fmt.Fprintf(a.Stdout, "%s %s  cpu %s  memory %s  disk %s  load %s\n", v.Sample.At.Local().Format("15:04:05"),
		v.Name, dash(cells[0]), dash(cells[1]), oneLine(dash(cells[2])), cells[3])
	return err
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// tellAlerts tells of alerts that were raised or cleared since the last time.
func (a *app) tellAlerts(v job.ServerView, open map[store.ID]store.Alert) {
	if a.json {
		return // they stand in the samples
	}
	for _, alert := range v.Alerts {
		if _, ok := open[alert.ID]; !ok {
			open[alert.ID] = alert
			fmt.Fprintf(a.Stdout, "%s %s %s %s\n", a.Now().Local().Format("15:04:05"), v.Name, a.glyphs().failed, oneLine(alert.Text))
		}
	}
	for id, alert := range open {
		if alert.ServerID == v.ID && !slices.ContainsFunc(v.Alerts, func(o store.Alert) bool { return o.ID == id }) {
			delete(open, id)
			fmt.Fprintf(a.Stdout, "%s %s %s over: %s\n", a.Now().Local().Format("15:04:05"), v.Name, a.glyphs().done, oneLine(alert.Text))
		}
	}
}

func (a *app) alertsCmd() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "alerts",
		Short: "List alerts, the newest first",
		Args:  exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return misuse(c, errors.New("--limit must be at least 1"))
			}
			return a.with(c.Context(), func(_ context.Context, s *Session) error {
				list, err := s.Engine.Alerts(limit)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(viewAlerts(list))
				}
				return a.printAlerts(list)
			})
		},
	}
	c.Flags().IntVar(&limit, "limit", 20, "how many")
	return c
}

func (a *app) printAlerts(list []store.Alert) error {
	if len(list) == 0 {
		fmt.Fprintln(a.Stderr, "there are no alerts")
		return nil
	}
	t := a.table("SERVER", "STATE", "SINCE", "OVER", "WHAT", "NOT TOLD")
	for _, alert := range list {
		state := "open"
		if !alert.Open() {
			state = "over"
		}
		t.row(alert.ServerName, state, clock(alert.RaisedAt), clock(alert.ClearedAt), alert.Text, alert.NotifyError)
	}
	return t.flush()
}
