package apt_test

import (
	"errors"
	"os/exec"
	"strings"
	"testing"

	"mvdan.cc/sh/v3/syntax"

	"brokeforge/packages"
	"brokeforge/packages/apt"
)

func bookworm() packages.Facts {
	return packages.Facts{Arch: "amd64", OS: packages.OS{ID: "debian", Version: "12", Codename: "bookworm"}}
}

func known(t *testing.T) []apt.Repository {
	t.Helper()
	k := apt.Known()
	return []apt.Repository{k.Sury, k.NodeSource, k.PGDG, k.MySQL}
}

func TestKnownRepositories(t *testing.T) {
	for _, r := range known(t) {
		at, err := r.At(bookworm(), "24")
		if err != nil {
			t.Errorf("%s: %v", r.Name, err)
		}
		if strings.ContainsAny(at.URI+at.Suite, "{}") {
			t.Errorf("%s: something is left open in %s %s", r.Name, at.URI, at.Suite)
		}
		for _, err := range []error{apt.CheckAddress(r.URI), apt.CheckSuite(r.Suite), apt.CheckAddress(r.Key), apt.CheckFingerprint(r.Fingerprint)} {
			if err != nil {
				t.Errorf("%s could not be set as it is: %v", r.Name, err)
			}
		}
		if !strings.HasPrefix(r.URI, "https://") || !strings.HasPrefix(r.Key, "https://") {
			t.Errorf("%s is not fetched over https", r.Name)
		}
	}
}

func TestRepositoryRefusesWhatIsNoRepository(t *testing.T) {
	bad := map[string]func(*apt.Repository, string){
		"URI":         func(r *apt.Repository, s string) { r.URI = s },
		"key":         func(r *apt.Repository, s string) { r.Key = s },
		"suite":       func(r *apt.Repository, s string) { r.Suite = s },
		"fingerprint": func(r *apt.Repository, s string) { r.Fingerprint = s },
		"name":        func(r *apt.Repository, s string) { r.Name = s },
	}
	values := []string{
		"", " ", "ftp://x/y", "https://", "https://x/a b", "https://x/$(id)", "https://x/a\nTrusted: yes", "https://x/;id", "https://x/'", "https://x/é",
		"file:///etc", "copy:/x", "https://user@x/", "../x", "{other}", "a;b", "-x", "A\nB", "é", "/x", "[x]", "a,b", "\x1b[m",
	}
	for what, set := range bad {
		for _, value := range values {
			r := apt.Known().Sury
			set(&r, value)
			at, err := r.At(bookworm(), "24")
			if err == nil {
				t.Errorf("the %s %q is taken", what, value)
			}
			if _, err := at.Use(bookworm(), "x", "", "curl"); err == nil {
				t.Errorf("the %s %q is used", what, value)
			}
		}
	}
	for _, fingerprint := range []string{strings.Repeat("Z", 40), strings.Repeat("A", 39), strings.Repeat("a", 40), strings.Repeat("A", 41), "B97B0AFC"} {
		if apt.CheckFingerprint(fingerprint) == nil {
			t.Errorf("the fingerprint %q is taken", fingerprint)
		}
	}
	node := apt.Known().NodeSource
	for _, version := range []string{"", "x", "24/../..", "24.", "$(id)", "24 ", "-1"} {
		if _, err := node.At(bookworm(), version); err == nil {
			t.Errorf("the version %q is taken", version)
		}
	}
	facts := bookworm()
	for _, codename := range []string{"", "a b", "$(id)", "../x", "a\nb"} {
		facts.OS.Codename = codename
		if _, err := apt.Known().Sury.At(facts, ""); err == nil {
			t.Errorf("the codename %q of a server is taken", codename)
		}
	}
}

