package cmd

import (
	"time"

	"golang.org/x/crypto/ssh"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// The types of this file are what JSON shows. Their fields are a promise to
// scripts: they may grow, and none is renamed.

type serverView struct {
	ID              store.ID        `json:"id"`
	Name            string          `json:"name"`
	Address         string          `json:"address"`
	Host            string          `json:"host"` // where it is: the address, or what the configuration of ssh says for it
	Port            int             `json:"port"`
	User            string          `json:"user"`
	KeyFile         string          `json:"key_file"`
	Credential      string          `json:"credential"` // of the configuration, that its record names; empty for none
	Tags            []string        `json:"tags"`
	HostKeys        []hostKeyView   `json:"host_keys"`
	Hops            []hopView       `json:"hops"`       // jump hosts on the way, the first one first
	Notes           []string        `json:"notes"`      // of the configuration of ssh, what is not followed
	Connection      string          `json:"connection"` // empty where it was never tried
	ConnectionError string          `json:"connection_error"`
	Facts           *factsView      `json:"facts"` // null where none were read
	Packages        []installedView `json:"packages"`
	Sites           int             `json:"sites"`
	LastRun         *runView        `json:"last_run"` // null where there was none
	CreatedAt       time.Time       `json:"created_at"`
}

type hostKeyView struct {
	Type        string    `json:"type"`
	Fingerprint string    `json:"fingerprint"`
	AcceptedAt  time.Time `json:"accepted_at"`
	AcceptedBy  string    `json:"accepted_by"`
}

type hopView struct {
	Name     string        `json:"name"`
	Address  string        `json:"address"` // host:port
	User     string        `json:"user"`
	HostKeys []hostKeyView `json:"host_keys"`
}

type factsView struct {
	ReadAt        time.Time   `json:"read_at"`
	Hostname      string      `json:"hostname"`
	OS            packages.OS `json:"os"`
	Arch          string      `json:"arch"`
	Kernel        string      `json:"kernel"`
	CPUs          int         `json:"cpus"`
	MemoryBytes   int64       `json:"memory_bytes"`
	DiskBytes     int64       `json:"disk_bytes"`
	DiskFreeBytes int64       `json:"disk_free_bytes"`
	UptimeSeconds float64     `json:"uptime_seconds"`
	Addresses     []string    `json:"addresses"`
	SSHPorts      []int       `json:"ssh_ports"`
}

type installedView struct {
	Name          string            `json:"name"`
	Instance      string            `json:"instance"`
	Category      string            `json:"category"`
	Version       string            `json:"version"`
	Status        string            `json:"status"`
	Configuration map[string]string `json:"configuration"`
	Run           store.ID          `json:"run"`
	By            string            `json:"by"`
	InstalledAt   time.Time         `json:"installed_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

type runView struct {
	ID         store.ID        `json:"id"`
	Group      store.ID        `json:"group"` // shared by the runs that were started together
	Server     string          `json:"server"`
	Action     string          `json:"action"`
	Title      string          `json:"title"`
	State      string          `json:"state"`
	Waiting    string          `json:"waiting"` // what a live run waits for, for people
	Finished   int             `json:"finished"`
	Total      int             `json:"total"`
	By         string          `json:"by"`
	QueuedAt   time.Time       `json:"queued_at"`
	StartedAt  time.Time       `json:"started_at,omitzero"`
	EndedAt    time.Time       `json:"ended_at,omitzero"`
	Error      *runErrorView   `json:"error"`
	Milestones []milestoneView `json:"milestones,omitempty"`
	Log        string          `json:"log,omitempty"` // the file with the output
}

type runErrorView struct {
	Summary    string   `json:"summary"`
	Advice     string   `json:"advice"`
	Command    string   `json:"command"`
	ExitStatus int      `json:"exit_status"`
	Output     []string `json:"output"` // the last lines
}

type milestoneView struct {
	Package  string  `json:"package"`
	Instance string  `json:"instance"`
	Name     string  `json:"name"`
	Label    string  `json:"label"`
	State    string  `json:"state"`
	Seconds  float64 `json:"seconds"` // 0 until it has ended
	Error    string  `json:"error,omitempty"`
}

func viewServer(v job.ServerView) serverView {
	out := serverView{
		ID: v.ID, Name: v.Name, Address: v.Address, Host: v.Host, Port: v.Port, User: v.User, KeyFile: v.KeyFile, Credential: v.Credential,
		Tags: append([]string{}, v.Tags...), HostKeys: viewHostKeys(v.HostKeys), Hops: []hopView{}, Notes: append([]string{}, v.Notes...),
		Connection: string(v.Connection), ConnectionError: v.ConnectionError,
		Packages: viewInstalled(v.Packages), Sites: v.Sites, CreatedAt: v.CreatedAt,
	}
	for _, hop := range v.Hops {
		out.Hops = append(out.Hops, hopView{hop.Name, hop.Address, hop.User, viewHostKeys(hop.HostKeys)})
	}
	if v.RouteError != "" {
		out.Notes = append(out.Notes, v.RouteError)
	}
	if f := v.Facts; !f.ReadAt.IsZero() {
		out.Facts = &factsView{
			ReadAt: f.ReadAt, Hostname: f.Hostname, OS: f.OS, Arch: f.Arch, Kernel: f.Kernel,
			CPUs: f.CPUs, MemoryBytes: f.MemoryBytes, DiskBytes: f.DiskBytes, DiskFreeBytes: f.DiskFree,
			UptimeSeconds: f.Uptime.Seconds(), Addresses: append([]string{}, f.Addresses...),
			SSHPorts: append([]int{}, f.SSHPorts...),
		}
	}
	if v.Last != nil {
		last := viewRun(*v.Last)
		out.LastRun = &last
	}
	return out
}

func viewHostKeys(list []store.HostKey) []hostKeyView {
	out := []hostKeyView{}
	for _, k := range list {
		kind, fingerprint := fingerprintOf(k)
		out = append(out, hostKeyView{kind, fingerprint, k.PinnedAt, k.PinnedBy})
	}
	return out
}

// fingerprintOf returns the type of a key and its fingerprint. A key that
// can't be read is shown as it is stored.
func fingerprintOf(k store.HostKey) (kind, fingerprint string) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(k.Key))
	if err != nil {
		return "unreadable", k.Key
	}
	return key.Type(), ssh.FingerprintSHA256(key)
}

func viewInstalled(list []store.ServerPackage) []installedView {
	out := []installedView{}
	for _, p := range list {
		configuration := map[string]string{}
		for name, value := range p.Configuration {
			configuration[name] = packages.Shown(value)
		}
		out = append(out, installedView{
			Name: string(p.Name), Instance: p.Instance, Category: string(p.Type), Version: string(p.Version),
			Status: string(p.Status), Configuration: configuration,
			Run: p.RunID, By: p.By, InstalledAt: p.CreatedAt, UpdatedAt: p.UpdatedAt,
		})
	}
	return out
}

func viewRun(r store.Run) runView {
	return runView{
		ID: r.ID, Group: r.Group, Server: r.ServerName, Action: string(r.Action), Title: r.Title,
		State: string(r.State), Finished: r.Finished, Total: r.Total, By: r.By,
		QueuedAt: r.QueuedAt, StartedAt: r.StartedAt, EndedAt: r.EndedAt, Error: viewRunError(r.Error),
	}
}

func viewRunError(e *store.RunError) *runErrorView {
	if e == nil {
		return nil
	}
	return &runErrorView{e.Summary, e.Advice, e.Command, e.Status, append([]string{}, e.Output...)}
}

// viewProgress is a run with its milestones.
func viewProgress(p job.Progress, log string) runView {
	out := viewRun(p.Run)
	out.Waiting, out.Log = p.Waiting, log
	for _, m := range p.Milestones {
		out.Milestones = append(out.Milestones, viewMilestone(m))
	}
	return out
}

func viewMilestone(m job.Milestone) milestoneView {
	out := milestoneView{
		Package: string(m.Package), Instance: m.Instance, Name: m.Name, Label: m.Label,
		State: string(m.State), Error: m.Error,
	}
	if !m.Ended.IsZero() {
		out.Seconds = m.Ended.Sub(m.Begun).Seconds()
	}
	return out
}
