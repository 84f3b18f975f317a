package job

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/sshrun"
	"brokeforge/store"
)

func TestTrustHostKey(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("nginx")}, map[string]*fakeHost{"web1": host})
	server := b.add("web1", "web1")
	host.mu.Lock()
	host.key = "SHA256:second"
	host.mu.Unlock()
	_, err := b.Refresh(t.Context(), server.ID)
	var key *HostKeyError
	if !errors.As(err, &key) || !key.Changed() || key.Fingerprint != "SHA256:second" || !strings.Contains(key.Known[0].From, "by ops") {
		t.Fatalf("refresh: %v", err)
	}
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:third"); !errors.As(err, &key) {
		t.Errorf("another fingerprint: %v", err)
	}
	if s, err := b.server(server.ID); err != nil || len(s.HostKeys) != 1 || !strings.Contains(s.HostKeys[0].Key, "first") {
		t.Errorf("a key was pinned that nobody trusts: %+v, %v", s.HostKeys, err)
	}
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:second"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Refresh(t.Context(), server.ID); err != nil {
		t.Errorf("refresh: %v", err)
	}
	s, err := b.server(server.ID)
	if err != nil || len(s.HostKeys) != 1 || !strings.Contains(s.HostKeys[0].Key, "second") || s.HostKeys[0].PinnedBy != "ops" {
		t.Errorf("pinned are %+v, %v", s.HostKeys, err)
	}
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:second"); err != nil {
		t.Errorf("the key that is known already: %v", err)
	}
	var refused *packages.RefusedError
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:first"); !errors.As(err, &refused) {
		t.Errorf("the old one again: %v", err)
	}
}

func TestTrustHostKeyOfAJumpHost(t *testing.T) {
	host := newFakeHost()
	b := newBench(t, fakeCatalog{simple("nginx")}, map[string]*fakeHost{"web1": host})
	server := b.add("web1", "web1")
	shown := sshrun.HostKey{Type: "ssh-ed25519", Fingerprint: "SHA256:hop", Key: "ssh-ed25519 hop"}
	host.down = fmt.Errorf("on the way: %w", &sshrun.ChangedHostKeyError{
		Name: "bastion", Hop: "bastion", Place: "10.0.0.1:22", Shown: shown,
		Known: []sshrun.HostKey{{Type: "ssh-ed25519", Fingerprint: "SHA256:old"}},
	})
	_, err := b.Refresh(t.Context(), server.ID)
	var key *HostKeyError
	if !errors.As(err, &key) || key.Hop != "bastion" || key.Address != "10.0.0.1:22" || !strings.Contains(err.Error(), "jump host bastion (10.0.0.1:22) has changed") {
		t.Fatalf("refresh: %v", err)
	}
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:hop"); err != nil {
		t.Fatal(err)
	}
	s, err := b.server(server.ID)
	if err != nil || len(s.HopKeys["10.0.0.1:22"]) != 1 || s.HopKeys["10.0.0.1:22"][0].Key != shown.Key {
		t.Errorf("pinned are %+v, %v", s.HopKeys, err)
	}
	if got := asRecorded(s).HopKeys["10.0.0.1:22"]; !cmp.Equal(got, []string{shown.Key}) {
		t.Errorf("the target has %v", got)
	}
	host.down = &sshrun.RevokedHostKeyError{Name: "web1", Shown: shown}
	if err := b.TrustHostKey(t.Context(), server.ID, "SHA256:hop"); !NotReached(err) || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("a revoked key: %v", err)
	}
}

// A run that can't be looked at, as sudo wants a password, goes on.
func TestRunGoesOnWithoutAPassword(t *testing.T) {
	host := newFakeHost()
	pkg := simple("base")
	pkg.install = packages.Commands{
		packages.Track{Name: "prepare", Label: "Preparing"},
		packages.Run{Script: "hold"},
		packages.Persist{},
	}
	b := newBench(t, fakeCatalog{pkg}, map[string]*fakeHost{"10.0.0.1": host})
	b.firstPause = time.Millisecond
	run := b.start(store.Install, []store.Server{b.add("web1", "10.0.0.1")}, "base")[0]
	b.await(run.ID, func(p Progress) bool { return p.Run.State == store.RunRunning && p.Command != "" })
	host.mu.Lock()
	host.refuse = &sshrun.BecomeError{Name: "web1", User: "ops", Problem: sshrun.SudoNeedsPassword, Err: sshrun.ErrNobody}
	host.mu.Unlock()
	b.restart()
	b.firstPause = 50 * time.Millisecond
	if err := b.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := b.await(run.ID, func(p Progress) bool { return p.Run.State == store.RunLost })
	if !strings.Contains(p.Waiting, "lost contact with web1, trying again in") {
		t.Errorf("it waits for %q", p.Waiting)
	}
	close(host.hold)
	if p := b.end(run); p.Run.State != store.RunDone {
		t.Errorf("the run is %s: %+v", p.Run.State, p.Run.Error)
	}
}

