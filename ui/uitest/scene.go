package uitest

import (
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/store"
)

// Scene returns an engine with servers in every state: active, working,
// failed, unreachable and never prepared.
func Scene(now func() time.Time) *Engine {
	e := New(now)
	at := now()
	web1 := server("web1", "10.0.4.11", 22, store.Prepared, at, "12", "bookworm", "web", "prod")
	web1.Packages = []store.ServerPackage{
		record(web1, packages.System, "base", "", "", at), record(web1, packages.WebServer, "nginx", "1.22.1-9+deb12u2", "", at),
		record(web1, packages.Runtime, "php", "2:8.2+93", "", at), record(web1, packages.Firewall, "firewall", "0.36.2-1", "", at),
		record(web1, packages.Firewall, "firewall-rule", "", "8080/tcp", at),
	}
	web2 := server("web2", "10.0.4.12", 22, store.Prepared, at, "13", "trixie", "web")
	web2.Packages = []store.ServerPackage{record(web2, packages.System, "base", "", "", at), record(web2, packages.WebServer, "nginx", "1.26.3-3", "", at)}
	web2.Sites = 3
	db1 := server("db1", "10.0.4.20", 2222, store.Prepared, at, "12", "bookworm", "db")
	db1.Packages = []store.ServerPackage{record(db1, packages.System, "base", "", "", at)}
	db1.Facts.Found = map[packages.Name]packages.Presence{"nginx": {State: packages.Present, Version: "1.22.1-9"}}
	new1 := server("new1", "10.0.4.31", 22, store.NotPrepared, time.Time{}, "", "", "")
	new1.Tags = nil
	old := server("backup-berlin-2", "backup2.example.net", 22, store.Prepared, at.Add(-50*time.Hour), "11", "bullseye")
	old.Connection, old.ConnectionError = store.Unreachable, "connect to backup2.example.net:22: no answer within 10 s; is it up, and does a firewall let port 22 in?"
	web2.Watched = true
	web2.Alerts = []store.Alert{
		{ID: "alert1", ServerID: web2.ID, ServerName: web2.Name, Kind: "disk /var/lib/mysql", Text: "the disk of /var/lib/mysql is at 95 %, over 90 %", RaisedAt: at.Add(-12 * time.Minute)},
		{ID: "alert2", ServerID: web2.ID, ServerName: web2.Name, Kind: "certificate shop.example.org", Text: "the certificate of shop.example.org expires in 9 days", RaisedAt: at.Add(-5 * 24 * time.Hour), NotifyError: "mail to ops@example.org: dial tcp 127.0.0.1:25: connect: connection refused"},
	}
	e.Measured = map[store.ID][]store.Sample{web2.ID: measured(at)}
	e.Servers = []job.ServerView{old, db1, new1, web1, web2}
	e.Hosted = hosted(web1, web2, at)
	e.Staying = []string{"database@mariadb-blog", "database-user@mariadb-blog"}
	e.Dotenv = "APP_NAME=\"The blog\"\nAPP_KEY=base64:swordfish\nDB_PASSWORD='hunter2 with spaces'\nAPP_DEBUG=\n"
	web1.Sites = 1
	e.All = []job.Progress{done(web1, at), failed(db1, at), running(web2, at)}
	e.Output[e.All[1].Run.ID] = e.All[1].Run.Error.Output
	e.Output[e.All[2].Run.ID] = []string{"Reading package lists...", "Building dependency tree...", "Setting up php8.4-common (8.4.11-1) ...", "Setting up php8.4-cli (8.4.11-1) ...", "Created symlink '/etc/systemd/system/multi-user.target.wants/php8.4-fpm.service'"}
	return e
}

