package job

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"brokeforge/packages"
	"brokeforge/packages/job/inventory"
	"brokeforge/sshrun"
	"brokeforge/store"
)

// spy remembers how servers are logged in to.
type spy struct {
	*fakeNet
	mu     sync.Mutex
	logins []string
}

func (s *spy) note(kind string, t sshrun.Target) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.logins = append(s.logins, strings.Join([]string{kind, t.User, t.KeyFile, t.NoBecome}, "|"))
}

func (s *spy) Connect(ctx context.Context, t sshrun.Target) (Remote, error) {
	s.note("connect", t)
	return s.fakeNet.Connect(ctx, t)
}

func (s *spy) Dial(ctx context.Context, t sshrun.Target) (Remote, error) {
	s.note("dial", t)
	return s.fakeNet.Dial(ctx, t)
}

// all is how the logins were so far.
func (s *spy) all() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.logins)
}

// last is how the last login was.
func (s *spy) last() string {
	all := s.all()
	return all[len(all)-1]
}

// withCredentials returns a bench whose configuration has credentials.
func withCredentials(t *testing.T, hosts map[string]*fakeHost) (*bench, *spy) {
	t.Helper()
	b := newBench(t, fakeCatalog{simple("base")}, hosts)
	s := &spy{fakeNet: b.net}
	b.cfg.Connector, b.cfg.SettingsFile = s, "/etc/c.toml"
	b.cfg.Credentials = []Credential{
		{Name: "ops", User: "deploy", KeyFile: "/keys/ops", Become: true},
		{Name: "limited", User: "guest"},
	}
	b.restart()
	return b, s
}

const ops = "|deploy|/keys/ops|"

func TestCredentialOfAServer(t *testing.T) {
	b, net := withCredentials(t, map[string]*fakeHost{"10.0.0.1": newFakeHost()})
	server, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Credential: "ops", AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	if server.Credential != "ops" || server.User != "" || server.KeyFile != "" || net.last() != "connect"+ops {
		t.Errorf("recorded %+v, logged in as %s", server, net.last())
	}
	v, err := b.Server(server.ID)
	if err != nil || v.User != "deploy" || v.KeyFile != "/keys/ops" || v.Credential != "ops" {
		t.Errorf("shown %+v, %v", v.Server, err)
	}
	if p := b.end(b.start(store.Install, []store.Server{server}, "base")[0]); p.Run.State != store.RunDone {
		t.Errorf("the run is %s: %+v", p.Run.State, p.Run.Error)
	}
	for _, login := range net.all() {
		if !strings.HasSuffix(login, ops) {
			t.Errorf("there was a login %s", login)
		}
	}
}

func TestChangeTheCredential(t *testing.T) {
	b, net := withCredentials(t, map[string]*fakeHost{"10.0.0.1": newFakeHost()})
	server, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", User: "ann", AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	name, none, user, wrong := "ops", "", "bob", "wrong"
	s, err := b.ChangeServer(t.Context(), server.ID, ServerChange{Credential: &name})
	if err != nil || s.Credential != "ops" || s.User != "" || net.last() != "connect"+ops {
		t.Errorf("%+v, %v, logged in as %s", s, err, net.last())
	}
	before := len(net.all())
	for _, c := range []ServerChange{{User: &user}, {Credential: &wrong}, {Credential: &name, User: &user}} {
		var input *InputError
		if _, err := b.ChangeServer(t.Context(), server.ID, c); !errors.As(err, &input) || input.Field != FieldCredential {
			t.Errorf("got %v", err)
		}
	}
	if len(net.all()) != before {
		t.Errorf("a change that is refused logged in as %s", net.last())
	}
	if s, err := b.ChangeServer(t.Context(), server.ID, ServerChange{Credential: &none, User: &user}); err != nil || s.Credential != "" || s.User != "bob" || net.last() != "connect|bob||" {
		t.Errorf("taken back: %+v, %v, logged in as %s", s, err, net.last())
	}
}

func TestAddWithACredentialThatCanNotBe(t *testing.T) {
	b, net := withCredentials(t, map[string]*fakeHost{"10.0.0.1": newFakeHost()})
	for _, n := range []NewServer{
		{Credential: "none"},
		{Credential: "ops", User: "ann"},
		{Credential: "ops", KeyFile: "/dev/null"},
	} {
		n.Name, n.Address, n.AcceptNew = "web1", "10.0.0.1", true
		var input *InputError
		if _, err := b.AddServer(t.Context(), n); !errors.As(err, &input) || input.Field != FieldCredential {
			t.Errorf("%+v gives %v", n, err)
		}
	}
	if len(net.all()) != 0 || len(b.servers()) != 0 {
		t.Errorf("logged in %q, recorded %v", net.all(), b.servers())
	}
	_, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Credential: "none"})
	if want := `credential: there is no credential "none" in /etc/c.toml; there are: ops, limited`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if _, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Credential: "limited", AcceptNew: true}); err != nil ||
		net.last() != "connect|guest||the credential limited in /etc/c.toml has become = false" {
		t.Errorf("without sudo: %v, logged in as %s", err, net.last())
	}
}

