package ui

import (
	"errors"
	"strings"
	"testing"
	"time"

	"brokeforge/packages/job"
	"brokeforge/store"
	"brokeforge/ui/uitest"
)

func TestInstallFromTheListToTheRun(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "i")
	d.shows("Install on new1")
	d.press("space", "space", "G", "enter")
	d.shows("Preview", "install base, firewall", "Preparing the server", "apt-get update", "enter run on 1 server")
	if len(d.engine.Started) != 0 {
		t.Fatal("something was started before the preview was confirmed")
	}
	d.press("enter")
	d.shows("install base, firewall on new1", "◐ running", "0 of 4")
	d.engine.Advance()
	d.engine.Advance()
	d.changed()
	d.shows("1 of 4", "✓ Preparing the server", "◐ Installing firewall", "== Installing firewall")
	d.press("esc")
	d.shows("1 Servers", " 2 running")
	if got := len(d.engine.Started); got != 1 {
		t.Errorf("started %d times", got)
	}
}

func TestRequiredPackagesSayWhy(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "i", "/")
	d.typed("nginx")
	d.press("enter", "enter")
	d.shows("base  needed by nginx", "nginx  chosen")
}

func TestSeveralServersGetABoard(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "space", "j", "space", "i", "G", "enter")
	d.shows("2 servers", "db1", "web1")
	d.press("tab", "enter")
	d.shows("install php", "PROGRESS", " 2 running")
	d.engine.Advance()
	d.changed()
	d.press("enter")
	d.shows("Run ")
}

func TestAServerThatCannotBeReachedDoesNotHoldUpOthers(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.PrepareError = func(s store.Server) error {
		if s.Name == "db1" {
			return &job.ReachError{Server: "db1", Err: errors.New("db1: connect to 10.0.4.20:2222: refused" + nasty)}
		}
		return nil
	}
	d.press("j", "space", "j", "space", "i", "G", "enter")
	d.shows("✗ db1", "→ web1", "✗ db1: connect to 10.0.4.20:2222: refused", "enter run on 1 server")
	d.press("enter")
	if n := len(d.engine.Started); n != 1 || len(d.engine.Started[0]) != 1 {
		t.Errorf("started %v", d.engine.Started)
	}
}

func TestNothingToDoSaysSo(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.Nothing["server-web1"] = true
	d.press("j", "j", "j", "i", "enter")
	d.shows("Nothing is to be done on web1")
	d.press("enter")
	d.shows("enter: nothing is to be done")
	if len(d.engine.Started) != 0 {
		t.Error("it was started")
	}
}

func TestThePreviewSwallowsKeysAtFirst(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "i", "G", "enter")
	d.at = d.at.Add(100*time.Millisecond - time.Second)
	d.send(keyOf("enter"))
	if len(d.engine.Started) != 0 {
		t.Fatal("a key that came at once started it")
	}
	d.press("enter")
	if len(d.engine.Started) != 1 {
		t.Fatal("a later key did not start it")
	}
}

func TestEscStopsPreparing(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "i", "G")
	d.held = true
	d.press("enter")
	d.at = d.at.Add(3 * time.Second)
	d.shows("reading facts of 1 server", "3s")
	d.press("esc")
	d.shows("Install on web1")
	d.release()
	d.shows("Install on web1")
}

func TestRemoveAsksWithTheFocusOnCancel(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "x", "G", "enter", "enter")
	d.shows("Remove php from web1?", "10.0.4.11", "can't be undone")
	d.press("enter")
	d.hides("can't be undone")
	if len(d.engine.Started) != 0 {
		t.Fatal("enter on Cancel removed it")
	}
	d.press("enter", "tab", "enter")
	if len(d.engine.Started) != 1 {
		t.Fatal("it was not removed")
	}
	d.shows("remove php on web1")
}

func TestFirewallRule(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "enter", "tab", "tab", "tab")
	d.shows("8080/tcp")
	d.press("a", "enter")
	d.shows("a value is needed")
	d.typed("9000")
	d.press("enter")
	d.shows("install firewall-rule", "Preview")
	r := d.engine.Asked[0]
	if len(r.Packages) != 1 || r.Packages[0].Values["port"] != "9000" || len(r.Packages[0].Values) != 1 {
		t.Errorf("asked for %+v", r.Packages)
	}
	d.press("esc", "x")
	if r := d.engine.Asked[1]; r.Action != store.Remove || r.Packages[0].Instance != "8080/tcp" {
		t.Errorf("asked for %+v", r)
	}
}

