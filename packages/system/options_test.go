package system_test

import (
	"strings"
	"testing"

	"brokeforge/packages"
	"brokeforge/packages/system"
	"brokeforge/store"
)

// hostile are values that no option of this room takes.
func hostile() []string {
	return []string{
		"$(reboot)", "`id`", "a;id", "a|b", "a&b", "a\nb", "a\r\nb", "a\tb", "a\x00b", "\x1b[31m", "'", `"`, `\`, "'; id; '", `"$(id)"`,
		"ä", "日本", "１", "\u202e1G", "\u00a0", "-rf", "--help", "../../etc/passwd", "/etc/passwd", "*", "?", "{a,b}", "~root", "!!", "#x",
		"a b;c", "END", "%s", "${IFS}", ",", ", ,", "\xff", strings.Repeat("9", 400), strings.Repeat("a", 100000),
	}
}

func TestOptionsTakeNothingHostile(t *testing.T) {
	for _, p := range []packages.ServerPackage{system.Base{}, system.TimeSync{}, system.Fail2ban{}} {
		for _, o := range p.Describe().Options {
			for _, v := range hostile() {
				// A name of a user or a host may be a word, an address can't.
				if v == "END" && (o.Name == "servers" || o.Name == "time-zone") {
					continue
				}
				if got, err := o.Accept(v); err == nil {
					t.Errorf("%s.%s takes %.40q as %.40q", p.Name(), o.Name, v, got)
				}
			}
			if got, err := o.Accept(""); (err != nil) != o.Required || err == nil && o.Kind != packages.YesNo && got != "" {
				t.Errorf("%s.%s takes nothing as %q, %v", p.Name(), o.Name, got, err)
			}
		}
	}
}

func TestOptionsTake(t *testing.T) {
	tests := []struct {
		p             packages.ServerPackage
		option        string
		taken, turned string
	}{
		{system.Base{}, "swap", "64M 512M 2G 256G 1024M", "0 1 1g 2GB 63M 257G 1.5G -1G 1T 999999G 01G M"},
		{system.Base{}, "time-zone", "UTC Etc/UTC Europe/Berlin America/Argentina/Buenos_Aires Etc/GMT+5 America/Port-au-Prince", "/UTC Europe/ Europe//Berlin ../UTC Europe/../UTC Europe/Berlin/x/y .UTC"},
		{system.Base{}, "ssh-port", "1 22 2222 65535", "0 65536 -1 22.0 0x16 ssh 22,23"},
		{system.Base{}, "no-root-login", "yes no on off", "maybe 2"},
		{system.TimeSync{}, "servers", "ntp.example.org a,b 192.0.2.1 2001:db8::1 0.debian.pool.ntp.org time1", "ntp_1 -a a- .a a. a..b 192.0.2 192.0.2.256 1 ::1%eth0 0.0.0.0 :: http://x a:123 , a,b,c,d,e,f,g,h,i"},
		{system.TimeSync{}, "implementation", "timesyncd chrony", "ntp Chrony"},
		{system.Fail2ban{}, "ban-time", "1 600 10m 1h 2d 4w", "0 -1 10x 1y 1.5h 10mm m 100000000"},
		{system.Fail2ban{}, "max-retry", "1 5 100", "0 101 -5 many"},
		{system.Fail2ban{}, "ignore", "192.0.2.1 10.0.0.0/8 2001:db8::/32 ::1 192.0.2.1,198.51.100.0/24", "0.0.0.0/0 ::/0 10.0.0.1/8 10.0.0.0/33 example.org fe80::1%eth0 1.2.3"},
		{system.Fail2ban{}, "jails", "sshd sshd,nginx-http-auth nginx-limit-req", "apache sshd,apache recidive"},
	}
	for _, test := range tests {
		for _, o := range test.p.Describe().Options {
			if o.Name != test.option {
				continue
			}
			for _, v := range strings.Fields(test.taken) {
				if _, err := o.Accept(v); err != nil {
					t.Errorf("%s.%s refuses %q: %v", test.p.Name(), o.Name, v, err)
				}
			}
			for _, v := range strings.Fields(test.turned) {
				if got, err := o.Accept(v); err == nil {
					t.Errorf("%s.%s takes %q as %q", test.p.Name(), o.Name, v, got)
				}
			}
		}
	}
}

// FuzzOptions holds down that nothing which a shell, a file of settings or a
// terminal could take for more than a word is ever taken.
func FuzzOptions(f *testing.F) {
	for _, seed := range append(hostile(), "Europe/Berlin", "2G", "ntp.example.org,192.0.2.1", "10.0.0.0/8", "2001:db8::1", "sshd,nginx-limit-req") {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, p := range []packages.ServerPackage{system.Base{}, system.TimeSync{}, system.Fail2ban{}} {
			for _, o := range p.Describe().Options {
				got, err := o.Accept(value)
				if err != nil {
					continue
				}
				for _, r := range got {
					if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-:./, ", r) {
						t.Errorf("%s.%s takes %q as %q", p.Name(), o.Name, value, got)
					}
				}
				if again, err := o.Accept(got); err != nil || again != got {
					t.Errorf("%s.%s takes %q as %q, and that as %q, %v", p.Name(), o.Name, value, got, again, err)
				}
			}
		}
	})
}

func complete(t *testing.T, p packages.Package, values packages.Values) packages.Values {
	t.Helper()
	out, err := packages.Complete(p, values)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func debian() packages.Facts {
	return packages.Facts{
		OS: packages.OS{ID: "debian", Version: "12"}, Systemd: true, LoginUID: 1000, SSHPorts: []int{22}, LoginFrom: "192.0.2.7",
	}
}

func TestHardeningIsRefused(t *testing.T) {
	tests := map[string]struct {
		values packages.Values
		change func(*packages.Context)
		want   string
	}{
		"root logs in": {
			packages.Values{"no-root-login": "yes"}, func(c *packages.Context) { c.Facts.LoginUID = 0 }, "you log in as root yourself",
		},
		"root is who the record says": {
			packages.Values{"no-root-login": "yes"}, func(c *packages.Context) { c.Server.User = "root" }, "you log in as root yourself",
		},
		"a forwarded port": {
			packages.Values{"ssh-port": "2222"}, func(c *packages.Context) { c.Server.Port = 2022 }, "by way of port 2022",
		},
		"unknown ports": {
			packages.Values{"ssh-port": "2222"}, func(c *packages.Context) { c.Facts.SSHPorts = nil }, "it is not known on which port",
		},
		"no systemd": {
			packages.Values{"no-password-login": "yes"}, func(c *packages.Context) { c.Facts.Systemd = false }, "does not run systemd",
		},
	}
	for name, test := range tests {
		ctx := packages.Context{
			Facts: debian(), Server: store.Server{Port: 22, User: "ops"}, Values: complete(t, system.Base{}, test.values),
		}
		if _, err := (system.Base{}).Install(ctx); err != nil {
			t.Fatalf("%s: refused before it is so: %v", name, err)
		}
		test.change(&ctx)
		if _, err := (system.Base{}).Install(ctx); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// A base that somebody else has put on a server, with options of theirs, is
// not undone by taking it over with none.
func TestBaseUndoesOnlyWhatIsRecorded(t *testing.T) {
	ctx := packages.Context{Facts: debian(), Server: store.Server{Port: 22}, Values: complete(t, system.Base{}, nil)}
	milestones := func() string {
		t.Helper()
		commands, err := system.Base{}.Install(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, c := range commands {
			if track, ok := c.(packages.Track); ok {
				names = append(names, track.Name)
			}
		}
		return strings.Join(names, " ")
	}
	const undoing = "switch_off configure_ssh verify"
	if got := milestones(); strings.Contains(got, "switch_off") || strings.Contains(got, "configure_ssh") {
		t.Errorf("not recorded: %s", got)
	}
	ctx.Installed = []store.ServerPackage{{Name: packages.Base}}
	if got := milestones(); !strings.HasSuffix(got, undoing) {
		t.Errorf("recorded: %s", got)
	}
}

func TestFail2banRemembersOperators(t *testing.T) {
	install := func(ctx packages.Context) string {
		t.Helper()
		commands, err := system.Fail2ban{}.Install(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return commands[len(commands)-1].(packages.Persist).Configuration["operators"]
	}
	ctx := packages.Context{Facts: debian(), Values: complete(t, system.Fail2ban{}, nil)}
	if got := install(ctx); got != "192.0.2.7" {
		t.Errorf("the first operator is %q", got)
	}
	ctx.Installed = []store.ServerPackage{{Name: "fail2ban", Configuration: map[string]string{"operators": "2001:db8::1,192.0.2.9"}}}
	if got := install(ctx); got != "2001:db8::1,192.0.2.9,192.0.2.7" {
		t.Errorf("the operators are %q", got)
	}
	ctx.Installed[0].Configuration["operators"] = "0.0.0.0/0\nbantime = 1"
	if got := install(ctx); got != "192.0.2.7" {
		t.Errorf("a damaged record gives %q", got)
	}
	ctx.Facts.LoginFrom, ctx.Installed = "", nil
	if _, err := (system.Fail2ban{}).Install(ctx); err == nil || !strings.Contains(err.Error(), "could shut you out") {
		t.Errorf("an unknown operator: %v", err)
	}
	ctx.Facts.LoginFrom, ctx.Values = "192.0.2.7", complete(t, system.Fail2ban{}, packages.Values{"jails": "sshd,nginx-botsearch"})
	if _, err := (system.Fail2ban{}).Install(ctx); err == nil || !strings.Contains(err.Error(), "has no nginx") {
		t.Errorf("a jail of nginx without nginx: %v", err)
	}
}