func TestRepositoryRefusesNames(t *testing.T) {
	sury, err := apt.Known().Sury.At(bookworm(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "a;id", "nodejs=", "nodejs=$(id)", "nodejs=*", "Nodejs", "-y", "a b"} {
		var refused *apt.NameError
		if _, err := sury.Use(bookworm(), "x", "", name); !errors.As(err, &refused) {
			t.Errorf("%q: got %v, want a NameError", name, err)
		}
	}
	for _, owner := range []packages.Name{"", "../x", "a b", ".x", "A"} {
		if _, err := sury.Use(bookworm(), owner, "", "curl"); err == nil {
			t.Errorf("the owner %q is taken", owner)
		}
		if _, err := sury.Leave(owner); err == nil {
			t.Errorf("the owner %q leaves", owner)
		}
	}
}

// What a person reads is quoted for the shell.
func TestRepositoryQuotes(t *testing.T) {
	sury, err := apt.Known().Sury.At(bookworm(), "")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := sury.Use(bookworm(), "x", "it's $(id) \"here\"", "curl")
	if err != nil {
		t.Fatal(err)
	}
	run := commands[len(commands)-1].(packages.Run)
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(run.Script), "")
	if err != nil {
		t.Fatal(err)
	}
	substituted := false
	syntax.Walk(file, func(n syntax.Node) bool {
		_, is := n.(*syntax.CmdSubst)
		substituted = substituted || is
		return true
	})
	if substituted {
		t.Errorf("a part of the text is run: %s", run.Script)
	}
}

// A repository of which only some packages are taken is told from the
// distribution by the codename of its suite.
func TestRepositoryOnly(t *testing.T) {
	pgdg, err := apt.Known().PGDG.At(bookworm(), "")
	if err != nil {
		t.Fatal(err)
	}
	pgdg.Only = []string{"postgresql-16", "libpq5"}
	commands, err := pgdg.Use(bookworm(), "postgresql", "", "postgresql-16=16.")
	if err != nil {
		t.Fatal(err)
	}
	want := "\nPackage: postgresql-16 libpq5\nPin: release n=bookworm-pgdg\nPin-Priority: 500\n\nPackage: *\nPin: release n=bookworm-pgdg\nPin-Priority: 100\n"
	found := false
	for _, c := range commands {
		if w, ok := c.(packages.Write); ok && strings.HasSuffix(w.Path, "/pgdg/preferences") {
			found = strings.HasSuffix(w.Content, want)
		}
	}
	if !found {
		t.Error("apt is not told what to take")
	}
	pgdg.Suite = "bookworm"
	if _, err := pgdg.Use(bookworm(), "postgresql", "", "postgresql-16=16."); err == nil || !strings.Contains(err.Error(), "can't be told apart") {
		t.Errorf("a suite that is called like the server's own: %v", err)
	}
	mysql := apt.Known().MySQL
	for _, id := range []string{"", "../x", "a b", "$(id)", "Debian"} {
		if _, err := mysql.At(packages.Facts{OS: packages.OS{ID: id, Codename: "bookworm"}}, ""); err == nil {
			t.Errorf("the distribution %q of a server is taken", id)
		}
	}
	mysql.Component = "main contrib"
	if _, err := mysql.At(bookworm(), ""); err == nil {
		t.Error("a component that is none is taken")
	}
}

func TestOverride(t *testing.T) {
	got := apt.Known().Sury.Override(apt.Repository{URI: "http://mirror/php"})
	if want := apt.Known().Sury; got.URI != "http://mirror/php" || got.Key != want.Key || got.Fingerprint != want.Fingerprint || got.Name != want.Name {
		t.Errorf("got %+v", got)
	}
}

func TestRepositoryScript(t *testing.T) {
	sury, err := apt.Known().Sury.At(bookworm(), "")
	if err != nil {
		t.Fatal(err)
	}
	commands, err := sury.Use(bookworm(), "x", "wait", "curl")
	if err != nil {
		t.Fatal(err)
	}
	path, err := exec.LookPath("shellcheck")
	if err != nil {
		t.Log("shellcheck is not installed: only the syntax is checked")
	}
	for _, c := range commands {
		w, ok := c.(packages.Write)
		if !ok || !strings.HasPrefix(w.Content, "#!") {
			continue
		}
		if _, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(w.Content), w.Path); err != nil {
			t.Error(err)
		}
		if path == "" {
			continue
		}
		cmd := exec.Command(path, "-s", "sh", "-")
		cmd.Stdin = strings.NewReader(w.Content)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", w.Path, err, out)
		}
	}
}