func TestCredentialThatIsGone(t *testing.T) {
	b, net := withCredentials(t, map[string]*fakeHost{"10.0.0.1": newFakeHost(), "10.0.0.2": newFakeHost()})
	server, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", Credential: "ops", AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	other := b.add("web2", "10.0.0.2")
	b.cfg.Credentials = nil
	b.restart()
	before := len(net.all())
	const sentence = "web1 is logged in to with the credential ops, which /etc/c.toml doesn't have"
	_, refresh := b.Refresh(t.Context(), server.ID)
	_, shell := b.OpenShell(t.Context(), server.ID)
	prepared := b.Prepare(t.Context(), Request{
		Action: store.Install, Packages: []packages.Want{{Name: "base"}}, Servers: []store.ID{server.ID},
	})[0].Err
	port := 2222
	_, change := b.ChangeServer(t.Context(), server.ID, ServerChange{Port: &port})
	trust := b.TrustHostKey(t.Context(), server.ID, "SHA256:first")
	_, sample := b.Sample(t.Context(), server.ID)
	for what, err := range map[string]error{"refresh": refresh, "shell": shell, "prepare": prepared, "change": change, "trust": trust, "sample": sample} {
		var gone *CredentialError
		if !errors.As(err, &gone) || !NotReached(err) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if len(net.all()) != before {
		t.Errorf("logged in as %s", net.last())
	}
	if v, err := b.Server(server.ID); err != nil || v.RouteError != sentence || v.ConnectionError != sentence {
		t.Errorf("shown %q and %q, %v", v.RouteError, v.ConnectionError, err)
	}
	if _, err := b.Refresh(t.Context(), other.ID); err != nil {
		t.Errorf("another server: %v", err)
	}
	tags, none := []string{"x"}, ""
	for _, c := range []ServerChange{{Tags: &tags}, {Credential: &none}} {
		if _, err := b.ChangeServer(t.Context(), server.ID, c); err != nil {
			t.Errorf("a change that needs none: %v", err)
		}
	}
	if err := b.RemoveServer(t.Context(), server.ID); err != nil {
		t.Error(err)
	}
}

func TestShellAs(t *testing.T) {
	host := newFakeHost()
	b, net := withCredentials(t, map[string]*fakeHost{"10.0.0.1": host})
	server, err := b.AddServer(t.Context(), NewServer{Name: "web1", Address: "10.0.0.1", User: "ann", AcceptNew: true})
	if err != nil {
		t.Fatal(err)
	}
	host.exit = sshrun.Exit{Status: 4}
	shell, err := b.OpenShellAs(t.Context(), server.ID, "ops")
	if err != nil || net.last() != "dial"+ops {
		t.Fatalf("%v, logged in as %s", err, net.last())
	}
	var out strings.Builder
	if status, err := shell(t.Context(), Terminal{In: strings.NewReader("x"), Out: &out}); status != 4 || err != nil || out.String() != "x" {
		t.Errorf("status %d, %v, output %q", status, err, out.String())
	}
	host.mu.Lock()
	host.key = "SHA256:other"
	host.mu.Unlock()
	var key *HostKeyError
	if _, err := b.OpenShellAs(t.Context(), server.ID, "ops"); !errors.As(err, &key) || !key.Changed() {
		t.Errorf("another host key gives %v", err)
	}
	if s := b.servers()["web1"]; s.Connection != store.Connected {
		t.Errorf("a login that is not the server's made it %s", s.Connection)
	}
	for _, name := range []string{"none", ""} {
		var input *InputError
		if _, err := b.OpenShellAs(t.Context(), server.ID, name); !errors.As(err, &input) {
			t.Errorf("%q gives %v", name, err)
		}
	}
}

func TestImportCredentials(t *testing.T) {
	b, _ := withCredentials(t, map[string]*fakeHost{"10.0.0.1": newFakeHost()})
	if _, err := b.AddServer(t.Context(), NewServer{Name: "old", Address: "10.0.0.1", User: "ann", AcceptNew: true}); err != nil {
		t.Fatal(err)
	}
	r := ImportRequest{User: "root", List: inventory.List{Entries: []inventory.Entry{
		{Name: "old", Address: "10.0.0.1", Credential: "ops"},
		{Name: "new", Address: "10.0.0.2", Credential: "ops"},
		{Name: "both", Address: "10.0.0.3", Credential: "ops", User: "ann"},
		{Name: "gone", Address: "10.0.0.4", Credential: "gone"},
	}}}
	shown := b.prepareImport(r)
	if diff := cmp.Diff([]string{"change old", "add new", "leave both", "leave gone"}, actions(shown)); diff != "" {
		t.Fatal(diff)
	}
	if diff := cmp.Diff([]FieldChange{{FieldUser, "ann", ""}, {FieldCredential, "", "ops"}}, shown.Items[0].Changes); diff != "" {
		t.Error(diff)
	}
	if err := b.Import(t.Context(), shown); err != nil {
		t.Fatal(err)
	}
	for name, s := range b.servers() {
		if s.Credential != "ops" || s.User != "deploy" {
			t.Errorf("%s is recorded as %+v", name, s)
		}
	}
	if again := b.prepareImport(r); !again.Nothing() {
		t.Errorf("the second time it does %q", actions(again))
	}
}