func TestOptionsAreKeptOnTheWayBack(t *testing.T) {
	d := start(t, nil, nil)
	d.press("j", "j", "j", "i", "G", "e", "tab", "ctrl+u")
	d.typed("256")
	d.press("ctrl+o")
	if v := d.engine.Asked[0].Packages[0].Values; len(v) != 1 || v["memory-limit"] != "256" {
		t.Errorf("asked with %v", v)
	}
	d.press("e")
	d.shows("256")
	d.press("esc", "enter")
	if v := d.engine.Asked[1].Packages[0].Values; v["memory-limit"] != "256" {
		t.Errorf("asked again with %v", v)
	}
}

func addWeb9(d *driver) {
	d.press("a")
	d.typed("web9")
	d.press("enter")
	d.typed("10.0.4.99")
	d.press("ctrl+o")
}

func TestAddServer(t *testing.T) {
	d := start(t, nil, nil)
	addWeb9(d)
	d.shows("added web9", "Servers › web9")
	if n := d.engine.Added[0]; n.Port != 0 || n.User != "" || n.Name != "web9" || n.AcceptNew {
		t.Errorf("added %+v", n)
	}
}

func TestFirstContactAsks(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.AddError = func(n job.NewServer) error {
		if n.Accept == "SHA256:abc" {
			return nil
		}
		return &job.HostKeyError{Server: n.Name, Address: n.Address + ":22", Type: "ssh-ed25519", Fingerprint: "SHA256:abc"}
	}
	addWeb9(d)
	d.shows("First contact with web9", "ssh-ed25519", "SHA256:abc", " Cancel ")
	for range 3 {
		d.at = d.at.Add(200*time.Millisecond - time.Second)
		d.press("a")
	}
	if len(d.engine.Added) != 1 {
		t.Fatal("a key that came at once accepted it")
	}
	d.press("enter")
	d.shows("web9", "10.0.4.99")
	d.hides("First contact")
	if len(d.engine.Added) != 1 {
		t.Fatal("enter accepted it, though Cancel has the focus")
	}
	d.press("ctrl+o", "tab", "enter")
	if len(d.engine.Added) != 3 || d.engine.Added[2].Accept != "SHA256:abc" {
		t.Fatalf("added %+v", d.engine.Added)
	}
	d.shows("Servers › web9")
}

func TestAChangedKeyIsAHardStop(t *testing.T) {
	d := start(t, nil, func(o *Options) { o.Theme = "mono" })
	d.engine.AddError = func(n job.NewServer) error {
		return &job.HostKeyError{
			Server: n.Name, Address: "10.0.4.99:22", Type: "ssh-ed25519", Fingerprint: "SHA256:new" + nasty,
			Known: []job.KnownKey{{Type: "ssh-rsa", Fingerprint: "SHA256:old", From: "~/.ssh/known_hosts:4"}},
		}
	}
	addWeb9(d)
	d.shows("has changed", "SHA256:new", "SHA256:old", "known_hosts:4", "Nothing was sent")
	d.hides("Accept")
	if err := onlyLooks(d.app.View().Content); err != nil {
		t.Error(err)
	}
}

func TestAnUnreachableServerLosesNothingTyped(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.AddError = func(n job.NewServer) error {
		return &job.ReachError{Server: n.Name, Err: errors.New("connect to 10.0.4.99:22: no route to host")}
	}
	addWeb9(d)
	d.shows("✗ connect to 10.0.4.99:22: no route to host", "web9", "Nothing was stored")
	d.press("esc")
	d.shows("What was typed is lost")
	d.press("enter")
	d.shows("web9", "Add server")
	d.engine.AddError = func(n job.NewServer) error {
		return &job.InputError{Field: job.FieldName, Reason: "there is a server \"web9\" already"}
	}
	d.press("ctrl+o")
	d.shows("✗ there is a server \"web9\" already")
}

func TestAnAnswerToATryThatWasGivenUpIsDropped(t *testing.T) {
	d := start(t, nil, nil)
	d.held = true
	addWeb9(d)
	d.shows("reaching 10.0.4.99")
	d.press("esc")
	d.release()
	d.shows("Add server")
	d.hides("added web9")
}

func TestEscNeverQuits(t *testing.T) {
	d := start(t, nil, nil)
	d.press("2", "esc", "esc", "esc")
	d.shows("5 servers")
	if d.quit {
		t.Error("esc quits")
	}
}