func TestChangeServer(t *testing.T) {
	one, two := newFakeHost(), newFakeHost()
	other := newFakeHost()
	other.key = "SHA256:other"
	b := newBench(t, fakeCatalog{simple("nginx")}, map[string]*fakeHost{"one": one, "two": two, "other": other})
	server := b.add("web1", "one")
	if server.Port != 0 || server.User != "" {
		t.Errorf("recorded %+v", server)
	}
	if v, err := b.Server(server.ID); err != nil || v.Port != 22 || v.User != "root" {
		t.Errorf("in effect %+v, %v", v.Server, err)
	}
	change := func(c ServerChange) (store.Server, error) { return b.ChangeServer(t.Context(), server.ID, c) }
	address := func(s string) *string { return &s }
	var key *HostKeyError
	if _, err := change(ServerChange{Address: address("other")}); !errors.As(err, &key) {
		t.Errorf("to another server: %v", err)
	}
	if _, err := change(ServerChange{Address: address("none")}); !NotReached(err) {
		t.Errorf("to nowhere: %v", err)
	}
	var input *InputError
	if _, err := change(ServerChange{Address: address("a b")}); !errors.As(err, &input) {
		t.Errorf("to what is no address: %v", err)
	}
	if s, err := b.server(server.ID); err != nil || s.Address != "one" {
		t.Errorf("it was changed: %+v, %v", s, err)
	}
	port, user := 2222, "ops"
	s, err := change(ServerChange{Address: address("two"), Port: &port, User: &user, Tags: &[]string{"b", "a", "a"}})
	if err != nil || s.Address != "two" || s.Port != 2222 || s.User != "ops" || !cmp.Equal(s.Tags, []string{"a", "b"}) || len(s.HostKeys) != 1 {
		t.Errorf("%+v, %v", s, err)
	}
	dials := two.dials
	if s, err = change(ServerChange{Tags: &[]string{}}); err != nil || len(s.Tags) != 0 || two.dials != dials {
		t.Errorf("tags alone: %+v, %v", s, err)
	}
	empty, none := "", 0
	if s, err = change(ServerChange{Port: &none, User: &empty}); err != nil || s.Port != 0 || s.User != "" {
		t.Errorf("taken back: %+v, %v", s, err)
	}
}

func TestQuestions(t *testing.T) {
	b := newBench(t, nil, nil)
	q := b.Engine.cfg.Questions
	asked := sshrun.Question{Kind: sshrun.Sudo, Server: "web1", User: "ops", Wrong: 1}
	if _, err := q.Ask(t.Context(), asked); !errors.Is(err, sshrun.ErrNobody) {
		t.Errorf("with nobody there: %v", err)
	}
	leave := b.Attend()
	type answer struct {
		text string
		err  error
	}
	put := func(ctx context.Context) (chan answer, Question) {
		sub := b.Subscribe()
		defer sub.Close()
		got := make(chan answer, 1)
		go func() {
			text, err := q.Ask(ctx, asked)
			got <- answer{text, err}
		}()
		for {
			o, err := b.Overview()
			if err != nil {
				t.Fatal(err)
			}
			if len(o.Questions) == 1 {
				return got, o.Questions[0]
			}
			<-sub.Changed()
		}
	}
	got, one := put(t.Context())
	if one.Kind != AskSudo || one.Text() != "Password of ops on web1, for sudo" || !strings.Contains(one.Warning(), "lock an account") {
		t.Errorf("the question is %+v", one)
	}
	if err := b.Answer(one.ID, "s3cret"); err != nil {
		t.Fatal(err)
	}
	if a := <-got; a.text != "s3cret" || a.err != nil {
		t.Errorf("answered %+v", a)
	}
	if err := b.Answer(one.ID, "again"); err == nil {
		t.Error("it was answered twice")
	}
	got, two := put(t.Context())
	b.Decline(two.ID)
	b.Decline(two.ID)
	if a := <-got; !errors.Is(a.err, sshrun.ErrDeclined) {
		t.Errorf("declined: %+v", a)
	}
	ctx, cancel := context.WithCancel(t.Context())
	got, _ = put(ctx)
	cancel()
	if a := <-got; !errors.Is(a.err, context.Canceled) {
		t.Errorf("given up: %+v", a)
	}
	if list := b.Questions(); len(list) != 0 {
		t.Errorf("left are %+v", list)
	}
	got, _ = put(t.Context())
	leave()
	leave()
	if a := <-got; !errors.Is(a.err, sshrun.ErrDeclined) {
		t.Errorf("left alone: %+v", a)
	}
}