// hosted are sites in every state.
func hosted(web1, web2 job.ServerView, at time.Time) []job.SiteView {
	return []job.SiteView{{
		Site: store.Site{
			ID: "site1", ServerID: web2.ID, Domain: "blog.example.org", DocumentRoot: "/srv/sites/blog.example.org/current/public",
			PHPVersion: "8.4", Status: store.Prepared, CreatedAt: at.Add(-30 * 24 * time.Hour),
		},
		Server: web2.Name, Packages: []store.SitePackage{
			{Name: "site", Type: packages.SiteType, Configuration: map[string]string{
				packages.DomainOption: "blog.example.org", "aliases": "www.blog.example.org", "kind": "php", "web-server": "nginx",
				"user": "site_blog_example_org", "body-size": "64m", "default-site": "no",
			}},
			{Name: "deployment", Type: packages.SiteType, Configuration: map[string]string{"release": "20260301-1140"}, UpdatedAt: at.Add(-20 * time.Minute)},
			{
				ID: "command1", Name: "command", Type: packages.SiteType, Status: store.Active, By: "ops", InstalledAt: at.Add(-2 * time.Hour), RunID: "run2",
				Configuration: map[string]string{packages.CommandOption: "php artisan migrate --force", "timeout": "120", packages.StatusKey: "0", packages.SecondsKey: "3.2"},
			},
			{
				ID: "command2", Name: "command", Type: packages.SiteType, Status: store.Failed, By: "ann", InstalledAt: at.Add(-5 * time.Minute), RunID: "run2",
				Configuration: map[string]string{packages.CommandOption: "php artisan queue:work\x1b[2J", "timeout": "120", packages.StatusKey: "124", packages.SecondsKey: "120.0"},
			},
			certificateRecord(at, map[string]string{"expires": at.Add(61 * 24 * time.Hour).Format(time.RFC3339)}),
		},
		WarnDays: packages.CertificateWarning,
	}, {
		Site:   store.Site{ID: "site2", ServerID: web1.ID, Domain: "xn--bcher-kva.example.org", Status: store.PrepFailed, CreatedAt: at.Add(-time.Hour)},
		Server: web1.Name,
	}, {
		Site:   store.Site{ID: "site3", ServerID: web2.ID, Domain: "shop.example.org", Status: store.Prepared, CreatedAt: at.Add(-90 * 24 * time.Hour)},
		Server: web2.Name, WarnDays: packages.CertificateWarning,
		Packages: []store.SitePackage{certificateRecord(at, map[string]string{"expires": at.Add(9*24*time.Hour + time.Hour).Format(time.RFC3339)})},
	}, {
		Site:   store.Site{ID: "site4", ServerID: web2.ID, Domain: "wiki.example.org", Status: store.Prepared, CreatedAt: at.Add(-90 * 24 * time.Hour)},
		Server: web2.Name, WarnDays: packages.CertificateWarning,
		Packages: []store.SitePackage{certificateRecord(at, map[string]string{packages.UnreadableKey: "there is no file /etc/letsencrypt/live/brokeforge-wiki.example.org/fullchain.pem"})},
	}}
}