func TestQuitWithLiveRunsTellsTheTruth(t *testing.T) {
	d := start(t, nil, nil)
	d.press("q")
	d.shows("goes on on its server", "web2", "Stay")
	d.press("enter")
	if d.quit {
		t.Fatal("the focus is not on Stay")
	}
	d.press("ctrl+c", "ctrl+c")
	if !d.quit {
		t.Error("the second ctrl+c does not quit")
	}
	quiet := start(t, uitest.New(func() time.Time { return begin }), nil)
	quiet.press("q")
	if !quiet.quit {
		t.Error("q does not quit where nothing is going on")
	}
}

func TestAKeyThatCannotActSaysWhy(t *testing.T) {
	d := start(t, uitest.New(func() time.Time { return begin }), nil)
	d.press("i")
	d.shows("i: there is no server here; a adds one")
}

func TestFilter(t *testing.T) {
	d := start(t, nil, nil)
	d.press("/")
	d.typed("tag:web prod")
	d.hides("web1")
	d.press("esc", "/")
	d.typed("wb2")
	d.shows("web2", "(1/5)")
	d.hides("db1")
	d.press("enter", "i")
	d.shows("Install on web2")
	d.press("q", "esc")
	d.shows("db1")
}

func TestCancelARun(t *testing.T) {
	d := start(t, nil, nil)
	d.press("G", "enter", "o", "c")
	d.shows("Cancel this run?", "stays on the server")
	d.press("enter")
	if len(d.engine.Cancelled) != 0 {
		t.Fatal("the focus is not on the choice that changes nothing")
	}
	d.press("c", "y")
	d.changed()
	d.shows("cancelled", "the run is told to end")
	d.press("c")
	d.shows("c: it has ended")
}

func TestSearchInTheOutput(t *testing.T) {
	d := start(t, nil, nil)
	d.press("G", "enter", "o", "/")
	d.typed("setting")
	d.press("enter")
	d.shows("2 lines with setting")
	d.press("esc")
	d.hides("/ setting")
	d.shows("Run ")
}

func TestCopySendsToTheClipboard(t *testing.T) {
	d := start(t, nil, nil)
	d.press("G", "enter", "o", "y")
	d.shows("sent 5 lines to the terminal's clipboard")
}

func TestPalette(t *testing.T) {
	d := start(t, nil, nil)
	d.press(":")
	d.typed("web1")
	d.press("enter")
	d.shows("Servers › web1")
	d.press(":")
	d.typed("firewall-rule")
	d.press("enter")
	d.shows("Packages", "Allows or denies")
}

func TestRefreshTellsWhatWentWrong(t *testing.T) {
	d := start(t, nil, nil)
	d.engine.RefreshError = errors.New("web1: the login was refused")
	d.press("r")
	d.shows("✗ web1: the login was refused")
	d.engine.RefreshError = &job.HostKeyError{Server: "web1", Address: "x:22", Type: "t", Fingerprint: "SHA256:new", Known: []job.KnownKey{{Fingerprint: "SHA256:old"}}}
	d.press("r")
	d.shows("has changed", "SHA256:new", "SHA256:old")
}

func TestForgetAServer(t *testing.T) {
	d := start(t, nil, nil)
	d.press("D")
	d.shows("Forget backup-berlin-2?", "all that is installed there stays")
	d.press("f")
	d.changed()
	d.shows("forgot backup-berlin-2", "4 servers")
}

func TestTypeAheadReachesTheScreenThatItOpens(t *testing.T) {
	d := start(t, nil, nil)
	d.held = true
	d.press("j", "j", "i", "q")
	d.shows("1 Servers")
}

func TestFarewell(t *testing.T) {
	e := uitest.Scene(func() time.Time { return begin })
	o, err := e.Overview()
	if err != nil {
		t.Fatal(err)
	}
	o.Live[0].Run.Title += hostile
	got := farewell(o.Live)
	if !strings.Contains(got, "on web2 (running)") || !strings.Contains(got, "brokeforge run list") || onlyLooks(got) != nil {
		t.Errorf("got %q", got)
	}
	if got := farewell(append(append(o.Live, o.Live...), append(o.Live, o.Live[0], o.Live[0])...)); strings.Count(got, "\n") > 5 {
		t.Errorf("more than five lines: %q", got)
	}
}
