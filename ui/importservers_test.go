package ui

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"brokeforge/packages"
	"brokeforge/packages/job"
	"brokeforge/packages/job/inventory"
	"brokeforge/store"
	"brokeforge/ui/uitest"
)

// written is what a person has in ~/.ssh/config.
func written() (inventory.List, error) {
	var l inventory.List
	for i, name := range []string{"web1", "web2", "web3", "db1", "mail.example.org", "bastion"} {
		l.Entries = append(l.Entries, inventory.Entry{Name: name, Address: name, File: "/home/ops/.ssh/config", Line: 4 + 5*i})
	}
	for i := range 24 {
		l.Entries = append(l.Entries, inventory.Entry{Name: fmt.Sprintf("node%02d", i+1), Address: fmt.Sprintf("node%02d", i+1), File: "/home/ops/.ssh/conf.d/lab.conf", Line: i + 1})
	}
	l.Entries[2].Address, l.Entries[2].Port, l.Entries[2].User = "10.0.4.13", 2222, "deploy"
	l.Entries[2].Tags, l.Entries[2].Notes = []string{"web", "prod"}, []string{"its key file is not taken over: there is no file /home/ops/.ssh/id_old"}
	l.Skipped = []inventory.Skip{
		{Name: "*.internal", File: "/home/ops/.ssh/config", Line: 40, Reason: "it is a pattern for several hosts"},
		{Name: "github.com", File: "/home/ops/.ssh/config", Line: 44, Reason: "it is for git, and gives no shell"},
	}
	return l, nil
}

func withHosts(o *Options) { o.Hosts = written }

func nobody() *uitest.Engine { return uitest.New(func() time.Time { return begin }) }

func TestImportScreens(t *testing.T) {
	for name, prepare := range map[string]func() *driver{
		"servers-offer":  func() *driver { return start(t, nobody(), withHosts) },
		"import":         func() *driver { d := start(t, nobody(), withHosts); d.press("I", "j", "j"); return d },
		"import-changes": func() *driver { d := start(t, nil, withHosts); d.press("I"); return d },
		"import-done":    func() *driver { d := start(t, nobody(), withHosts); d.press("I", "enter"); d.changed(); return d },
		"import-nothing": func() *driver { d := start(t, nobody(), nil); d.press("I"); return d },
	} {
		t.Run(name, func(t *testing.T) {
			d := prepare()
			golden(t, name+"-80x24", d.screen())
			d.size(120, 40)
			golden(t, name+"-120x40", d.screen())
		})
	}
}

func TestImportIsRecordedOnce(t *testing.T) {
	d := start(t, nobody(), withHosts)
	d.shows("import 30 hosts from ~/.ssh/config")
	d.press("I")
	d.shows("30 servers to add", "2 left", "web1")
	if len(d.engine.Imported) != 0 {
		t.Fatal("showing it has recorded it")
	}
	d.press("esc")
	d.hides("servers to add")
	d.press("I", "enter")
	d.changed()
	d.shows("recorded 30 servers", "bastion")
	if len(d.engine.Imported) != 1 || len(d.engine.Servers) != 30 {
		t.Errorf("recorded %d times, %d servers", len(d.engine.Imported), len(d.engine.Servers))
	}
	d.press("I", "enter")
	d.shows("there is nothing to import")
}

func TestThePaletteKnowsTheImport(t *testing.T) {
	d := start(t, nil, withHosts)
	d.press("3", ":")
	d.typed("import")
	d.press("enter")
	d.shows("Import the hosts of ~/.ssh/config")
}

func TestImportThatFails(t *testing.T) {
	d := start(t, nobody(), withHosts)
	d.engine.ImportError = &packages.RefusedError{Reason: "the servers have changed since this was shown: look at it again"}
	d.press("I", "enter")
	d.shows("look at it again", "30 servers to add")
	d = start(t, nobody(), func(o *Options) {
		o.Hosts = func() (inventory.List, error) {
			return inventory.List{}, &inventory.Error{File: "/home/ops/.ssh/config", Line: 7, Reason: "a quote is opened and not closed"}
		}
	})
	d.hides("to import")
	d.press("I")
	d.shows("✗ /home/ops/.ssh/config:7: a quote is opened and not closed")
}

func TestNothingHostileComesByAnImport(t *testing.T) {
	d := start(t, nobody(), func(o *Options) {
		o.Theme = "mono"
		o.Hosts = func() (inventory.List, error) {
			return inventory.List{
				Entries: []inventory.Entry{{Name: "a" + hostile, Address: hostile, User: hostile, Tags: []string{hostile}, File: hostile, Notes: []string{hostile}}},
				Skipped: []inventory.Skip{{Name: hostile, File: hostile, Reason: hostile}},
			}, nil
		}
	})
	d.press("I")
	if err := onlyLooks(d.app.View().Content); err != nil {
		t.Error(err)
	}
}

func TestShellKey(t *testing.T) {
	for name, keys := range map[string][]string{
		"servers": {"j", "j", "j", "s"},
		"server":  {"j", "j", "j", "enter", "s"},
		"run":     {"3", "j", "enter", "s"},
	} {
		d := start(t, nil, nil)
		d.press(keys...)
		want := store.ID("server-web1")
		if name == "run" {
			want = "server-db1"
		}
		if len(d.engine.Shells) != 1 || d.engine.Shells[0] != want {
			t.Errorf("%s: shells on %v", name, d.engine.Shells)
		}
		if _, ok := d.msgs[len(d.msgs)-1].(shellOpenedMsg); ok {
			t.Errorf("%s: nothing was done with the shell", name)
		}
	}
}

func TestAShellThatCannotBeOpened(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.ShellError = &job.ReachError{Server: "web1", Err: errors.New("cannot reach web1: no answer")}
	d.press("s")
	d.shows("✗ cannot reach web1: no answer")
	d.engine.ShellError = &job.HostKeyError{Server: "web1", Address: "x:22", Type: "ssh-ed25519", Fingerprint: "SHA256:new"}
	d.press("s")
	d.shows("The host key of web1 is not known", "SHA256:new", "ssh-keygen")
}

// What is typed on another screen must not come to a shell that took its time.
func TestAShellDoesNotOpenOverAnotherScreen(t *testing.T) {
	d := start(t, nil, nil)
	d.held = true
	d.press("j", "s")
	d.shows("connecting to db1 for a shell")
	kept := d.kept
	d.held = false
	d.press("3")
	for _, cmd := range kept {
		d.do(cmd)
	}
	d.shows("db1 is connected now; s opens the shell")
	d.send(shellEndedMsg{"db1", errors.New("the connection to db1 is lost: cut")})
	d.shows("✗ the connection to db1 is lost: cut")
}