func server(name, address string, port int, status store.ProvisionStatus, read time.Time, version, codename string, tags ...string) job.ServerView {
	s := store.Server{ID: store.ID("server-" + name), Name: name, Address: address, Port: port, User: "root", Status: status, Connection: store.Connected, Tags: tags}
	v := job.ServerView{Server: s}
	if read.IsZero() {
		v.Connection = store.NeverConnected
		return v
	}
	v.HostKeys = []store.HostKey{{Key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI", PinnedAt: read.Add(-72 * time.Hour), PinnedBy: "ops"}}
	v.FactsAt = read
	v.Facts = packages.Facts{
		ReadAt: read, Hostname: name, OS: packages.OS{ID: "debian", Version: version, Codename: codename, Pretty: "Debian GNU/Linux " + version + " (" + codename + ")"},
		Arch: "amd64", Kernel: "6.12.43+deb13-amd64", CPUs: 2, MemoryBytes: 4 << 30, DiskBytes: 40 << 30, DiskFree: 31 << 30,
		Uptime: 41 * 24 * time.Hour, Addresses: []string{address}, Systemd: true, SSHPorts: []int{port}, AptAge: 2 * time.Minute,
	}
	return v
}

func record(v job.ServerView, typ packages.Type, name packages.Name, version packages.Version, instance string, at time.Time) store.ServerPackage {
	p := store.ServerPackage{ServerID: v.ID, Type: typ, Name: name, Version: version, Instance: instance, Status: store.Active, By: "ops", RunID: "0000000000000000000run7f3a", CreatedAt: at.Add(-21 * 24 * time.Hour)}
	if instance != "" {
		p.Configuration = map[string]string{"action": "allow", "from": "10.0.0.0/8", "port": "8080", "protocol": "tcp"}
	}
	return p
}

func certificateRecord(at time.Time, configuration map[string]string) store.SitePackage {
	return store.SitePackage{Name: packages.CertificateName, Type: packages.SiteType, Status: store.Active, Configuration: configuration, UpdatedAt: at.Add(-29 * 24 * time.Hour)}
}

func milestones(labels ...string) []job.Milestone {
	var out []job.Milestone
	for _, l := range labels {
		out = append(out, job.Milestone{Milestone: packages.Milestone{Track: packages.Track{Label: l}}, State: job.Ahead})
	}
	return out
}

// tick marks the first n milestones as done, from a time on.
func tick(list []job.Milestone, n int, from time.Time) time.Time {
	for i := range n {
		list[i].State, list[i].Begun, list[i].Ended = job.Done, from, from.Add(time.Duration(3+i*17)*time.Second)
		from = list[i].Ended
	}
	return from
}

func done(v job.ServerView, at time.Time) job.Progress {
	list := milestones("Preparing the server", "Installing nginx", "Configuring nginx", "Starting nginx")
	end := tick(list, 4, at.Add(-26*time.Hour))
	list[2].State = job.Unchanged
	return job.Progress{Milestones: list, Run: store.Run{
		ID: "0000000000000000000run7f3a", ServerID: v.ID, ServerName: v.Name, Action: store.Install, Title: "install nginx", State: store.RunDone,
		Finished: 4, Total: 4, By: "ops", QueuedAt: at.Add(-26 * time.Hour), StartedAt: at.Add(-26 * time.Hour), EndedAt: end,
	}}
}

func failed(v job.ServerView, at time.Time) job.Progress {
	list := milestones("Preparing the server", "Installing PHP", "Configuring PHP", "Starting PHP")
	end := tick(list, 1, at.Add(-5*time.Minute))
	list[1].State, list[1].Begun, list[1].Ended, list[1].Error = job.Broken, end, end.Add(40*time.Second), "no space left"
	return job.Progress{Milestones: list, Run: store.Run{
		ID: "0000000000000000000run8c1b", ServerID: v.ID, ServerName: v.Name, Action: store.Install, Title: "install php", State: store.RunFailed,
		Finished: 1, Total: 4, By: "ops", QueuedAt: at.Add(-5 * time.Minute), StartedAt: at.Add(-5 * time.Minute), EndedAt: end.Add(40 * time.Second),
		Error: &store.RunError{
			Summary: "there is no space left on the server's disk", Advice: "make room in /var (apt-get clean frees 312 MB), then run it again: what was done stays done",
			Command: "apt-get install -y --no-install-recommends php8.2-fpm", Step: 4, Status: 100,
			Output: []string{"Unpacking php8.2-common (8.2.29-1~deb12u1) ...", "dpkg: error processing archive /var/cache/apt/archives/php8.2-common.deb (--unpack):", " cannot copy extracted data: failed to write (No space left on device)", "E: Sub-process /usr/bin/dpkg returned an error code (1)"},
		},
	}}
}

func running(v job.ServerView, at time.Time) job.Progress {
	list := milestones("Preparing the server", "Installing PHP", "Configuring PHP", "Setting up pools", "Starting PHP", "Verifying")
	at = tick(list, 3, at.Add(-72*time.Second))
	list[3].State, list[3].Begun = job.Working, at
	return job.Progress{Version: 7, Percent: 42, Milestones: list, Command: "systemctl enable --now php8.4-fpm", Run: store.Run{
		ID: "0000000000000000000run9d2c", ServerID: v.ID, ServerName: v.Name, Action: store.Install, Title: "install php", State: store.RunRunning,
		Finished: 3, Total: 6, By: "ops", QueuedAt: at.Add(-72 * time.Second), StartedAt: at.Add(-72 * time.Second),
	}}
}

// measured is an hour of a server whose work comes and goes, and whose disk fills.
func measured(at time.Time) []store.Sample {
	var out []store.Sample
	for i := range 60 {
		busy := float64((i * 37) % 100)
		out = append(out, store.Sample{
			At: at.Add(time.Duration(i-59) * time.Minute), CPU: busy, CPUs: 2, Load: [3]float64{busy / 50, busy / 60, 0.5},
			Memory: 4 << 30, MemoryFree: int64(3<<30 - i*(40<<20)), NetIn: 12000, NetOut: 340000,
			Disks: []store.DiskSample{{Mount: "/", Bytes: 40 << 30, Free: 9 << 30}, {Mount: "/var/lib/mysql", Bytes: 100 << 30, Free: 5 << 30}},
			Units: []store.UnitState{{Name: "nginx", State: "active"}, {Name: "php8.4-fpm", State: "inactive"}},
		})
	}
	return out
}
